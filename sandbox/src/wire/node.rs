//! Building and parsing of stanzas.

use std::fmt::Write;

use whatsapp_rust::wacore_binary::node::NodeContent;

pub(crate) use whatsapp_rust::wacore_binary::{Node, builder::NodeBuilder};

/// The server's own address.
pub(crate) const SERVER: &str = "s.whatsapp.net";

/// Starts a stanza or a part of one.
pub(crate) fn node(tag: &'static str) -> NodeBuilder {
    NodeBuilder::new(tag)
}

/// Creates an element without attributes and content.
pub(crate) fn empty(tag: &'static str) -> Node {
    node(tag).build()
}

/// Returns an attribute as text; the client writes some as JIDs.
pub(crate) fn attr(node: &Node, key: &str) -> Option<String> {
    node.attrs.get(key).map(ToString::to_string)
}

/// Returns a numeric attribute.
pub(crate) fn number<T: std::str::FromStr>(node: &Node, key: &str) -> Option<T> {
    attr(node, key)?.parse().ok()
}

/// Returns the children; empty if the content is something else.
pub(crate) fn children(node: &Node) -> &[Node] {
    node.children().unwrap_or_default()
}

/// Returns the binary content of a child.
pub(crate) fn child_bytes<'a>(node: &'a Node, tag: &str) -> Option<&'a [u8]> {
    bytes(node.get_optional_child(tag)?)
}

/// Returns the binary content.
pub(crate) fn bytes(node: &Node) -> Option<&[u8]> {
    match &node.content {
        Some(NodeContent::Bytes(bytes)) => Some(bytes),
        Some(NodeContent::String(text)) => Some(text.as_bytes()),
        _ => None,
    }
}

/// Starts the response to a request.
pub(crate) fn result(request: &Node) -> NodeBuilder {
    let id = attr(request, "id").unwrap_or_default();
    node("iq").attr("type", "result").attr("id", id).attr("from", SERVER)
}

/// Creates the error response to a request.
pub(crate) fn refusal(request: &Node, code: u16, text: &str) -> Node {
    let id = attr(request, "id").unwrap_or_default();
    node("iq").attr("type", "error").attr("id", id).attr("from", SERVER).children([error(code, text)]).build()
}

/// Creates an `<error>` with its code and text.
pub(crate) fn error(code: u16, text: &str) -> Node {
    node("error").attr("code", code.to_string()).attr("text", text).build()
}

/// Formats the stanza as one line for the log; binary content as its length.
pub(crate) fn render(node: &Node) -> String {
    let mut text = String::new();
    write_into(&mut text, node);
    text
}

fn write_into(text: &mut String, node: &Node) {
    let _ = write!(text, "<{}", node.tag);
    for (key, value) in node.attrs.iter() {
        let _ = write!(text, " {key}=\"{value}\"");
    }
    match &node.content {
        None => text.push_str("/>"),
        Some(NodeContent::Bytes(bytes)) => {
            let _ = write!(text, ">[{}]</{}>", bytes.len(), node.tag);
        }
        Some(NodeContent::String(content)) => {
            let _ = write!(text, ">{content}</{}>", node.tag);
        }
        Some(NodeContent::Nodes(nodes)) => {
            text.push('>');
            // A prekey upload has eight hundred children without information.
            for child in nodes.iter().take(20) {
                write_into(text, child);
            }
            if nodes.len() > 20 {
                let _ = write!(text, "…{} more", nodes.len() - 20);
            }
            let _ = write!(text, "</{}>", node.tag);
        }
    }
}
