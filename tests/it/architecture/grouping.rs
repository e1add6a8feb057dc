//! The style of imports: in each scope one `use` for each crate, and one for `super`, `crate` or a module of its own.

use std::collections::BTreeSet;

use super::source::{Token, after_attributes_and_visibility, tokens};

/// Returns each import that belongs into the braces of an earlier one, with its line. Imports with another visibility or
/// other attributes, such as `#[cfg(test)]`, are separate.
pub(super) fn ungrouped(text: &str) -> Vec<(usize, String)> {
    let all = tokens(text);
    let is = |at: usize, text: &str| all.get(at).is_some_and(|(_, token)| token.is(text));
    let mut scopes = vec![BTreeSet::new()];
    let mut found = Vec::new();
    let mut at = 0;
    while at < all.len() {
        let item = after_attributes_and_visibility(&all, at);
        // `use<'a>` is part of a type.
        if is(item, "use") && !is(item + 1, "<") {
            let tree = tree(&all, item);
            let prefix: String = all[at..item].iter().map(|(_, token)| token.to_string()).collect();
            let root = tree.iter().find(|(_, token)| !token.is("::"));
            if let Some((line, root)) = root
                && (root.is("{") || !scopes.last_mut().expect("a scope").insert((prefix, root.to_string())))
            {
                found.push((*line, format!("write one `use {root}::{{…}};`")));
            }
            found.extend(repeated(tree));
            at = item + 1 + tree.len();
            continue;
        }
        if is(at, "{") {
            scopes.push(BTreeSet::new());
        } else if is(at, "}") && scopes.len() > 1 {
            scopes.pop();
        }
        at = item.max(at + 1);
    }
    found
}

/// Returns the tokens between the `use` at `at` and its `;`.
fn tree(all: &[(usize, Token)], at: usize) -> &[(usize, Token)] {
    let rest = &all[at + 1..];
    let end = rest.iter().position(|(_, token)| token.is(";")).unwrap_or(rest.len());
    &rest[..end]
}

/// Returns each path that begins like an earlier one in the same braces.
fn repeated(tree: &[(usize, Token)]) -> Vec<(usize, String)> {
    let mut groups: Vec<BTreeSet<String>> = Vec::new();
    let mut found = Vec::new();
    for (at, (line, token)) in tree.iter().enumerate() {
        if token.is("{") {
            groups.push(BTreeSet::new());
        } else if token.is("}") {
            groups.pop();
        }
        let begins = at > 0 && (tree[at - 1].1.is("{") || tree[at - 1].1.is(","));
        let goes_on = tree.get(at + 1).is_some_and(|(_, next)| next.is("::"));
        if begins && goes_on && groups.last_mut().is_some_and(|group| !group.insert(token.to_string())) {
            found.push((*line, format!("write one `{token}::{{…}}` in these braces")));
        }
    }
    found
}
