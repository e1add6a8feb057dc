//! The words of comments, the schema and the documentation: `CONTRIBUTING.md` lists the rules, and some of them are
//! checked here. Help texts are doc comments. Code in backticks and code blocks is not checked.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Words and phrases with a plain equivalent: "again", "permanently", "must", "at most", "no client", "sent".
const BANNED: &[&str] = &[
    "afresh", "anew", "anybody", "for good", "hears", "nobody", "shall", "somebody", "so many", "told", "unheard",
    "untold", "whoever", "whosever",
];
/// No sentence begins with these: they hide who acts.
const SENTENCE_OPENINGS: &[&str] = &["Anybody", "Nobody", "Somebody", "Who", "Whoever", "Whom", "Whose"];
/// No doc comment begins with these: it begins with a noun phrase or a third-person verb.
const DOC_OPENINGS: &[&str] = &["How", "What", "When", "Where", "Whether", "Which", "Who", "Whose"];

/// Folders and files with text that people read.
const READ: &[&str] = &[
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "README.md",
    "SECURITY.md",
    "benches/src",
    "docs",
    "entity/src",
    "graphiql/README.md",
    "guard/src",
    "migration/src",
    "sandbox",
    "schema.graphql",
    "src",
    "tests/it",
];

/// A paragraph of text with the number of its first line.
struct Paragraph {
    line: usize,
    is_doc: bool,
    text: String,
}

#[test]
fn text_uses_plain_words() {
    let mut files = Vec::new();
    for path in READ {
        collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join(path), &mut files);
    }
    assert!(files.len() > 500, "only {} files were found", files.len());
    let mut faults = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("a readable file");
        let name = file.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(&file).display().to_string();
        // This file lists the words.
        if name != "tests/it/wording.rs" {
            faults.extend(faults_in(&name, &text).into_iter().map(|fault| format!("{name}:{fault}")));
        }
    }
    assert!(faults.is_empty(), "{} places need plain words:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn each_rule_finds_its_fault() {
    let found = |name: &str, text: &str| faults_in(name, text).len();
    assert_eq!(found("a.rs", "// It is read anew.\nlet anew = 1;\n/// Code: `anew`.\n"), 1);
    assert_eq!(found("a.rs", "// It stays\n// for good.\n"), 1, "across lines");
    assert_eq!(found("a.rs", "// It ends. Who\n// asks is a client.\n"), 1, "in the middle");
    assert_eq!(found("a.rs", "/// Whether it ends.\nfn a() {}\n// Whether it ends is unknown.\n"), 1);
    assert_eq!(found("a.rs", "let url = \"https://a/shall\"; // Fine.\n"), 0);
    assert_eq!(found("a.md", "See [a](shall/b.rs), [b](anew.md).\n"), 0);
    assert_eq!(found("a.md", "A `shall`.\n\n```sh\nshall\n```\n\nIt shall.\n"), 1);
    assert_eq!(found("schema.graphql", "\"\"\"\nWhoever reads.\n\"\"\"\ntype Nobody\n"), 2, "an opening and a word");
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("a readable folder") {
            collect(&entry.expect("an entry").path(), files);
        }
    } else if path.extension().is_some_and(|extension| ["graphql", "md", "rs"].iter().any(|read| extension == *read)) {
        files.push(path.to_owned());
    }
}

fn faults_in(name: &str, text: &str) -> Vec<String> {
    let paragraphs = match name.rsplit('.').next() {
        Some("rs") => comments(text),
        Some("graphql") => descriptions(text),
        _ => prose(text),
    };
    paragraphs.iter().flat_map(faults_of).collect()
}

