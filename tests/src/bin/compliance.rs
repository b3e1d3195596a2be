//! Writes the compliance index: `cargo run -p quicpro-tests --bin compliance` makes `docs/compliance.md` anew.

use quicpro_tests::compliance;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let marks = compliance::marks_below(&root);
    let unknown = compliance::unknown(&marks);
    if !unknown.is_empty() {
        eprintln!("{}", unknown.join("\n"));
        return ExitCode::FAILURE;
    }
    let page = compliance::page(&marks);
    let file = root.join("docs/compliance.md");
    if let Err(error) = std::fs::write(&file, &page) {
        eprintln!("{}: {error}", file.display());
        return ExitCode::FAILURE;
    }
    // The head of the page: figures, and what is missing.
    let head = page.split("| section |").next().unwrap_or(&page);
    println!("{head}");
    ExitCode::SUCCESS
}
