//! A Rust file reduced to its names and paths with their lines, without comments, literals and tests.

use std::{collections::BTreeSet, fmt, iter::Peekable, str::Chars};

/// A piece of code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// An identifier, a keyword or a number.
    Name(String),
    /// `::`
    Path,
    /// Any other character except whitespace.
    Sign(char),
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Path => f.write_str("::"),
            Self::Sign(sign) => write!(f, "{sign}"),
        }
    }
}

impl Token {
    pub(super) fn is(&self, text: &str) -> bool {
        match self {
            Self::Name(name) => name == text,
            Self::Path => text == "::",
            Self::Sign(sign) => text.chars().eq([*sign]),
        }
    }
}

/// One name that a `use` brings in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Import {
    line: usize,
    /// True if it is also visible to other modules.
    pub(super) is_public: bool,
    pub(super) path: Vec<String>,
    alias: Option<String>,
}

impl Import {
    /// Returns the name under which it is known here; `None` for `self` and `*`.
    pub(super) fn name(&self) -> Option<&String> {
        self.alias.as_ref().or_else(|| self.path.last())
    }
}

/// A file's code.
pub(super) struct Source {
    /// Path from the root of the repository, with `/`.
    pub(super) path: String,
    /// Number of lines.
    pub(super) lines: usize,
    tokens: Vec<(usize, Token)>,
    test_modules: Vec<String>,
}

impl Source {
    pub(super) fn new(path: &str, text: &str) -> Self {
        let (tokens, test_modules) = without_tests(&tokens(text));
        Self { path: path.to_owned(), lines: text.lines().count(), tokens, test_modules }
    }

    pub(super) fn below_src(&self) -> &str {
        self.path.strip_prefix("src/").unwrap_or(&self.path)
    }

