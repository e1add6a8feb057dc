//! Variables that the caller left out. An argument, or a field of an input object, whose value is such a variable counts
//! as left out, too.

use std::collections::HashSet;

use async_graphql_parser::Positioned;
use async_graphql_parser::types::Directive;
use async_graphql_parser::types::DocumentOperations;
use async_graphql_parser::types::ExecutableDocument;
use async_graphql_parser::types::OperationDefinition;
use async_graphql_parser::types::Selection;
use async_graphql_parser::types::SelectionSet;
use async_graphql_value::Name;
use async_graphql_value::Value;
use async_graphql_value::Variables;

use crate::Refusal;

/// The variables that `operation` declares, nullable and without a default, and the caller left out.
pub(crate) fn variables(operation: &OperationDefinition, given: &Variables) -> Result<HashSet<Name>, Refusal> {
    let mut omitted = HashSet::new();
    for definition in &operation.variable_definitions {
        let (name, var_type) = (&definition.node.name, &definition.node.var_type.node);
        if given.contains_key(&name.node) || definition.node.default_value.is_some() {
            continue;
        }
        if !var_type.nullable {
            let message = format!("Variable \"${}\" of required type \"{var_type}\" was not provided.", name.node);
            return Err(Refusal::invalid(message, Some(definition.pos)));
        }
        omitted.insert(name.node.clone());
    }
    Ok(omitted)
}

/// The document without these variables. One that is used nowhere stays declared: the engine refuses that.
pub(crate) fn without(document: &ExecutableDocument, omitted: &HashSet<Name>) -> ExecutableDocument {
    let mut document = document.clone();
    let mut forgetting = Forgetting { omitted, used: HashSet::new() };
    let mut operations: Vec<_> = match &mut document.operations {
        DocumentOperations::Single(operation) => vec![operation],
        DocumentOperations::Multiple(operations) => operations.values_mut().collect(),
    };
    for operation in &mut operations {
        forgetting.directives(&mut operation.node.directives);
        forgetting.selection_set(&mut operation.node.selection_set.node);
    }
    for fragment in document.fragments.values_mut() {
        forgetting.directives(&mut fragment.node.directives);
        forgetting.selection_set(&mut fragment.node.selection_set.node);
    }
    let used = forgetting.used;
    for operation in operations {
        operation.node.variable_definitions.retain(|definition| !used.contains(&definition.node.name.node));
    }
    document
}

/// Takes omitted variables out.
struct Forgetting<'a> {
    omitted: &'a HashSet<Name>,
    /// Those that were taken out of somewhere.
    used: HashSet<Name>,
}

impl Forgetting<'_> {
    fn selection_set(&mut self, selection_set: &mut SelectionSet) {
        for item in &mut selection_set.items {
            self.directives(item.node.directives_mut());
            match &mut item.node {
                Selection::Field(field) => {
                    self.arguments(&mut field.node.arguments);
                    self.selection_set(&mut field.node.selection_set.node);
                }
                Selection::InlineFragment(fragment) => self.selection_set(&mut fragment.node.selection_set.node),
                Selection::FragmentSpread(_) => {}
            }
        }
    }

    fn directives(&mut self, directives: &mut [Positioned<Directive>]) {
        for directive in directives {
            self.arguments(&mut directive.node.arguments);
        }
    }

    fn arguments(&mut self, arguments: &mut Vec<(Positioned<Name>, Positioned<Value>)>) {
        arguments.retain(|(_, value)| !self.is_omitted(&value.node));
        for (_, value) in arguments {
            self.value(&mut value.node);
        }
    }

    fn value(&mut self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|_, value| !self.is_omitted(value));
                fields.values_mut().for_each(|value| self.value(value));
            }
            // A list keeps its length: an omitted item is null.
            Value::List(items) => items.iter_mut().for_each(|item| {
                if self.is_omitted(item) {
                    *item = Value::Null;
                }
                self.value(item);
            }),
            Value::Variable(_)
            | Value::Null
            | Value::Number(_)
            | Value::String(_)
            | Value::Boolean(_)
            | Value::Binary(_)
            | Value::Enum(_) => {}
        }
    }

    fn is_omitted(&mut self, value: &Value) -> bool {
        let Value::Variable(name) = value else { return false };
        let omitted = self.omitted.contains(name);
        if omitted {
            self.used.insert(name.clone());
        }
        omitted
    }
}

#[cfg(test)]
mod tests {
    use crate::chosen;
    use crate::tests::guard;

    use super::*;

    fn given(variables: &[(&str, Option<i32>)]) -> Variables {
        let variables = variables.iter().map(|(name, value)| (Name::new(name), (*value).into()));
        Variables::from_value(async_graphql_value::ConstValue::Object(variables.collect()))
    }

    #[test]
    fn a_required_variable_is_required() {
        let text = "query ($a: ID!) { b(c: $a) }";
        let refused = guard().read(text, None, &given(&[])).expect_err("refused").to_string();
        assert!(refused.contains("\"$a\" of required type \"ID!\""), "{refused}");
        assert!(guard().read(text, None, &given(&[("a", Some(1))])).is_ok());
        assert!(guard().read("query ($a: ID! = 1) { b(c: $a) }", None, &given(&[])).is_ok());
    }

    #[test]
    fn an_omitted_variable_takes_its_arguments_along() {
        let text =
            "query ($a: Int, $b: Int, $c: Int = 1, $unused: Int) { x(a: $a, b: $b, c: $c, o: {a: $a, b: $b}, l: [$a, $b]) { ...F } }
             fragment F on X { y(a: $a) @include(if: $b) }";
        let document = guard().read(text, None, &given(&[("b", None)])).expect("read").ready;
        let operation = chosen(&document, None).expect("an operation");
        let declared = operation.node.variable_definitions.iter().map(|definition| definition.node.name.node.as_str());
        assert_eq!(declared.collect::<Vec<_>>(), ["b", "c", "unused"]);
        let Selection::Field(field) = &operation.node.selection_set.node.items[0].node else { panic!("a field") };
        let arguments: Vec<_> =
            field.node.arguments.iter().map(|(name, value)| format!("{}: {}", name.node, value.node)).collect();
        assert_eq!(arguments, ["b: $b", "c: $c", "o: {b: $b}", "l: [null, $b]"]);
        let fragment = document.fragments.values().next().expect("a fragment");
        let Selection::Field(field) = &fragment.node.selection_set.node.items[0].node else { panic!("a field") };
        assert!(field.node.arguments.is_empty());
    }
}
