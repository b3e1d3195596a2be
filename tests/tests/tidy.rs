//! The shape of the code: sizes, layers and marks that nobody should have to look for in a review.
//!
//! Sizes are TigerBeetle's idea (`tidy.zig`): a limit that a test holds is a limit. Invariant: only tokens
//! are judged, as Rust's own lexer sees them; a brace in a string or a word in a comment misleads nothing.

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};
use quicpro_tests::compliance;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Code lines of a file, without its inline tests, blank lines and comments.
const FILE_LINES_MAX: usize = 600;
/// Lines of a function from its `fn` to its last brace.
const FUNCTION_LINES_MAX: usize = 70;

/// The modules of `core/src` from the bottom up: each uses what stands before it, and its own line.
const LAYERS: &[&[&str]] = &[
    &["fmt", "time", "limits"],
    &["mem", "codec"],
    &["wire", "crypto"],
    &[
        "ack",
        "ack_frequency",
        "context",
        "datagram",
        "frame_writer",
        "path",
        "recovery",
        "space",
        "stream",
        "tls",
        "trace",
    ],
    &["connection"],
    &["qpack", "http3"],
    &["io", "memory", "storage", "properties"],
];

/// The files of core that may name `alloc`: what is either borrowed or allocated once.
const ALLOC_FILES: &[&str] = &[
    "lib.rs",
    "mem/table.rs",
    "mem/lent.rs",
    "crypto/external.rs",
    "memory.rs",
    "storage.rs",
];

#[test]
fn files_and_functions_stay_small() {
    let mut problems = Vec::new();
    for file in rust_files() {
        let lines = code_lines(&file.text);
        if lines > FILE_LINES_MAX {
            problems.push(format!("{}: {lines} lines of code", file.name));
        }
        for (function, lines) in functions(&file.tokens) {
            if lines > FUNCTION_LINES_MAX {
                problems.push(format!("{}: fn {function} has {lines} lines", file.name));
            }
        }
    }
    none(problems);
}

#[test]
fn core_depends_downwards_only() {
    let mut problems = Vec::new();
    for (module, file) in core_files() {
        let Some(own) = layer(module[0].as_str()) else {
            problems.push(format!("{}: give module {} a layer", file.name, module[0]));
            continue;
        };
        for used in used_modules(&file.tokens, module.len()) {
            if layer(&used).is_some_and(|used| used > own) {
                problems.push(format!("{}: uses {used}, which is above it", file.name));
            }
        }
    }
    none(problems);
}

#[test]
fn core_allocates_in_its_memory_files_only() {
    let mut problems = Vec::new();
    for (_, file) in core_files() {
        let name = file.name.trim_start_matches("core/src/");
        // Properties are tests, whoever runs them.
        let may_allocate = ALLOC_FILES.contains(&name) || name.ends_with("properties.rs");
        if !may_allocate && roots(&file.tokens, 0).contains("alloc") {
            problems.push(format!("{}: names alloc", file.name));
        }
    }
    none(problems);
}

#[test]
fn every_file_says_what_it_is() {
    let files = rust_files()
        .into_iter()
        .filter(|file| !file.text.starts_with("//!"));
    none(
        files
            .map(|file| format!("{}: does not open with //!", file.name))
            .collect(),
    );
}

#[test]
fn nothing_is_left_for_later_or_tied_to_a_machine() {
    let marks = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("todo", "!("),
        concat!("unimple", "mented!("),
        concat!("dbg", "!("),
    ];
    let paths = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
        concat!("/tmp/", "wt"),
    ];
    let mut problems = Vec::new();
    for (name, text) in text_files() {
        for (number, line) in text.lines().enumerate() {
            if let Some(found) = marks
                .iter()
                .chain(&paths)
                .find(|mark| line.contains(**mark))
            {
                problems.push(format!("{name}:{}: contains {found}", number + 1));
            }
        }
    }
    none(problems);
}

#[test]
fn every_dependency_has_its_reason_written_down() {
    let read = |name: &str| fs::read_to_string(root().join(name)).expect("a file of the workspace");
    let manifest = read("Cargo.toml");
    let table = manifest
        .split("[workspace.dependencies]")
        .nth(1)
        .expect("the workspace's table");
    let table = table.split("\n[").next().unwrap_or(table).lines();
    let listed: BTreeSet<&str> = table
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| Some(line.split_once(" = ")?.0))
        .collect();
    let page = read("docs/dependencies.md");
    let rows = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    let explained: BTreeSet<&str> = rows
        .filter(|name| !matches!(*name, "crate" | "---"))
        .collect();
    assert!(listed.len() > 20, "the table was read");
    let differing = listed.symmetric_difference(&explained);
    none(
        differing
            .map(|name| format!("docs/dependencies.md and Cargo.toml disagree about {name}"))
            .collect(),
    );
}

