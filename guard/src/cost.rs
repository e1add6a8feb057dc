//! What an operation may cost with its variables: every field is 1, and what stands below a list counts as often as the
//! list may have items. On the way many unknown fields are found, for each of which the engine would look for a name
//! that is like it.

use std::collections::HashMap;

use async_graphql_parser::types;
use async_graphql_parser::types::ExecutableDocument;
use async_graphql_parser::types::OperationDefinition;
use async_graphql_parser::types::Selection;
use async_graphql_parser::types::SelectionSet;
use async_graphql_value::ConstValue;
use async_graphql_value::Value;
use async_graphql_value::Variables;

use crate::Limits;
use crate::Refusal;
use crate::Schema;
use crate::root;
use crate::schema::Field;

/// Stands for every type of the introspection, whose fields the schema's definition does not list.
const INTROSPECTION: &str = "__";

/// So many unknown fields are told of one by one; a document with more is not written for this schema.
const MOST_UNKNOWN: u32 = 20;

/// What an operation may cost. Its document was counted, so that it has an end.
///
/// # Errors
/// [`Refusal::Invalid`] when many of its fields are unknown.
pub(crate) fn of(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    variables: &Variables,
    schema: &Schema,
    limits: &Limits,
) -> Result<u64, Refusal> {
    let mut scales = Scales { document, operation, variables, schema, limits, weighed: HashMap::new(), unknown: 0 };
    let cost = scales.selection_set(&operation.selection_set.node, root(operation.ty));
    if scales.unknown > MOST_UNKNOWN {
        let message = format!("{} fields of this are unknown: is it for another schema?", scales.unknown);
        return Err(Refusal::invalid(message, None));
    }
    Ok(cost)
}

struct Scales<'a> {
    document: &'a ExecutableDocument,
    operation: &'a OperationDefinition,
    variables: &'a Variables,
    schema: &'a Schema,
    limits: &'a Limits,
    weighed: HashMap<&'a str, u64>,
    unknown: u32,
}

impl<'a> Scales<'a> {
    fn selection_set(&mut self, set: &'a SelectionSet, parent: &'a str) -> u64 {
        set.items.iter().fold(0, |cost, selection| {
            cost.saturating_add(match &selection.node {
                Selection::Field(field) => self.field(&field.node, parent),
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    let parent = condition.map_or(parent, |condition| known(condition.node.on.node.as_str()));
                    self.selection_set(&fragment.node.selection_set.node, parent)
                }
                Selection::FragmentSpread(spread) => self.fragment(spread.node.fragment_name.node.as_str()),
            })
        })
    }

    fn fragment(&mut self, name: &'a str) -> u64 {
        if let Some(cost) = self.weighed.get(name) {
            return *cost;
        }
        let Some(fragment) = self.document.fragments.get(name) else { return 0 };
        let parent = known(fragment.node.type_condition.node.on.node.as_str());
        let cost = self.selection_set(&fragment.node.selection_set.node, parent);
        self.weighed.insert(name, cost);
        cost
    }

    fn field(&mut self, field: &'a types::Field, parent: &'a str) -> u64 {
        let name = field.name.node.as_str();
        let below = &field.selection_set.node;
        if parent == INTROSPECTION || name.starts_with(INTROSPECTION) {
            return 1 + introspected(name).saturating_mul(self.selection_set(below, INTROSPECTION));
        }
        let Some(known) = self.schema.field(parent, name) else {
            self.unknown += 1;
            return 1;
        };
        let items = self.items(field, known);
        let each = self.selection_set(below, known.type_name());
        // A page is read also when nothing of it is shown.
        if items == 1 { each.saturating_add(1) } else { items.saturating_mul(each.saturating_add(1)).saturating_add(1) }
    }

    /// How many items a field may answer.
    fn items(&self, field: &types::Field, known: &Field) -> u64 {
        let argument = |name: &str| field.get_argument(name).map(|value| &value.node);
        if known.paged {
            let page = |name| self.page(argument(name)?);
            let longest = u64::from(self.limits.longest_page);
            return page("first").max(page("last")).unwrap_or(u64::from(self.limits.default_page)).clamp(1, longest);
        }
        let items = known.for_each.as_deref().and_then(argument).map_or(1, |list| self.length(list));
        items.max(1)
    }

    /// The page that an argument asks for; none when it is null or left out. What is no number is refused later.
    fn page(&self, argument: &Value) -> Option<u64> {
        let number = |number: &async_graphql_value::Number| number.as_u64().unwrap_or(1);
        match argument {
            Value::Number(page) => Some(number(page)),
            Value::Variable(name) => match self.variable(name)? {
                ConstValue::Number(page) => Some(number(page)),
                _ => None,
            },
            _ => None,
        }
    }

    fn length(&self, argument: &Value) -> u64 {
        let length = match argument {
            Value::List(items) => items.len(),
            Value::Variable(name) => match self.variable(name) {
                Some(ConstValue::List(items)) => items.len(),
                _ => 1,
            },
            _ => 1,
        };
        u64::try_from(length).unwrap_or(u64::MAX)
    }

    /// What was given for a variable, or its default.
    fn variable(&self, name: &str) -> Option<&ConstValue> {
        self.variables.get(name).or_else(|| {
            let definitions = &self.operation.variable_definitions;
            let definition = definitions.iter().find(|definition| definition.node.name.node == name)?;
            definition.node.default_value.as_ref().map(|value| &value.node)
        })
    }
}

