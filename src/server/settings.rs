//! The settings of `serve`, validated: what could not be checked together with the command line.

use std::net::SocketAddr;

use super::configs::Configs;
use crate::{
    cli::ServeArgs,
    config::Error,
    http::{CertificateFiles, ConnectionConfig, Invitations},
    session,
};

/// Validated settings of `serve`.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) listen: SocketAddr,
    /// Listen address for metrics and health checks, in addition to the API listener.
    pub(super) metrics_listen: Option<SocketAddr>,
    /// `None` for plain HTTP.
    pub(super) tls: Option<CertificateFiles>,
    pub(super) connections: ConnectionConfig,
    pub(super) components: Configs,
}

impl Settings {
    /// Validates the settings. Reads the files that they name, except the certificate.
    ///
    /// # Errors
    /// [`Error`] for the first invalid setting.
    pub(super) fn new(args: ServeArgs) -> Result<Self, Error> {
        let ServeArgs { mut http, mut connections, mut api, .. } = args;
        args.pages.apply(false, &mut http)?;
        http.trusted_proxies = args.proxies.networks()?;
        connections.trusted_proxies.clone_from(&http.trusted_proxies);
        http.graphiql = args.graphiql.then_some(Invitations::Ask);
        http.figures = args.watching.metrics;
        let database = args.database.config()?;
        let master_keys = args.master_keys.keys()?;
        let session = session::Config { history: args.history, ..session::Config::new(args.sandbox.endpoint()?) };
        let tls = args.tls.files()?;
        let logins = args.login.verification()?;
        args.documents.apply(&mut api)?;
        let (retention, limits, auth) = (args.retention, args.limits, args.auth);
        let components = Configs { database, master_keys, session, retention, api, limits, http, auth, logins };
        Ok(Self { listen: args.listen, metrics_listen: args.watching.metrics_listen, tls, connections, components })
    }
}

#[cfg(test)]
mod tests;
