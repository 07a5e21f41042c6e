//! README against the program: what it says is made from what the program knows.

const README: &str = include_str!("../../README.md");

/// The text between `<!-- NAME -->` and `<!-- /NAME -->`.
fn section(name: &str) -> &'static str {
    let (start, end) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
    let from = README.find(&start).unwrap_or_else(|| panic!("README has no {start}")) + start.len();
    let to = README[from..].find(&end).unwrap_or_else(|| panic!("README has no {end}"));
    README[from..from + to].trim()
}

#[test]
fn the_key_table_is_the_consoles() {
    assert_eq!(section("keys"), diptych::console::key_table_markdown().trim(), "README's key table");
}

#[test]
fn the_exit_codes_are_the_programs() {
    assert_eq!(section("exit-codes"), diptych::cli::exit::markdown().trim(), "README's exit codes");
}

#[test]
fn the_subcommands_are_all_named() {
    for command in <diptych::cli::Cli as clap::CommandFactory>::command().get_subcommands() {
        let name = format!("diptych {}", command.get_name());
        assert!(README.contains(&name), "README does not name `{name}`");
    }
}
