use proptest::prelude::*;

use super::method::{Expiry, Kind, LastCharge, MethodStatus};
use super::*;
use crate::domain::kernel::members::Members;

const NOW: Micros = Micros(1_772_359_200_000_000); // 2026-03-01T10:00:00Z

fn draft(json: &str) -> Result<MethodDraft, Vec<String>> {
    let members: Members<'_> = serde_json::from_str(json).unwrap();
    MethodDraft::parse(&members)
        .map_err(|problems| problems.iter().map(|problem| format!("{} {problem}", problem.code)).collect())
}

fn token(number: usize) -> MethodDraft {
    draft(&format!(r#"{{"provider": "stripe", "providerMethodId": "pm_{number}", "method": "card"}}"#))
        .unwrap()
}

fn id(number: usize) -> String {
    new_id((3, 7), NOW, u32::try_from(number << 8).unwrap(), |_| false)
}

fn added(count: usize) -> Vec<Method> {
    (0..count).fold(Vec::new(), |all, number| add(&all, &token(number), id(number), NOW, 20).unwrap())
}

#[test]
fn rules_13_an_id_says_whose_it_is_and_is_in_the_order_of_time() {
    let first = new_id((12, 9_007_199_254_740_991), NOW, 0xffff_ffff, |_| false);
    assert_eq!(owner_of(&first), Some((12, 9_007_199_254_740_991)));
    assert_eq!(first.len(), 2 + 1 + 32);
    let later = new_id((12, 1), Micros(NOW.0 + 1_000), 0, |_| false);
    assert!(later > first);
    let other = new_id((12, 9_007_199_254_740_991), NOW, 0xffff_ffff, |id| id == first);
    assert_ne!(other, first);
    for bad in [
        "",
        "12",
        "-",
        "12-00",
        &first.to_uppercase().replace("12-", "012-"),
        &first.replace("12-", "012-"),
        &format!("{first}0"),
        "x-00000000000000000000000000000001",
    ] {
        assert!(owner_of(bad).is_none(), "{bad}");
    }
}

proptest! {
    /// Clocks of instances differ: one change may come from a clock that is ahead of the next one's.
    #[test]
    fn rules_13_times_and_ids_of_methods_never_go_back(
        steps in prop::collection::vec((0..3_u8, -7_200_000_000..7_200_000_000_i64), 1..12),
    ) {
        let mut methods: Vec<Method> = Vec::new();
        for (number, (step, ahead)) in steps.into_iter().enumerate() {
            let now = Micros(NOW.0 + ahead);
            let before = methods.clone();
            let last = before.last().map(|last| last.id.clone());
            methods = match (step, last) {
                (0, Some(last)) => {
                    let draft = draft(&format!(r#"{{"holderName": "Ada {number}"}}"#)).unwrap();
                    update(&before, &last, &draft, now, Sight::FULL).unwrap().0
                }
                (1, Some(last)) => {
                    let draft = draft(r#"{"isDefault": true}"#).unwrap();
                    update(&before, &last, &draft, now, Sight::FULL).unwrap().0
                }
                _ => {
                    let now = time_after(&before, now);
                    let id = new_id((3, 7), now, u32::MAX - u32::try_from(number << 8).unwrap(), |_| false);
                    add(&before, &token(number), id, now, 20).unwrap()
                }
            };
            prop_assert!(methods.is_sorted_by(|a, b| a.id < b.id && a.created_at < b.created_at));
            for method in &methods {
                prop_assert!(method.updated_at >= method.created_at);
                let old = before.iter().find(|old| old.id == method.id);
                prop_assert!(old.is_none_or(|old| old.updated_at <= method.updated_at));
            }
        }
    }
}

#[test]
fn rules_13_no_id_looks_like_a_card_and_none_takes_long_to_find() {
    for millis in 0..20_000 {
        let now = Micros(NOW.0 + millis * 1_000);
        let tries = std::cell::Cell::new(0);
        let id = new_id((1, 1), now, u32::MAX, |_| {
            tries.set(tries.get() + 1);
            false
        });
        assert!(!card::holds(&id) && tries.get() < 40, "{id} after {} tries", tries.get());
    }
}

#[test]
fn rules_13_an_id_is_found_even_if_its_time_and_customer_look_like_a_card() {
    // Digits of the time, zeros and the first digit of the customer in hexadecimal are 16: some pass for a card of their own.
    let looks = |millis: i64, customer: i64| card::holds(&format!("1-{millis:012x}{customer:014x}"));
    let mut found = 0;
    for customer in [0x1a, 0x2bb, 0x4f, 0x5c01, 0x8abc, 0xa] {
        for millis in 0..60_000 {
            let millis = NOW.0 / 1_000 + millis;
            if !looks(millis, customer) {
                continue;
            }
            found += 1;
            let tries = std::cell::Cell::new(0);
            let id = new_id((1, customer), Micros(millis * 1_000), 7, |_| {
                tries.set(tries.get() + 1);
                assert!(tries.get() < 100, "{millis} {customer}");
                false
            });
            assert!(!card::holds(&id));
            assert_eq!(owner_of(&id), Some((1, customer)));
        }
    }
    assert!(found > 10, "{found}");
}

#[test]
fn rules_13_status_is_computed() {
    let mut method = added(1).remove(0);
    let mut status = |kind, last_charge, expiry: Option<(u16, u8)>| {
        method.kind = kind;
        method.last_charge = last_charge;
        method.expiry = expiry.map(|(year, month)| Expiry { year, month });
        method.status(NOW)
    };
    let well = LastCharge::Well;
    assert_eq!(status(Kind::Card, well, None), MethodStatus::Active);
    assert_eq!(status(Kind::Card, well, Some((2026, 4))), MethodStatus::Active);
    assert_eq!(status(Kind::Card, well, Some((2026, 3))), MethodStatus::Active);
    assert_eq!(status(Kind::Card, well, Some((2026, 2))), MethodStatus::Expired);
    assert_eq!(status(Kind::Card, well, Some((2025, 12))), MethodStatus::Expired);
    assert_eq!(status(Kind::Other, well, None), MethodStatus::Manual);
    assert_eq!(status(Kind::Card, LastCharge::InsufficientFunds, None), MethodStatus::InsufficientFunds);
    assert_eq!(status(Kind::Card, LastCharge::InsufficientFunds, Some((2026, 2))), MethodStatus::Expired);
    assert_eq!(status(Kind::Card, LastCharge::Invalid, Some((2026, 2))), MethodStatus::Invalid);
    method.last_charge = well;
    method.kind = Kind::Card;
    method.expiry = Some(Expiry { year: 2026, month: 12 });
    let at = |days: i64| Micros(Micros::of_month(2027, 1).unwrap().0 - days * 24 * 3600 * 1_000_000);
    assert_eq!(method.status(at(30)), MethodStatus::Active);
    assert_eq!(method.status(Micros(at(30).0 + 1)), MethodStatus::ExpiringSoon);
    assert_eq!(method.status(Micros(at(0).0 - 1)), MethodStatus::ExpiringSoon);
    assert_eq!(method.status(at(0)), MethodStatus::Expired);
}

#[test]
fn rules_13_every_member_is_checked() {
    for (json, wanted) in [
        (r#"{"provider": "a b"}"#, "invalid_value provider: must be 1–40 of a-z 0-9 _ -"),
        (r#"{"provider": null}"#, "required provider: must not be empty"),
        (r#"{"providerMethodId": ""}"#, "required providerMethodId: must not be empty"),
        (r#"{"method": "cheque"}"#, "invalid_value method: must be one of card, ach, wallet, other"),
        (r#"{"last4": "12345"}"#, "invalid_value last4: must be the last four digits of the account"),
        (r#"{"expMonth": 13}"#, "invalid_value expMonth: must be an integer from 1 to 12"),
        (r#"{"expYear": "2027"}"#, "wrong_type expYear: must be an integer, not a string"),
        (r#"{"isDefault": 1}"#, "wrong_type isDefault: must be true or false, not a number"),
        (r#"{"brand": "***"}"#, "masked_value brand: looks like a mask; send the full value or leave it out"),
        (r#"{"brand": "a", "brand": "b"}"#, "duplicate_field brand: stands in the body twice"),
        (r#"{"holder": "x"}"#, "unknown_field holder: is no field of a stored method"),
    ] {
        let found = draft(json).unwrap_err();
        assert!(found.len() == 1 && found[0].starts_with(wanted), "{json}: {found:?}");
    }
    let only_year =
        draft(r#"{"provider": "x", "providerMethodId": "1", "method": "ach", "expYear": 2027}"#).unwrap();
    assert!(matches!(add(&[], &only_year, id(0), NOW, 20), Err(Rejection::Invalid(_))));
    assert!(
        matches!(add(&[], &MethodDraft::default(), id(0), NOW, 20), Err(Rejection::Invalid(found)) if found.len() == 3)
    );
}

#[test]
fn rules_13_one_account_is_stored_once_and_there_is_a_limit() {
    let code = |result: Result<Vec<Method>, Rejection>| match result {
        Err(Rejection::State(problems)) => problems[0].code,
        other => panic!("{other:?}"),
    };
    let all = added(2);
    assert_eq!(code(add(&all, &token(0), id(9), NOW, 20)), "duplicate_method");
    assert_eq!(code(add(&all, &token(3), id(9), NOW, 2)), "too_many_methods");
    let printed = |number: usize, provider: &str| MethodDraft {
        provider: Some(provider.into()),
        fingerprint: Change::Set("fp".into()),
        ..token(number)
    };
    let all = add(&all, &printed(3, "stripe"), id(3), NOW, 20).unwrap();
    assert_eq!(code(add(&all, &printed(4, "stripe"), id(4), NOW, 20)), "duplicate_method");
    assert!(add(&all, &printed(4, "adyen"), id(4), NOW, 20).is_ok());
    assert_eq!(code(remove(&all, &all[0].id)), DEFAULT_METHOD);
    let not_default = MethodDraft { is_default: Some(false), ..MethodDraft::default() };
    assert_eq!(
        code(update(&all, &all[0].id, &not_default, NOW, Sight::FULL).map(|(all, _)| all)),
        DEFAULT_METHOD
    );
    assert!(matches!(remove(&all, "none"), Err(Rejection::NotFound)));
    assert_eq!(remove(&all[..1], &all[0].id), Ok(Vec::new()));
}

#[test]
fn rules_13_a_change_names_its_fields_and_none_if_nothing_differs() {
    let all = added(2);
    let same = MethodDraft { provider: Some("stripe".into()), ..MethodDraft::default() };
    assert_eq!(update(&all, &all[1].id, &same, NOW, Sight::FULL).unwrap(), (all.clone(), Vec::new()));
    let other = draft(r#"{"brand": "visa", "expMonth": 2, "expYear": 2030, "isDefault": true}"#).unwrap();
    let (after, changed) = update(&all, &all[1].id, &other, NOW, Sight::FULL).unwrap();
    assert_eq!(changed, ["brand", "expMonth", "expYear", "isDefault"]);
    assert_eq!(
        after.iter().map(|method| (method.is_default, method.version)).collect::<Vec<_>>(),
        [(false, 2), (true, 2)]
    );
}

#[test]
fn rules_1_a_mask_stands_for_what_is_stored_and_for_nothing_else() {
    let holder = MethodDraft { holder_name: Change::Set("Ada Roe".into()), ..token(1) };
    let all = add(&[], &holder, id(1), NOW, 20).unwrap();
    let masked = Sight { pii: false, ..Sight::FULL };
    let fields = |rejection: Rejection| match rejection {
        Rejection::Invalid(problems) => problems.iter().map(|problem| problem.at.clone()).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    let change = |json: &str, sight| update(&all, &all[0].id, &draft(json).unwrap(), NOW, sight);
    let right = r#"{"providerMethodId": "***", "holderName": " *** ", "brand": "visa"}"#;
    for sight in [masked, Sight::FULL, Sight { reads: false, ..masked }] {
        let (after, changed) = change(right, sight).unwrap();
        assert_eq!(changed, ["brand"]);
        assert_eq!(
            (after[0].holder_name.as_deref(), &*after[0].provider_method_id),
            (Some("Ada Roe"), "pm_1")
        );
        let (same, changed) = change(r#"{"providerMethodId": "***", "holderName": "***"}"#, sight).unwrap();
        assert!(same == all && changed.is_empty());
    }
    // There is no fingerprint, and a token that sees no masks cannot know any.
    for (json, sight, wrong) in [
        (r#"{"fingerprint": "***", "holderName": "***"}"#, masked, 1),
        (r#"{"postalCode": "***", "networkTransactionId": "***", "providerCustomerId": "***"}"#, masked, 3),
        (r#"{"fingerprint": "***", "holderName": "***"}"#, Sight::NONE, 2),
    ] {
        assert_eq!(fields(change(json, sight).unwrap_err()).len(), wrong, "{json}");
    }
    let new = draft(r#"{"provider": "x", "providerMethodId": "***", "method": "card"}"#).unwrap();
    assert_eq!(fields(add(&all, &new, id(2), NOW, 20).unwrap_err()).len(), 1);
}

proptest! {
    /// Whatever is asked in whatever order, one method is the default as long as there is any, ids stay unique, and a version
    /// never goes back.
    #[test]
    fn rules_13_there_is_always_one_default(
        asked in prop::collection::vec((0_u8..5, 0_usize..6, any::<bool>()), 1..60),
    ) {
        let mut all: Vec<Method> = Vec::new();
        for (at, (what, which, flag)) in asked.into_iter().enumerate() {
            let chosen = all.get(which % all.len().max(1)).map(|method| method.id.clone()).unwrap_or_default();
            let default = MethodDraft { is_default: flag.then_some(true), ..MethodDraft::default() };
            let result = match what {
                0 => add(&all, &token(which), id(at), NOW, 5),
                1 => add(&all, &MethodDraft { is_default: Some(flag), ..token(which) }, id(at), NOW, 5),
                2 => update(&all, &chosen, &default, NOW, Sight::FULL).map(|(all, _)| all),
                3 => update(&all, &chosen, &MethodDraft { is_default: Some(flag), ..token(which) }, NOW, Sight::FULL).map(|(all, _)| all),
                _ => remove(&all, &chosen),
            };
            let Ok(after) = result else { continue };
            prop_assert_eq!(after.iter().filter(|method| method.is_default).count(), usize::from(!after.is_empty()));
            for method in &after {
                prop_assert_eq!(after.iter().filter(|other| other.id == method.id).count(), 1);
                if let Some(old) = all.iter().find(|old| old.id == method.id) {
                    prop_assert!(method.version >= old.version);
                    prop_assert!(method == old || method.version == old.version + 1);
                }
            }
            all = after;
        }
    }
}
