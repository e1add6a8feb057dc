//! Comparison and search of arguments.

use apollo_compiler::{
    ExecutableDocument, Name, Node,
    ast::{Argument, Value},
    executable::{Selection, SelectionSet},
    parser::SourceSpan,
};

/// Returns whether two fields have the same arguments. The order of arguments and of input fields does not matter.
pub(crate) fn are_same(left: &[Node<Argument>], right: &[Node<Argument>]) -> bool {
    let has = |argument: &Node<Argument>| {
        right.iter().any(|other| other.name == argument.name && same_value(&other.value, &argument.value))
    };
    left.len() == right.len() && left.iter().all(has)
}

fn same_value(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::List(left), Value::List(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same_value(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            let has = |(name, value): &(Name, Node<Value>)| {
                right.iter().any(|(other, other_value)| other == name && same_value(other_value, value))
            };
            left.len() == right.len() && left.iter().all(has)
        }
        _ => left == right,
    }
}

/// The innermost argument or input field around a position in the document.
pub(crate) fn around(document: &ExecutableDocument, span: SourceSpan) -> Option<&str> {
    find(document, &|argument| {
        let is_around = contains(argument.location(), span);
        is_around.then(|| around_in_value(&argument.value, span).unwrap_or(&argument.name))
    })
}

/// The first argument or input field that a variable is given for.
pub(crate) fn with_variable<'a>(document: &'a ExecutableDocument, variable: &str) -> Option<&'a str> {
    find(document, &|argument| variable_in_value(&argument.value, &argument.name, variable))
}

/// The first result of `look` on the arguments of fields and directives.
fn find<'a>(
    document: &'a ExecutableDocument,
    look: &impl Fn(&'a Node<Argument>) -> Option<&'a str>,
) -> Option<&'a str> {
    let operations = document.operations.iter().map(|operation| &operation.selection_set);
    let fragments = document.fragments.values().map(|fragment| &fragment.selection_set);
    operations.chain(fragments).find_map(|set| find_in_selections(set, look))
}

fn find_in_selections<'a>(
    set: &'a SelectionSet,
    look: &impl Fn(&'a Node<Argument>) -> Option<&'a str>,
) -> Option<&'a str> {
    set.selections.iter().find_map(|selection| {
        let (arguments, below) = match selection {
            Selection::Field(field) => (&field.arguments[..], Some(&field.selection_set)),
            Selection::InlineFragment(fragment) => (&[][..], Some(&fragment.selection_set)),
            Selection::FragmentSpread(_) => (&[][..], None),
        };
        let of_directives = selection.directives().iter().flat_map(|directive| &directive.arguments);
        let found = arguments.iter().chain(of_directives).find_map(look);
        found.or_else(|| find_in_selections(below?, look))
    })
}

fn around_in_value(value: &Value, span: SourceSpan) -> Option<&str> {
    match value {
        Value::List(items) => {
            let item = items.iter().find(|item| contains(item.location(), span))?;
            around_in_value(item, span)
        }
        Value::Object(fields) => {
            let (name, value) = fields.iter().find(|(_, value)| contains(value.location(), span))?;
            Some(around_in_value(value, span).unwrap_or(name))
        }
        _ => None,
    }
}

fn variable_in_value<'a>(value: &'a Value, name: &'a str, variable: &str) -> Option<&'a str> {
    match value {
        Value::Variable(used) => (used == variable).then_some(name),
        Value::List(items) => items.iter().find_map(|item| variable_in_value(item, name, variable)),
        Value::Object(fields) => fields.iter().find_map(|(name, value)| variable_in_value(value, name, variable)),
        _ => None,
    }
}

fn contains(outer: Option<SourceSpan>, inner: SourceSpan) -> bool {
    outer.is_some_and(|outer| {
        outer.file_id() == inner.file_id()
            && outer.offset() <= inner.offset()
            && inner.end_offset() <= outer.end_offset()
    })
}
