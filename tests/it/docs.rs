//! The examples and references in the documents are right.
//!
//! README.md and every page under `docs/` run on a fresh server of their own: one shell runs the `sh` and `python`
//! blocks in order, and where a `json` or `text` block follows, the output must be that; `…` in it stands for
//! anything. A test cannot run `console` blocks. `sealed::tampering` runs the `sql` block.
//!
//! The test compares the reference pages with the program, and checks every link, path and option.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::harness::*;

const ADDRESS: &str = "http://127.0.0.1:8080";
const TOKEN: &str = "eyJ…";
/// The script prints this after each block; no output contains it.
const END_OF_BLOCK: char = '\u{1e}';
const END_OF_BLOCK_BYTE: u8 = 0x1e;
/// How many documents run at once.
const AT_ONCE: usize = 4;
const README_WORDS_MAX: usize = 700;
const OPTIONS: &str = "docs/reference/options.md";
const FILTERS: &str = "docs/reference/filters.md";
const ERRORS: &str = "docs/reference/errors.md";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn document(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// README.md and every page of `docs/`, by their paths from the root.
fn pages() -> Vec<String> {
    let mut pages = vec!["README.md".to_owned()];
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "md") {
                pages.push(path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    pages.sort();
    pages
}

/// What a reader types in.
pub(crate) struct Block {
    /// The line of the document before it.
    pub(crate) line: usize,
    language: String,
    text: String,
    output: Option<String>,
}

impl Block {
    fn runs(&self) -> bool {
        self.language != "console"
    }

    /// The block as a command of a shell.
    fn command(&self) -> String {
        match self.language.as_str() {
            "python" => format!("\"$PYTHON\" - <<'END OF PYTHON'\n{}\nEND OF PYTHON", self.text),
            _ => self.text.clone(),
        }
    }

    /// Whether the document shows this output, if it shows any.
    pub(crate) fn shows(&self, printed: &str) -> bool {
        // CSV lines end as RFC 4180 says.
        self.output.as_ref().is_none_or(|shown| is_like(&printed.replace("\r\n", "\n"), shown))
    }
}

/// The blocks of a document that run, for the address and the first token of a server.
pub(crate) fn blocks_of(name: &str, server: &Server) -> Vec<Block> {
    let token = server.first_token().expect("the first start makes a token");
    let text = document(name).replace(ADDRESS, &server.base());
    let mut blocks = blocks(name, &text);
    blocks.retain(Block::runs);
    for block in &mut blocks {
        block.text = block.text.replace(TOKEN, &token);
    }
    blocks
}

/// The blocks that a reader types in, each with the output that follows it. A page without such blocks may show
/// anything.
fn blocks(name: &str, markdown: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut stray = None;
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
            ("sql", _) => {}
            _ => stray = stray.or(Some((number + 1, language))),
        }
    }
    if let Some((line, language)) = stray
        && blocks.iter().any(Block::runs)
    {
        panic!(
            "{name}:{line}: a block of {language:?} is neither a command nor the output of the one before"
        );
    }
    blocks
}

/// A document without the content of its blocks.
fn prose(markdown: &str) -> String {
    let mut inside = false;
    let kept = |line| {
        let fence = str::starts_with(line, "```");
        inside ^= fence;
        if fence || inside { "" } else { line }
    };
    markdown.lines().map(kept).collect::<Vec<_>>().join("\n")
}

/// Whether a text matches a pattern, in which `…` stands for anything.
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

/// Installs `customary`, as the documents call it, for the database of the site.
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

/// A shell in a folder of its own that runs the blocks of a document one after another.
pub(crate) struct Reader {
    shell: Child,
    output: BufReader<ChildStdout>,
    errors: PathBuf,
}