fn known(condition: &str) -> &str {
    if condition.starts_with(INTROSPECTION) { INTROSPECTION } else { condition }
}

/// How many items a list of the introspection has, as a mean over a schema of some eighty types.
fn introspected(name: &str) -> u64 {
    match name {
        "types" => 80,
        "fields" => 4,
        "directives" => 5,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use async_graphql_parser::parse_query;

    use super::*;
    use crate::chosen;
    use crate::tests::LIMITS;
    use crate::tests::guard;

    fn cost(text: &str, variables: &[(&str, i32)]) -> u64 {
        weighed(text, variables).expect("known fields")
    }

    fn weighed(text: &str, variables: &[(&str, i32)]) -> Result<u64, Refusal> {
        let variables = variables.iter().map(|(name, value)| (async_graphql_value::Name::new(name), (*value).into()));
        let variables = Variables::from_value(ConstValue::Object(variables.collect()));
        let document = parse_query(text).expect("a document");
        let operation = chosen(&document, None).expect("an operation");
        of(&document, &operation.node, &variables, &guard().schema, &LIMITS)
    }

    #[test]
    fn what_stands_below_a_list_counts_for_each_item() {
        assert_eq!(cost("{ one { id } }", &[]), 2);
        assert_eq!(cost("{ list(first: 10) { nodes { id } } }", &[]), 31);
        assert_eq!(cost("{ list(last: 10) { nodes { id } } }", &[]), 31);
        assert_eq!(cost("{ list { __typename } }", &[]), 101, "a page that is not named has fifty");
        assert_eq!(cost("{ list(first: 9000) { __typename } }", &[]), 401, "no page has more than two hundred");
        assert_eq!(
            cost("{ list(first: 10) { nodes { list(first: 10) { __typename } } } }", &[]),
            1 + 10 * (1 + 1 + 21)
        );
        assert_eq!(cost("{ each(ids: [1, 2, 3]) { id } }", &[]), 7);
    }

    #[test]
    fn variables_and_fragments_are_followed() {
        let text = "query ($n: Int = 5) { list(first: $n) { ...F } } fragment F on List { nodes { id } }";
        assert_eq!(cost(text, &[]), 16);
        assert_eq!(cost(text, &[("n", 10)]), 31);
        assert_eq!(cost("{ ... on Query { list(first: 10) { ... { nodes { id } } } } }", &[]), 31);
    }

    #[test]
    fn the_introspection_in_circles_costs_too_much() {
        let circle = "fields { type { ".repeat(6);
        let text = format!("{{ __schema {{ types {{ {circle} name {} }} }} }}", "} }".repeat(6));
        assert!(cost(&text, &[]) > 300_000);
        assert_eq!(cost("{ __type(name: \"A\") { ...T } } fragment T on __Type { fields { name } }", &[]), 6);
    }

    #[test]
    fn a_document_for_another_schema_is_refused_at_once() {
        let unknown = |times: usize| (0..times).map(|at| format!("field_{at}")).collect::<Vec<_>>().join(" ");
        assert_eq!(weighed(&format!("{{ {} }}", unknown(20)), &[]), Ok(20));
        assert!(matches!(weighed(&format!("{{ {} }}", unknown(21)), &[]), Err(Refusal::Invalid { .. })));
        let in_fragment = format!("{{ one {{ ...F ...F }} }} fragment F on Item {{ {} }}", unknown(20));
        assert!(weighed(&in_fragment, &[]).is_ok(), "each is counted once");
    }
}
