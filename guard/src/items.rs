//! The maximum number of items of a field, by its arguments.

use apollo_compiler::{Name, ast::Value, executable::Field};
use async_graphql_value::{ConstValue, Variables};

use crate::{limits::Limits, schema};

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
    pub(crate) fn new(field: &Field, parent: &str) -> Self {
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

    pub(crate) fn number(&self, variables: &Variables, limits: &Limits) -> u64 {
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

/// The typical length of a list of the introspection: the mean over a schema of about eighty types.
fn introspected(name: &str) -> u64 {
    match name {
        "types" => 80,
        "fields" => 4,
        "directives" => 5,
        _ => 1,
    }
}
