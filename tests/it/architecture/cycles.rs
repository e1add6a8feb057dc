//! Circular dependencies between the modules of a crate.
//!
//! A module depends on the modules that define what it names, also through re-exports. A module that only re-exports
//! its own children does not depend on them.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Import, Source};

/// Path of a module from the root of its crate; the root is empty.
type Module = Vec<String>;

/// Dependencies of each module, by name.
pub(super) type Graph = BTreeMap<String, BTreeSet<String>>;

/// Modules of one crate, with the items that each of them re-exports.
struct Modules<'a> {
    imports: BTreeMap<Module, (&'a Source, Vec<Import>)>,
    re_exports: BTreeMap<(Module, String), Module>,
}

/// Returns the dependencies between the modules in these files, whose paths start with `root` (`sandbox/src/`).
pub(super) fn dependencies(sources: &[Source], root: &str) -> Graph {
    let modules = Modules::new(sources, root);
    let graph = modules.imports.keys().map(|module| {
        let targets = modules.targets(module).into_iter().filter(|target| target != module);
        (name(module), targets.map(|target| name(&target)).collect())
    });
    graph.collect()
}

/// Returns the dependencies between the modules at the root: each stands for its children, too.
pub(super) fn at_the_root(graph: &Graph) -> Graph {
    let first = |module: &String| module.split("::").next().unwrap_or_default().to_owned();
    let mut folded = Graph::new();
    for (module, targets) in graph {
        let targets = targets.iter().map(first).filter(|target| *target != first(module));
        folded.entry(first(module)).or_default().extend(targets);
    }
    folded
}

/// Returns the modules that depend on themselves, as groups that depend on each other.
pub(super) fn cycles(graph: &Graph) -> Vec<BTreeSet<String>> {
    let reached = |from: &String| {
        let mut reached = BTreeSet::new();
        let mut open: Vec<&String> = graph.get(from).into_iter().flatten().collect();
        while let Some(module) = open.pop() {
            if reached.insert(module.clone()) {
                open.extend(graph.get(module).into_iter().flatten());
            }
        }
        reached
    };
    let all: BTreeMap<&String, BTreeSet<String>> = graph.keys().map(|module| (module, reached(module))).collect();
    let group = |module: &String| -> BTreeSet<String> {
        let others = all[module].iter().filter(|other| all.get(other).is_some_and(|back| back.contains(module)));
        others.cloned().collect()
    };
    let groups: BTreeSet<_> = graph.keys().map(group).filter(|group| !group.is_empty()).collect();
    groups.into_iter().collect()
}

impl<'a> Modules<'a> {
    fn new(sources: &'a [Source], root: &str) -> Self {
        let tests: BTreeSet<String> = sources.iter().flat_map(Source::test_modules).collect();
        let is_test = |path: &str| {
            let own = path.trim_end_matches(".rs");
            tests.iter().any(|test| own == test || own.starts_with(&format!("{test}/")))
        };
        let sources = sources.iter().filter(|source| !is_test(&source.path));
        let modules = sources.filter_map(|source| Some((module(source.path.strip_prefix(root)?), source)));
        let imports = modules.map(|(module, source)| (module, (source, source.imports())));
        let mut modules = Self { imports: imports.collect(), re_exports: BTreeMap::new() };
        let mut re_exports = BTreeMap::new();
        for (module, (_, imports)) in &modules.imports {
            for import in imports.iter().filter(|import| import.is_public) {
                if let (Some(path), Some(name)) = (modules.absolute(module, &import.path), import.name()) {
                    re_exports.insert((module.clone(), name.clone()), path);
                }
            }
        }
        modules.re_exports = re_exports;
        modules
    }

    /// Returns the path from the root of the crate; `None` for a path into another crate.
    fn absolute(&self, module: &Module, path: &[String]) -> Option<Module> {
        let child = || path.first().map(|first| [module.as_slice(), std::slice::from_ref(first)].concat());
        match path.first()?.as_str() {
            "crate" => Some(path[1..].to_vec()),
            "self" => Some([module, &path[1..]].concat()),
            "super" => {
                let supers = path.iter().take_while(|part| *part == "super").count();
                Some([&module[..module.len().checked_sub(supers)?], &path[supers..]].concat())
            }
            _ if child().is_some_and(|child| self.imports.contains_key(&child)) => Some([module, path].concat()),
            _ => None,
        }
    }

    /// Returns the module that defines what `path` names.
    fn definition(&self, path: &[String]) -> Module {
        let mut path = path.to_vec();
        // A chain of re-exports ends at the definition; a longer one would not compile.
        for _ in 0..9 {
            let length = (0..=path.len()).rev().find(|length| self.imports.contains_key(&path[..*length]));
            let (module, rest) = path.split_at(length.unwrap_or_default());
            let re_export = rest.first().and_then(|item| self.re_exports.get(&(module.to_vec(), item.clone())));
            let Some(target) = re_export else { return module.to_vec() };
            path = [target, &rest[1..]].concat();
        }
        path
    }

    fn targets(&self, module: &Module) -> BTreeSet<Module> {
        let Some((source, imports)) = self.imports.get(module) else { return BTreeSet::new() };
        let mut targets = BTreeSet::new();
        let mut named: BTreeMap<String, Module> = BTreeMap::new();
        for import in imports {
            let Some(path) = self.absolute(module, &import.path) else { continue };
            let target = self.definition(&path);
            let own_child = import.is_public && target.starts_with(module);
            if let Some(name) = import.name().filter(|_| self.imports.contains_key(&path)) {
                named.insert(name.clone(), path);
            }
            if !own_child {
                targets.insert(target);
            }
        }
        for path in source.paths() {
            let imported = path.first().and_then(|first| named.get(first)).map(|known| [known, &path[1..]].concat());
            if let Some(path) = imported.or_else(|| self.absolute(module, &path)) {
                targets.insert(self.definition(&path));
            }
        }
        targets
    }
}

/// Returns the module of a file, given its path below `src/`.
fn module(path: &str) -> Module {
    let path = path.trim_end_matches(".rs");
    path.split('/').filter(|part| !["mod", "lib"].contains(part)).map(ToOwned::to_owned).collect()
}

fn name(module: &Module) -> String {
    if module.is_empty() { "lib".to_owned() } else { module.join("::") }
}
