//! `docs/schema-changes.md` names only existing parts of the schema, and all deprecated ones.

use std::{collections::BTreeSet, fs, path::Path};

use async_graphql::parser::{
    parse_schema,
    types::{TypeKind, TypeSystemDefinition},
};

struct Names {
    /// All types, and their fields and values as `Type.name`.
    all: BTreeSet<String>,
    deprecated: BTreeSet<String>,
}

fn names_in(schema: &str) -> Names {
    let document = parse_schema(schema).expect("a schema");
    let mut names = Names { all: BTreeSet::new(), deprecated: BTreeSet::new() };
    for definition in document.definitions {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        let of = definition.node.name.node.to_string();
        let mut add = |name: &str, directives: Vec<&str>| {
            let name = format!("{of}.{name}");
            if directives.contains(&"deprecated") {
                names.deprecated.insert(name.clone());
            }
            names.all.insert(name);
        };
        match &definition.node.kind {
            TypeKind::Object(object) => object.fields.iter().for_each(|field| {
                let directives = field.node.directives.iter().map(|it| it.node.name.node.as_str()).collect();
                add(&field.node.name.node, directives);
            }),
            TypeKind::InputObject(input) => input.fields.iter().for_each(|field| {
                let directives = field.node.directives.iter().map(|it| it.node.name.node.as_str()).collect();
                add(&field.node.name.node, directives);
            }),
            TypeKind::Enum(values) => values.values.iter().for_each(|value| {
                let directives = value.node.directives.iter().map(|it| it.node.name.node.as_str()).collect();
                add(&value.node.value.node, directives);
            }),
            TypeKind::Scalar | TypeKind::Interface(_) | TypeKind::Union(_) => {}
        }
        names.all.insert(of);
    }
    names
}

/// Returns the code spans that look like a type or like `Type.field`.
fn named(page: &str) -> BTreeSet<String> {
    let marked = page.split('`').skip(1).step_by(2);
    let is_name = |text: &&str| {
        let of_letters = text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '.');
        of_letters && text.starts_with(|letter: char| letter.is_ascii_uppercase())
    };
    marked.filter(is_name).map(str::to_owned).collect()
}

#[test]
fn the_page_names_existing_fields_and_everything_deprecated() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/schema-changes.md")).expect("the page");
    let schema = fs::read_to_string(root.join("schema.graphql")).expect("the schema");
    let (schema, listed) = (names_in(&schema), named(&page));
    assert!(listed.len() > 10, "only {listed:?} are named");
    let gone: Vec<_> = listed.difference(&schema.all).collect();
    assert!(gone.is_empty(), "docs/schema-changes.md names unknown parts of the schema: {gone:?}");
    let untold: Vec<_> = schema.deprecated.difference(&listed).collect();
    assert!(untold.is_empty(), "docs/schema-changes.md lacks deprecated parts of the schema: {untold:?}");
}

#[test]
fn deprecated_parts_are_found() {
    let names = names_in("type A { b: Int @deprecated(reason: \"c\") d: Int } enum E { F @deprecated }");
    assert_eq!(names.deprecated, ["A.b".to_owned(), "E.F".to_owned()].into());
    assert!(names.all.contains("A.d") && names.all.contains("A"));
    assert_eq!(named("`A.b` and `c`, `D`"), ["A.b".to_owned(), "D".to_owned()].into());
}
