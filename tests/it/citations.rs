//! The sections that comments and test names cite: each `rules 3` is a section of docs/rules.md, each `contract 6.3`
//! one of docs/wire-format.md. The test reads the sources.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A word that cites, and the page with the sections.
const PAGES: [(&str, &str); 2] = [("rules", "docs/rules.md"), ("contract", "docs/wire-format.md")];

/// The folders with citations.
const FOLDERS: [&str; 3] = ["src", "tests", "benches"];

/// This file, whose examples cite sections that do not exist.
const OWN: &str = "tests/it/citations.rs";

/// What may separate two sections of one citation: `rules 3, 4 and 5`, `rules 1–3`.
const SEPARATORS: [&str; 4] = [", and ", ", ", " and ", "–"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Sources and scripts below the folders, by their paths from the root.
fn sources() -> Vec<(PathBuf, String)> {
    let mut folders: Vec<PathBuf> = FOLDERS.map(|folder| root().join(folder)).into();
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let extension = path.extension().map(|extension| extension.to_str().unwrap());
            let name = path.strip_prefix(root()).unwrap().to_owned();
            // The scripts of the benches have no extension.
            if matches!(extension, None | Some("rs" | "py" | "js")) && name != Path::new(OWN) {
                sources.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(sources.len() > 100, "only {} files were found", sources.len());
    sources
}

/// The numbers of a page's headings: `3` of `## 3. Matching`, `6.3` of `### 6.3 Filters`.
fn sections(page: &str) -> BTreeSet<&str> {
    let headings = page
        .lines()
        .filter_map(|line| line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#')));
    headings.filter_map(|heading| number(heading, '.')).map(|(number, _)| number).collect()
}

/// The number at the start of a text, separated by dots or, in a name, by underscores; and the rest.
fn number(text: &str, dot: char) -> Option<(&str, &str)> {
    let mut end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    if end == 0 {
        return None;
    }
    while let Some(part) = text[end..].strip_prefix(dot) {
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        if digits == 0 {
            break;
        }
        end += 1 + digits;
    }
    Some(text.split_at(end))
}

/// The sections that a line cites by a word: `rules 3, 4 and 5` in a comment, `rules_3_…` in the name of a test.
fn citations(line: &str, word: &str) -> Vec<String> {
    let line = line.to_lowercase();
    let mut cited = Vec::new();
    for (at, _) in line.match_indices(word) {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        if line[..at].ends_with(is_word) {
            continue;
        }
        let rest = &line[at + word.len()..];
        if let Some((section, _)) = rest.strip_prefix('_').and_then(|name| number(name, '_')) {
            cited.push(section.replace('_', "."));
            continue;
        }
        let mut next = rest.strip_prefix(' ').and_then(|text| number(text, '.'));
        while let Some((section, after)) = next {
            cited.push(section.to_owned());
            next = SEPARATORS.into_iter().find_map(|separator| number(after.strip_prefix(separator)?, '.'));
        }
    }
    cited
}

#[test]
fn every_cited_section_exists() {
    let sources = sources();
    let mut missing = Vec::new();
    for (word, page) in PAGES {
        let text = fs::read_to_string(root().join(page)).unwrap();
        let sections = sections(&text);
        let mut count = 0;
        for (path, source) in &sources {
            for (index, line) in source.lines().enumerate() {
                for section in citations(line, word) {
                    count += 1;
                    if !sections.contains(section.as_str()) {
                        missing.push(format!(
                            "{}:{}: {page} has no section {section}",
                            path.display(),
                            index + 1
                        ));
                    }
                }
            }
        }
        assert!(count > 30, "only {count} citations of {page} were found");
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// Tests the check itself: it sees every citation, and nothing else.
#[test]
fn citations_and_sections_are_found() {
    for (line, rules, contract) in [
        ("/// A page (contract 6).", &[][..], &["6"][..]),
        ("//! Rules 5 and the record of contract 3: its keys", &["5"], &["3"]),
        ("//! (rules 2, contract 3 and 13)", &["2"], &["3", "13"]),
        ("//! (contract 3 and 5.6, PF-06)", &[], &["3", "5.6"]),
        ("//! (contract 6.1, and `search`)", &[], &["6.1"]),
        ("//! Rules 3, 4 and 5 under races; rules 9.", &["3", "4", "5", "9"], &[]),
        ("//! what may be set (rules 1–3).", &["1", "3"], &[]),
        ("both!(rules_4_killed_at_random_moments, |db| async {", &["4"], &[]),
        ("    fn contract_6_2_every_field_takes_its_operators() {", &[], &["6.2"]),
        ("both!(contract_12_settings_are_lists, |db| async {", &[], &["12"]),
        ("//! `cargo nextest run crash::rules_4`", &["4"], &[]),
        ("// our_rules 7, rulesets 8, the rules of 9, contracts 10", &[], &[]),
    ] {
        assert_eq!(citations(line, "rules"), rules, "{line}");
        assert_eq!(citations(line, "contract"), contract, "{line}");
    }
    let page =
        "# The law of 2 pages\n\n## 3. Matching\n\n### 6.3 Filters\n\n#4 is none\n12. an item\n## 10 Status";
    assert_eq!(sections(page), BTreeSet::from(["3", "6.3", "10"]));
}