impl Reader {
    /// A reader with the program of a server.
    pub(crate) fn start(server: &Server) -> Reader {
        let folder = server.site().folder().join("reader");
        fs::create_dir(&folder).unwrap();
        install(server.site(), &folder);
        let program = server.site().command(&[]);
        let environment = program.get_envs().filter_map(|(name, value)| value.map(|value| (name, value)));
        let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
        let errors = folder.join("stderr");
        let mut shell = Command::new("bash")
            .current_dir(&folder)
            .envs(environment)
            .envs([("PATH", path.as_str()), ("NO_PROXY", "*"), ("no_proxy", "*")])
            .env("PYTHON", python())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&errors).unwrap())
            .spawn()
            .expect("bash runs");
        let output = BufReader::new(shell.stdout.take().unwrap());
        let mut reader = Reader { shell, output, errors };
        reader.send("set -euo pipefail\n");
        reader
    }

    /// The shell may be over; reading its output shows that.
    fn send(&mut self, text: &str) {
        let _ = self.shell.stdin.as_mut().unwrap().write_all(text.as_bytes());
    }

    /// Runs a block and returns what it prints.
    ///
    /// # Errors
    /// What a block printed that failed.
    pub(crate) fn run(&mut self, block: &Block) -> Result<String, String> {
        // Its commands must not read the blocks that follow.
        self.send(&format!("{{\n{}\n}} </dev/null\nprintf '{END_OF_BLOCK}'\n", block.command()));
        let mut printed = Vec::new();
        self.output.read_until(END_OF_BLOCK_BYTE, &mut printed).expect("the shell prints");
        let text = String::from_utf8(printed).unwrap();
        let errors = || fs::read_to_string(&self.errors).unwrap_or_default();
        text.strip_suffix(END_OF_BLOCK)
            .map(str::to_owned)
            .ok_or_else(|| format!("the block at line {} fails\n{text}\n{}", block.line, errors()))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// Runs a document from its first block to its last.
///
/// # Errors
/// The first line that is not true, and what happened instead.
async fn follow(db: Db, name: String) -> Result<(), String> {
    let server = Server::start(db).await;
    let blocks = blocks_of(&name, &server);
    let mut reader = Reader::start(&server);
    let run = move || {
        for block in &blocks {
            let printed = reader.run(block).map_err(|error| format!("{name}: {error}"))?;
            if !block.shows(&printed) {
                let shown = block.output.as_deref().unwrap_or_default();
                return Err(format!("{name}:{} shows\n{shown}\nbut it is\n{printed}", block.line));
            }
        }
        Ok(())
    };
    let told = tokio::task::spawn_blocking(run).await.unwrap();
    drop(server);
    told
}

both!(every_example_does_what_its_document_shows, |db| async move {
    // `DOCS=guides/import` runs the documents whose paths contain that.
    let chosen = std::env::var("DOCS").unwrap_or_default();
    let has_examples = |name: &String| blocks(name, &document(name)).iter().any(Block::runs);
    let names: Vec<_> =
        pages().into_iter().filter(|name| name.contains(&chosen)).filter(has_examples).collect();
    assert!(!names.is_empty(), "no document has an example");
    let mut failures = Vec::new();
    for some in names.chunks(AT_ONCE) {
        let runs = at_once(some.iter().map(|name| follow(db, name.clone()))).await;
        failures.extend(runs.into_iter().filter_map(Result::err));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
});

/// What a first start shows on a terminal is what the documents say.
#[tokio::test]
async fn a_first_start_on_a_terminal_shows_what_its_documents_say() {
    let site = Site::new(Db::Sqlite);
    let base = Server::new(&site, 0).base();
    let mut terminal = Terminal::open();
    let mut command = site.command(&["serve", "--listen", &base.replace("http://", "")]);
    command.stdout(terminal.end()).stderr(Stdio::null());
    let mut child = command.spawn().expect("the program runs");
    let shown = tokio::task::spawn_blocking(move || terminal.read_until("--entry ENTRY")).await.unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!site.data_dir(0).join("first-token").exists(), "the terminal showed the token");
    let greeting = shown.replace("\r\n", "\n");
    let mut compared = 0;
    for name in pages() {
        let text = document(&name).replace(ADDRESS, &base);
        let found = blocks(&name, &text).into_iter().find(|block| block.text.ends_with("-- serve"));
        if let Some(Block { line, output: Some(shown), .. }) = found {
            // A page may leave out the end.
            let shown = format!("{}…", shown.trim_end_matches('…'));
            assert!(is_like(&greeting, &shown), "{name}:{line} shows\n{shown}\nbut it is\n{greeting}");
            compared += 1;
        }
    }
    assert!(compared >= 2, "README and the tutorial show a first start");
}

#[test]
fn every_guide_has_an_example() {
    for name in pages().iter().filter(|name| name.starts_with("docs/guides/")) {
        assert!(
            blocks(name, &document(name)).iter().any(Block::runs),
            "{name} has no example that a test runs"
        );
    }
}

#[test]
fn readme_is_short() {
    let words = document("README.md").split_whitespace().count();
    assert!(words <= README_WORDS_MAX, "README.md has {words} words; at most {README_WORDS_MAX} are allowed");
}

fn program() -> Command {
    Command::new(Site::new(Db::Sqlite).command(&[]).get_program())
}

#[test]
fn the_options_reference_equals_the_command_line() {
    let output = program().arg("options").output().unwrap();
    let made = String::from_utf8(output.stdout).unwrap();
    let kept = document(OPTIONS);
    let update = "To update it: cargo run -- options > docs/reference/options.md";
    for (number, (made, kept)) in made.lines().zip(kept.lines()).enumerate() {
        assert_eq!(made, kept, "{OPTIONS}:{} is out of date. {update}", number + 1);
    }
    assert_eq!(made.lines().count(), kept.lines().count(), "{OPTIONS} is out of date. {update}");
}

#[test]
fn documents_name_options_and_variables_that_exist() {
    let known = document(OPTIONS);
    let is_known = |name: &str| known.contains(&format!("`{name}`")) || known.contains(&format!("`{name} "));
    for name in pages().into_iter().chain(["SECURITY.md".to_owned()]) {
        for (number, line) in prose(&document(&name)).lines().enumerate() {
            for quoted in line.split('`').skip(1).step_by(2) {
                let word = quoted.split([' ', '=']).next().unwrap_or_default();
                let is_ours = word.starts_with("--") || word.starts_with("CUSTOMARY_");
                let line = number + 1;
                assert!(!is_ours || is_known(word), "{name}:{line}: {OPTIONS} does not know {word}");
            }
        }
    }
}

#[test]
fn pictures_are_small_and_each_stands_on_a_page_with_words_for_it() {
    const MOST_BYTES: u64 = 120_000;
    const MOST_BYTES_OF_ALL: u64 = 700_000;
    let all: String = pages().iter().map(|name| document(name)).collect();
    let mut sum = 0;
    for entry in fs::read_dir(root().join("docs/images")).unwrap() {
        let entry = entry.unwrap();
        let (name, bytes) = (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().len());
        assert!(bytes <= MOST_BYTES, "{name} has {bytes} bytes");
        sum += bytes;
        let before = all.split(&format!("](../images/{name})")).next().unwrap();
        assert!(before.len() < all.len(), "no page shows {name}");
        let (_, words) = before.rsplit_once("![").unwrap_or_default();
        assert!(words.split_whitespace().count() >= 4, "no words say what {name} shows: {words:?}");
    }
    assert!(sum > 0 && sum <= MOST_BYTES_OF_ALL, "the pictures have {sum} bytes");
}

/// The anchors of a page's headings.
fn anchors(markdown: &str) -> BTreeSet<String> {
    let headings = prose(markdown);
    let headings = headings.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let text = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

/// A path without its `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => assert!(plain.pop(), "{} leaves the repository", path.display()),
            part => plain.push(part),
        }
    }
    plain
}

