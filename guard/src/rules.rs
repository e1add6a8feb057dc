//! Validation rules of the specification that the validator does not check: variables inside lists and input objects,
//! duplicate input fields, and literals of custom scalars. Also checks the single root field of a subscription, which
//! may be selected several times with the same response key.

use std::collections::HashSet;

use apollo_compiler::{
    ExecutableDocument, Node,
    ast::{Argument, InputValueDefinition, Type, Value, VariableDefinition},
    executable::{DirectiveList, Operation, Selection, SelectionSet},
    parser::SourceSpan,
    schema::ExtendedType,
};

use crate::{
    literal,
    problem::{MAX_PROBLEMS, Problem, Rejection, pos},
    schema::Schema,
};

/// Rejects a document that violates one of these rules. It must have passed the validator.
pub(crate) fn check(document: &ExecutableDocument, schema: &Schema) -> Result<(), Rejection> {
    let mut problems = Vec::new();
    for operation in document.operations.iter() {
        let mut checker = Checker { document, schema, operation, spread: HashSet::new(), problems: Vec::new() };
        checker.operation();
        for problem in checker.problems {
            if problems.len() < MAX_PROBLEMS && !problems.contains(&problem) {
                problems.push(problem);
            }
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Rejection::Invalid(problems)) }
}

struct Checker<'a> {
    document: &'a ExecutableDocument,
    schema: &'a Schema,
    operation: &'a Operation,
    /// The visited fragments.
    spread: HashSet<&'a str>,
    problems: Vec<Problem>,
}

impl<'a> Checker<'a> {
    fn operation(&mut self) {
        if self.operation.is_subscription() {
            self.one_root_field();
        }
        for variable in &self.operation.variables {
            if let Some(default) = &variable.default_value {
                self.value(default, &variable.ty, true, None);
            }
            self.directives(&variable.directives);
        }
        self.directives(&self.operation.directives);
        self.selections(&self.operation.selection_set);
    }

    fn one_root_field(&mut self) {
        let mut fields = self.operation.root_fields(self.document);
        let Some(first) = fields.next() else { return };
        if let Some(other) = fields.find(|field| field.response_key() != first.response_key()) {
            let message = "A subscription must select only one top level field.";
            self.report(message.to_owned(), other.location(), None);
        }
    }

    fn selections(&mut self, set: &'a SelectionSet) {
        for selection in &set.selections {
            self.directives(selection.directives());
            match selection {
                Selection::Field(field) => {
                    for argument in &field.arguments {
                        self.argument(argument, field.definition.argument_by_name(&argument.name));
                    }
                    self.selections(&field.selection_set);
                }
                Selection::InlineFragment(fragment) => self.selections(&fragment.selection_set),
                Selection::FragmentSpread(spread) => {
                    let fragment = self.document.fragments.get(&spread.fragment_name);
                    if let Some(fragment) = fragment.filter(|fragment| self.spread.insert(&fragment.name)) {
                        self.directives(&fragment.directives);
                        self.selections(&fragment.selection_set);
                    }
                }
            }
        }
    }

    fn directives(&mut self, directives: &DirectiveList) {
        for directive in directives {
            let Some(definition) = self.schema.definitions.directive_definitions.get(&directive.name) else { continue };
            for argument in &directive.arguments {
                self.argument(argument, definition.argument_by_name(&argument.name));
            }
        }
    }

    fn argument(&mut self, argument: &Node<Argument>, definition: Option<&Node<InputValueDefinition>>) {
        if let Some(definition) = definition {
            let has_default = definition.default_value.is_some();
            self.value(&argument.value, &definition.ty, has_default, Some(&argument.name));
        }
    }

    /// Checks a value in a position of type `ty`, inside the argument or input field `field`.
    fn value(&mut self, value: &Node<Value>, ty: &Type, has_default: bool, field: Option<&str>) {
        match &**value {
            Value::Variable(name) => {
                let definition = self.operation.variables.iter().find(|definition| definition.name == *name);
                let Some(definition) = definition.filter(|given| !is_allowed(given, ty, has_default)) else { return };
                let given = &definition.ty;
                let message =
                    format!("Variable \"${name}\" of type \"{given}\" used in position expecting type \"{ty}\".");
                self.report(message, value.location(), field);
            }
            Value::List(items) if ty.is_list() => {
                for item in items {
                    self.value(item, ty.item_type(), false, field);
                }
            }
            value_of_item if ty.is_list() => {
                if !matches!(value_of_item, Value::Null) {
                    self.value(value, ty.item_type(), false, field);
                }
            }
            _ => self.named(value, ty, field),
        }
    }

