//! The dependency rules of ARCHITECTURE.md: which part of the library may use which, and which parts may use HTTP, SQL,
//! the clock or the file system; no modules use each other in a cycle. The test reads the source.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A part of the library, and the parts that it may use.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("domain", &["domain"]),
    ("vault", &["vault"]),
    ("clock", &["domain"]),
    ("hashing", &[]),
    ("store", &["store", "domain", "vault", "clock"]),
    ("export", &["export", "documents", "store", "domain"]),
    ("documents", &["documents", "store", "domain"]),
    ("api", &["api", "documents", "export", "provider", "store", "domain", "vault", "clock", "hashing"]),
    ("provider", &["domain", "vault", "clock"]),
    ("web", &["web", "domain", "vault"]),
    ("console", &["console", "api", "web", "store", "domain", "vault", "clock", "hashing"]),
    ("portal", &["portal", "documents", "web", "store", "domain", "vault", "clock", "hashing"]),
    ("mail", &["mail", "domain"]),
    ("jobs", &["jobs", "documents", "mail", "provider", "store", "domain", "vault", "clock"]),
    ("config", &["config", "mail", "provider", "store", "domain", "vault"]),
    ("telemetry", &[]),
    // These parts assemble the program.
    ("server", &["api"]),
    (
        "app",
        &[
            "app", "server", "api", "console", "portal", "jobs", "mail", "store", "domain", "config",
            "clock", "hashing",
        ],
    ),
    (
        "cli",
        &["cli", "app", "api", "export", "jobs", "mail", "store", "domain", "config", "clock", "telemetry"],
    ),
    ("main", &["cli"]),
    ("lib", &[]),
];

/// Names that only some parts may use.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("diesel", &["store"]),
    ("diesel_migrations", &["store"]),
    ("actix_web", &["api", "web", "console", "portal", "server", "app", "cli"]),
    (
        "tokio",
        &[
            "store",
            "api",
            "console",
            "documents",
            "portal",
            "server",
            "app",
            "jobs",
            "mail",
            "cli",
            "hashing",
        ],
    ),
    ("clap", &["config", "cli"]),
    ("aws_lc_rs", &["vault"]),
    ("jsonwebtoken", &["vault"]),
    ("std::env", &["config", "cli"]),
    ("std::fs", &["config", "cli", "mail"]),
    ("tempfile", &["cli"]),
    ("askama", &["web", "console", "portal"]),
    ("lettre", &["mail"]),
    ("minijinja", &["mail"]),
    ("std::time::SystemTime", &["clock"]),
    ("utoipa_actix_web", &["api"]),
];

/// HTTP needs only this much of the vault: it hashes passwords before the queue, and tokens name their key.
const VAULT_ABOVE: &[&str] = &["hash_password", "unverified_key_id", "TokenError"];
/// Pages verify the tokens of their forms.
const VAULT_OF_WEB: &[&str] = &["secret_hash"];
/// The portal verifies passwords, and creates the contents of its cookies.
const VAULT_OF_PORTAL: &[&str] =
    &["hash_of_nobody", "hash_password", "verify_password", "new_secret", "VaultError"];

/// These files of the store make SQLite's file durable and miss it when it vanishes; no other file of the store touches the
/// file system.
const FILES_OF_STORE: (&str, [&str; 2]) =
    ("std::fs", ["store/engine/checkpointer.rs", "store/engine/files.rs"]);

struct Source {
    /// The path below `src`, for messages.
    path: PathBuf,
    part: String,
    /// How many modules deep the file lies.
    depth: usize,
    /// The lines without comments.
    lines: Vec<(usize, String)>,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.extension().is_some_and(|ending| ending == "ttf" || ending == "ico") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let path = path.strip_prefix(&root).unwrap().to_owned();
            let modules: Vec<_> =
                path.with_extension("").iter().map(|name| name.to_str().unwrap().to_owned()).collect();
            let depth = modules.len() - usize::from(modules.last().is_some_and(|name| name == "mod"));
            let lines = text.lines().enumerate().map(|(number, line)| {
                (number + 1, line.split_once("//").map_or(line, |(code, _)| code).to_owned())
            });
            sources.push(Source { path, part: modules[0].clone(), depth, lines: lines.collect() });
        }
    }
    assert!(sources.len() > 50, "only {} files were found", sources.len());
    sources
}

