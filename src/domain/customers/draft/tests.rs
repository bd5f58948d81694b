//! Bodies, right and wrong.

use super::*;

const NOW: Micros = Micros(1_772_359_200_000_000);

fn parse(json: &str) -> Result<Draft, Vec<Problem>> {
    Draft::parse(
        &serde_json::from_str(json).unwrap(),
        Context { now: NOW, country: None, entrypoint_country: None },
    )
}

fn codes(json: &str) -> Vec<(String, &'static str)> {
    let problems = parse(json).unwrap_err();
    problems
        .into_iter()
        .map(|problem| match problem.at {
            crate::domain::kernel::problem::At::Pointer(pointer) => (pointer, problem.code),
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn rules_2_every_problem_at_once() {
    let found = codes(
        r#"{"firstname":1,"email":"x","nope":1,"timeZone":15,"customerStatus":-99,"city":"a\u0000b",
            "balance":"1","createdAt":"x","additionalFields":{"a/b":"1","ok":2},"labels":[1],
            "birthday":"1800-01-01","phone":"5","customerPsw":"short","company":"a","company":"b"}"#,
    );
    let mut pointers: Vec<&str> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
    pointers.sort_unstable();
    assert_eq!(
        pointers.join(" "),
        "/additionalFields/a~1b /additionalFields/ok /balance /birthday /city /company /createdAt /customerPsw \
         /customerStatus /email /firstname /labels/0 /nope /phone /timeZone"
    );
}

#[test]
fn rules_2_null_and_empty_mean_absent() {
    let draft =
        parse(r#"{"firstname":null,"lastname":"","additionalFields":{"a":null},"identifierFields":[null]}"#)
            .unwrap();
    assert_eq!(draft.text(TextField::Firstname), &Change::Clear);
    assert_eq!(draft.text(TextField::Lastname), &Change::Clear);
    assert_eq!(draft.identifier(), None);
}

#[test]
fn rules_2_a_phone_is_read_with_the_country_wherever_it_stands() {
    let draft = parse(r#"{"phone":"(555) 555-0117","country":"usa"}"#).unwrap();
    assert_eq!(draft.text(TextField::Phone), &Change::Set(Input::Value("+15555550117".into())));
    assert_eq!(draft.local_phone, None);
}

#[test]
fn rules_1_masks_are_recognised() {
    let draft = parse(r#"{"email":"a***@e***.test","address":"***"}"#).unwrap();
    assert_eq!(draft.text(TextField::Email), &Change::Set(Input::Mask("a***@e***.test".into())));
    assert_eq!(draft.text(TextField::Address), &Change::Set(Input::Mask("***".into())));
}

#[test]
fn a_lone_surrogate_is_refused() {
    assert_eq!(codes(r#"{"city":"\ud800"}"#), [("/city".to_owned(), "wrong_type")]);
}
