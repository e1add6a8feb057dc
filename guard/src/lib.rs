#![doc = include_str!("../README.md")]
//!
//! # Modules
//!
//! `guard` runs the steps in this order. `lexer` counts tokens with the parser's lexer, and `expansion` counts the fields
//! of expanded fragments. The validator of `apollo-compiler` then sees only bounded documents. `rules` adds checks that
//! the validator lacks. `variables` coerces the given values, and `compile` creates the operation. `response_shape`
//! describes its responses, and `cost` weighs its lists, whose lengths are in `items`.
//!
//! `document_cache` caches documents and operations, `schema` holds the schema, and `json_size` counts the values
//! around the document. `problem` words the errors, and `arguments` finds the argument that an error is about.

mod arguments;
mod compile;
mod cost;
mod document_cache;
mod expansion;
mod guard;
mod items;
mod json_size;
mod lexer;
mod limits;
mod literal;
mod problem;
mod response_shape;
mod rules;
mod schema;
mod variables;

pub use async_graphql_parser;
pub use async_graphql_value;
pub use document_cache::{Digest, DocumentCache};
pub use guard::{Guard, Operation, Shape};
pub use json_size::count_json_values;
pub use limits::Limits;
pub use problem::{Problem, Rejection};
pub use response_shape::{Field, Fields, Object, TYPE_KEY};
pub use schema::{ScalarCheck, Schema, Weights};

#[cfg(test)]
mod tests;