/// What is wrong with a link of a document, if anything.
fn broken(name: &str, link: &str) -> Option<String> {
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = match path {
        "" => PathBuf::from(name),
        path => plain(&Path::new(name).parent().unwrap().join(path)),
    };
    if !root().join(&target).exists() {
        return Some(format!("links to {link}, which is not there"));
    }
    let is_there = anchor.is_empty() || anchors(&document(target.to_str().unwrap())).contains(anchor);
    (!is_there).then(|| format!("links to {link}, but that page has no such heading"))
}

#[test]
fn documents_name_files_and_headings_that_exist() {
    const FOLDERS: [&str; 10] = [
        "src/",
        "tests/",
        "scripts/",
        "migrations/",
        "benches/",
        "openapi/",
        "docs/",
        "examples/",
        ".ci/",
        ".github/",
    ];
    let others = ["ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"].map(str::to_owned);
    let mut failures = Vec::new();
    for name in pages().into_iter().chain(others) {
        for (number, line) in prose(&document(&name)).lines().enumerate() {
            let quoted = line.split('`').skip(1).step_by(2);
            let paths = quoted.filter(|quoted| FOLDERS.iter().any(|folder| quoted.starts_with(folder)));
            let paths = paths.filter(|path| !path.contains(['*', '{', ' ', '…']));
            let missing = paths.filter(|path| !root().join(path).exists());
            failures.extend(
                missing.map(|path| format!("{name}:{}: names {path}, which is not there", number + 1)),
            );
            let links = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            let links = links.filter(|link| !link.contains("://"));
            let broken = links.filter_map(|link| broken(&name, link));
            failures.extend(broken.map(|why| format!("{name}:{}: {why}", number + 1)));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The rows of a document's tables that begin with something quoted: the line, and what each cell quotes.
fn rows(name: &str) -> Vec<(usize, Vec<Vec<String>>)> {
    let text = document(name);
    let rows = text.lines().enumerate().filter(|(_, line)| line.starts_with("| `"));
    let cells = |line: &str| {
        let cells = line.trim_matches('|').split(" | ");
        cells.map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()).collect()
    };
    rows.map(|(number, line)| (number + 1, cells(line))).collect()
}

#[tokio::test]
async fn filters_take_the_operators_that_the_reference_names() {
    let server = Server::start(Db::Sqlite).await;
    let client = server.client();
    let mut named = BTreeSet::new();
    for (line, cells) in rows(FILTERS) {
        // Other tables of the page have fewer columns.
        let [fields, operators, examples, _] = cells.as_slice() else { continue };
        for field in fields {
            for operator in ["eq", "ne", "gt", "ge", "lt", "le", "ct", "nct", "in", "nin"] {
                let path = format!("/api/Query/customers/demo?{field}({operator})={}", examples[0]);
                let answer = client.get(&path).await;
                let is_taken = operators.iter().any(|known| known == operator);
                assert_eq!(answer.status == 200, is_taken, "{FILTERS}:{line}: {path}: {}", answer.json);
                if !is_taken {
                    assert_eq!(answer.json["errors"][0]["code"], "invalid_operator", "{path}");
                }
            }
            named.insert(field.clone());
        }
    }
    let answer = client.get("/api/Query/customers/demo?qqqqqqqqqqqq=1").await.expect(400).json;
    let message = answer["errors"][0]["message"].as_str().unwrap();
    let known = message.split_once("these are: ").expect("all names").1.split(", ");
    for field in known.filter(|field| !field.starts_with("additional-")) {
        assert!(named.contains(field), "{FILTERS} has no row for {field}");
    }
}

/// Every status above 399 in the OpenAPI document, and 405, which belongs to no operation.
fn statuses() -> BTreeSet<String> {
    let document: Value = serde_json::from_str(&document("openapi/openapi.json")).unwrap();
    let operations = document["paths"].as_object().unwrap().values();
    let answers = operations.flat_map(|path| path.as_object().unwrap().values());
    let answers = answers.filter(|operation| operation.is_object());
    let codes = answers.flat_map(|operation| operation["responses"].as_object().unwrap().keys());
    // These come before a route is known.
    let others = ["405", "408", "431"].map(str::to_owned);
    codes.filter(|code| code.as_str() >= "400").cloned().chain(others).collect()
}

/// Every problem code in the sources: a word in snake case where a call takes its code.
fn codes() -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    let mut places = vec![root().join("src")];
    while let Some(place) = places.pop() {
        if place.is_dir() {
            places.extend(fs::read_dir(place).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        // Options and PostgreSQL's settings have similar names.
        let is_other = ["conn.rs", "tests.rs"].iter().any(|name| place.ends_with(name));
        let is_code = place.extension().is_some_and(|extension| extension == "rs");
        if is_other || !is_code || place.starts_with(root().join("src/cli")) {
            continue;
        }
        let text = fs::read_to_string(&place).unwrap();
        for line in text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().lines() {
            let pieces: Vec<_> = line.split('"').collect();
            for around in pieces.windows(3).step_by(2) {
                let [before, inside, after] = around else { continue };
                let is_word =
                    inside.contains('_') && inside.chars().all(|c| c.is_ascii_lowercase() || c == '_');
                // The name of a metric is no code.
                let is_other = inside.starts_with("customary_")
                    || ["!(", "Ad::new(", "= "].iter().any(|end| before.ends_with(end));
                if is_word && (before.ends_with("CODE: &str = ") || after.starts_with(',') && !is_other) {
                    codes.insert((*inside).to_owned());
                }
            }
        }
    }
    codes
}

#[test]
fn the_errors_reference_equals_the_program() {
    let named: BTreeSet<String> =
        rows(ERRORS).into_iter().flat_map(|(_, cells)| cells.into_iter().next().unwrap()).collect();
    let (numbers, words): (BTreeSet<_>, BTreeSet<_>) =
        named.into_iter().partition(|name| name.chars().all(|c| c.is_ascii_digit()));
    let is_status = |number: &String| number.len() == 3;
    assert_eq!(
        numbers.into_iter().filter(is_status).collect::<BTreeSet<_>>(),
        statuses(),
        "statuses of {ERRORS}"
    );
    let codes = codes();
    let missing: Vec<_> = codes.difference(&words).collect();
    assert!(missing.is_empty(), "{ERRORS} has no row for {missing:?}");
}
