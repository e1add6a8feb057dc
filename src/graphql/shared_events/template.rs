//! The subscriptions that share their events, and the execution of these events for any of them.

use std::sync::Arc;

use async_graphql::{
    Name, Positioned, Request, Variables,
    parser::types::{DocumentOperations, ExecutableDocument, Field, Selection, SelectionSet},
};
use async_graphql_value::{ConstValue, Value};
use graphql_guard::TYPE_KEY;

use crate::{
    auth::viewer::Viewer,
    domain::cursor::ChangeCursor,
    graphql::{context::ResumeAfter, engine::PreparedRequest, operation_key::OperationKey},
};

const FIELD: &str = "chatChanges";
/// Arguments that select one chat. Which chats they find depends on the time of the subscription.
const SELECTING: [&str; 2] = ["cid", "chatId"];
/// The argument on which the events do not depend.
const AFTER: &str = "after";

/// A compiled subscription from which its events can be executed, for any of its subscribers.
pub(in crate::graphql) struct EventTemplate {
    /// The key of the subscription, apart from `after`.
    pub(super) key: OperationKey,
    document: ExecutableDocument,
    variables: Variables,
    prepared: Arc<PreparedRequest>,
}

impl EventTemplate {
    /// The template of a compiled request. `None` if the request shares no events.
    pub(in crate::graphql) fn new(
        request: &mut Request,
        viewer: &Viewer,
        prepared: &Arc<PreparedRequest>,
    ) -> Option<Self> {
        #[cfg(test)]
        if crate::graphql::rendering::is_by_engine(request) {
            return None;
        }
        let document = request.parsed_query().ok()?.clone();
        let field = root_field(&document)?;
        let is_set = |name: &str| match argument(field, name) {
            Some(Value::Variable(variable)) => {
                request.variables.get(variable).is_some_and(|value| *value != ConstValue::Null)
            }
            argument => argument.is_some_and(|value| *value != Value::Null),
        };
        if field.name.node != FIELD || SELECTING.into_iter().any(is_set) {
            return None;
        }
        let own = match argument(field, AFTER) {
            Some(Value::Variable(name)) if !uses(&field.selection_set.node, name) => Some(name),
            _ => None,
        };
        let key = OperationKey::new(request, viewer, prepared, own)?;
        let (variables, prepared) = (request.variables.clone(), Arc::clone(prepared));
        Some(Self { key, document, variables, prepared })
    }

    /// The request for the events after `after`.
    pub(in crate::graphql) fn request(&self, after: ChangeCursor) -> Request {
        let mut request = Request::new("").variables(self.variables.clone()).data(ResumeAfter(after));
        request.set_parsed_query(self.document.clone());
        request
    }

    pub(in crate::graphql) fn prepared(&self) -> &Arc<PreparedRequest> {
        &self.prepared
    }
}

/// The only root field, which the guard may have completed by the type's name.
fn root_field(document: &ExecutableDocument) -> Option<&Field> {
    let DocumentOperations::Single(operation) = &document.operations else { return None };
    let mut fields = operation.node.selection_set.node.items.iter().filter_map(|selection| match &selection.node {
        Selection::Field(Positioned { node: field, .. }) => Some(field),
        Selection::FragmentSpread(_) | Selection::InlineFragment(_) => None,
    });
    fields.find(|field| field.response_key().node != TYPE_KEY)
}

fn argument<'f>(field: &'f Field, name: &str) -> Option<&'f Value> {
    field.get_argument(name).map(|value| &value.node)
}

/// Returns whether an argument in the selection contains the variable.
fn uses(selection: &SelectionSet, variable: &Name) -> bool {
    selection.items.iter().any(|item| match &item.node {
        Selection::Field(Positioned { node: field, .. }) => {
            field.arguments.iter().any(|(_, value)| contains(&value.node, variable))
                || uses(&field.selection_set.node, variable)
        }
        Selection::InlineFragment(fragment) => uses(&fragment.node.selection_set.node, variable),
        // A compiled document has none.
        Selection::FragmentSpread(_) => true,
    })
}

fn contains(value: &Value, variable: &Name) -> bool {
    match value {
        Value::Variable(name) => name == variable,
        Value::List(items) => items.iter().any(|item| contains(item, variable)),
        Value::Object(fields) => fields.values().any(|value| contains(value, variable)),
        _ => false,
    }
}