#[test]
fn marks_of_specifications_can_be_read_by_a_program() {
    let mut problems = Vec::new();
    for file in rust_files() {
        for (number, line) in file.text.lines().enumerate() {
            let Some(mark) = line.trim_start().strip_prefix("//=") else {
                continue;
            };
            if !is_specification_mark(mark) {
                problems.push(format!("{}:{}: //={mark}", file.name, number + 1));
            }
        }
    }
    none(problems);
}

#[test]
fn marks_name_sections_that_exist() {
    let files = rust_files();
    let marks: Vec<_> = files
        .iter()
        .flat_map(|file| compliance::marks(&file.name, &file.text))
        .collect();
    assert!(marks.len() > 100, "marks were found");
    none(compliance::unknown(&marks));
}

/// ` rfc9000#13.2.1` or ` rfc9000#A.2 test`: a document, a section, nothing else.
fn is_specification_mark(mark: &str) -> bool {
    let Some((document, section)) = mark.strip_prefix(' ').and_then(|mark| mark.split_once('#'))
    else {
        return false;
    };
    let section = section.strip_suffix(" test").unwrap_or(section);
    let number = document.strip_prefix("rfc").unwrap_or_default();
    let parts_are_legal = section.split('.').enumerate().all(|(place, part)| {
        let letter = place == 0 && part.len() == 1 && part.chars().all(|c| c.is_ascii_uppercase());
        letter || (!part.is_empty() && part.chars().all(|c| c.is_ascii_digit()))
    });
    !number.is_empty() && number.chars().all(|c| c.is_ascii_digit()) && parts_are_legal
}

fn none(problems: Vec<String>) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

/// A file of Rust: name from the workspace's root, text, tokens.
struct RustFile {
    name: String,
    text: String,
    tokens: TokenStream,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ is a folder of the workspace")
        .to_owned()
}

/// Every text file of the project, sorted by name.
fn text_files() -> Vec<(String, String)> {
    const TEXT: &[&str] = &["rs", "toml", "md", "py", "sh", "x", "ld", ""];
    let mut folders = vec![root()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a readable folder") {
            let path = entry.expect("a readable entry").path();
            let name = path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            let extension = path
                .extension()
                .map(|extension| extension.to_string_lossy().into_owned());
            if path.is_dir() {
                if name == ".ci" || !(name.starts_with('.') || name == "target") {
                    folders.push(path);
                }
            } else if TEXT.contains(&extension.unwrap_or_default().as_str())
                && name != ".git"
                && let Ok(text) = fs::read_to_string(&path)
            {
                let name = path
                    .strip_prefix(root())
                    .expect("below the root")
                    .to_string_lossy()
                    .into_owned();
                files.push((name, text));
            }
        }
    }
    files.sort();
    files
}

fn rust_files() -> Vec<RustFile> {
    let files = text_files()
        .into_iter()
        .filter(|(name, _)| Path::new(name).extension().is_some_and(|end| end == "rs"));
    let files: Vec<_> = files
        .map(|(name, text)| {
            let tokens = text
                .parse()
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            RustFile { name, text, tokens }
        })
        .collect();
    assert!(files.len() > 20, "the walk found the project");
    files
}

