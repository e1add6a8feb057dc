//! The maximum cost of an operation with its variables. Every field costs 1, multiplied by the maximum number of items
//! of each list around it. A mutation has an additional weight for its writes.

use async_graphql_value::Variables;

use crate::{
    items::Items,
    limits::Limits,
    response_shape::{Fields, Object},
};

/// The maximum cost of an object with these fields.
pub(crate) fn compute(fields: &Fields, variables: &Variables, limits: &Limits) -> u64 {
    fields.0.iter().fold(0, |cost: u64, field| {
        let below = field.object.as_ref().map_or(0, |object| match object {
            Object::One(fields) => compute(fields, variables, limits),
            // An object has exactly one of the types.
            Object::ByType(types) => {
                types.iter().map(|(_, fields)| compute(fields, variables, limits)).max().unwrap_or(0)
            }
        });
        let items = field.items.number(variables, limits);
        let of_field = match field.items {
            Items::Page { .. } | Items::Each(_) if items > 1 => items.saturating_mul(below.saturating_add(1)),
            _ => items.saturating_mul(below),
        };
        cost.saturating_add(of_field.saturating_add(1).saturating_add(field.weight))
    })
}

#[cfg(test)]
mod tests {
    use async_graphql_value::ConstValue;

    use super::*;
    use crate::{problem::Rejection, schema, tests::guard};

    fn cost(text: &str, variables: &[(&str, i32)]) -> u64 {
        let variables = variables.iter().map(|(name, value)| (async_graphql_value::Name::new(name), (*value).into()));
        let mut variables = Variables::from_value(ConstValue::Object(variables.collect()));
        guard().compile(text, None, &mut variables).expect("compiled").cost
    }

    #[test]
    fn fields_below_a_list_count_per_item() {
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
    fn merged_fields_cost_once_and_skipped_ones_nothing() {
        assert_eq!(cost("{ one { id } ...F } fragment F on Query { one { id } }", &[]), 2);
        assert_eq!(cost("{ one { id } list @skip(if: true) { nodes { id } } }", &[]), 2);
        let of_either = "{ any { ... on Item { id } ... on Other { a: id b: id c: id } } }";
        assert_eq!(cost(of_either, &[]), 4, "an object is of one type");
    }

    #[test]
    fn a_mutation_costs_its_weight_as_often_as_it_is_executed() {
        let sdl = "type Query { a: Int } type Mutation { write(n: Int): Query remove: Int }";
        let weights = schema::Weights { named: &[("remove", 500)], other: 100 };
        let schema = schema::Schema::parse(sdl, &[]).expect("a schema").with_weights(weights);
        let guard = crate::Guard::new(std::sync::Arc::new(schema), Limits::DEFAULT);
        let cost = |text: &str| guard.compile(text, None, &mut Variables::default()).expect("compiled").cost;
        assert_eq!(cost("mutation { write { a } }"), 102);
        assert_eq!(cost("mutation { x: write { a } y: write { a } remove }"), 2 * 102 + 501);
        assert_eq!(cost("mutation { write { a } ...F } fragment F on Mutation { write { a } }"), 102, "it is one");
        assert_eq!(cost("{ a }"), 1);
    }

    #[test]
    fn the_introspection_in_circles_costs_too_much() {
        let circle = "fields { type { ".repeat(6);
        let text = format!("{{ __schema {{ types {{ {circle} name {} }} }} }}", "} }".repeat(6));
        let refused = guard().compile(&text, None, &mut Variables::default()).expect_err("refused");
        assert!(matches!(refused, Rejection::Limit(_)), "{refused}");
        assert_eq!(cost("{ __type(name: \"A\") { ...T } } fragment T on __Type { fields { name } }", &[]), 6);
    }
}
