//! Which sections of the RFCs are carried out in code, and which are proven by a test: an index of the marks.
//!
//! A mark is a comment alone on its line, `//= rfc9000#13.2.1`, with ` test` behind it where it is a test that is
//! marked. What the sections are, and whom their requirements bind, is data of our own (`tests/compliance`).
//!
//! A section that needs neither has a reason there, too.
//!
//! Invariant: the index is made from the files as they are; nothing but the reasons in it is written by hand.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// The RFCs with their data.
const DOCUMENTS: [(&str, &str); 5] = [
    ("rfc9000", include_str!("../compliance/rfc9000.txt")),
    ("rfc9001", include_str!("../compliance/rfc9001.txt")),
    ("rfc9002", include_str!("../compliance/rfc9002.txt")),
    ("rfc9221", include_str!("../compliance/rfc9221.txt")),
    ("rfc9369", include_str!("../compliance/rfc9369.txt")),
];

/// Why sections need neither code nor test.
const REASONS: &str = include_str!("../compliance/reasons.txt");

/// Whom the requirements of a section bind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binds {
    /// At least one a client.
    Client,
    /// A client that resumes sessions.
    ZeroRtt,
    /// Only servers, registries, deployments or authors of specifications.
    Other,
    /// There is no requirement.
    Nobody,
}

/// A section of an RFC.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// `13.2.1`, or `A.2` in an appendix.
    pub number: &'static str,
    /// Whom it binds.
    pub binds: Binds,
    /// Its title.
    pub title: &'static str,
}

/// A mark in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// `rfc9000`.
    pub document: String,
    /// `13.2.1`.
    pub section: String,
    /// What is marked is a test.
    pub is_test: bool,
    /// From the project's root.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
}

/// The RFCs of the index.
pub fn documents() -> impl Iterator<Item = &'static str> {
    DOCUMENTS.iter().map(|(document, _)| *document)
}

/// The sections of an RFC, in its order; `None` for one that is not in the index.
pub fn sections(document: &str) -> Option<Vec<Section>> {
    let (_, data) = DOCUMENTS.iter().find(|(name, _)| *name == document)?;
    let lines = data.lines().filter(|line| !line.starts_with('#'));
    Some(lines.map(section).collect())
}

/// The sections of an RFC that need neither code nor a test, with the reasons.
pub fn reasons(document: &str) -> Vec<(&'static str, &'static str)> {
    let lines = REASONS.lines().filter(|line| !line.starts_with('#'));
    let parts = lines.map(|line| {
        let mut parts = line.splitn(3, " | ");
        match (parts.next(), parts.next(), parts.next()) {
            (Some(document), Some(section), Some(reason)) => (document, section, reason),
            _ => panic!("three parts: {line}"),
        }
    });
    let of_it = parts.filter(|(of, _, _)| *of == document);
    of_it
        .map(|(_, section, reason)| (section, reason))
        .collect()
}

fn section(line: &'static str) -> Section {
    let mut parts = line.splitn(3, " | ");
    let mut part = || {
        parts
            .next()
            .unwrap_or_else(|| panic!("three parts: {line}"))
    };
    let (number, binds, title) = (part(), part(), part());
    let binds = match binds {
        "client" => Binds::Client,
        "0-rtt" => Binds::ZeroRtt,
        "other" => Binds::Other,
        "-" => Binds::Nobody,
        _ => panic!("whom does it bind? {line}"),
    };
    Section {
        number,
        binds,
        title,
    }
}

/// The marks in the text of a file.
pub fn marks(file: &str, text: &str) -> Vec<Mark> {
    let marks = text.lines().enumerate().filter_map(|(index, line)| {
        let mark = line.trim_start().strip_prefix("//= ")?;
        let (document, section) = mark.split_once('#')?;
        let (section, is_test) = match section.strip_suffix(" test") {
            Some(section) => (section, true),
            None => (section, false),
        };
        Some(Mark {
            document: document.to_owned(),
            section: section.to_owned(),
            is_test,
            file: file.to_owned(),
            line: index + 1,
        })
    });
    marks.collect()
}

