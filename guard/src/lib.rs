//! The way of a GraphQL document to the engine. Its text is bounded, it is parsed and validated once, and the operation
//! is compiled for the values of its directives: into fields without fragments, of which each response key has one.
//!
//! The engine executes fields of one response key one by one and mixes their results, ignores defaults in directives,
//! takes null for a required variable, and looks for a subscription's field at the top only. It sees none of that in
//! what [`Guard::compile`] returns, whatever transport a document came by.
//!
//! `text` counts tokens with the parser's lexer and `count` what fragments expand to, so that the validator of
//! `apollo-compiler` runs on bounded documents only. `rules` adds what it does not check, `variables` coerces the values
//! that were given, `compile` makes the operation and `shape` describes its answers, `cost` weighs its lists, `recent`
//! remembers documents and operations, `schema` knows the contract, `json` counts the values around the document.
//! `problem` words what is wrong, and `arguments` finds the argument that it is about. This crate knows nothing of
//! chatgraph; `graphql/` calls it.

mod arguments;
mod compile;
mod cost;
mod count;
mod json;
mod literal;
mod problem;
mod recent;
mod rules;
mod schema;
mod shape;
mod text;
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

pub use json::values;
pub use problem::Problem;
pub use recent::Digest;
pub use recent::Recent;
pub use schema::ScalarCheck;
pub use schema::Schema;
pub use schema::Weights;
pub use shape::Field;
pub use shape::Fields;
pub use shape::Object;
pub use shape::TYPE_KEY;

use compile::Compiled;

/// Bytes of compiled operations in each of two generations.
const COMPILED_BYTES: usize = 4 * 1024 * 1024;

/// About what one field of a compiled operation takes, in bytes.
const FIELD_BYTES: usize = 1_000;

/// The parser's limit on recursion for each level of nested brackets: within them it recurses several times.
const RECURSION_PER_LEVEL: usize = 4;

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

/// The reason why an operation is not executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It asks for more than [`Limits`] allow.
    Limit(String),
    /// The document or the variables are invalid, for these reasons. There is at least one.
    Invalid(Vec<Problem>),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit(message) => f.write_str(message),
            Self::Invalid(problems) => f.write_str(problems.first().map_or("invalid", |problem| &problem.message)),
        }
    }
}

impl std::error::Error for Refusal {}

/// An operation that may go on to the engine.
#[derive(Debug)]
pub struct Operation {
    /// What the engine executes.
    pub document: types::ExecutableDocument,
    /// What it may cost.
    pub cost: u64,
    compiled: Arc<Compiled>,
}

impl Operation {
    /// The kind of operation.
    #[must_use]
    pub fn kind(&self) -> OperationType {
        self.compiled.kind
    }

    /// The shape of its answers.
    #[must_use]
    pub fn shape(&self) -> Shape {
        Shape(Arc::clone(&self.compiled))
    }
}

/// The shape of an operation's answers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Shape(Arc<Compiled>);

impl Shape {
    /// The fields of the answer's `data`.
    #[must_use]
    pub fn fields(&self) -> &Fields {
        &self.0.fields
    }
}

/// A document that was read before.
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
    known: Recent<Arc<Known>>,
    compiled: Recent<Arc<Compiled>>,
}

impl Guard {
    /// A guard for documents on this schema.
    #[must_use]
    pub fn new(schema: Arc<Schema>, limits: Limits) -> Self {
        Self { limits, schema, known: Recent::default(), compiled: Recent::new(COMPILED_BYTES) }
    }

    /// Compiles the operation with this name, or the only one, for these variables. They are coerced: defaults are
    /// applied, and values of other variables dropped.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn compile(
        &self,
        text: &str,
        operation: Option<&str>,
        variables: &mut Variables,
    ) -> Result<Operation, Refusal> {
        let known = self.document(text)?;
        let operation = chosen(&known.document, operation)?;
        variables::coerce(&known.document, operation, variables, &self.schema)?;
        let compiled = self.compiled(&known, operation, variables)?;
        let (cost, allowed) = (cost::of(&compiled.fields, variables, &self.limits), self.limits.cost);
        if cost > allowed {
            let message =
                format!("the operation may cost {cost}, but at most {allowed} is allowed; request shorter pages");
            return Err(Refusal::Limit(message));
        }
        Ok(Operation { document: compiled.document.clone(), cost, compiled })
    }

    /// Checks a document without any request for it.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn check(&self, text: &str) -> Result<(), Refusal> {
        self.document(text).map(drop)
    }

    /// The document of this text, which may have been read before.
    fn document(&self, text: &str) -> Result<Arc<Known>, Refusal> {
        if text.len() > self.limits.bytes {
            return Err(Refusal::Limit(format!("a document may have at most {} bytes", self.limits.bytes)));
        }
        let digest = Digest::of(text);
        if let Some(known) = self.known.find(&digest) {
            return Ok(known);
        }
        text::check(text, &self.limits)?;
        let document = self.validated(text)?;
        rules::check(&document, &self.schema)?;
        compile::check_arguments(&document, &self.schema, &self.limits)?;
        let conditions = compile::conditions(&document);
        let known = Arc::new(Known { digest: digest.clone(), document, conditions });
        self.known.keep(digest, text.len(), Arc::clone(&known));
        Ok(known)
    }

    fn validated(&self, text: &str) -> Result<Valid<ExecutableDocument>, Refusal> {
        let mut parser = Parser::new().recursion_limit(self.limits.nesting.saturating_mul(RECURSION_PER_LEVEL));
        let parsed = parser.parse_ast(text, "document").map_err(|invalid| problem::syntax(&invalid.errors))?;
        if parsed.definitions.is_empty() {
            let at = problem::position(text, text.len());
            return Err(Problem::new("Syntax error: unexpected end of the document").at(at).into());
        }
        count::check(&parsed, &self.limits)?;
        let schema = &self.schema.definitions;
        let validated = match parsed.to_executable(schema) {
            Ok(built) => built.validate(schema),
            // What it violates else follows from this.
            Err(invalid) => Err(invalid),
        };
        match validated {
            Ok(document) => Ok(document),
            // It counts a subscription's fields, also those of one response key; `rules` counts the keys.
            Err(invalid)
                if (invalid.errors.iter())
                    .all(|error| error.error.unstable_error_name() == Some("SubscriptionUsesMultipleFields")) =>
            {
                Ok(Valid::assume_valid(invalid.partial))
            }
            Err(invalid) => Err(Refusal::Invalid(problem::problems(&invalid.errors, &invalid.partial))),
        }
    }

    /// The operation for these variables: those that are omitted, and the values of those in directives, make a
    /// difference.
    fn compiled(
        &self,
        known: &Known,
        operation: &Node<executable::Operation>,
        variables: &Variables,
    ) -> Result<Arc<Compiled>, Refusal> {
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
