//! The shape of an operation's responses: the fields of each object, their order and their types.

use async_graphql_parser::types::Type;
use async_graphql_value::Name;

use crate::items::Items;

/// The response key under which the engine returns the type of an object of an interface or a union. It also makes an
/// object without selected fields non-null. It is not a valid name, so no document contains it. Remove it from every
/// response.
pub const TYPE_KEY: &str = "#type";

/// The objects at one position of a response.
#[derive(Debug)]
pub enum Object {
    /// All objects have one type.
    One(Fields),
    /// Each object has one of these types, and returns its name under [`TYPE_KEY`].
    ByType(Vec<(Name, Fields)>),
}

/// The fields of an object, in response order.
#[derive(Debug, Default)]
pub struct Fields(pub Vec<Field>);

/// A field of a response.
#[derive(Debug)]
pub struct Field {
    /// The response key.
    pub key: Name,
    /// The type of the field.
    pub answer_type: Type,
    /// The returned objects; `None` for scalars and enums.
    pub object: Option<Object>,
    pub(crate) items: Items,
    /// The additional cost of the field.
    pub(crate) weight: u64,
}

impl Object {
    /// The fields of an object of this type; `None` stands for any object if all have one type.
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
