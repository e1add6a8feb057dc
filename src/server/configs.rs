//! The configuration of all components.

use crate::{
    auth, graphql, http,
    service::{self, RetentionConfig},
    session,
    store::{self, MasterKeys},
};

/// The configuration of the components.
#[derive(Debug)]
pub(super) struct Configs {
    pub(super) database: store::Config,
    /// `None` if no key option is set.
    pub(super) master_keys: Option<MasterKeys>,
    pub(super) session: session::Config,
    pub(super) retention: RetentionConfig,
    pub(super) api: graphql::Config,
    /// Limits per organization.
    pub(super) limits: service::Limits,
    pub(super) http: http::Config,
    pub(super) auth: auth::Config,
    /// `None` if only API keys are accepted.
    pub(super) logins: Option<auth::JwtConfig>,
}