/// All marks in the Rust files below a folder, sorted. Build folders and hidden ones are left out.
pub fn marks_below(root: &Path) -> Vec<Mark> {
    let (mut folders, mut found) = (vec![root.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a readable folder") {
            let path = entry.expect("a readable entry").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = fs::read_to_string(&path).expect("a readable file");
                let name = path.strip_prefix(root).expect("below the root");
                found.extend(marks(&name.to_string_lossy(), &text));
            }
        }
    }
    found.sort();
    found
}

/// Marks of one section: how many in code, how many in tests.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    code: usize,
    tests: usize,
}

type Counts = BTreeMap<(String, String), Count>;

fn count(marks: &[Mark]) -> Counts {
    let mut counts = Counts::new();
    for mark in marks {
        let key = (mark.document.clone(), mark.section.clone());
        let count = counts.entry(key).or_default();
        if mark.is_test {
            count.tests += 1;
        } else {
            count.code += 1;
        }
    }
    counts
}

/// The index as a page.
pub fn page(marks: &[Mark]) -> String {
    let counts = count(marks);
    let mut page = String::from(
        "# Compliance index\n\n\
         Made by `cargo run -p quicpro-tests --bin compliance` from the marks in the code (`//= rfc9000#13.2.1`) and in \
         the tests (`//= rfc9000#13.2.1 test`). A mark says where a section is carried out, or proven; that all of the \
         section is, no program can tell. Whose requirements a section has is in `tests/compliance`.\n\n",
    );
    page.push_str(
        "| RFC | sections that bind a client | code and test | code only | test only | not needed | neither |\n",
    );
    page.push_str("| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n");
    for document in documents() {
        summary(&mut page, document, &counts);
    }
    for document in documents() {
        not_needed(&mut page, document);
    }
    for document in documents() {
        neither(&mut page, document, &counts);
    }
    for document in documents() {
        table(&mut page, document, &counts);
    }
    page
}

fn of(counts: &Counts, document: &str, section: &Section) -> Count {
    let key = (document.to_owned(), section.number.to_owned());
    counts.get(&key).copied().unwrap_or_default()
}

/// The sections of a document that bind a client.
fn binding(document: &str) -> Vec<Section> {
    let all = sections(document).unwrap_or_default();
    all.into_iter()
        .filter(|section| section.binds == Binds::Client)
        .collect()
}

fn summary(page: &mut String, document: &str, counts: &Counts) {
    let sections = binding(document);
    let not_needed = reasons(document).len();
    let number = |wanted: (bool, bool)| {
        let kind = |section: &Section| {
            let count = of(counts, document, section);
            (count.code > 0, count.tests > 0)
        };
        sections
            .iter()
            .filter(|section| kind(section) == wanted)
            .count()
    };
    let _ = writeln!(
        page,
        "| {} | {} | {} | {} | {} | {not_needed} | {} |",
        document.trim_start_matches("rfc"),
        sections.len(),
        number((true, true)),
        number((true, false)),
        number((false, true)),
        number((false, false)).saturating_sub(not_needed),
    );
}

/// The sections that bind a client and need nothing here.
fn not_needed(page: &mut String, document: &str) {
    let reasons = reasons(document);
    if reasons.is_empty() {
        return;
    }
    let document_number = document.trim_start_matches("rfc");
    let _ = write!(
        page,
        "\n## RFC {document_number}: binding, and without need of code\n\n"
    );
    for (number, reason) in reasons {
        let all = binding(document);
        let section = all.iter().find(|section| section.number == number);
        let title = section.map_or("", |section| section.title);
        let _ = writeln!(page, "- {number} {title}: {reason}");
    }
}

