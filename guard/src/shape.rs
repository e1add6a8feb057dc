//! The shape of an operation's answers: which fields an object has, in which order, and what each of them returns.

use async_graphql_parser::types::Type;
use async_graphql_value::Name;

use crate::cost::Items;

/// The response key under which the engine tells the type of an object that could be of several types, and by which an
/// object of which nothing is selected is not null. No document can contain it, and no answer does: see
/// `graphql/shape.rs`.
pub const TYPE_KEY: &str = "#type";

/// The objects at one place of an answer.
#[derive(Debug)]
pub enum Object {
    /// All are of one type.
    One(Fields),
    /// Each is of one of these types. It tells which one under [`TYPE_KEY`].
    ByType(Vec<(Name, Fields)>),
}

/// The fields of an object, in the order of the answer.
#[derive(Debug, Default)]
pub struct Fields(pub Vec<Field>);

/// A field of an answer.
#[derive(Debug)]
pub struct Field {
    /// Its response key.
    pub key: Name,
    /// The type that it returns.
    pub answer_type: Type,
    /// The objects that it returns; `None` for scalars and enums.
    pub object: Option<Object>,
    pub(crate) items: Items,
    /// What it costs beside what it returns.
    pub(crate) weight: u64,
}

impl Object {
    /// The fields of an object of this type; of any if all are of one type.
    #[must_use]
    pub fn fields(&self, of_type: Option<&str>) -> Option<&Fields> {
        match self {
            Self::One(fields) => Some(fields),
            Self::ByType(types) => {
                let found = types.iter().find(|(name, _)| Some(name.as_str()) == of_type);
                found.map(|(_, fields)| fields)
            }
        }
    }
}

impl Fields {
    /// The field with this response key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Field> {
        self.0.iter().find(|field| field.key == key)
    }
}
