//! The README holds what it shows: every `sh` and `python` block is run, in order, by one shell against a fresh server,
//! and where a `json` or `text` block follows, the output must be that; `…` in it stands for anything. Blocks that a test
//! cannot run are fenced as `console`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::*;

const ADDRESS: &str = "http://127.0.0.1:8080";
const TOKEN: &str = "eyJ…";
/// Printed after each block; no output holds it.
const END_OF_BLOCK: char = '\u{1e}';

struct Block {
    line: usize,
    language: String,
    text: String,
    output: Option<String>,
}

fn document(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

fn blocks(markdown: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut lines = markdown.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(language) = line.strip_prefix("```") else { continue };
        let inside: Vec<_> = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
        let text = inside.join("\n");
        match (language, blocks.last_mut()) {
            ("json" | "text", Some(before)) if before.output.is_none() => before.output = Some(text),
            ("sh" | "python" | "console", _) => {
                blocks.push(Block { line: number + 1, language: language.to_owned(), text, output: None });
            }
            // `sealed::tampering` runs them.
            ("sql", _) => {}
            _ => panic!("README.md:{}: nobody knows what a block of {language:?} is here", number + 1),
        }
    }
    blocks
}

/// Whether a text is what a pattern says, where `…` is anything.
fn is_like(text: &str, pattern: &str) -> bool {
    let mut pieces = pattern.trim().split('…');
    let Some(mut rest) = text.trim().strip_prefix(pieces.next().unwrap_or_default()) else { return false };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    for piece in pieces {
        match rest.split_once(piece) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// `customary`, as the README calls it, on the database of the site.
fn install(site: &Site, folder: &Path) {
    let program = site.command(&[]);
    let quoted = |text: &std::ffi::OsStr| format!("'{}'", text.to_str().unwrap());
    let arguments: Vec<_> = program.get_args().map(quoted).collect();
    let script =
        format!("#!/bin/sh\nexec {} \"$@\" {}\n", quoted(program.get_program()), arguments.join(" "));
    let path = folder.join("customary");
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

both!(readme_examples_do_what_they_show, |db| async move {
    let server = Server::start(db).await;
    let greeting = server.stdout();
    let token =
        greeting.lines().find(|line| line.starts_with("eyJ")).expect("the first start prints a token");
    let readme = document("README.md").replace(ADDRESS, &server.base());
    let blocks = blocks(&readme);

    let start = blocks.iter().find(|block| block.text.ends_with("-- serve")).expect("the first command");
    let shown = start.output.as_deref().expect("what the first start prints");
    assert!(is_like(&greeting, shown), "README.md:{} shows\n{shown}\nbut it is\n{greeting}", start.line);

    let runnable: Vec<_> = blocks.iter().filter(|block| block.language != "console").collect();
    let parts = runnable.iter().map(|block| {
        let text = block.text.replace(TOKEN, token);
        let command = match block.language.as_str() {
            "python" => format!("\"$PYTHON\" - <<'END OF PYTHON'\n{text}\nEND OF PYTHON"),
            _ => text,
        };
        format!("{command}\nprintf '{END_OF_BLOCK}'\n")
    });
    let script = format!("set -euo pipefail\n{}", parts.collect::<String>());

    let folder = server.site().folder().join("readme");
    fs::create_dir(&folder).unwrap();
    install(server.site(), &folder);
    let program = server.site().command(&[]);
    let environment = program.get_envs().filter_map(|(name, value)| value.map(|value| (name, value)));
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(&folder)
        .envs(environment)
        .envs([("PATH", path.as_str()), ("NO_PROXY", "*"), ("no_proxy", "*")])
        .env("PYTHON", python())
        .stdin(Stdio::null())
        .output()
        .expect("bash runs");

    let (stdout, stderr) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    let printed: Vec<_> = stdout.split(END_OF_BLOCK).collect();
    for (block, printed) in runnable.iter().zip(&printed) {
        let Some(shown) = &block.output else { continue };
        assert!(
            // CSV ends its lines as RFC 4180 says.
            is_like(&printed.replace("\r\n", "\n"), shown),
            "README.md:{} shows\n{shown}\nbut it is\n{printed}\n{stderr}",
            block.line
        );
    }
    let done = printed.len() - 1;
    let failed = runnable.get(done).map_or(0, |block| block.line);
    assert!(output.status.success(), "README.md:{failed}: {}\n{stderr}", output.status);
    assert_eq!(done, runnable.len());
});

#[test]
fn readme_lists_every_option_of_serve_with_its_variable_and_default() {
    let program = Site::new(Db::Sqlite).command(&[]).get_program().to_owned();
    let output = Command::new(program).args(["serve", "--help"]).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    let readme = document("README.md");
    let mut options = 0;
    for option in help.split(" --").skip(1).filter(|option| option.contains("[env: ")) {
        let name = option.split(' ').next().unwrap();
        let variable = option.split_once("[env: ").unwrap().1.split(['=', ']']).next().unwrap();
        let row = readme.lines().find(|line| line.starts_with(&format!("| `--{name}` | `{variable}` |")));
        let row = row.unwrap_or_else(|| panic!("README.md has no row for --{name} and {variable}"));
        if let Some((_, default)) = option.split_once("] [default: ") {
            let default = default.split(']').next().unwrap();
            assert!(row.contains(&format!("| `{default}` |")), "--{name}: {default} is not in {row}");
        }
        options += 1;
    }
    assert!(options >= 10, "{help}");
}

#[test]
fn documents_name_files_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"] {
        let text = document(name);
        let quoted = text.split('`').skip(1).step_by(2);
        let starts = ["src/", "tests/", "scripts/", "migrations/", "benches/", "openapi/", ".ci/"];
        let paths = quoted.filter(|quoted| starts.iter().any(|start| quoted.starts_with(start)));
        for path in paths.filter(|path| !path.contains(['*', '{', ' ', '…'])) {
            assert!(root.join(path).exists(), "{name} names {path}, which is not there");
        }
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://") && !link.starts_with('#')) {
            assert!(root.join(link).exists(), "{name} links to {link}, which is not there");
        }
    }
}