/// The sections that bind a client and have no mark.
fn neither(page: &mut String, document: &str, counts: &Counts) {
    let reasons = reasons(document);
    let without: Vec<String> = binding(document)
        .iter()
        .filter(|section| {
            let count = of(counts, document, section);
            let is_needed = reasons.iter().all(|(number, _)| *number != section.number);
            count.code + count.tests == 0 && is_needed
        })
        .map(|section| format!("- {} {}", section.number, section.title))
        .collect();
    if !without.is_empty() {
        let _ = write!(
            page,
            "\n## RFC {}: binding, and without a mark\n\n{}\n",
            document.trim_start_matches("rfc"),
            without.join("\n")
        );
    }
}

/// Every section that has a requirement or a mark.
fn table(page: &mut String, document: &str, counts: &Counts) {
    let _ = write!(
        page,
        "\n## RFC {}\n\n| section | title | binds | code | tests |\n| --- | --- | --- | ---: | ---: |\n",
        document.trim_start_matches("rfc"),
    );
    for section in sections(document).unwrap_or_default() {
        let count = of(counts, document, &section);
        if section.binds == Binds::Nobody && count.code + count.tests == 0 {
            continue;
        }
        let binds = match section.binds {
            Binds::Client => "client",
            Binds::ZeroRtt => "0-RTT",
            Binds::Other => "others",
            Binds::Nobody => "",
        };
        let number = |count: usize| {
            if count == 0 {
                String::new()
            } else {
                count.to_string()
            }
        };
        let _ = writeln!(
            page,
            "| {} | {} | {binds} | {} | {} |",
            section.number,
            section.title,
            number(count.code),
            number(count.tests)
        );
    }
}

/// The marks that name a section which does not exist, as sentences.
pub fn unknown(marks: &[Mark]) -> Vec<String> {
    let is_unknown = |mark: &&Mark| {
        sections(&mark.document)
            .is_some_and(|all| all.iter().all(|section| section.number != mark.section))
    };
    marks
        .iter()
        .filter(is_unknown)
        .map(|mark| {
            let Mark {
                document,
                section,
                file,
                line,
                ..
            } = mark;
            format!("{file}:{line}: {document} has no section {section}")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found_and_told_apart() {
        let text = "    //= rfc9000#4.1\nfn f() {}\n//= rfc9000#99.1 test\n// rfc9000#1\n";
        let marks = marks("a.rs", text);
        assert_eq!(marks.len(), 2);
        assert!(!marks[0].is_test && marks[1].is_test);
        assert_eq!(marks[1].line, 3);
        let unknown = unknown(&marks);
        assert_eq!(unknown, ["a.rs:3: rfc9000 has no section 99.1"]);
        let page = page(&marks);
        assert!(page.contains("| 4.1 | Data Flow Control | client | 1 |  |"));
        assert!(page.contains("- 4.2 Increasing Flow Control Limits"));
    }

    #[test]
    fn reasons_stand_for_sections_without_marks_alone() {
        let marks = marks_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
        for document in documents() {
            for (number, _) in reasons(document) {
                let is_binding = binding(document).iter().any(|one| one.number == number);
                assert!(is_binding, "{document} {number} binds no client");
                let is_it = |mark: &&Mark| mark.document == document && mark.section == number;
                let marked = marks.iter().find(is_it);
                assert!(marked.is_none(), "{marked:?} is not needed");
            }
        }
        let known: usize = documents().map(|document| reasons(document).len()).sum();
        let lines = REASONS.lines().filter(|line| !line.starts_with('#'));
        assert_eq!(known, lines.count(), "a reason for an unknown document");
    }

    #[test]
    fn the_data_is_whole() {
        for document in documents() {
            let sections = sections(document).unwrap();
            let mut numbers: Vec<&str> = sections.iter().map(|section| section.number).collect();
            numbers.sort_unstable();
            numbers.dedup();
            assert_eq!(numbers.len(), sections.len(), "{document}: a section twice");
            assert!(!binding(document).is_empty());
        }
    }
}
