//! Every field that requires a capability states it, and rejects a viewer that has all other capabilities.

use async_graphql::parser::types::{BaseType, FieldDefinition, InputObjectType, Type, TypeKind};

use super::support::{code, definitions, execute, execute_on, fields};
use crate::domain::capability::{Capabilities, Capability};

/// The nested fields that require more than their parents.
const NESTED: [(&str, &str, Capability); 5] = [
    ("Chat", "lastMessage", Capability::Read),
    ("Chat", "messages", Capability::Read),
    ("Session", "pairing", Capability::Manage),
    ("Session", "chats", Capability::Read),
    ("Session", "chat", Capability::Read),
];

/// The capability that a field requires according to its description.
fn required(field: &FieldDefinition) -> Option<Capability> {
    let description = &field.description.as_ref()?.node;
    let word = description.split("Requires `").nth(1)?.split('`').next()?;
    Some(word.parse().unwrap_or_else(|error| panic!("{}: {error}", field.name.node)))
}

fn all_but(capability: Capability) -> Capabilities {
    Capabilities::all() - capability
}

/// A valid value for an argument of this type.
fn sample(argument_type: &Type) -> String {
    match &argument_type.base {
        BaseType::List(item) => format!("[{}]", sample(item)),
        BaseType::Named(name) => match name.as_str() {
            "ID" | "String" => "\"x\"".to_owned(),
            "Capability" => "READ".to_owned(),
            "JID" => "\"15550100@s.whatsapp.net\"".to_owned(),
            other => input(other),
        },
    }
}

fn input(name: &str) -> String {
    let definition = definitions().into_iter().find(|definition| definition.name.node == name);
    let Some(TypeKind::InputObject(InputObjectType { fields })) = definition.map(|definition| definition.kind) else {
        panic!("no sample for {name}")
    };
    let fields = fields.iter().filter(|field| !field.node.ty.node.nullable);
    let fields = fields.map(|field| format!("{}: {}", field.node.name.node, sample(&field.node.ty.node)));
    format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
}

/// The name of the type inside all lists.
fn named(of: &Type) -> String {
    match &of.base {
        BaseType::List(item) => named(item),
        BaseType::Named(name) => name.to_string(),
    }
}

/// A selection of the field with its required arguments and a subfield.
fn call(field: &FieldDefinition) -> String {
    let required = field.arguments.iter().filter(|argument| !argument.node.ty.node.nullable);
    let required = required.filter(|argument| argument.node.default_value.is_none());
    let arguments: Vec<_> =
        required.map(|argument| format!("{}: {}", argument.node.name.node, sample(&argument.node.ty.node))).collect();
    let arguments = if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(", ")) };
    let is_object = |name: &str| definitions().iter().any(|it| it.name.node == name && !fields(it).is_empty());
    let selection = if is_object(&named(&field.ty.node)) { " { __typename }" } else { "" };
    format!("{}{arguments}{selection}", field.name.node)
}

#[tokio::test]
async fn every_root_field_rejects_a_viewer_without_its_capability() {
    let mut seen = 0;
    for definition in definitions() {
        let root = definition.name.node.as_str();
        let Some(operation) = ["Query", "Mutation", "Subscription"].into_iter().find(|name| *name == root) else {
            continue;
        };
        for field in fields(&definition) {
            let name = &field.name.node;
            let query = format!("{} {{ {} }}", operation.to_lowercase(), call(field));
            seen += 1;
            if let Some(capability) = required(field) {
                let response = execute(&query, serde_json::json!({}), all_but(capability)).await;
                assert_eq!(code(&response), "forbidden", "{root}.{name}: {:?}", response.errors);
                let message = format!("requires the {capability} capability");
                assert_eq!(response.errors[0].message, message, "{root}.{name}");
            } else {
                let open =
                    field.description.as_ref().is_some_and(|text| text.node.contains("Requires any valid token."));
                assert!(open, "{root}.{name} does not say what it requires");
                let response = execute(&query, serde_json::json!({}), Capabilities::default()).await;
                assert!(response.errors.is_empty(), "{root}.{name}: {:?}", response.errors);
            }
        }
    }
    assert!(seen > 8, "the walk saw only {seen} fields");
}

#[tokio::test]
async fn every_protected_nested_field_rejects_a_viewer_without_it() {
    let mut described: Vec<_> = definitions()
        .iter()
        .filter(|definition| !["Query", "Mutation", "Subscription"].contains(&definition.name.node.as_str()))
        .flat_map(|definition| {
            let parent = definition.name.node.to_string();
            let gated = fields(definition).into_iter().filter_map(|field| Some((field, required(field)?)));
            gated.map(move |(field, capability)| (parent.clone(), field.clone(), capability)).collect::<Vec<_>>()
        })
        .collect();
    described.sort_by_key(|(parent, field, _)| (parent.clone(), field.name.node.to_string()));
    let mut expected = NESTED;
    expected.sort_by_key(|(parent, field, _)| (*parent, *field));
    let named: Vec<_> = described
        .iter()
        .map(|(parent, field, capability)| (&**parent, field.name.node.as_str(), *capability))
        .collect();
    assert_eq!(named, expected);

    for (parent, field, capability) in described {
        let response = execute_on(&parent, &call(&field), all_but(capability)).await;
        let error = response.errors.first().map(|error| error.message.clone());
        assert_eq!(error, Some(format!("requires the {capability} capability")), "{parent}.{}", field.name.node);
    }
}
