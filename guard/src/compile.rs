//! Compiles a validated operation for given values of its directives' variables. `@skip` and `@include` are resolved,
//! fragments are expanded, and fields of one response key are merged at every level, as in the specification's
//! `CollectFields`. The engine then executes each field once and in its place. It sees fragments only below interfaces
//! and unions, one for each object type.

use std::collections::{HashMap, HashSet};

use apollo_compiler::{
    ExecutableDocument, Node, ast,
    collections::IndexMap,
    executable::{DirectiveList, Field, Operation, Selection, SelectionSet},
    parser::SourceSpan,
};
use async_graphql_parser::{
    Pos, Positioned,
    types::{self, BaseType, DocumentOperations, OperationDefinition, OperationType, Type, TypeCondition},
};
use async_graphql_value::{ConstValue, Name, Variables};

use crate::{
    arguments::are_same,
    items::Items,
    limits::Limits,
    literal,
    problem::{Problem, Rejection, pos},
    response_shape::{self, Fields, Object, TYPE_KEY},
    schema::Schema,
};

/// Maximum ratio of compiled to written selections. Selections on an interface are compiled for each of its object
/// types.
const MAX_GROWTH: u32 = 4;

/// A compiled operation.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) kind: OperationType,
    /// The operation that the engine executes.
    pub(crate) document: types::ExecutableDocument,
    /// The shape of its responses.
    pub(crate) fields: Fields,
    /// The number of its fields.
    pub(crate) len: usize,
}

/// Compiles an operation. Declared variables without a value were omitted by the client.
///
/// # Errors
/// [`Rejection::Limit`] if it grows too much, [`Rejection::Invalid`] if a directive's variable is null.
pub(crate) fn compile(
    document: &ExecutableDocument,
    operation: &Operation,
    variables: &Variables,
    schema: &Schema,
    limits: &Limits,
) -> Result<Compiled, Rejection> {
    let most = limits.selections.saturating_mul(MAX_GROWTH);
    let mut compiler = Compiler { document, schema, variables, everything: false, left: most };
    let root = operation.object_type();
    let at = compiler.pos(operation.selection_set.selections.first().and_then(location));
    let (items, fields) = compiler.object(root, &[&operation.selection_set], false, at)?;
    let given = operation.variables.iter().filter(|definition| variables.contains_key(definition.name.as_str()));
    let variable_definitions = given.map(|definition| {
        let at = compiler.pos(definition.location());
        let definition = types::VariableDefinition {
            name: Positioned::new(Name::new(&definition.name), at),
            var_type: Positioned::new(type_of(&definition.ty), at),
            directives: Vec::new(),
            default_value: None,
        };
        Positioned::new(definition, at)
    });
    let kind = match operation.operation_type {
        ast::OperationType::Query => OperationType::Query,
        ast::OperationType::Mutation => OperationType::Mutation,
        ast::OperationType::Subscription => OperationType::Subscription,
    };
    let definition = OperationDefinition {
        ty: kind,
        variable_definitions: variable_definitions.collect(),
        directives: Vec::new(),
        selection_set: Positioned::new(types::SelectionSet { items }, at),
    };
    let operations = DocumentOperations::Single(Positioned::new(definition, at));
    let document = types::ExecutableDocument { operations, fragments: HashMap::new() };
    let len = usize::try_from(most - compiler.left).unwrap_or(usize::MAX);
    Ok(Compiled { kind, document, fields, len })
}

/// Rejects fields of one response key with different arguments, even if directives omit one of them. The validator
/// considers lists equal if one is a prefix of the other.
pub(crate) fn check_arguments(
    document: &ExecutableDocument,
    schema: &Schema,
    limits: &Limits,
) -> Result<(), Rejection> {
    let variables = Variables::default();
    for operation in document.operations.iter() {
        let left = limits.selections.saturating_mul(MAX_GROWTH);
        let mut compiler = Compiler { document, schema, variables: &variables, everything: true, left };
        compiler.object(operation.object_type(), &[&operation.selection_set], false, Pos::default())?;
    }
    Ok(())
}