    fn named(&mut self, value: &Node<Value>, ty: &Type, field: Option<&str>) {
        let schema = self.schema;
        let name = ty.inner_named_type();
        match (schema.definitions.types.get(name), &**value) {
            (Some(ExtendedType::InputObject(object)), Value::Object(fields)) => {
                for (at, (given, value)) in fields.iter().enumerate() {
                    if fields[..at].iter().any(|(other, _)| other == given) {
                        let message = format!("There can be only one input field named \"{given}\".");
                        self.report(message, given.location(), Some(given));
                    }
                    if let Some(definition) = object.fields.get(given) {
                        self.value(value, &definition.ty, definition.default_value.is_some(), Some(given));
                    }
                }
            }
            (Some(ExtendedType::Scalar(scalar)), literal) if !scalar.is_built_in() && !literal.is_null() => {
                let taken = literal::constant(literal).is_some_and(|value| schema.takes(name, &value));
                if !taken {
                    self.report(
                        format!("Expected value of type \"{name}\", found {literal}."),
                        value.location(),
                        field,
                    );
                }
            }
            _ => {}
        }
    }

    fn report(&mut self, message: String, at: Option<SourceSpan>, field: Option<&str>) {
        self.problems.push(Problem::new(message).at(pos(at, &self.document.sources)).field(field));
    }
}

/// The specification's `IsVariableUsageAllowed`.
fn is_allowed(given: &VariableDefinition, place: &Type, place_has_default: bool) -> bool {
    if place.is_non_null() && !given.ty.is_non_null() {
        let has_default = given.default_value.as_ref().is_some_and(|default| !default.is_null());
        return (has_default || place_has_default) && given.ty.is_assignable_to(&place.clone().nullable());
    }
    given.ty.is_assignable_to(place)
}

#[cfg(test)]
mod tests {
    use async_graphql_value::Variables;

    use crate::{problem::Rejection, tests::guard};

    /// The field of the first problem; `None` for a document without a problem.
    fn field_of(text: &str) -> Option<String> {
        match guard().document(text) {
            Ok(_) => None,
            Err(Rejection::Invalid(problems)) => {
                assert!(problems[0].at.is_some(), "{problems:?}");
                Some(problems[0].field.clone().unwrap_or_default())
            }
            Err(limit) => panic!("{limit}"),
        }
    }

    #[test]
    fn variables_inside_lists_and_objects_are_type_checked() {
        for (text, field) in [
            ("query($i: ID) { each(ids: [$i]) { id } }", Some("ids")),
            ("query($i: ID!) { each(ids: [$i]) { id } }", None),
            ("query($i: ID = \"a\") { each(ids: [$i]) { id } }", None),
            ("query($i: ID = null) { each(ids: [$i]) { id } }", Some("ids")),
            ("query($i: ID!) { each(ids: $i) { id } }", Some("ids")),
            ("query($n: String) { find(by: {address: $n}) { id } }", Some("address")),
            ("query($a: Address) { find(by: {address: $a}) { id } }", Some("address")),
            ("query($a: Address!) { find(by: {address: $a}) { id } }", None),
            ("query($b: Boolean) { find(by: {address: \"a@b\", maybe: $b}) { id } }", None),
            ("query($b: Boolean = null) { one @include(if: $b) { id } }", Some("if")),
        ] {
            assert_eq!(field_of(text).as_deref(), field, "{text}");
        }
    }

    #[test]
    fn an_input_field_is_given_once() {
        assert_eq!(
            field_of("{ find(by: {address: \"a@b\", maybe: true, maybe: true}) { id } }").as_deref(),
            Some("maybe")
        );
        let default = "query($b: By = {address: \"a@b\", maybe: true, maybe: false}) { find(by: $b) { id } }";
        assert_eq!(field_of(default).as_deref(), Some("maybe"));
    }

    #[test]
    fn literals_of_own_scalars_are_checked() {
        for (literal, valid) in [("\"a@b\"", true), ("\"ab\"", false), ("1", false), ("A", false), ("[\"a@b\"]", false)]
        {
            let text = format!("{{ find(by: {{address: {literal}}}) {{ id }} }}");
            assert_eq!(field_of(&text).as_deref(), (!valid).then_some("address"), "{text}");
        }
        assert!(guard().compile("{ find(by: {address: \"a@b\"}) { id } }", None, &mut Variables::default()).is_ok());
    }

    #[test]
    fn a_subscription_has_one_response_key() {
        for (text, valid) in [
            ("subscription { changes { id } changes { list { nodes { id } } } }", true),
            (
                "subscription { ...F changes { id } } fragment F on Subscription { ... { changes { __typename } } }",
                true,
            ),
            ("subscription { changes { id } other: changes { id } }", false),
            ("subscription { changes { id } ...F } fragment F on Subscription { other: changes { id } }", false),
            ("subscription { __typename }", false),
            ("subscription { changes @include(if: true) { id } }", false),
        ] {
            assert_eq!(field_of(text).is_none(), valid, "{text}");
        }
    }
}
