//! Hot objects as JSON text. The engine resolves each field of each object by a future of its own, into a tree of
//! values that is then written. For a page of chats that costs several times more than reading it.
//!
//! A field is *plain* if its value follows from its object and from rows that can be loaded for all objects at once.
//! [`PlainFields`] describes, in one table per type, how to write each of them. If a document selects only plain fields
//! of a [`JsonOutput`] object, [`PlainSelection`] reads the selection once and writes every object below as text. With
//! any other field, or if a row is missing, the engine resolves the object. Its resolvers remain the definition of all
//! fields: a test compares both on random documents.
//!
//! To add a plain field, write its resolver first, and then its line in the table. A field without a line is correct,
//! and slower.

mod json_text;
mod needs;
mod related;

use std::borrow::Cow;

use async_graphql::{
    Context, ContextSelectionSet, OutputType, Positioned, ServerResult, Value,
    parser::types::{Field, Selection, SelectionSet},
    registry::Registry,
};
use graphql_guard::TYPE_KEY;

use super::{context::ContextExt as _, error::ApiError, metrics::Metrics};
use crate::domain::chat_view::{ChatColumn, ChatColumns, ChatView};

pub(super) use json_text::{JsonText, write_value};
pub(super) use needs::{Needs, RelatedRows};
pub(super) use related::Related;

/// Writes the value of one field of a `T`.
pub(super) type WriteField<T> = Box<dyn Fn(&T, &Related<'_>, &mut JsonText) + Send + Sync>;

/// An object with plain fields: the value of a GraphQL object, or what it is made of.
pub(super) trait PlainFields: Sized + 'static {
    /// The name of the GraphQL type.
    const NAME: &str;

    /// Returns how to write a field, and adds to `needs` what that takes. `None` if only the engine can resolve it.
    fn plain(field: &Field, needs: &mut Needs) -> Option<WriteField<Self>>;

    /// The chats below the object, for which related rows are loaded.
    fn chats(&self) -> Vec<&ChatView> {
        Vec::new()
    }
}

/// A selection of plain fields only.
pub(super) struct PlainSelection<T> {
    /// For each field, its response key as JSON text with the colon, and how to write it.
    fields: Vec<(String, WriteField<T>)>,
}

impl<T: PlainFields> PlainSelection<T> {
    /// Reads a compiled selection; `None` if it has a field that is not plain.
    pub(super) fn new(selection: &SelectionSet, needs: &mut Needs) -> Option<Self> {
        let mut fields = Vec::with_capacity(selection.items.len());
        for item in &selection.items {
            let Selection::Field(Positioned { node: field, .. }) = &item.node else { return None };
            let key = field.response_key().node.as_str();
            let write: WriteField<T> = match field.name.node.as_str() {
                // `response_shape` removes it again.
                _ if key == TYPE_KEY => continue,
                "__typename" => Box::new(|_, _, json| json.text(T::NAME)),
                _ => T::plain(field, needs)?,
            };
            fields.push((format!("\"{key}\":"), write));
        }
        Some(Self { fields })
    }

    /// Writes an object.
    pub(super) fn write(&self, object: &T, related: &Related<'_>, json: &mut JsonText) {
        json.object(&self.fields, |write, json| write(object, related, json));
    }
}

/// Returns the columns of chats that the selection of a `T` shows.
pub(super) fn selected_columns<T: PlainFields>(context: &Context<'_>) -> ChatColumns {
    let mut needs = Needs::of(context.viewer());
    let selection = PlainSelection::<T>::new(&context.item.node.selection_set.node, &mut needs);
    selection.map_or(ChatColumns::all(), |_| needs.columns)
}

/// A plain field.
#[expect(clippy::unnecessary_wraps, reason = "the tables of plain fields have `None` for all others")]
pub(super) fn write<T>(
    write: impl Fn(&T, &Related<'_>, &mut JsonText) + Send + Sync + 'static,
) -> Option<WriteField<T>> {
    Some(Box::new(write))
}

/// A plain field that shows a column of a chat.
pub(super) fn column<T>(
    column: ChatColumn,
    needs: &mut Needs,
    write: impl Fn(&T, &Related<'_>, &mut JsonText) + Send + Sync + 'static,
) -> Option<WriteField<T>> {
    needs.columns.insert(column);
    self::write(write)
}

/// A plain field that shows an object; `None` is null.
pub(super) fn object<T, U: PlainFields>(
    field: &Field,
    needs: &mut Needs,
    get: impl for<'o> Fn(&'o T, &'o Related<'_>) -> Option<&'o U> + Send + Sync + 'static,
) -> Option<WriteField<T>> {
    let selection = PlainSelection::<U>::new(&field.selection_set.node, needs)?;
    write(move |object, related, json| match get(object, related) {
        Some(object) => selection.write(object, related, json),
        None => json.null(),
    })
}

/// A plain field that shows a list of objects, which `get` finds in the parts of `object` that `items` returns.
pub(super) fn objects<T, I: 'static, U: PlainFields>(
    field: &Field,
    needs: &mut Needs,
    items: impl for<'o> Fn(&'o T) -> &'o [I] + Send + Sync + 'static,
    get: impl for<'o> Fn(&'o I) -> &'o U + Send + Sync + 'static,
) -> Option<WriteField<T>> {
    let selection = PlainSelection::<U>::new(&field.selection_set.node, needs)?;
    write(move |object, related, json| {
        json.list(items(object), |item, json| selection.write(get(item), related, json));
    })
}

/// An object that is written as text if its selection is plain. Its GraphQL type is that of `T`.
pub(super) struct JsonOutput<T>(pub(super) T);

#[cfg(test)]
struct EngineOnly;

/// The request with every object resolved by the engine, for the tests that compare both.
#[cfg(test)]
pub(crate) fn by_engine(request: async_graphql::Request) -> async_graphql::Request {
    request.data(EngineOnly)
}

/// Returns whether this is a request of [`by_engine`].
#[cfg(test)]
pub(super) fn is_by_engine(request: &async_graphql::Request) -> bool {
    request.data.contains_key(&std::any::TypeId::of::<EngineOnly>())
}

impl<T: PlainFields + OutputType> JsonOutput<T> {
    /// The object as JSON text, if its selection is plain and all related rows exist.
    async fn text(&self, context: &ContextSelectionSet<'_>) -> Result<Option<JsonText>, ApiError> {
        #[cfg(test)]
        if context.data_opt::<EngineOnly>().is_some() {
            return Ok(None);
        }
        let mut needs = Needs::of(context.viewer());
        let Some(selection) = PlainSelection::new(&context.item.node, &mut needs) else { return Ok(None) };
        let related = Related::load(context, &self.0.chats(), &needs).await?;
        Ok(related.map(|related| {
            let mut json = JsonText::default();
            selection.write(&self.0, &related, &mut json);
            json
        }))
    }
}

impl<T: PlainFields + OutputType> OutputType for JsonOutput<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(&self, context: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        let text = self
            .text(context)
            .await
            .map_err(|error| context.set_error_path(async_graphql::Error::from(error).into_server_error(field.pos)))?;
        if let Some(metrics) = context.data_opt::<Metrics>() {
            metrics.rendered(text.is_some());
        }
        match text {
            Some(text) => Ok(text.into_value()),
            None => self.0.resolve(context, field).await,
        }
    }
}
