//! The key of an operation: everything on which its results depend, apart from the data and the time.

use std::collections::BTreeMap;

use async_graphql::{Name, Request};
use sha2::{Digest as _, Sha256};

use super::engine::PreparedRequest;
use crate::{
    auth::viewer::Viewer,
    domain::{capability::Capabilities, id::OrganizationId},
};

/// The operation, its variables, and the permissions of its viewer. Resolvers below `chats`, `chat`, `sessions`,
/// `session` and `chatChanges` see nothing else of the viewer. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct OperationKey {
    organization: OrganizationId,
    capabilities: Capabilities,
    /// SHA-256 of the operation and its variables, so that a long document takes no memory.
    digest: [u8; 32],
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
        // The text that the document was compiled from, the position of the operation in it by its name, and the
        // variables as JSON text.
        let operation = (&request.query, &prepared.operation_name, variables);
        Some(Self {
            organization: viewer.organization.clone()?,
            capabilities: viewer.capabilities,
            digest: Sha256::digest(serde_json::to_vec(&operation).ok()?).into(),
        })
    }

    /// The organization.
    pub(super) fn organization(&self) -> &OrganizationId {
        &self.organization
    }
}
