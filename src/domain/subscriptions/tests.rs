//! Tests of the rules on subscriptions alone.

use super::*;

const NOW: Micros = Micros(1_772_359_200_000_000); // 2026-03-01T10:00:00Z

fn draft(json: &str) -> Result<SubscriptionDraft, Vec<Problem>> {
    SubscriptionDraft::parse(&serde_json::from_str(json).unwrap(), &["customerId"])
}

fn made(json: &str) -> Result<Subscription, Rejection> {
    let external = Reference::of("billing", "s-1").unwrap();
    add(&[], &draft(json).unwrap(), 7, &external, NOW).map(|put| put.all[0].clone())
}

#[test]
fn rules_16_members_are_checked_all_at_once() {
    for (json, code) in [
        (r#"{"status":"on"}"#, "invalid_value"),
        (r#"{"status":2}"#, "invalid_value"),
        (r#"{"plan":7}"#, "wrong_type"),
        (r#"{"amount":"ten"}"#, "invalid_amount"),
        (r#"{"amount":-1}"#, "invalid_amount"),
        (r#"{"amount":1e12}"#, "invalid_amount"),
        (r#"{"currency":"XXX"}"#, "unknown_currency"),
        (r#"{"startDate":"03/01/2026"}"#, "invalid_time"),
        (r#"{"nextDate":20260301}"#, "wrong_type"),
        (r#"{"totalCycles":-1}"#, "invalid_value"),
        (r#"{"leftCycles":"3"}"#, "wrong_type"),
        (r#"{"plans":"x"}"#, "unknown_field"),
        (r#"{"plan":"x","plan":"y"}"#, "duplicate_field"),
    ] {
        let problems = draft(json).unwrap_err();
        assert_eq!(problems.iter().map(|problem| problem.code).collect::<Vec<_>>(), [code], "{json}");
    }
    assert_eq!(draft(r#"{"status":"on","plan":7,"x":1}"#).unwrap_err().len(), 3);
    assert!(draft(r#"{"customerId":1}"#).is_ok());
}

#[test]
fn rules_10_an_amount_has_a_currency_and_no_more_digits_than_it() {
    let code = |json: &str| match made(json) {
        Err(Rejection::Invalid(problems)) => problems[0].code,
        other => panic!("{other:?}"),
    };
    assert_eq!(code(r#"{"amount":1}"#), "required");
    assert_eq!(code(r#"{"amount":1.5,"currency":"JPY"}"#), "too_many_digits");
    let whole = made(r#"{"amount":"12.50","currency":"eur"}"#).unwrap();
    assert_eq!((whole.amount.unwrap().to_string(), whole.currency.as_deref()), ("12.5".into(), Some("EUR")));
    assert_eq!(made("{}").unwrap().status, SubscriptionStatus::Running);
}

#[test]
fn rules_16_what_is_not_sent_stays_and_only_a_difference_is_a_change() {
    let first =
        made(r#"{"plan":"Gold","amount":10,"currency":"USD","nextDate":"2026-04-01","totalCycles":12}"#);
    let all = vec![first.unwrap()];
    let put = |json: &str| change(&all, 7, &draft(json).unwrap(), Micros(NOW.0 + 5)).unwrap();
    assert_eq!(put("{}"), Put { all: all.clone(), changed: Vec::new() });
    assert_eq!(put(r#"{"plan":" Gold ","amount":"10.00","currency":"usd"}"#).changed, Vec::<&str>::new());
    let paused = put(r#"{"status":"Paused","nextDate":null,"leftCycles":3}"#);
    assert_eq!(paused.changed, ["status", "nextDate", "leftCycles"]);
    let new = &paused.all[0];
    assert_eq!((new.version, new.plan.as_deref(), new.next_date), (2, Some("Gold"), None));
    assert_eq!(change(&all, 8, &draft("{}").unwrap(), NOW), Err(Rejection::NotFound));
}

#[test]
fn rules_15_an_end_is_at_its_date_or_when_it_was_told() {
    let at = |json: &str| made(json).unwrap().ended_at;
    assert_eq!(at(r#"{"status":"running","endDate":"2026-01-01"}"#), None);
    assert_eq!(at(r#"{"status":"ended"}"#), Some(NOW));
    assert_eq!(
        at(r#"{"status":"ended","endDate":"2026-03-01T09:00:00Z"}"#),
        Some(Micros(NOW.0 - 3_600_000_000))
    );
    assert_eq!(
        at(r#"{"status":"ended","endDate":"2027-01-01"}"#),
        Some(NOW),
        "an end in the future has not come"
    );
    // Told again later, it stays the first time; told anew after a pause, it is the new one.
    let later = Micros(NOW.0 + 9);
    let ended = vec![made(r#"{"status":"ended"}"#).unwrap()];
    let again = change(&ended, 7, &draft(r#"{"status":"ended","plan":"x"}"#).unwrap(), later).unwrap();
    assert_eq!(again.all[0].ended_at, Some(NOW));
    let on = change(&ended, 7, &draft(r#"{"status":"running"}"#).unwrap(), later).unwrap().all;
    assert_eq!(on[0].ended_at, None);
    let off = change(&on, 7, &draft(r#"{"status":"ended"}"#).unwrap(), later).unwrap().all;
    assert_eq!(off[0].ended_at, Some(later));
}

#[test]
fn rules_24_all_that_are_open_end_together() {
    let mut all: Vec<Subscription> =
        [r#"{"status":"ended"}"#, r#"{"status":"paused"}"#, r#"{"status":"trial"}"#, "{}"]
            .iter()
            .map(|json| made(json).unwrap())
            .collect();
    for (id, subscription) in (1..).zip(&mut all) {
        subscription.id = id;
    }
    assert_eq!(open(&all), 3);
    let (after, ended) = end_all(&all, Micros(NOW.0 + 1));
    assert_eq!((open(&after), ended), (0, vec![2, 3, 4]));
    assert_eq!(after[0], all[0], "one that ended before stays as it is");
}

#[test]
fn rules_16_a_customer_has_a_hundred_at_most() {
    let one = made("{}").unwrap();
    let external = Reference::of("billing", "more").unwrap();
    let refused = add(&vec![one; SUBSCRIPTIONS_MAX], &draft("{}").unwrap(), 9, &external, NOW).unwrap_err();
    assert!(matches!(refused, Rejection::State(problems) if problems[0].code == "too_many_subscriptions"));
}
