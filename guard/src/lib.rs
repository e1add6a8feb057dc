//! Prepares GraphQL documents for the engine. The text is bounded, then parsed and validated once. The operation is
//! compiled for the values of its directives into fields without fragments, one for each response key.
//!
//! The engine executes fields of one response key separately and merges their results. It ignores defaults in
//! directives, accepts null for a required variable, and checks the root field of a subscription incompletely. None of
//! that occurs in the result of [`Guard::compile`], for any transport.
//!
//! `lexer` counts tokens with the parser's lexer, and `expansion` the expansion of fragments, so that the validator of
//! `apollo-compiler` runs only on bounded documents. `rules` adds checks that the validator lacks, and `variables`
//! coerces the given values. `compile` creates the operation, `response_shape` describes its responses, and `cost` weighs its
//! lists. `document_cache` caches documents and operations, `schema` holds the schema, and `json_size` counts the values around the
//! document. `problem` words the errors, and `arguments` finds the argument that an error is about. This crate is
//! independent of chatgraph; `graphql/` calls it.

mod arguments;
mod compile;
mod cost;
mod document_cache;
mod expansion;
mod json_size;
mod lexer;
mod literal;
mod problem;
mod response_shape;
mod rules;
mod schema;
mod variables;

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use apollo_compiler::ExecutableDocument;
use apollo_compiler::Node;
use apollo_compiler::executable;
use apollo_compiler::parser::Parser;
use apollo_compiler::validation::Valid;
use async_graphql_parser::types;
use async_graphql_parser::types::OperationType;
use async_graphql_value::ConstValue;
use async_graphql_value::Variables;

pub use document_cache::Digest;
pub use document_cache::DocumentCache;
pub use json_size::values;
pub use problem::Problem;
pub use response_shape::Field;
pub use response_shape::Fields;
pub use response_shape::Object;
pub use response_shape::TYPE_KEY;
pub use schema::ScalarCheck;
pub use schema::Schema;
pub use schema::Weights;

use compile::Compiled;

/// Maximum size in bytes of the compiled operations in each of two generations.
const COMPILED_BYTES: usize = 4 * 1024 * 1024;

/// Approximate size in bytes of one field of a compiled operation.
const FIELD_BYTES: usize = 1_000;

/// The parser's recursion limit for each level of nested brackets, within which it recurses several times.
const RECURSION_PER_LEVEL: usize = 4;

/// The limits of a document. Every value is the maximum that is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of its text.
    pub bytes: usize,
    /// Tokens: names, strings, numbers, punctuation.
    pub tokens: usize,
    /// Depth of nested brackets of any kind.
    pub nesting: usize,
    /// Depth of nested fields. The usual introspection query needs 13 levels.
    pub depth: u32,
    /// Fields and fragments of all operations together, with every fragment expanded.
    pub selections: u32,
    /// Aliases, with every fragment expanded.
    pub aliases: u32,
    /// Directives, with every fragment expanded.
    pub directives: u32,
    /// Root fields of an operation, that is fields of `Query`, `Mutation` or `Subscription`.
    pub roots: u32,
    /// Cost of the selected operation: 1 per field, multiplied by the page length of every list around it.
    pub cost: u64,
    /// Page length of a list without `first` and `last`.
    pub default_page: u32,
    /// Maximum page length of a list.
    pub longest_page: u32,
}

impl Limits {
    /// The default limits. They allow the usual introspection query, and a page of any list.
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

/// The reason why an operation is not executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejection {
    /// The document exceeds [`Limits`].
    Limit(String),
    /// The document or the variables are invalid, for at least one reason.
    Invalid(Vec<Problem>),
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit(message) => f.write_str(message),
            Self::Invalid(problems) => f.write_str(problems.first().map_or("invalid", |problem| &problem.message)),
        }
    }
}

impl std::error::Error for Rejection {}

/// A compiled operation, ready for the engine.
#[derive(Debug)]
pub struct Operation {
    /// The document that the engine executes.
    pub document: types::ExecutableDocument,
    /// The maximum cost.
    pub cost: u64,
    compiled: Arc<Compiled>,
}

impl Operation {
    /// The kind of operation.
    #[must_use]
    pub fn kind(&self) -> OperationType {
        self.compiled.kind
    }

    /// The shape of its responses.
    #[must_use]
    pub fn shape(&self) -> Shape {
        Shape(Arc::clone(&self.compiled))
    }
}

/// The shape of an operation's responses. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Shape(Arc<Compiled>);

impl Shape {
    /// The fields of the response's `data`.
    #[must_use]
    pub fn fields(&self) -> &Fields {
        &self.0.fields
    }
}

/// A cached document.
#[derive(Debug)]
struct Known {
    digest: Digest,
    document: Valid<ExecutableDocument>,
    /// Variables of `@skip` and `@include`.
    conditions: HashSet<String>,
}

/// Compiles documents.
#[derive(Debug)]
pub struct Guard {
    limits: Limits,
    schema: Arc<Schema>,
    known: DocumentCache<Arc<Known>>,
    compiled: DocumentCache<Arc<Compiled>>,
}

