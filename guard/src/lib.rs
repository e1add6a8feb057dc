//! What is done to a GraphQL document before the engine sees it. Its text is bounded, it is parsed once, what its
//! fragments expand to is counted, what its lists may cost is weighed, and arguments whose variable was left out are
//! taken out.
//!
//! The engine's parser calls itself for every bracket, so that some thousand of them end the process; it walks a
//! fragment anew at every place that spreads it, so that a few hundred bytes keep it busy for seconds; and it reads an
//! omitted variable as null, where an omitted argument is meant. A document that [`Guard::read`] lets through does none
//! of that, whatever transport it came by.
//!
//! `text` looks at the bytes, `count` at the parsed document, `cost` at the lists of one operation with its variables,
//! `omitted` prepares it for the engine, `recent` remembers what was read, `schema` knows the fields of the contract, `json`
//! counts what came along. This crate knows nothing of chatgraph; `graphql/` calls it.

mod cost;
mod count;
mod json;
mod omitted;
mod recent;
mod schema;
mod text;

use std::sync::Arc;

use async_graphql_parser::Pos;
use async_graphql_parser::Positioned;
use async_graphql_parser::parse_query;
use async_graphql_parser::types::DocumentOperations;
use async_graphql_parser::types::ExecutableDocument;
use async_graphql_parser::types::OperationDefinition;
use async_graphql_parser::types::OperationType;
use async_graphql_value::Variables;

pub use json::values;
pub use recent::Digest;
pub use recent::Recent;
pub use schema::Schema;

/// What a document may have. Every figure is the most that is let through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of its text.
    pub bytes: usize,
    /// Tokens: names, strings, numbers, punctuation.
    pub tokens: usize,
    /// How deep brackets of any kind are nested.
    pub nesting: usize,
    /// How deep fields are nested. The usual introspection query needs 13 levels.
    pub depth: u32,
    /// Fields and fragments once every fragment is expanded, of all operations together.
    pub selections: u32,
    /// Aliases once every fragment is expanded.
    pub aliases: u32,
    /// Directives once every fragment is expanded.
    pub directives: u32,
    /// Fields of the operation itself, that is of `Query`, `Mutation` or `Subscription`.
    pub roots: u32,
    /// What the chosen operation may cost: 1 a field, times the page of every list around it.
    pub cost: u64,
    /// The page of a list that names none.
    pub default_page: u32,
    /// The longest page that a list gives.
    pub longest_page: u32,
}

impl Limits {
    /// What is let through unless configured: the usual introspection query, and any page that is asked for at once.
    pub const DEFAULT: Self = Self {
        bytes: 64 * 1024,
        tokens: 1_500,
        nesting: 48,
        depth: 20,
        selections: 2_000,
        aliases: 30,
        directives: 64,
        roots: 30,
        cost: 50_000,
        default_page: 50,
        longest_page: 200,
    };
}

/// Why a document is not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It asks for more than [`Limits`] allow.
    #[error("{0}")]
    Limit(String),
    /// It is no document, or none that can be carried out.
    #[error("{message}")]
    Invalid {
        /// What is wrong.
        message: String,
        /// Where, if that is one place.
        at: Option<Pos>,
    },
}

impl Refusal {
    fn invalid(message: impl Into<String>, at: Option<Pos>) -> Self {
        Self::Invalid { message: message.into(), at }
    }
}

impl From<async_graphql_parser::Error> for Refusal {
    fn from(error: async_graphql_parser::Error) -> Self {
        Self::invalid(error.to_string(), error.positions().next())
    }
}

/// A document that may go on to the engine.
#[derive(Debug, Clone)]
pub struct Read {
    /// As it was written.
    pub document: Arc<ExecutableDocument>,
    /// As the engine takes it: without the arguments whose variable was left out.
    pub ready: ExecutableDocument,
    /// What kind of operation was chosen, if one was.
    pub operation: Option<OperationType>,
    /// What it may cost; nothing when none was chosen.
    pub cost: u64,
}

/// Reads documents.
#[derive(Debug)]
pub struct Guard {
    limits: Limits,
    schema: Arc<Schema>,
    known: Recent<Arc<ExecutableDocument>>,
}

impl Guard {
    /// A guard for documents on this schema.
    #[must_use]
    pub fn new(schema: Arc<Schema>, limits: Limits) -> Self {
        Self { limits, schema, known: Recent::default() }
    }

    /// Reads a document, of which the operation with this name shall be carried out with these variables.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn read(&self, text: &str, operation: Option<&str>, variables: &Variables) -> Result<Read, Refusal> {
        let document = self.document(text)?;
        let chosen = chosen(&document, operation);
        let (mut ready, mut cost) = (None, 0);
        if let Some(chosen) = chosen {
            let allowed = self.limits.cost;
            cost = cost::of(&document, &chosen.node, variables, &self.schema, &self.limits)?;
            if cost > allowed {
                let message = format!("this may cost {cost}, and at most {allowed} is allowed: ask for shorter pages");
                return Err(Refusal::Limit(message));
            }
            let omitted = omitted::variables(&chosen.node, variables)?;
            ready = (!omitted.is_empty()).then(|| omitted::without(&document, &omitted));
        }
        let operation = chosen.map(|operation| operation.node.ty);
        Ok(Read { ready: ready.unwrap_or_else(|| (*document).clone()), operation, cost, document })
    }

    /// The document of this text, which may have been read before.
    fn document(&self, text: &str) -> Result<Arc<ExecutableDocument>, Refusal> {
        if text.len() > self.limits.bytes {
            return Err(Refusal::Limit(format!("a document may have at most {} bytes", self.limits.bytes)));
        }
        let digest = Digest::of(text);
        if let Some(document) = self.known.find(&digest) {
            return Ok(document);
        }
        text::check(text, &self.limits)?;
        let document = Arc::new(parse_query(text)?);
        count::check(&document, &self.limits)?;
        self.known.keep(digest, text.len(), Arc::clone(&document));
        Ok(document)
    }
}

/// The operation that `name` chooses, or the only one.
#[must_use]
pub fn chosen<'a>(document: &'a ExecutableDocument, name: Option<&str>) -> Option<&'a Positioned<OperationDefinition>> {
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), _) => Some(operation),
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name),
        (DocumentOperations::Multiple(operations), None) if operations.len() == 1 => operations.values().next(),
        (DocumentOperations::Multiple(_), None) => None,
    }
}

/// The name of the schema's type that an operation of this kind starts at.
#[must_use]
pub fn root(operation: OperationType) -> &'static str {
    match operation {
        OperationType::Query => "Query",
        OperationType::Mutation => "Mutation",
        OperationType::Subscription => "Subscription",
    }
}

#[cfg(test)]
mod tests;
