//! What a document comes to once its fragments are expanded. Each fragment is counted once, however often it is spread.

use std::collections::HashMap;

use async_graphql_parser::Positioned;
use async_graphql_parser::types::Directive;
use async_graphql_parser::types::ExecutableDocument;
use async_graphql_parser::types::FragmentSpread;
use async_graphql_parser::types::Selection;
use async_graphql_parser::types::SelectionSet;

use crate::Limits;
use crate::Refusal;

/// How deep selections of any kind may be nested: the engine's own limit, and what bounds the stack in here.
const LEVELS: u32 = 32;

/// What a selection comes to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Count {
    selections: u32,
    aliases: u32,
    directives: u32,
    /// Fields among the selections of the outermost level.
    roots: u32,
    /// How deep fields are nested.
    depth: u32,
    /// How deep selections are nested.
    levels: u32,
}

impl Count {
    /// Adds what stands beside.
    fn add(&mut self, other: Self) {
        self.selections = self.selections.saturating_add(other.selections);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.directives = self.directives.saturating_add(other.directives);
        self.roots = self.roots.saturating_add(other.roots);
        self.depth = self.depth.max(other.depth);
        self.levels = self.levels.max(other.levels);
    }
}

/// Refuses a document whose fragments come to too much, spread themselves, or are for nothing.
pub(crate) fn check(document: &ExecutableDocument, limits: &Limits) -> Result<(), Refusal> {
    let mut counter = Counter { document, counted: HashMap::new() };
    let mut all = Count::default();
    for (_, operation) in document.operations.iter() {
        let operation = &operation.node;
        let mut count = counter.selection_set(&operation.selection_set.node, 1)?;
        count.directives = count.directives.saturating_add(number(&operation.directives));
        for variable in &operation.variable_definitions {
            count.directives = count.directives.saturating_add(number(&variable.node.directives));
        }
        bounded("fields of an operation", count.roots, limits.roots)?;
        all.add(count);
    }
    bounded("fields, with those of fragments wherever they are spread,", all.selections, limits.selections)?;
    bounded("aliases", all.aliases, limits.aliases)?;
    bounded("directives", all.directives, limits.directives)?;
    bounded("levels of fields", all.depth, limits.depth)?;
    bounded("levels of selections", all.levels, LEVELS)?;
    let unused = document.fragments.iter().find(|(name, _)| !counter.counted.contains_key(name.as_str()));
    match unused {
        Some((name, fragment)) => {
            Err(Refusal::invalid(format!("Fragment \"{name}\" is never used"), Some(fragment.pos)))
        }
        None => Ok(()),
    }
}

fn bounded(what: &str, count: u32, limit: u32) -> Result<(), Refusal> {
    if count > limit { Err(Refusal::Limit(format!("{what} may be at most {limit}"))) } else { Ok(()) }
}

fn number(directives: &[Positioned<Directive>]) -> u32 {
    u32::try_from(directives.len()).unwrap_or(u32::MAX)
}

struct Counter<'a> {
    document: &'a ExecutableDocument,
    /// Each fragment that was come by; none while it is counted.
    counted: HashMap<&'a str, Option<Count>>,
}

impl<'a> Counter<'a> {
    /// Counts a selection that stands `level` selections deep.
    fn selection_set(&mut self, set: &'a SelectionSet, level: u32) -> Result<Count, Refusal> {
        bounded("levels of selections", level, LEVELS)?;
        let mut count = Count::default();
        for selection in &set.items {
            let mut inner = match &selection.node {
                Selection::Field(field) => {
                    let below = &field.node.selection_set.node;
                    let inner =
                        if below.items.is_empty() { Count::default() } else { self.selection_set(below, level + 1)? };
                    let aliases = inner.aliases.saturating_add(u32::from(field.node.alias.is_some()));
                    Count { aliases, roots: 1, depth: inner.depth + 1, ..inner }
                }
                Selection::InlineFragment(fragment) => {
                    self.selection_set(&fragment.node.selection_set.node, level + 1)?
                }
                Selection::FragmentSpread(spread) => self.fragment(spread, level)?,
            };
            inner.selections = inner.selections.saturating_add(1);
            inner.directives = inner.directives.saturating_add(number(selection.node.directives()));
            count.add(inner);
        }
        count.levels += 1;
        Ok(count)
    }

