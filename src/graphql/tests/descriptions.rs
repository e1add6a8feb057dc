//! Every element of the schema has a description.

use async_graphql::{
    Positioned,
    parser::types::{InputValueDefinition, TypeKind},
};

use super::support::{definitions, fields};

fn undescribed() -> (usize, Vec<String>) {
    let (mut seen, mut missing) = (0, Vec::new());
    let mut check = |name: String, description: Option<&Positioned<String>>| {
        seen += 1;
        let described = description.is_some_and(|text| text.node.trim().len() > 5 && text.node.trim().ends_with('.'));
        if !described {
            missing.push(name);
        }
    };
    for definition in definitions() {
        let name = definition.name.node.as_str();
        check(name.to_owned(), definition.description.as_ref());
        for field in fields(&definition) {
            check(format!("{name}.{}", field.name.node), field.description.as_ref());
            for InputValueDefinition { name: argument, description, .. } in field.arguments.iter().map(|it| &it.node) {
                check(format!("{name}.{}({})", field.name.node, argument.node), description.as_ref());
            }
        }
        match &definition.kind {
            TypeKind::Enum(values) => values.values.iter().for_each(|value| {
                check(format!("{name}.{}", value.node.value.node), value.node.description.as_ref());
            }),
            TypeKind::InputObject(input) => input.fields.iter().for_each(|field| {
                check(format!("{name}.{}", field.node.name.node), field.node.description.as_ref());
            }),
            TypeKind::Scalar | TypeKind::Object(_) | TypeKind::Interface(_) | TypeKind::Union(_) => {}
        }
    }
    (seen, missing)
}

#[test]
fn everything_in_the_schema_is_described_in_a_sentence() {
    let (seen, missing) = undescribed();
    assert!(seen > 150, "the walk saw only {seen} names");
    assert!(missing.is_empty(), "without a description: {missing:#?}");
}