    /// The first part of the path below `src/`: `chat` of `src/chat/mod.rs` and of `src/chat.rs`.
    pub(super) fn layer(&self) -> &str {
        let first = self.below_src().split('/').next().unwrap_or_default();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// Returns the path, without `.rs`, of every test-only module that is declared here and lives in its own file.
    pub(super) fn test_modules(&self) -> Vec<String> {
        let own = self.path.trim_end_matches(".rs");
        let folder = ["/mod", "/lib", "/main"].iter().find_map(|name| own.strip_suffix(name)).unwrap_or(own);
        self.test_modules.iter().map(|name| format!("{folder}/{name}")).collect()
    }

    /// Returns the lines that name the crate `name`, in a path (another crate may re-export it) or in a `use`.
    pub(super) fn lines_naming(&self, name: &str) -> BTreeSet<usize> {
        let imports = self.imports().into_iter().filter(|import| import.path.iter().any(|part| part == name));
        let imported = imports.map(|import| import.line);
        let paths = self.paths_with_positions().into_iter().filter(|(at, path)| {
            let (last, before) = path.split_last().expect("a path has a name");
            before.iter().any(|part| part == name) || (last == name && *at > 0 && self.is(at - 1, "crate"))
        });
        imported.chain(paths.map(|(at, _)| self.tokens[at].0)).collect()
    }

    /// Returns the name below the root of the crate that each path from the root begins with, and its line. A path from
    /// the root begins with `crate`, or with as many `super` as lead there. The name is `None` for the root itself.
    pub(super) fn names_at_root(&self) -> Vec<(usize, Option<String>)> {
        let inline = self.inline_modules();
        let mut names = Vec::new();
        let mut add = |at: usize, line: usize, path: &[String]| {
            if let Some(below) = below_root(path, self.modules() + inline[at]) {
                names.push((line, below.first().cloned()));
            }
        };
        for at in self.uses() {
            let mut imports = Vec::new();
            self.import_tree(at + 1, &[], false, &mut imports);
            for import in imports {
                add(at, import.line, &import.path);
            }
        }
        for (at, path) in self.paths_with_positions().iter().filter(|(_, path)| path.len() > 1) {
            add(*at, self.tokens[*at].0, path);
        }
        names
    }

    /// Returns the number of inline modules around each token.
    fn inline_modules(&self) -> Vec<usize> {
        let mut opened = Vec::new();
        let mut depth = 0_usize;
        let around = (0..self.tokens.len()).map(|at| {
            if self.is(at, "{") {
                depth += 1;
                if at > 1 && self.is(at - 2, "mod") {
                    opened.push(depth);
                }
            } else if self.is(at, "}") {
                opened.pop_if(|module| *module == depth);
                depth = depth.saturating_sub(1);
            }
            opened.len()
        });
        around.collect()
    }

    /// Returns the number of modules between this file and the root of its crate.
    fn modules(&self) -> usize {
        let path = self.below_src().trim_end_matches(".rs");
        path.split('/').filter(|part| !["mod", "lib", "main"].contains(part)).count()
    }

    /// The positions of `use` declarations.
    fn uses(&self) -> impl Iterator<Item = usize> {
        (0..self.tokens.len()).filter(|&at| self.is_use(at))
    }

    /// Returns all names that are imported, with groups resolved.
    pub(super) fn imports(&self) -> Vec<Import> {
        let mut imports = Vec::new();
        for at in self.uses() {
            let is_public = at > 0 && (self.is(at - 1, "pub") || self.is(at - 1, ")"));
            self.import_tree(at + 1, &[], is_public, &mut imports);
        }
        imports
    }

    /// Adds the names of the tree at `at`, and returns the position after it.
    fn import_tree(&self, mut at: usize, before: &[String], is_public: bool, imports: &mut Vec<Import>) -> usize {
        let mut path = before.to_vec();
        let mut alias = None;
        let line = self.tokens.get(at).map_or(0, |(line, _)| *line);
        loop {
            match self.tokens.get(at).map(|(_, token)| token) {
                Some(Token::Path | Token::Sign('*')) => at += 1,
                Some(Token::Sign('{')) => {
                    at += 1;
                    while !self.is(at, "}") && at < self.tokens.len() {
                        at = self.import_tree(at, &path, is_public, imports);
                        at += usize::from(self.is(at, ","));
                    }
                    return at + 1;
                }
                Some(Token::Name(name)) if name == "as" => {
                    alias = self.tokens.get(at + 1).map(|(_, token)| token.to_string());
                    at += 2;
                }
                Some(Token::Name(name)) => {
                    // `a::{self}` names `a`.
                    if name != "self" || path.is_empty() {
                        path.push(name.clone());
                    }
                    at += 1;
                }
                _ => break,
            }
        }
        imports.push(Import { line, is_public, path, alias });
        at
    }

    /// Returns the paths outside of `use`, with at least two parts.
    pub(super) fn paths(&self) -> Vec<Vec<String>> {
        // `pub(in a::b)` only limits who may name an item.
        let is_visibility = |at: usize| at > 1 && self.is(at - 2, "(") && self.is(at - 1, "in");
        let paths = self.paths_with_positions().into_iter();
        paths.filter(|(at, path)| path.len() > 1 && !is_visibility(*at)).map(|(_, path)| path).collect()
    }

    /// Returns the paths outside of `use`, also those of one part.
    fn paths_with_positions(&self) -> Vec<(usize, Vec<String>)> {
        let mut paths = Vec::new();
        let mut at = 0;
        while at < self.tokens.len() {
            if self.is_use(at) {
                while at < self.tokens.len() && !self.is(at, ";") {
                    at += 1;
                }
            }
            let start = at;
            let mut path = Vec::new();
            while let Some((_, Token::Name(name))) = self.tokens.get(at) {
                path.push(name.clone());
                if !self.is(at + 1, "::") {
                    break;
                }
                at += 2;
            }
            if !path.is_empty() {
                paths.push((start, path));
            }
            at += 1;
        }
        paths
    }

    /// Returns true for the `use` of a declaration; `use<'a>` is part of a type.
    fn is_use(&self, at: usize) -> bool {
        self.is(at, "use") && !self.is(at + 1, "<")
    }

    fn is(&self, at: usize, text: &str) -> bool {
        self.tokens.get(at).is_some_and(|(_, token)| token.is(text))
    }
}

/// Returns the rest of `path` below the root of the crate, which is empty for the root itself; `None` if the path does
/// not begin there. There are `modules` modules between the root and here.
fn below_root(path: &[String], modules: usize) -> Option<&[String]> {
    let path = path.strip_prefix(&["self".to_owned()]).unwrap_or(path);
    let supers = path.iter().take_while(|part| *part == "super").count();
    if path.first()? == "crate" { Some(&path[1..]) } else { (supers > 0 && supers >= modules).then(|| &path[supers..]) }
}

/// Removes every item under `#[cfg(test)]`, and returns the names of those modules that are only declared here.
fn without_tests(all: &[(usize, Token)]) -> (Vec<(usize, Token)>, Vec<String>) {
    const CFG_TEST: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    const ITEMS: [&str; 12] =
        ["async", "const", "enum", "extern", "fn", "impl", "mod", "static", "struct", "trait", "type", "use"];
    let starts = |at: usize, words: &[&str]| {
        words.iter().enumerate().all(|(n, word)| all.get(at + n).is_some_and(|(_, token)| token.is(word)))
    };
    let (mut kept, mut modules, mut at) = (Vec::new(), Vec::new(), 0);
    while at < all.len() {
        if starts(at, &["#", "!"]) && starts(at + 2, &CFG_TEST[1..]) {
            return (kept, modules);
        }
        if starts(at, &CFG_TEST) {
            let item = after_attributes_and_visibility(all, at);
            if ITEMS.iter().any(|word| starts(item, &[word])) {
                if starts(item, &["mod"]) && starts(item + 2, &[";"]) {
                    modules.push(all[item + 1].1.to_string());
                }
                at = after_item(all, item);
                continue;
            }
        }
        kept.push(all[at].clone());
        at += 1;
    }
    (kept, modules)
}

/// Returns the position of the item's keyword if its first attribute is at `at`.
pub(super) fn after_attributes_and_visibility(all: &[(usize, Token)], mut at: usize) -> usize {
    let is = |at: usize, text: &str| all.get(at).is_some_and(|(_, token)| token.is(text));
    while is(at, "#") {
        at = after_group(all, at + 1);
    }
    match (is(at, "pub"), is(at + 1, "(")) {
        (true, true) => after_group(all, at + 1),
        (true, false) => at + 1,
        (false, _) => at,
    }
}

/// Returns the position after the item at `at`: after its `;` or its block.
fn after_item(all: &[(usize, Token)], mut at: usize) -> usize {
    while let Some((_, token)) = all.get(at) {
        match token {
            Token::Sign(';') => return at + 1,
            Token::Sign('{') => return after_group(all, at),
            Token::Sign('(' | '[') => at = after_group(all, at),
            _ => at += 1,
        }
    }
    at
}

/// Returns the position after the bracket that closes the one at `at`.
fn after_group(all: &[(usize, Token)], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while let Some((_, token)) = all.get(at) {
        at += 1;
        match token {
            Token::Sign('(' | '[' | '{') => depth += 1,
            Token::Sign(')' | ']' | '}') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// Splits `text`, without comments and literals.
pub(super) fn tokens(text: &str) -> Vec<(usize, Token)> {
    let mut reader = Reader { chars: text.chars().peekable(), line: 1 };
    let mut tokens = Vec::new();
    while let Some(char) = reader.next() {
        let line = reader.line;
        match char {
            '/' if reader.peek() == Some('/') => reader.skip_line(),
            '/' if reader.peek() == Some('*') => reader.skip_block_comment(),
            '"' => reader.skip_string(),
            '\'' => reader.skip_char_or_lifetime(),
            ':' if reader.peek() == Some(':') => {
                reader.next();
                tokens.push((line, Token::Path));
            }
            first if first.is_alphanumeric() || first == '_' => {
                let name = reader.name(first);
                match (name.as_str(), reader.peek()) {
                    ("r" | "br" | "cr", Some('"' | '#')) => reader.skip_raw(),
                    _ => tokens.push((line, Token::Name(name))),
                }
            }
            space if space.is_whitespace() => {}
            sign => tokens.push((line, Token::Sign(sign))),
        }
    }
    tokens
}

struct Reader<'a> {
    chars: Peekable<Chars<'a>>,
    line: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let char = self.chars.next();
        self.line += usize::from(char == Some('\n'));
        char
    }

    fn peek(&mut self) -> Option<char> {
        self.chars.peek().copied()
    }

    fn name(&mut self, first: char) -> String {
        let mut name = String::from(first);
        while let Some(char) = self.chars.next_if(|char| char.is_alphanumeric() || *char == '_') {
            name.push(char);
        }
        name
    }

    fn skip_line(&mut self) {
        while self.peek().is_some_and(|char| char != '\n') {
            self.next();
        }
    }

    fn skip_block_comment(&mut self) {
        let mut depth = 0;
        let mut before = '/';
        while let Some(char) = self.next() {
            let (opens, closes) = (before == '/' && char == '*', before == '*' && char == '/');
            depth += i32::from(opens) - i32::from(closes);
            // In `/*/` and `*/*`, the middle character counts only once.
            before = if opens || closes { ' ' } else { char };
            if depth == 0 {
                break;
            }
        }
    }

    fn skip_string(&mut self) {
        while let Some(char) = self.next() {
            match char {
                '\\' => _ = self.next(),
                '"' => break,
                _ => {}
            }
        }
    }

    /// Skips what follows a `'`: a character up to its closing quote, or the lifetime's name.
    fn skip_char_or_lifetime(&mut self) {
        match self.next() {
            Some('\\') => {
                self.next();
                while self.next().is_some_and(|char| char != '\'') {}
            }
            Some(first) if self.peek() == Some('\'') || !(first.is_alphanumeric() || first == '_') => {
                self.next();
            }
            Some(first) => _ = self.name(first),
            None => {}
        }
    }

    /// Skips what follows an `r`: a raw string, or the `#` of a raw name such as `r#type`.
    fn skip_raw(&mut self) {
        let mut hashes = 0;
        while self.chars.next_if_eq(&'#').is_some() {
            hashes += 1;
        }
        if self.chars.next_if_eq(&'"').is_none() {
            return;
        }
        let mut closing = None;
        while closing != Some(hashes) {
            closing = match self.next() {
                Some('"') => Some(0),
                Some('#') => closing.map(|seen| seen + 1),
                Some(_) => None,
                None => break,
            };
        }
    }
}