/// The names that follow a prefix such as `crate::`; each ends at the first character that no name contains.
fn names_after<'a>(line: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    line.match_indices(prefix).filter_map(move |(at, _)| {
        let is_start = !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
        let rest = &line[at + prefix.len()..];
        is_start.then(|| rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default())
    })
}

/// Whether the line contains a path such as `std::fs` as a whole path.
fn names(line: &str, path: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(path).any(|(at, _)| {
        !line[..at].ends_with(|c: char| is_word(c) || c == ':' || c == '"')
            && !line[at + path.len()..].starts_with(is_word)
    })
}

fn wrong(source: &Source) -> Vec<String> {
    let allowed = MAY_KNOW.iter().find(|(part, _)| *part == source.part);
    let (_, allowed) = allowed
        .unwrap_or_else(|| panic!("{}: a new part; add its dependencies to MAY_KNOW", source.path.display()));
    let (files, of_store) = FILES_OF_STORE;
    let mut found = Vec::new();
    let mut is_test = source.path.ends_with("tests.rs");
    for (number, line) in &source.lines {
        is_test |= line.contains("#[cfg(test)]");
        let mut complain =
            |what: String| found.push(format!("src/{}:{number}: {what}", source.path.display()));
        for name in names_after(line, "crate::").chain(names_after(line, "customary::")) {
            if name.is_empty() {
                complain("name one part a line, so that its arrow can be read".into());
            } else if !allowed.contains(&name) {
                complain(format!("{} must not know {name}", source.part));
            }
        }
        let vault = match source.part.as_str() {
            "api" | "jobs" => Some(VAULT_ABOVE),
            "web" => Some(VAULT_OF_WEB),
            "portal" | "console" => Some(VAULT_OF_PORTAL),
            _ => None,
        };
        if let Some(vault) = vault {
            // The test reads `use crate::vault::{a, b}` as an empty name and refuses it.
            for name in names_after(line, "crate::vault::").filter(|name| !vault.contains(name)) {
                complain(format!("{} must not know vault::{name}", source.part));
            }
        }
        for (name, parts) in ONLY_IN.iter().filter(|(_, parts)| !parts.contains(&source.part.as_str())) {
            let is_file_of_store =
                *name == files && of_store.iter().any(|file| source.path == Path::new(file));
            // A unit test may create a directory.
            let is_folder_of_test = *name == "tempfile" && is_test;
            if names(line, name) && !is_file_of_store && !is_folder_of_test {
                complain(format!("{name} is only for {}", parts.join(", ")));
            }
        }
        // A path that leaves a part by `super` would be a dependency that this test does not see.
        if !is_test && line.contains(&"super::".repeat(source.depth)) {
            complain("climbs to the root by super; say crate:: and the part".into());
        }
    }
    found
}

