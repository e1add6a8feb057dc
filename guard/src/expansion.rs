//! The size of a document with its fragments expanded. Each fragment is counted only once, however often it is spread.
//! The validator runs afterwards, so it never sees a document that expands to more than the limits.

use std::collections::HashMap;

use apollo_compiler::{
    Name,
    ast::{Definition, DirectiveList, Document, FragmentDefinition, Selection},
};

use crate::{limits::Limits, problem::Rejection};

/// Maximum depth of nested selections of any kind. It is the engine's own limit, and bounds the stack of this module.
const LEVELS: u32 = 32;

/// The size of a selection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Count {
    selections: u32,
    aliases: u32,
    directives: u32,
    /// Fields at the root of the operation.
    roots: u32,
    /// The depth of nested fields.
    depth: u32,
    /// The depth of nested selections.
    levels: u32,
}

impl Count {
    /// Adds a sibling.
    fn add(&mut self, other: Self) {
        self.selections = self.selections.saturating_add(other.selections);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.directives = self.directives.saturating_add(other.directives);
        self.roots = self.roots.saturating_add(other.roots);
        self.depth = self.depth.max(other.depth);
        self.levels = self.levels.max(other.levels);
    }
}

/// Rejects a document that expands to more than the limits allow.
pub(crate) fn check(document: &Document, limits: &Limits) -> Result<(), Rejection> {
    let fragments = document.definitions.iter().filter_map(Definition::as_fragment_definition);
    let fragments = fragments.map(|fragment| (&fragment.name, &**fragment)).collect();
    let mut counter = Counter { fragments, counted: HashMap::new() };
    let mut all = Count::default();
    for operation in document.definitions.iter().filter_map(Definition::as_operation_definition) {
        let mut count = counter.selections(&operation.selection_set, 1)?;
        count.directives = count.directives.saturating_add(number(&operation.directives));
        for variable in &operation.variables {
            count.directives = count.directives.saturating_add(number(&variable.directives));
        }
        bounded("root fields", count.roots, limits.roots)?;
        all.add(count);
    }
    bounded("fields (those of a fragment count at each spread)", all.selections, limits.selections)?;
    bounded("aliases", all.aliases, limits.aliases)?;
    bounded("directives", all.directives, limits.directives)?;
    bounded("levels of fields", all.depth, limits.depth)?;
    bounded("levels of selections", all.levels, LEVELS)
}

fn bounded(what: &str, count: u32, limit: u32) -> Result<(), Rejection> {
    if count > limit {
        Err(Rejection::Limit(format!("the document has too many {what}: at most {limit} are allowed")))
    } else {
        Ok(())
    }
}

fn number(directives: &DirectiveList) -> u32 {
    u32::try_from(directives.len()).unwrap_or(u32::MAX)
}

struct Counter<'a> {
    fragments: HashMap<&'a Name, &'a FragmentDefinition>,
    /// The visited fragments; `None` while a fragment is being counted.
    counted: HashMap<&'a Name, Option<Count>>,
}

impl<'a> Counter<'a> {
    /// Counts selections at this level.
    fn selections(&mut self, selections: &'a [Selection], level: u32) -> Result<Count, Rejection> {
        bounded("levels of selections", level, LEVELS)?;
        let mut count = Count::default();
        for selection in selections {
            let (mut inner, directives) = match selection {
                Selection::Field(field) => {
                    let below = &field.selection_set;
                    let inner = if below.is_empty() { Count::default() } else { self.selections(below, level + 1)? };
                    let aliases = inner.aliases.saturating_add(u32::from(field.alias.is_some()));
                    (Count { aliases, roots: 1, depth: inner.depth + 1, ..inner }, &field.directives)
                }
                Selection::InlineFragment(fragment) => {
                    (self.selections(&fragment.selection_set, level + 1)?, &fragment.directives)
                }
                Selection::FragmentSpread(spread) => (self.fragment(&spread.fragment_name, level)?, &spread.directives),
            };
            inner.selections = inner.selections.saturating_add(1);
            inner.directives = inner.directives.saturating_add(number(directives));
            count.add(inner);
        }
        count.levels += 1;
        Ok(count)
    }

    /// Counts a fragment. A missing or cyclic fragment counts as 0; the validator rejects it.
    fn fragment(&mut self, name: &'a Name, level: u32) -> Result<Count, Rejection> {
        if let Some(count) = self.counted.get(name) {
            return Ok(count.unwrap_or_default());
        }
        let Some(fragment) = self.fragments.get(name).copied() else { return Ok(Count::default()) };
        self.counted.insert(name, None);
        let mut count = self.selections(&fragment.selection_set, level + 1)?;
        count.directives = count.directives.saturating_add(number(&fragment.directives));
        self.counted.insert(name, Some(count));
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::LIMITS;

    fn checked(text: &str, limits: &Limits) -> Result<(), Rejection> {
        check(&Document::parse(text, "test").expect("a document"), limits)
    }

    /// Asserts that `text` passes if `tight` sets a limit to `most`, and fails one below.
    fn assert_limit(text: &str, most: u32, tight: impl Fn(u32) -> Limits) {
        assert_eq!(checked(text, &tight(most)), Ok(()), "{text}");
        assert!(matches!(checked(text, &tight(most - 1)), Err(Rejection::Limit(_))), "{text}");
    }

    const SPREAD: &str = "{ a: b @c ...D ...D } fragment D on X @e { f: __typename @g ... @h { i { j } } }";

    #[test]
    fn a_fragment_counts_wherever_it_is_spread() {
        assert_limit(SPREAD, 11, |selections| Limits { selections, ..LIMITS });
        assert_limit(SPREAD, 3, |aliases| Limits { aliases, ..LIMITS });
        assert_limit(SPREAD, 7, |directives| Limits { directives, ..LIMITS });
        assert_limit(SPREAD, 5, |roots| Limits { roots, ..LIMITS });
        assert_limit(SPREAD, 2, |depth| Limits { depth, ..LIMITS });
    }

    #[test]
    fn all_operations_count_together() {
        let text = "query A($a: Int @x) @y { a } query B { b c }";
        assert_limit(text, 3, |selections| Limits { selections, ..LIMITS });
        assert_limit(text, 2, |directives| Limits { directives, ..LIMITS });
    }

    #[test]
    fn fragments_that_spread_twofold_are_counted_at_once() {
        let fragments = (0..20).map(|at| format!("fragment F{at} on X {{ ...F{} ...F{} }}", at + 1, at + 1));
        let text = format!("{{ ...F0 }} {} fragment F20 on X {{ a }}", fragments.collect::<String>());
        assert!(matches!(checked(&text, &LIMITS), Err(Rejection::Limit(_))));
    }

    #[test]
    fn a_chain_of_fragments_has_an_end_and_a_circle_too() {
        let chain = |length: u32| {
            let fragments = (0..length).map(|at| format!("fragment F{at} on X {{ ...F{} }}", at + 1));
            format!("{{ ...F0 }} {} fragment F{length} on X {{ a }}", fragments.collect::<String>())
        };
        assert_eq!(checked(&chain(LEVELS - 2), &LIMITS), Ok(()));
        assert!(matches!(checked(&chain(LEVELS - 1), &LIMITS), Err(Rejection::Limit(_))));
        assert!(matches!(checked(&chain(5_000), &LIMITS), Err(Rejection::Limit(_))));
        assert_eq!(checked("{ ...A } fragment A on X { b { ...A } }", &LIMITS), Ok(()), "the validator rejects it");
    }
}