/// The variables of a document's `@skip` and `@include`.
pub(crate) fn conditions(document: &ExecutableDocument) -> HashSet<String> {
    let mut found = HashSet::new();
    let operations = document.operations.iter().map(|operation| &operation.selection_set);
    for set in operations.chain(document.fragments.values().map(|fragment| &fragment.selection_set)) {
        collect_conditions(set, &mut found);
    }
    found
}

fn collect_conditions(set: &SelectionSet, found: &mut HashSet<String>) {
    for selection in &set.selections {
        let arguments = selection.directives().iter().flat_map(|directive| &directive.arguments);
        found.extend(arguments.filter_map(|argument| Some(argument.value.as_variable()?.to_string())));
        match selection {
            Selection::Field(field) => collect_conditions(&field.selection_set, found),
            Selection::InlineFragment(fragment) => collect_conditions(&fragment.selection_set, found),
            Selection::FragmentSpread(_) => {}
        }
    }
}

fn location(selection: &Selection) -> Option<SourceSpan> {
    match selection {
        Selection::Field(field) => field.location(),
        Selection::InlineFragment(fragment) => fragment.location(),
        Selection::FragmentSpread(spread) => spread.location(),
    }
}

/// Fields by their response keys, in the order of the document.
type Grouped<'a> = IndexMap<&'a str, Vec<&'a Node<Field>>>;

struct Compiler<'a> {
    document: &'a ExecutableDocument,
    schema: &'a Schema,
    variables: &'a Variables,
    /// True to ignore directives.
    everything: bool,
    /// The number of fields that may still be added.
    left: u32,
}