fn faults_of(paragraph: &Paragraph) -> Vec<String> {
    let (first, rest) = paragraph.text.split_once("](").unwrap_or((&paragraph.text, ""));
    // The targets of links are no text.
    let texts = rest.split("](").map(|link| link.split_once(')').map_or(link, |(_, text)| text));
    let text = std::iter::once(first).chain(texts).collect::<Vec<_>>().join("] ");
    let plain: String = text.split('`').step_by(2).collect::<Vec<_>>().join("…");
    let words: Vec<&str> =
        plain.split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '…').filter(|word| !word.is_empty()).collect();
    let spaced = format!(" {} ", words.join(" ").to_lowercase());
    let banned = BANNED.iter().filter(|banned| spaced.contains(&format!(" {banned} ")));
    let mut faults: Vec<String> = banned.map(|banned| format!("{}: \"{banned}\"", paragraph.line)).collect();
    let opening = |sentence: &str, list: &[&str]| {
        let first = sentence.trim_start_matches([' ', '*', '-', '#', '"']).split(' ').next().unwrap_or_default();
        list.contains(&first).then(|| format!("{}: begins with \"{first}\"", paragraph.line))
    };
    faults.extend(plain.split(". ").filter_map(|sentence| opening(sentence, SENTENCE_OPENINGS)));
    if paragraph.is_doc {
        faults.extend(opening(&plain, DOC_OPENINGS).filter(|fault| !faults.contains(fault)));
    }
    faults
}

/// The comments of Rust source: lines of the same kind that follow each other are one paragraph.
fn comments(text: &str) -> Vec<Paragraph> {
    let mut paragraphs: Vec<Paragraph> = Vec::new();
    let (mut last, mut in_code) = (("", 0), false);
    for (number, line) in (1..).zip(text.lines()) {
        let code = line.trim_start();
        let marker = ["///", "//!", "//"].into_iter().find(|marker| code.starts_with(marker));
        let (marker, comment) = match marker {
            Some(marker) => (marker, code[marker.len()..].trim()),
            None => match line.split_once(" // ") {
                Some((_, comment)) => ("trailing", comment.trim()),
                None => continue,
            },
        };
        if comment.starts_with("```") {
            in_code = !in_code;
        }
        if in_code || comment.starts_with("```") {
            continue;
        }
        match paragraphs.last_mut() {
            Some(paragraph) if last == (marker, number - 1) && marker != "trailing" && !comment.is_empty() => {
                paragraph.text.push(' ');
                paragraph.text.push_str(comment);
            }
            last_paragraph => {
                // A later paragraph of one doc comment may begin with any word.
                let goes_on = last == (marker, number - 1) && last_paragraph.is_some();
                let is_doc = matches!(marker, "///" | "//!") && !goes_on;
                paragraphs.push(Paragraph { line: number, is_doc, text: comment.to_owned() });
            }
        }
        last = (marker, number);
    }
    paragraphs
}

/// The descriptions of a GraphQL schema.
fn descriptions(text: &str) -> Vec<Paragraph> {
    let mut paragraphs = Vec::new();
    let mut open: Option<Paragraph> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line == "\"\"\"" {
            match open.take() {
                Some(paragraph) => paragraphs.push(paragraph),
                None => open = Some(Paragraph { line: number, is_doc: true, text: String::new() }),
            }
        } else if let Some(paragraph) = &mut open {
            if !paragraph.text.is_empty() {
                paragraph.text.push(' ');
            }
            paragraph.text.push_str(line);
        }
    }
    paragraphs
}

/// The paragraphs, rows and items of a page, without its code blocks.
fn prose(text: &str) -> Vec<Paragraph> {
    let mut paragraphs: Vec<Paragraph> = Vec::new();
    let (mut in_code, mut goes_on) = (false, false);
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.starts_with("```") {
            in_code = !in_code;
        }
        if in_code || line.is_empty() || line.starts_with("```") {
            goes_on = false;
            continue;
        }
        match paragraphs.last_mut() {
            Some(paragraph) if goes_on && !line.starts_with(['|', '-', '#']) => {
                paragraph.text.push(' ');
                paragraph.text.push_str(line);
            }
            _ => paragraphs.push(Paragraph { line: number, is_doc: false, text: line.to_owned() }),
        }
        goes_on = true;
    }
    paragraphs
}