/// The files of core but its root, each with its module path.
fn core_files() -> Vec<(Vec<String>, RustFile)> {
    let with_path = |file: RustFile| {
        let path = file.name.strip_prefix("core/src/")?.strip_suffix(".rs")?;
        let path = path.strip_suffix("/mod").unwrap_or(path);
        let path: Vec<_> = path.split('/').map(ToOwned::to_owned).collect();
        (path != ["lib"]).then_some((path, file))
    };
    let files: Vec<_> = rust_files().into_iter().filter_map(with_path).collect();
    assert!(files.len() > 10, "the walk found core");
    files
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// Lines that hold a token and lie outside `#[cfg(test)]` items; the lines of a long string all count.
fn code_lines(text: &str) -> usize {
    let tokens: TokenStream = text.parse().expect("parsed before");
    let mut lines = BTreeSet::new();
    each_token(&code_only(&tokens), &mut |token| {
        let span = token.span();
        lines.insert(span.start().line);
        match token {
            TokenTree::Group(_) => lines.extend([span.end().line]),
            _ => lines.extend(span.start().line..=span.end().line),
        }
    });
    lines.len()
}

/// Visits every token, the inside of groups included.
fn each_token(tokens: &TokenStream, visit: &mut impl FnMut(&TokenTree)) {
    for token in tokens.clone() {
        visit(&token);
        if let TokenTree::Group(group) = &token {
            each_token(&group.stream(), visit);
        }
    }
}

/// The tokens without doc comments and without items below a `#[cfg(test)]`.
fn code_only(tokens: &TokenStream) -> TokenStream {
    let mut kept = Vec::new();
    let mut tokens = tokens.clone().into_iter().peekable();
    while let Some(token) = tokens.next() {
        if let TokenTree::Group(group) = token {
            let mut inner = Group::new(group.delimiter(), code_only(&group.stream()));
            inner.set_span(group.span());
            kept.push(inner.into());
            continue;
        }
        let opens = is_punct(&token, '#');
        let inner = tokens.next_if(|next| opens && is_punct(next, '!'));
        match tokens.next_if(|next| {
            opens && (is_attribute(next, "doc=") || is_attribute(next, "cfg(test)"))
        }) {
            Some(attribute) if is_attribute(&attribute, "cfg(test)") => skip_item(&mut tokens),
            Some(_) => {}
            None => kept.extend([Some(token), inner].into_iter().flatten()),
        }
    }
    kept.into_iter().collect()
}

fn is_punct(token: &TokenTree, character: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == character)
}

fn is_attribute(token: &TokenTree, start: &str) -> bool {
    let TokenTree::Group(group) = token else {
        return false;
    };
    let is_bracket = group.delimiter() == Delimiter::Bracket;
    is_bracket
        && group
            .stream()
            .to_string()
            .replace(' ', "")
            .starts_with(start)
}

/// An item ends with its braces or a semicolon.
fn skip_item(tokens: &mut impl Iterator<Item = TokenTree>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => return,
            TokenTree::Punct(punct) if punct.as_char() == ';' => return,
            _ => {}
        }
    }
}

/// Every function with a body, nested ones too, and its length in lines.
fn functions(tokens: &TokenStream) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    for (place, token) in tokens.iter().enumerate() {
        if let TokenTree::Group(group) = token {
            found.extend(functions(&group.stream()));
        }
        let (TokenTree::Ident(keyword), Some(TokenTree::Ident(name))) =
            (token, tokens.get(place + 1))
        else {
            continue;
        };
        if keyword == "fn"
            && let Some(body) = body(&tokens[place + 2..])
        {
            let lines = body.span_close().end().line - keyword.span().start().line + 1;
            found.push((name.to_string(), lines));
        }
    }
    found
}

fn body(signature: &[TokenTree]) -> Option<&Group> {
    for token in signature {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => return Some(group),
            TokenTree::Punct(punct) if punct.as_char() == ';' => return None,
            _ => {}
        }
    }
    None
}

/// The top modules that a file's paths name, by `crate::` or by enough `super::`, tests left out.
fn used_modules(tokens: &TokenStream, depth: usize) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for root in roots(tokens, depth) {
        used.extend(root.strip_prefix("crate::").map(ToOwned::to_owned));
    }
    used
}

/// What paths start with: `crate::module` for those that reach the crate's root, else their first word.
fn roots(tokens: &TokenStream, depth: usize) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect_roots(&code_only(tokens), depth, &mut found);
    found
}

fn collect_roots(tokens: &TokenStream, depth: usize, found: &mut BTreeSet<String>) {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let mut place = 0;
    while place < tokens.len() {
        let inner_module = place >= 2
            && matches!(&tokens[place - 2], TokenTree::Ident(word) if word == "mod")
            && matches!(&tokens[place - 1], TokenTree::Ident(_));
        match &tokens[place] {
            TokenTree::Group(group) => {
                collect_roots(&group.stream(), depth + usize::from(inner_module), found);
            }
            TokenTree::Ident(_) if follows_path(&tokens, place) => {}
            TokenTree::Ident(_) => collect_path(&tokens[place..], depth, found),
            _ => {}
        }
        place += 1;
    }
}

/// Whether the token at `place` continues a path, `before::word`.
fn follows_path(tokens: &[TokenTree], place: usize) -> bool {
    place >= 2 && is_colons(&tokens[place - 2..])
}

fn is_colons(tokens: &[TokenTree]) -> bool {
    let colon =
        |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ':');
    let joined = matches!(tokens.first(), Some(TokenTree::Punct(punct)) if punct.spacing() == Spacing::Joint);
    joined && tokens.len() >= 2 && colon(&tokens[0]) && colon(&tokens[1])
}

