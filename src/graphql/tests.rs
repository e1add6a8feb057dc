mod capabilities;
mod descriptions;
mod errors;
mod support;
mod weights;

use super::sdl;

#[test]
fn schema_matches_the_committed_file() {
    let committed = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/schema.graphql"));
    assert!(sdl() == committed, "schema.graphql is outdated; run: cargo run -- schema > schema.graphql");
}
