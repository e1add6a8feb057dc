//! The maximum cost of an operation with its variables. Every field costs 1, multiplied by the maximum number of items
//! of each list around it. A mutation has an additional weight for its writes.

use apollo_compiler::Name;
use apollo_compiler::ast::Value;
use apollo_compiler::executable::Field;
use async_graphql_value::ConstValue;
use async_graphql_value::Variables;

use crate::Limits;
use crate::response_shape::Fields;
use crate::response_shape::Object;
use crate::schema;

/// The prefix of introspection types and fields.
const INTROSPECTION: &str = "__";

/// The maximum number of items of a field.
#[derive(Debug)]
pub(crate) enum Items {
    /// One item, or a list of scalars.
    One,
    /// A list of the introspection, with this typical length.
    Introspected(u64),
    /// A page of a list.
    Page { first: Amount, last: Amount },
    /// One item for each item of an argument.
    Each(Amount),
}

/// A number from an argument.
#[derive(Debug)]
pub(crate) enum Amount {
    Missing,
    Known(u64),
    Given(String),
}

impl Items {
    /// The maximum number of items that `field` of `parent` returns.
    pub(crate) fn of(field: &Field, parent: &str) -> Self {
        let argument = |name: &str| field.arguments.iter().find(|argument| argument.name == name);
        if parent.starts_with(INTROSPECTION) || field.name.starts_with(INTROSPECTION) {
            return Self::Introspected(introspected(&field.name));
        }
        let page = |name| argument(name).map_or(Amount::Missing, |argument| Amount::page(&argument.value));
        if schema::is_paged(&field.definition) {
            return Self::Page { first: page("first"), last: page("last") };
        }
        let list = schema::for_each(&field.definition).map(Name::as_str).and_then(argument);
        list.map_or(Self::One, |list| Self::Each(Amount::length(&list.value)))
    }

    fn number(&self, variables: &Variables, limits: &Limits) -> u64 {
        match self {
            Self::One => 1,
            Self::Introspected(length) => *length,
            Self::Page { first, last } => {
                let (first, last) = (first.in_page(variables), last.in_page(variables));
                let default = u64::from(limits.default_page);
                first.max(last).unwrap_or(default).clamp(1, u64::from(limits.longest_page))
            }
            Self::Each(items) => items.in_list(variables).max(1),
        }
    }
}

impl Amount {
    fn page(value: &Value) -> Self {
        match value {
            Value::Variable(name) => Self::Given(name.to_string()),
            Value::Int(number) => Self::Known(number.as_str().parse().unwrap_or(1)),
            _ => Self::Missing,
        }
    }

    fn length(value: &Value) -> Self {
        match value {
            Value::Variable(name) => Self::Given(name.to_string()),
            Value::List(items) => Self::Known(length(items.len())),
            _ => Self::Known(1),
        }
    }

    fn in_page(&self, variables: &Variables) -> Option<u64> {
        match self {
            Self::Missing => None,
            Self::Known(number) => Some(*number),
            Self::Given(name) => match variables.get(name.as_str())? {
                ConstValue::Number(number) => Some(number.as_u64().unwrap_or(1)),
                _ => None,
            },
        }
    }

    fn in_list(&self, variables: &Variables) -> u64 {
        match self {
            Self::Missing => 1,
            Self::Known(number) => *number,
            Self::Given(name) => match variables.get(name.as_str()) {
                Some(ConstValue::List(items)) => length(items.len()),
                _ => 1,
            },
        }
    }
}

fn length(items: usize) -> u64 {
    u64::try_from(items).unwrap_or(u64::MAX)
}

/// The maximum cost of an object with these fields.
pub(crate) fn of(fields: &Fields, variables: &Variables, limits: &Limits) -> u64 {
    fields.0.iter().fold(0, |cost: u64, field| {
        let below = field.object.as_ref().map_or(0, |object| match object {
            Object::One(fields) => of(fields, variables, limits),
            // An object has exactly one of the types.
            Object::ByType(types) => types.iter().map(|(_, fields)| of(fields, variables, limits)).max().unwrap_or(0),
        });
        let items = field.items.number(variables, limits);
        let of_field = match field.items {
            Items::Page { .. } | Items::Each(_) if items > 1 => items.saturating_mul(below.saturating_add(1)),
            _ => items.saturating_mul(below),
        };
        cost.saturating_add(of_field.saturating_add(1).saturating_add(field.weight))
    })
}

/// The typical length of a list of the introspection: the mean over a schema of about eighty types.
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
    use crate::Rejection;
    use crate::tests::guard;

    use super::*;

    fn cost(text: &str, variables: &[(&str, i32)]) -> u64 {
        let variables = variables.iter().map(|(name, value)| (async_graphql_value::Name::new(name), (*value).into()));
        let mut variables = Variables::from_value(ConstValue::Object(variables.collect()));
        guard().compile(text, None, &mut variables).expect("compiled").cost
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
    fn what_is_executed_once_costs_once_and_what_is_skipped_nothing() {
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