    fn fragment(&mut self, spread: &'a Positioned<FragmentSpread>, level: u32) -> Result<Count, Refusal> {
        let name = spread.node.fragment_name.node.as_str();
        match self.counted.get(name) {
            Some(Some(count)) => return Ok(*count),
            Some(None) => {
                return Err(Refusal::invalid(
                    format!("Cannot spread fragment \"{name}\" within itself"),
                    Some(spread.pos),
                ));
            }
            None => {}
        }
        // The engine knows best what to say of one that is missing.
        let Some(fragment) = self.document.fragments.get(name) else { return Ok(Count::default()) };
        self.counted.insert(name, None);
        let mut count = self.selection_set(&fragment.node.selection_set.node, level + 1)?;
        count.directives = count.directives.saturating_add(number(&fragment.node.directives));
        self.counted.insert(name, Some(count));
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use async_graphql_parser::parse_query;

    use super::*;
    use crate::tests::LIMITS;

    fn checked(text: &str, limits: &Limits) -> Result<(), Refusal> {
        check(&parse_query(text).expect("a document"), limits)
    }

    /// Whether `tight`, which sets one limit, lets `text` through with so much and with no less.
    fn comes_to(text: &str, most: u32, tight: impl Fn(u32) -> Limits) {
        assert_eq!(checked(text, &tight(most)), Ok(()), "{text}");
        assert!(matches!(checked(text, &tight(most - 1)), Err(Refusal::Limit(_))), "{text}");
    }

    const SPREAD: &str = "{ a: b @c ...D ...D } fragment D on X @e { f: __typename @g ... @h { i { j } } }";

    #[test]
    fn a_fragment_counts_wherever_it_is_spread() {
        comes_to(SPREAD, 11, |selections| Limits { selections, ..LIMITS });
        comes_to(SPREAD, 3, |aliases| Limits { aliases, ..LIMITS });
        comes_to(SPREAD, 7, |directives| Limits { directives, ..LIMITS });
        comes_to(SPREAD, 5, |roots| Limits { roots, ..LIMITS });
        comes_to(SPREAD, 2, |depth| Limits { depth, ..LIMITS });
    }

    #[test]
    fn all_operations_count_together() {
        let text = "query A($a: Int @x) @y { a } query B { b c }";
        comes_to(text, 3, |selections| Limits { selections, ..LIMITS });
        comes_to(text, 2, |directives| Limits { directives, ..LIMITS });
    }

    #[test]
    fn fragments_that_spread_twofold_are_counted_at_once() {
        let fragments = (0..20).map(|at| format!("fragment F{at} on X {{ ...F{} ...F{} }}", at + 1, at + 1));
        let text = format!("{{ ...F0 }} {} fragment F20 on X {{ a }}", fragments.collect::<String>());
        assert!(matches!(checked(&text, &LIMITS), Err(Refusal::Limit(_))));
    }

    #[test]
    fn a_fragment_within_itself_and_one_for_nothing_are_refused() {
        for text in [
            "{ ...A } fragment A on X { ...A }",
            "{ ...A } fragment A on X { b { ...B } } fragment B on X { ... on X { ...A } }",
            "{ a } fragment A on X { a }",
            "{ a } fragment A on X { ...A }",
        ] {
            assert!(matches!(checked(text, &LIMITS), Err(Refusal::Invalid { .. })), "{text}");
        }
        assert_eq!(checked("{ ...A }", &LIMITS), Ok(()), "the engine tells which is missing");
    }

    #[test]
    fn a_chain_of_fragments_has_an_end() {
        let chain = |length: u32| {
            let fragments = (0..length).map(|at| format!("fragment F{at} on X {{ ...F{} }}", at + 1));
            format!("{{ ...F0 }} {} fragment F{length} on X {{ a }}", fragments.collect::<String>())
        };
        assert_eq!(checked(&chain(LEVELS - 2), &LIMITS), Ok(()));
        assert!(matches!(checked(&chain(LEVELS - 1), &LIMITS), Err(Refusal::Limit(_))));
        assert!(matches!(checked(&chain(5_000), &LIMITS), Err(Refusal::Limit(_))));
    }
}
