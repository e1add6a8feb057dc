//! What the results of an operation depend on, apart from the data and the time.

use std::{collections::BTreeMap, sync::Arc};

use async_graphql::{Name, Request};

use super::engine::PreparedRequest;
use crate::{
    auth::viewer::Viewer,
    domain::{capability::Capabilities, id::OrganizationId},
};

/// The operation, its variables, and the permissions of its viewer. Resolvers below `chats`, `chat`, `sessions`,
/// `session` and `chatChanges` see nothing else of the viewer. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct OperationKey(Arc<Dependencies>);

#[derive(Debug, PartialEq, Eq, Hash)]
struct Dependencies {
    organization: OrganizationId,
    capabilities: Capabilities,
    /// The text that the document was compiled from.
    document: String,
    /// The position of the operation in it, by its name.
    operation: Option<String>,
    /// The variables as JSON text.
    variables: String,
}

impl OperationKey {
    /// The key of a compiled request, apart from the variable `ignored`. `None` if the viewer has no organization.
    pub(super) fn new(
        request: &Request,
        viewer: &Viewer,
        prepared: &PreparedRequest,
        ignored: Option<&Name>,
    ) -> Option<Self> {
        let variables: BTreeMap<_, _> = request.variables.iter().filter(|(name, _)| Some(*name) != ignored).collect();
        Some(Self(Arc::new(Dependencies {
            organization: viewer.organization.clone()?,
            capabilities: viewer.capabilities,
            document: request.query.clone(),
            operation: prepared.operation_name.clone(),
            variables: serde_json::to_string(&variables).ok()?,
        })))
    }

    /// The organization.
    pub(super) fn organization(&self) -> &OrganizationId {
        &self.0.organization
    }

    /// The length of the key's texts, in bytes.
    pub(super) fn len(&self) -> usize {
        let Dependencies { organization, document, operation, variables, .. } = &*self.0;
        let operation = operation.as_deref().unwrap_or_default();
        organization.as_str().len() + document.len() + operation.len() + variables.len()
    }
}