impl<'a> Compiler<'a> {
    /// Compiles the selections of `sets` on an object. With `includes_type`, the response contains the object's type too.
    fn object(
        &mut self,
        object: &str,
        sets: &[&'a SelectionSet],
        includes_type: bool,
        at: Pos,
    ) -> Result<(Vec<Positioned<types::Selection>>, Fields), Rejection> {
        let (mut grouped, mut spread) = (Grouped::default(), HashSet::new());
        for set in sets {
            self.collect(object, set, &mut spread, &mut grouped)?;
        }
        let mut items = Vec::with_capacity(grouped.len() + 1);
        let mut fields = Vec::with_capacity(grouped.len());
        if includes_type || grouped.is_empty() {
            items.push(type_key(at));
        }
        for (key, merged) in grouped {
            let (selection, field) = self.field(object, key, &merged)?;
            items.push(selection);
            fields.push(field);
        }
        Ok((items, Fields(fields)))
    }

    /// The specification's `CollectFields`.
    fn collect(
        &self,
        object: &str,
        set: &'a SelectionSet,
        spread: &mut HashSet<&'a str>,
        grouped: &mut Grouped<'a>,
    ) -> Result<(), Rejection> {
        for selection in &set.selections {
            if !self.is_included(selection.directives())? {
                continue;
            }
            let below = match selection {
                Selection::Field(field) => {
                    grouped.entry(field.response_key().as_str()).or_default().push(field);
                    continue;
                }
                Selection::InlineFragment(fragment) => &fragment.selection_set,
                Selection::FragmentSpread(of) => {
                    let fragment = self.document.fragments.get(&of.fragment_name);
                    let Some(fragment) = fragment.filter(|fragment| spread.insert(&fragment.name)) else { continue };
                    &fragment.selection_set
                }
            };
            if self.schema.applies(&below.ty, object) {
                self.collect(object, below, spread, grouped)?;
            }
        }
        Ok(())
    }

    /// Compiles fields of one response key into one field.
    fn field(
        &mut self,
        parent: &str,
        key: &str,
        merged: &[&'a Node<Field>],
    ) -> Result<(Positioned<types::Selection>, response_shape::Field), Rejection> {
        let too_much =
            || Rejection::Limit("too many fields, counted for each possible type of their object".to_owned());
        self.left = self.left.checked_sub(1).ok_or_else(too_much)?;
        let first = merged[0];
        let at = self.pos(first.location());
        if let Some(other) = merged.iter().find(|other| !are_same(&first.arguments, &other.arguments)) {
            let message = format!("Fields \"{key}\" conflict because they have differing arguments.");
            return Err(Problem::new(message).at(Some(self.pos(other.location()))).into());
        }
        let arguments = first.arguments.iter().filter_map(|argument| {
            let is_given = |name: &apollo_compiler::Name| self.variables.contains_key(name.as_str());
            let value = literal::value(&argument.value, &is_given)?;
            let at = self.pos(argument.value.location());
            Some((Positioned::new(Name::new(&argument.name), at), Positioned::new(value, at)))
        });
        let arguments = arguments.collect();
        let (items, object) = self.below(merged, at)?;
        let field = types::Field {
            alias: first.alias.as_ref().map(|_| Positioned::new(Name::new(key), at)),
            name: Positioned::new(Name::new(&first.name), at),
            arguments,
            directives: Vec::new(),
            selection_set: Positioned::new(types::SelectionSet { items }, at),
        };
        let shape = response_shape::Field {
            key: Name::new(key),
            answer_type: type_of(&first.definition.ty),
            object,
            items: Items::new(first, parent),
            weight: self.schema.weight(parent, &first.name),
        };
        Ok((Positioned::new(types::Selection::Field(Positioned::new(field, at)), at), shape))
    }

    /// Compiles the selections below fields of one response key.
    fn below(
        &mut self,
        merged: &[&'a Node<Field>],
        at: Pos,
    ) -> Result<(Vec<Positioned<types::Selection>>, Option<Object>), Rejection> {
        let sets: Vec<_> = merged.iter().map(|field| &field.selection_set).filter(|set| !set.is_empty()).collect();
        let Some(set) = sets.first() else { return Ok((Vec::new(), None)) };
        let Some(possible) = self.schema.possible(&set.ty) else {
            let (items, fields) = self.object(&set.ty, &sets, false, at)?;
            return Ok((items, Some(Object::One(fields))));
        };
        let (mut fragments, mut types) = (Vec::new(), Vec::new());
        for object in possible {
            let (items, fields) = self.object(object, &sets, true, at)?;
            let on = Positioned::new(Name::new(object), at);
            let fragment = types::InlineFragment {
                type_condition: Some(Positioned::new(TypeCondition { on }, at)),
                directives: Vec::new(),
                selection_set: Positioned::new(types::SelectionSet { items }, at),
            };
            fragments.push(Positioned::new(types::Selection::InlineFragment(Positioned::new(fragment, at)), at));
            types.push((Name::new(object), fields));
        }
        Ok((fragments, Some(Object::ByType(types))))
    }

    fn is_included(&self, directives: &DirectiveList) -> Result<bool, Rejection> {
        for directive in directives {
            let excluding = match directive.name.as_str() {
                _ if self.everything => continue,
                "skip" => true,
                "include" => false,
                _ => continue,
            };
            let Some(condition) = directive.specified_argument_by_name("if") else { continue };
            let value = match &**condition {
                ast::Value::Boolean(value) => Some(*value),
                ast::Value::Variable(name) => match self.variables.get(name.as_str()) {
                    Some(ConstValue::Boolean(value)) => Some(*value),
                    _ => None,
                },
                _ => None,
            };
            let null = || {
                let message = "Argument \"if\" of non-null type \"Boolean!\" must not be null.";
                Problem::new(message).at(Some(self.pos(condition.location()))).field(Some("if"))
            };
            if value.ok_or_else(null)? == excluding {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn pos(&self, span: Option<SourceSpan>) -> Pos {
        pos(span, &self.document.sources).unwrap_or_default()
    }
}

fn type_key(at: Pos) -> Positioned<types::Selection> {
    let field = types::Field {
        alias: Some(Positioned::new(Name::new(TYPE_KEY), at)),
        name: Positioned::new(Name::new("__typename"), at),
        arguments: Vec::new(),
        directives: Vec::new(),
        selection_set: Positioned::default(),
    };
    Positioned::new(types::Selection::Field(Positioned::new(field, at)), at)
}

fn type_of(ty: &ast::Type) -> Type {
    let base = match ty {
        ast::Type::Named(name) | ast::Type::NonNullNamed(name) => BaseType::Named(Name::new(name)),
        ast::Type::List(item) | ast::Type::NonNullList(item) => BaseType::List(Box::new(type_of(item))),
    };
    Type { base, nullable: !ty.is_non_null() }
}

#[cfg(test)]
mod tests;
