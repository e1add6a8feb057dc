//! Compilation of a document, from its text to the operation that the engine executes.

use std::{collections::HashSet, sync::Arc};

use apollo_compiler::{ExecutableDocument, Node, executable, parser::Parser, validation::Valid};
use async_graphql_parser::types::{self, OperationType};
use async_graphql_value::{ConstValue, Variables};

use crate::{
    compile::{self, Compiled},
    cost,
    document_cache::{Digest, DocumentCache},
    expansion, lexer,
    limits::Limits,
    problem::{self, Problem, Rejection},
    response_shape::Fields,
    rules,
    schema::Schema,
    variables,
};

/// Maximum size in bytes of the compiled operations in each of two generations.
const COMPILED_BYTES: usize = 4 * 1024 * 1024;

/// Approximate size in bytes of one field of a compiled operation.
const FIELD_BYTES: usize = 1_000;

/// The parser's recursion limit for each level of nested brackets, within which it recurses several times.
const RECURSION_PER_LEVEL: usize = 4;

/// A compiled operation, ready for the engine.
#[derive(Debug)]
pub struct Operation {
    /// The document that the engine executes.
    pub document: types::ExecutableDocument,
    /// The maximum cost.
    pub cost: u64,
    pub(crate) compiled: Arc<Compiled>,
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
pub(crate) struct CachedDocument {
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
    pub(crate) documents: DocumentCache<Arc<CachedDocument>>,
    operations: DocumentCache<Arc<Compiled>>,
}

impl Guard {
    /// Creates a guard for documents of this schema.
    #[must_use]
    pub fn new(schema: Arc<Schema>, limits: Limits) -> Self {
        Self { limits, schema, documents: DocumentCache::default(), operations: DocumentCache::new(COMPILED_BYTES) }
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
        let cached = self.document(text)?;
        let operation = selected_operation(&cached.document, operation)?;
        variables::coerce(&cached.document, operation, variables, &self.schema)?;
        let compiled = self.compiled(&cached, operation, variables)?;
        let (cost, allowed) = (cost::compute(&compiled.fields, variables, &self.limits), self.limits.cost);
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
    pub(crate) fn document(&self, text: &str) -> Result<Arc<CachedDocument>, Rejection> {
        if text.len() > self.limits.bytes {
            return Err(Rejection::Limit(format!("a document may have at most {} bytes", self.limits.bytes)));
        }
        let digest = Digest::new(text);
        if let Some(cached) = self.documents.get(&digest) {
            return Ok(cached);
        }
        lexer::check(text, &self.limits)?;
        let document = self.validated(text)?;
        rules::check(&document, &self.schema)?;
        compile::check_arguments(&document, &self.schema, &self.limits)?;
        let conditions = compile::conditions(&document);
        let cached = Arc::new(CachedDocument { digest: digest.clone(), document, conditions });
        self.documents.insert(digest, text.len(), Arc::clone(&cached));
        Ok(cached)
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
        cached: &CachedDocument,
        operation: &Node<executable::Operation>,
        variables: &Variables,
    ) -> Result<Arc<Compiled>, Rejection> {
        let mut key = operation.name.as_ref().map_or("", |name| name.as_str()).as_bytes().to_vec();
        key.push(0);
        key.extend(operation.variables.iter().map(|definition| {
            let name = definition.name.as_str();
            match variables.get(name) {
                None => b'-',
                Some(ConstValue::Boolean(value)) if cached.conditions.contains(name) => b'0' + u8::from(*value),
                Some(_) => b'+',
            }
        }));
        let digest = cached.digest.with(&key);
        if let Some(compiled) = self.operations.get(&digest) {
            return Ok(compiled);
        }
        let compiled = compile::compile(&cached.document, operation, variables, &self.schema, &self.limits)?;
        let compiled = Arc::new(compiled);
        self.operations.insert(digest, (compiled.len + 1).saturating_mul(FIELD_BYTES), Arc::clone(&compiled));
        Ok(compiled)
    }
}

/// The operation with this name, or the only one.
fn selected_operation<'a>(
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