impl Guard {
    /// Creates a guard for documents of this schema.
    #[must_use]
    pub fn new(schema: Arc<Schema>, limits: Limits) -> Self {
        Self { limits, schema, known: DocumentCache::default(), compiled: DocumentCache::new(COMPILED_BYTES) }
    }

    /// Compiles the operation with this name, or the only one, for these variables. The variables are coerced: defaults
    /// are applied, and values of undeclared variables are dropped.
    ///
    /// # Errors
    /// [`Rejection`].
    pub fn compile(
        &self,
        text: &str,
        operation: Option<&str>,
        variables: &mut Variables,
    ) -> Result<Operation, Rejection> {
        let known = self.document(text)?;
        let operation = chosen(&known.document, operation)?;
        variables::coerce(&known.document, operation, variables, &self.schema)?;
        let compiled = self.compiled(&known, operation, variables)?;
        let (cost, allowed) = (cost::of(&compiled.fields, variables, &self.limits), self.limits.cost);
        if cost > allowed {
            let message =
                format!("the operation may cost {cost}, but at most {allowed} is allowed; request shorter pages");
            return Err(Rejection::Limit(message));
        }
        Ok(Operation { document: compiled.document.clone(), cost, compiled })
    }

    /// Checks a document without a request.
    ///
    /// # Errors
    /// [`Rejection`].
    pub fn check(&self, text: &str) -> Result<(), Rejection> {
        self.document(text).map(drop)
    }

    /// Returns the document with this text, from the cache if possible.
    fn document(&self, text: &str) -> Result<Arc<Known>, Rejection> {
        if text.len() > self.limits.bytes {
            return Err(Rejection::Limit(format!("a document may have at most {} bytes", self.limits.bytes)));
        }
        let digest = Digest::of(text);
        if let Some(known) = self.known.find(&digest) {
            return Ok(known);
        }
        lexer::check(text, &self.limits)?;
        let document = self.validated(text)?;
        rules::check(&document, &self.schema)?;
        compile::check_arguments(&document, &self.schema, &self.limits)?;
        let conditions = compile::conditions(&document);
        let known = Arc::new(Known { digest: digest.clone(), document, conditions });
        self.known.keep(digest, text.len(), Arc::clone(&known));
        Ok(known)
    }

    fn validated(&self, text: &str) -> Result<Valid<ExecutableDocument>, Rejection> {
        let mut parser = Parser::new().recursion_limit(self.limits.nesting.saturating_mul(RECURSION_PER_LEVEL));
        let parsed = parser.parse_ast(text, "document").map_err(|invalid| problem::syntax(&invalid.errors))?;
        if parsed.definitions.is_empty() {
            let at = problem::position(text, text.len());
            return Err(Problem::new("Syntax error: unexpected end of the document").at(at).into());
        }
        expansion::check(&parsed, &self.limits)?;
        let schema = &self.schema.definitions;
        let validated = match parsed.to_executable(schema) {
            Ok(built) => built.validate(schema),
            // Other violations are consequences of this one.
            Err(invalid) => Err(invalid),
        };
        match validated {
            Ok(document) => Ok(document),
            // The validator counts a subscription's fields, even if they have the same response key; `rules` counts the
            // keys.
            Err(invalid)
                if (invalid.errors.iter())
                    .all(|error| error.error.unstable_error_name() == Some("SubscriptionUsesMultipleFields")) =>
            {
                Ok(Valid::assume_valid(invalid.partial))
            }
            Err(invalid) => Err(Rejection::Invalid(problem::problems(&invalid.errors, &invalid.partial))),
        }
    }

    /// The operation for these variables. It depends on which variables are omitted, and on the values of those in
    /// directives.
    fn compiled(
        &self,
        known: &Known,
        operation: &Node<executable::Operation>,
        variables: &Variables,
    ) -> Result<Arc<Compiled>, Rejection> {
        let mut key = operation.name.as_ref().map_or("", |name| name.as_str()).as_bytes().to_vec();
        key.push(0);
        key.extend(operation.variables.iter().map(|definition| {
            let name = definition.name.as_str();
            match variables.get(name) {
                None => b'-',
                Some(ConstValue::Boolean(value)) if known.conditions.contains(name) => b'0' + u8::from(*value),
                Some(_) => b'+',
            }
        }));
        let digest = known.digest.with(&key);
        if let Some(compiled) = self.compiled.find(&digest) {
            return Ok(compiled);
        }
        let compiled = compile::compile(&known.document, operation, variables, &self.schema, &self.limits)?;
        let compiled = Arc::new(compiled);
        self.compiled.keep(digest, (compiled.len + 1).saturating_mul(FIELD_BYTES), Arc::clone(&compiled));
        Ok(compiled)
    }
}

/// The operation with this name, or the only one.
fn chosen<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Result<&'a Node<executable::Operation>, Problem> {
    let operations = &document.operations;
    match name {
        Some(name) => {
            operations.named.get(name).ok_or_else(|| Problem::new(format!("Unknown operation named \"{name}\".")))
        }
        None if operations.len() > 1 => {
            Err(Problem::new("Must provide operation name if query contains multiple operations."))
        }
        None => operations.iter().next().ok_or_else(|| Problem::new("Must provide an operation.")),
    }
}

#[cfg(test)]
mod tests;