#[test]
fn no_part_uses_a_part_that_it_must_not_know() {
    let wrong: Vec<_> = sources().iter().flat_map(wrong).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Tests the check itself: it must report these.
#[test]
fn forbidden_dependencies_are_found() {
    let source = |part: &str, line: &str| Source {
        path: format!("{part}/x.rs").into(),
        part: part.into(),
        depth: 2,
        lines: vec![(1, line.to_owned())],
    };
    for (part, line) in [
        ("domain", "use crate::store::Store;"),
        ("domain", "    let now = crate::clock::now();"),
        ("domain", "use std::time::SystemTime;\nlet now = std::time::SystemTime::now();"),
        ("vault", "use crate::domain::time::Micros;"),
        ("store", "use crate::api::error::Error;"),
        ("store", "use actix_web::web;"),
        ("api", "use diesel::prelude::*;"),
        ("api", "use crate::vault::MasterKey;"),
        ("api", "use crate::vault::{MasterKey, hash_password};"),
        ("export", "use crate::api::error::Error;"),
        ("export", "let file = std::fs::File::create(path)?;"),
        ("export", "let file = tempfile::tempfile()?;"),
        ("jobs", "use crate::vault::MasterKey;"),
        ("portal", "use crate::vault::SealKey;"),
        ("portal", "use crate::api::error::Error;"),
        ("web", "use crate::store::Store;"),
        ("web", "use crate::vault::new_secret;"),
        ("api", "use askama::Template;"),
        ("jobs", "use crate::{api, store};"),
        ("store", "use super::super::api::body;"),
        ("store", "use std::fs::File;"),
    ] {
        assert!(!wrong(&source(part, line)).is_empty(), "{part}: {line}");
    }
    for (part, line) in [
        ("domain", "use super::customer::Customer;"),
        ("store", "use crate::domain::time::Micros;"),
        ("api", "use crate::vault::hash_password;"),
        ("store", "$crate::store::conn::Conn::Sqlite($c) => $body,"),
    ] {
        assert!(wrong(&source(part, line)).is_empty(), "{part}: {line}");
    }
}

/// The paths of a tree of `use`, such as `a::{b, c::{d, e}}`.
fn paths_of(tree: &str) -> Vec<String> {
    let (Some(open), Some(close)) = (tree.find('{'), tree.rfind('}')) else {
        return vec![tree.split(" as ").next().unwrap().trim().to_owned()];
    };
    let (head, mut depth, mut start) = (tree[..open].trim(), 0_usize, open + 1);
    let mut paths = Vec::new();
    for (at, sign) in tree[..=close].char_indices().skip_while(|(at, _)| *at <= open) {
        match sign {
            '{' => depth += 1,
            '}' if at < close => depth -= 1,
            ',' | '}' if depth == 0 => {
                paths.extend(paths_of(&tree[start..at]).iter().map(|path| format!("{head}{path}")));
                start = at + 1;
            }
            _ => {}
        }
    }
    paths
}

/// The paths that a text names: those of `use`, and those that begin with `crate`, `super` or `self`.
fn named_paths(text: &str) -> Vec<String> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let (mut paths, mut rest) = (Vec::new(), String::new());
    for statement in text.split_inclusive(';') {
        // A `use` begins a line, after `pub` at most.
        let begins = |at: &usize| {
            let line = statement[..*at].rsplit('\n').next().unwrap().trim();
            line.is_empty() || line == "pub" || (line.starts_with("pub(") && line.ends_with(')'))
        };
        let at = statement.match_indices("use ").map(|(at, _)| at).find(begins);
        rest.push_str(&statement[..at.unwrap_or(statement.len())]);
        paths.extend(at.iter().flat_map(|at| paths_of(statement[at + 4..].trim_end_matches(';'))));
    }
    for root in ["crate::", "super::", "self::"] {
        for (at, _) in rest.match_indices(root) {
            if !rest[..at].ends_with(|c: char| is_word(c) || c == ':') {
                paths.push(rest[at..].split(|c: char| !is_word(c) && c != ':').next().unwrap().to_owned());
            }
        }
    }
    paths
}

/// The modules that each module names outside its tests.
fn arrows(texts: &BTreeMap<String, String>) -> BTreeMap<&str, BTreeSet<&str>> {
    let resolve = |from: &str, path: &str| {
        let mut place: Vec<&str> = from.split("::").collect();
        for (index, name) in path.split("::").map(str::trim).filter(|name| !name.is_empty()).enumerate() {
            match (index, name) {
                (0, "crate") => place.clear(),
                (_, "self") => {}
                (_, "super") => drop(place.pop()),
                // Another crate, or an item that the module imported.
                (0, name) if !texts.contains_key(&format!("{from}::{name}")) => return None,
                (_, name) => place.push(name),
            }
        }
        let ends = (1..=place.len()).rev().map(|length| place[..length].join("::"));
        ends.filter_map(|module| texts.get_key_value(&module)).map(|(module, _)| module.as_str()).next()
    };
    let of = |(from, text): (&'_ String, &String)| {
        let text = text.split("#[cfg(test)]\nmod ").next().unwrap();
        named_paths(text).iter().filter_map(|path| resolve(from, path)).filter(|to| to != from).collect()
    };
    texts.iter().map(|module| (module.0.as_str(), of(module))).collect()
}

