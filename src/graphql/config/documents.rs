//! Options for the accepted documents.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use graphql_guard::Guard;

use super::Config;
use crate::{
    config::Error,
    graphql::{persisted_documents::TrustedDocuments, schema},
};

/// Accepted documents.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
#[group(skip)]
pub struct DocumentArgs {
    /// Disable introspection, and mention no names of the schema in errors except those in the request
    #[arg(long, env = "CHATGRAPH_NO_INTROSPECTION", value_parser = clap::builder::FalseyValueParser::new())]
    pub no_introspection: bool,
    /// Accept only the documents in this file: a JSON object of `{"ID": "DOCUMENT"}`. Clients send the id as
    /// `extensions.persistedQuery.sha256Hash`. Without this option, any document is accepted
    #[arg(long, env = "CHATGRAPH_TRUSTED_DOCUMENTS", value_name = "FILE")]
    pub trusted_documents: Option<PathBuf>,
}

impl DocumentArgs {
    /// Sets the accepted documents of `config`. Reads the file and checks each document against the limits.
    ///
    /// # Errors
    /// [`Error`] if the file or a document is invalid.
    pub fn apply(&self, config: &mut Config) -> Result<(), Error> {
        config.introspection = !self.no_introspection;
        let Some(file) = self.trusted_documents.as_deref() else { return Ok(()) };
        config.trusted = Some(trusted(file)?);
        match first_invalid(config) {
            Some(invalid) => Err(Error::new("trusted-documents", format!("{}: {invalid}", file.display()))),
            None => Ok(()),
        }
    }
}

fn trusted(file: &Path) -> Result<TrustedDocuments, Error> {
    let wrong = |cause: &dyn fmt::Display| Error::new("trusted-documents", format!("{}: {cause}", file.display()));
    let text = fs::read_to_string(file).map_err(|cause| wrong(&cause))?;
    let documents = serde_json::from_str(&text).map_err(|cause| wrong(&cause))?;
    Ok(TrustedDocuments::new(documents))
}

/// Returns the first trusted document that no request could execute, with the reason.
fn first_invalid(config: &Config) -> Option<String> {
    let documents = config.trusted.as_ref()?.documents();
    let guard = Guard::new(Arc::new(schema::types(&schema::build(config))), config.limits());
    let mut refused = documents.into_iter().filter_map(|(name, text)| Some((name, guard.check(text).err()?)));
    refused.next().map(|(name, refusal)| format!("document {name:?}: {refusal}"))
}
