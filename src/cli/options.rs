//! `customary options`: the reference page of the command line, generated from its definition.

use std::fmt::Write as _;

use clap::{Arg, Command};

const INTRODUCTION: &str = "\
# Options

`customary options` generates this page from the definition of the command line. `customary SUBCOMMAND --help` prints the
same texts.

You can set an option by its flag or, if it has one, by its environment variable. The flag wins.
";

/// The page, as Markdown.
pub(super) fn page(mut command: Command) -> String {
    command.build();
    let mut page = INTRODUCTION.to_owned();
    page.push_str("\n## Every subcommand\n");
    table(&mut page, command.get_arguments().filter(|arg| arg.is_global_set()));
    describe(&mut page, &command);
    page
}

fn describe(page: &mut String, parent: &Command) {
    for command in parent.get_subcommands().filter(|it| !it.is_hide_set() && it.get_name() != "help") {
        if command.has_subcommands() {
            describe(page, command);
            continue;
        }
        let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        let _ = write!(page, "\n## {name}\n\n{}.\n", plain(&about));
        table(page, command.get_arguments().filter(|arg| !arg.is_global_set()));
        if let Some(after) = command.get_after_help() {
            let _ = write!(page, "\n{}\n", plain(&after.to_string()));
        }
    }
}

fn table<'a>(page: &mut String, arguments: impl Iterator<Item = &'a Arg>) {
    let is_ours = |arg: &&Arg| !matches!(arg.get_id().as_str(), "help" | "version");
    let arguments: Vec<&Arg> = arguments.filter(is_ours).collect();
    if arguments.is_empty() {
        return;
    }
    let has_variables = arguments.iter().any(|arg| arg.get_env().is_some());
    let variable = if has_variables { ("environment | ", "--- | ") } else { ("", "") };
    let _ = write!(page, "\n| option | {}default | |\n| --- | {}--- | --- |\n", variable.0, variable.1);
    page.extend(arguments.into_iter().map(|arg| row(arg, has_variables)));
}

fn row(arg: &Arg, has_variables: bool) -> String {
    let values = arg.get_value_names().unwrap_or_default().iter().map(|name| format!(" {name}"));
    let values = if arg.get_action().takes_values() { values.collect() } else { String::new() };
    let name = arg.get_long().map_or_else(String::new, |long| format!("--{long}"));
    let variable = match arg.get_env() {
        Some(name) => format!(" `{}` |", name.to_string_lossy()),
        None if has_variables => " |".to_owned(),
        None => String::new(),
    };
    let help = plain(&arg.get_help().map(ToString::to_string).unwrap_or_default());
    // A default that is not a single value is at the end of the help text.
    let (help, in_words) = match help.strip_suffix(']').and_then(|it| it.rsplit_once(" [default: ")) {
        Some((help, default)) => (help.to_owned(), Some(default.to_owned())),
        None => (help.clone(), None),
    };
    let value = arg.get_default_values().first().filter(|_| arg.get_action().takes_values());
    let value = value.map(|value| value.to_string_lossy()).filter(|value| !value.is_empty());
    let default = match (value, in_words) {
        (Some(value), _) => format!("`{value}`"),
        (None, Some(words)) => words,
        (None, None) if arg.is_required_set() => "required".to_owned(),
        (None, None) => String::new(),
    };
    let words: Vec<_> = arg.get_possible_values().iter().map(|it| format!("`{}`", it.get_name())).collect();
    let words =
        if values.is_empty() || words.is_empty() { String::new() } else { format!(": {}", words.join(", ")) };
    format!("| `{}` |{variable} {default} | {help}{words} |\n", format!("{name}{values}").trim())
}

/// The text on one line, with Markdown's special characters escaped.
fn plain(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.replace('|', "\\|").replace('<', "\\<").replace('*', "\\*")
}