/// The modules below `src`, by their paths, without comments.
fn modules() -> BTreeMap<String, String> {
    let text = |source: Source| {
        let names: Vec<_> =
            source.path.with_extension("").iter().map(|n| n.to_str().unwrap().to_owned()).collect();
        let lines: Vec<String> = source.lines.into_iter().map(|(_, line)| line).collect();
        (names[..source.depth].join("::"), lines.join("\n"))
    };
    sources().into_iter().map(text).filter(|(module, _)| !module.ends_with("::tests")).collect()
}

/// A cycle of modules that name one another, other than parent and child.
fn cycle<'a>(arrows: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Option<Vec<&'a str>> {
    fn walk<'a>(
        arrows: &BTreeMap<&'a str, BTreeSet<&'a str>>,
        module: &'a str,
        way: &mut Vec<&'a str>,
        done: &mut BTreeSet<&'a str>,
    ) -> Option<Vec<&'a str>> {
        if let Some(at) = way.iter().position(|before| *before == module) {
            return Some(way[at..].to_vec());
        }
        if !done.insert(module) {
            return None;
        }
        let is_within =
            |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with("::"));
        way.push(module);
        let next = arrows[module].iter().filter(|to| !is_within(to, module) && !is_within(module, to));
        let found = next.into_iter().find_map(|to| walk(arrows, to, way, done));
        way.pop();
        found
    }
    let mut done = BTreeSet::new();
    arrows.keys().find_map(|module| walk(arrows, module, &mut Vec::new(), &mut done))
}

#[test]
fn no_modules_use_each_other_in_a_cycle() {
    let texts = modules();
    let arrows = arrows(&texts);
    assert_eq!(cycle(&arrows).map(|cycle| cycle.join(" → ")), None);
}

/// The engine moves data and knows no subject.
#[test]
fn the_engine_uses_only_itself_the_kernel_and_the_vault() {
    let texts = modules();
    let arrows = arrows(&texts);
    let is_engine = |module: &str| module.starts_with("store::engine");
    let is_known = |module: &str| {
        is_engine(module) || ["domain::kernel", "vault"].iter().any(|part| module.starts_with(part))
    };
    let all = arrows
        .iter()
        .filter(|(from, _)| is_engine(from))
        .flat_map(|(from, to)| to.iter().map(move |to| (*from, *to)));
    let wrong: Vec<_> = all.filter(|(_, to)| !is_known(to)).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// Tests the check itself: it finds a cycle, whichever path closes it.
#[test]
fn cycles_are_found() {
    let texts = |last: &str| {
        [
            ("a", "pub mod b;\npub mod c;\nuse self::b::B;"),
            ("a::b", "use std::fmt;\nuse crate::a::{A, c::{self, C}};\nstruct B;"),
            ("a::c", "use crate::d;\nstruct C;"),
            ("d", last),
        ]
        .map(|(module, text)| (module.to_owned(), text.to_owned()))
        .into()
    };
    for last in
        ["use crate::a::b::B;", "fn f() -> super::a::b::B { todo!() }", "use super::a::{x, b::{B, y}};"]
    {
        let texts = texts(last);
        assert_eq!(cycle(&arrows(&texts)), Some(vec!["a::b", "a::c", "d"]), "{last}");
    }
    for last in [
        "use a::b;",
        "// nothing",
        "#[cfg(test)]\nmod tests {\n    use crate::a::b::B;\n}",
        "use crate::e::b;",
    ] {
        assert_eq!(cycle(&arrows(&texts(last))), None, "{last}");
    }
}