/// Follows one path from its first word; a group after `crate::` gives each of its entries.
fn collect_path(mut tokens: &[TokenTree], depth: usize, found: &mut BTreeSet<String>) {
    let mut climbed = 0;
    while let [TokenTree::Ident(word), rest @ ..] = tokens
        && is_colons(rest)
    {
        let rest = &rest[2..];
        match word.to_string().as_str() {
            "crate" => climbed = depth,
            "self" => {}
            "super" => climbed += 1,
            other if climbed == 0 => {
                found.insert(other.to_owned());
                return;
            }
            _ => break,
        }
        tokens = rest;
    }
    if climbed == 0 || climbed < depth {
        return;
    }
    match tokens.first() {
        Some(TokenTree::Ident(module)) => found.extend([format!("crate::{module}")]),
        Some(TokenTree::Group(entries)) => collect_entries(&entries.stream(), found),
        _ => {}
    }
}

/// The first word of each entry of `{a::b, c, d::{e, f}}`.
fn collect_entries(entries: &TokenStream, found: &mut BTreeSet<String>) {
    let mut first = true;
    for token in entries.clone() {
        match token {
            TokenTree::Ident(module) if first => {
                found.insert(format!("crate::{module}"));
                first = false;
            }
            TokenTree::Punct(punct) if punct.as_char() == ',' => first = true,
            _ => first = false,
        }
    }
}

mod selftest {
    //! The checks on code that must not pass, so that a green run means something.

    use super::*;

    fn tokens(text: &str) -> TokenStream {
        text.parse().expect("legal tokens")
    }

    fn used(text: &str, depth: usize) -> Vec<String> {
        used_modules(&tokens(text), depth).into_iter().collect()
    }

    #[test]
    fn paths_to_the_crates_root_are_seen_however_they_are_written() {
        assert_eq!(used("use crate::http3::Client;", 1), ["http3"]);
        assert_eq!(
            used("use crate::{wire, http3::{a, b}, tls};", 1),
            ["http3", "tls", "wire"]
        );
        assert_eq!(used("use super::http3;", 1), ["http3"]);
        assert_eq!(used("use super::{io, mem};", 1), ["io", "mem"]);
        assert_eq!(used("use super::sibling;", 2), [] as [&str; 0]);
        assert_eq!(used("use super::super::io;", 2), ["io"]);
        assert_eq!(
            used("mod inner { use super::super::io; use super::near; }", 1),
            ["io"]
        );
        assert_eq!(used("fn f() { g(crate::io::drive()) }", 3), ["io"]);
        assert_eq!(
            used("fn f() { \"crate::io\"; } // crate::io", 3),
            [] as [&str; 0]
        );
        assert_eq!(
            used(
                "#[cfg(test)] mod tests { use crate::io; } use crate::mem;",
                1
            ),
            ["mem"]
        );
    }

    #[test]
    fn layers_are_ordered() {
        assert!(layer("wire") < layer("tls"));
        assert!(layer("http3") < layer("io"));
        assert_eq!(layer("unheard_of"), None);
    }

    #[test]
    fn alloc_is_seen() {
        assert!(roots(&tokens("use alloc::boxed::Box;"), 1).contains("alloc"));
        assert!(roots(&tokens("fn f() -> alloc::vec::Vec<u8> {}"), 1).contains("alloc"));
        assert!(!roots(&tokens("use super::alloc::x;"), 1).contains("alloc"));
    }

    #[test]
    fn lengths_are_counted_in_lines() {
        let text = "//! Doc.\n\n/// Doc.\nfn f() {\n    // why\n    g(\"}\");\n}\n\n#[cfg(test)]\nmod tests {\n    fn t() {}\n}\n";
        assert_eq!(code_lines(text), 3);
        assert_eq!(
            functions(&tokens(text)),
            [("f".to_owned(), 4), ("t".to_owned(), 1)]
        );
    }

    #[test]
    fn marks_are_strict() {
        for good in [" rfc9000#13.2.1", " rfc9001#A.2 test", " rfc8446#4"] {
            assert!(is_specification_mark(good), "{good}");
        }
        for bad in [
            "rfc9000#1",
            " rfc9000 13.2",
            " rfc9000#13.",
            " rfc9000#1 why",
            " rfc#1",
            " rfc9000#AB.1",
        ] {
            assert!(!is_specification_mark(bad), "{bad}");
        }
    }
}
