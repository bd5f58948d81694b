//! Options, right and wrong.

use super::*;
use crate::domain::kernel::problem::At;

fn problems(pairs: &[(&str, &str)]) -> Vec<(String, &'static str)> {
    let found = ImportOptions::parse(pairs).unwrap_err();
    found
        .into_iter()
        .map(|problem| match problem.at {
            At::Parameter(name) => (name, problem.code),
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn nothing_means_the_defaults() {
    assert_eq!(ImportOptions::parse::<&str>(&[]).unwrap(), ImportOptions::default());
    let empty: Vec<(&str, &str)> = NAMES.iter().map(|name| (*name, "")).collect();
    assert_eq!(ImportOptions::parse(&empty).unwrap(), ImportOptions::default());
}

#[test]
fn rules_9_every_option_is_read_and_survives_storing() {
    let options = ImportOptions::parse(&[
        ("mergeExisting", "1"),
        ("replaceExisting", "0"),
        ("forceCustomerCreation", "false"),
        ("identifierFields", "firstname lastname"),
        ("identifierFields", "Email,loyalty tier"),
        ("map", "Time: local:timezone"),
        ("map", "Notes:-"),
        ("map", "Tier:additional-loyalty tier"),
        ("unknownColumns", "additional"),
        ("onBadValue", "blank"),
        ("onError", "stop"),
        ("dryRun", "true"),
        ("again", "true"),
        ("delimiter", "Tab"),
        ("encoding", "latin1"),
        ("dateFormat", "mm/dd/yyyy"),
    ])
    .unwrap();
    let wanted = ImportOptions {
        on_match: OnMatch::Merge,
        identifier_fields: ["firstname", "lastname", "email", "loyalty tier"].map(String::from).to_vec(),
        map: vec![
            ("Time: local".into(), Some("timeZone".into())),
            ("Notes".into(), None),
            ("Tier".into(), Some("additional-loyalty tier".into())),
        ],
        unknown_columns: UnknownColumns::Additional,
        on_bad_value: OnBadValue::Blank,
        on_error: OnError::Stop,
        dry_run: true,
        again: true,
        delimiter: Some('\t'),
        encoding: Some("windows-1252".into()),
        date_format: DateFormat::parse("MM/DD/YYYY"),
        ..ImportOptions::default()
    };
    assert_eq!(options, wanted);
    let json = serde_json::to_string(&options).unwrap();
    assert!(json.contains(r#""onMatch":"merge""#) && json.contains(r#""onBadValue":"blank""#), "{json}");
    assert_eq!(serde_json::from_str::<ImportOptions>(&json).unwrap(), options);
    assert_eq!(serde_json::from_str::<ImportOptions>("{}").unwrap(), ImportOptions::default());
}

#[test]
fn every_bad_option_is_named_at_once() {
    let found = problems(&[
        ("replaceExisting", "yes"),
        ("identifierFields", "balance"),
        ("map", "no colon"),
        ("map", ":email"),
        ("map", "A:emial"),
        ("map", "B:email"),
        ("map", "b:-"),
        ("unknownColumns", "drop"),
        ("onBadValue", "Blank"),
        ("onError", "go"),
        ("dryRun", "1"),
        ("delimiter", "x"),
        ("encoding", "utf-7"),
        ("dateFormat", "DMY"),
        ("dryrun", "true"),
        ("again", "true"),
        ("again", "true"),
    ]);
    let wanted = [
        ("dryrun", "unknown_parameter"),
        ("replaceExisting", "invalid_value"),
        ("identifierFields", "invalid_identifier"),
        ("map", "invalid_value"),
        ("map", "invalid_value"),
        ("map", "unknown_field"),
        ("map", "duplicate_parameter"),
        ("unknownColumns", "invalid_value"),
        ("onBadValue", "invalid_value"),
        ("onError", "invalid_value"),
        ("dryRun", "invalid_value"),
        ("again", "duplicate_parameter"),
        ("delimiter", "invalid_value"),
        ("encoding", "invalid_value"),
        ("dateFormat", "invalid_value"),
    ];
    assert_eq!(found, wanted.map(|(name, code)| (name.to_owned(), code)));
    let flags = ["replaceExisting", "mergeExisting"].map(|name| (name, "1"));
    assert_eq!(problems(&flags), [("replaceExisting".to_owned(), "exclusive_flags")]);
    let flags = [("mergeExisting", "1"), ("forceCustomerCreation", "true")];
    assert_eq!(problems(&flags), [("replaceExisting".to_owned(), "exclusive_flags")]);
    // An encoding that the WHATWG maps to "replacement" cannot be read.
    assert_eq!(problems(&[("encoding", "iso-2022-kr")]), [("encoding".to_owned(), "invalid_value")]);
}

#[test]
fn rules_9_the_same_job_has_the_same_canonical_form() {
    let form = |pairs: &[(&str, &str)]| ImportOptions::parse(pairs).unwrap().canonical();
    let one = form(&[("map", "A b:email"), ("map", "C:-"), ("encoding", "latin1"), ("delimiter", ",")]);
    let two = form(&[
        ("delimiter", "comma"),
        ("again", "true"),
        ("encoding", "windows-1252"),
        ("map", "c:-"),
        ("map", "a_B:Email"),
        ("dryRun", "false"),
    ]);
    assert_eq!(one, two);
    for other in [("dryRun", "true"), ("onError", "stop"), ("replaceExisting", "1"), ("delimiter", ",")] {
        assert_ne!(form(&[other]), form(&[]), "{other:?}");
    }
}
