//! Audit log of changes to keys, sessions and settings, one line each. Its target and fields are stable. It contains no
//! text, name or number.

use std::fmt::Display;

use tracing::{debug, info};

use crate::{
    auth::viewer::{Principal, Viewer},
    domain::id::OrganizationId,
};

/// Records a change by a client of the API in its organization; `object` is an id.
pub(super) fn record(viewer: &Viewer, action: &'static str, object: impl Display) {
    let organization = viewer.organization.as_ref().map_or("", OrganizationId::as_str);
    let (kind, id) = client(viewer);
    info!(target: "chatgraph::audit", action, organization, client.kind = kind, client.id = id, %object, "Changed");
}

/// Records a change of a chat setting, at level `debug`: clients change many, and the change log has them too.
pub(super) fn record_chat(viewer: &Viewer, action: &'static str, object: impl Display) {
    let organization = viewer.organization.as_ref().map_or("", OrganizationId::as_str);
    let (kind, id) = client(viewer);
    debug!(target: "chatgraph::audit", action, organization, client.kind = kind, client.id = id, %object, "Changed");
}

/// Records a change by the operator on the command line.
pub fn record_operator(action: &'static str, organization: &OrganizationId, object: impl Display) {
    let organization = organization.as_str();
    info!(target: "chatgraph::audit", action, organization, client.kind = "operator", %object, "Changed");
}

fn client(viewer: &Viewer) -> (&'static str, String) {
    match &viewer.principal {
        Principal::ApiKey(id) => ("api_key", id.to_string()),
        Principal::User { id, .. } => ("user", id.to_string()),
    }
}
