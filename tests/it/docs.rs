//! README against the program: what it says is made from what the program knows.
//!
//! `DIPTYCH_BLESS=1 cargo test --test it docs` writes the generated parts anew.

use std::path::PathBuf;

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("README.md")
}

fn readme() -> String {
    std::fs::read_to_string(path()).unwrap()
}

/// Holds the text between `<!-- NAME -->` and `<!-- /NAME -->` against what it should be.
fn holds(name: &str, should: &str) {
    let readme = readme();
    let (start, end) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
    let from = readme.find(&start).unwrap_or_else(|| panic!("README has no {start}")) + start.len();
    let to = from + readme[from..].find(&end).unwrap_or_else(|| panic!("README has no {end}"));
    if std::env::var_os("DIPTYCH_BLESS").is_some() {
        let text = format!("{}\n{}\n{}", &readme[..from], should.trim(), &readme[to..]);
        std::fs::write(path(), text).unwrap();
        return;
    }
    assert_eq!(
        readme[from..to].trim(),
        should.trim(),
        "README's part {name}; bless it as the head of this file says"
    );
}

#[test]
fn the_generated_parts_are_the_programs() {
    holds("exit-codes", &diptych::cli::exit::markdown());
    holds("keys", &diptych::console::key_table_markdown());
}

#[test]
fn the_subcommands_are_all_named() {
    for command in <diptych::cli::Cli as clap::CommandFactory>::command().get_subcommands() {
        let name = format!("diptych {}", command.get_name());
        assert!(readme().contains(&name), "README does not name `{name}`");
    }
}
