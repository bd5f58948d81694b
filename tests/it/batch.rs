//! A batch equals its commands one by one, and a poisonous command fails alone. These tests call the store itself,
//! without HTTP.

use std::sync::Arc;

use customary::clock;
use customary::domain::accounts::sight::Sight;
use customary::domain::customers::draft::{Context, Draft};
use customary::domain::customers::record::Customer;
use customary::domain::decide::command::{
    Action, Actor, Command, CreateCustomer, DeleteCustomer, Hung, KeyUse, OnMatch, Outcome, Precondition,
    UpdateCustomer,
};
use customary::domain::filter::{Filter, Search, Sort};
use customary::domain::kernel::time::Micros;
use customary::store::{DatabaseUrl, ListRequest, Store, StoreError, StoreOptions};
use customary::vault::MasterKey;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;

const KEY: &str = "ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8=";
/// A balance that a trigger of the test refuses, in ten-thousandths.
const POISON: i64 = 6_660_000;

fn url(site: &Site) -> DatabaseUrl {
    match site.database_url() {
        Some(url) => url.parse().unwrap(),
        None => DatabaseUrl::Sqlite(site.database_file()),
    }
}

fn open(site: &Site, batch_max: usize) -> Store {
    if let DatabaseUrl::Sqlite(file) = url(site) {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    }
    let master = MasterKey::parse(KEY).unwrap();
    // One writer: several writers may process batches of two entrypoints out of order.
    let options = StoreOptions {
        url: url(site),
        master,
        may_begin: true,
        may_create: true,
        idempotency_secs: 3600,
        batch_max,
        writers: 1,
        readers: 1,
        record_cache_bytes: 0,
    };
    Store::open(options).unwrap()
}

fn draft(body: &Value) -> Draft {
    let text = body.to_string();
    let context = Context { now: clock::now(), country: Some("US"), entrypoint_country: Some("US") };
    Draft::parse(&serde_json::from_str(&text).unwrap(), context).unwrap()
}

/// A random command. Its values come from a small set, so that many commands meet.
fn random_command(rng: &mut fastrand::Rng, with_poison: bool) -> Command {
    let mut body = json!({});
    let mut maybe = |rng: &mut fastrand::Rng, field: &str, count: usize, prefix: &str, suffix: &str| {
        if rng.bool() {
            body[field] = json!(format!("{prefix}{}{suffix}", rng.usize(0..count)));
        }
    };
    maybe(rng, "email", 4, "e", "@example.test");
    maybe(rng, "customerNumber", 4, "n", "");
    maybe(rng, "customerUsername", 6, "u", "");
    maybe(rng, "firstname", 3, "f", "");
    maybe(rng, "lastname", 3, "l", "");
    maybe(rng, "phone", 3, "+1202555011", "");
    if rng.u8(0..4) == 0 {
        body["additionalFields"] = json!({"tier": format!("t{}", rng.u8(0..3))});
    }
    if rng.u8(0..4) == 0 {
        let sets = [json!(["firstname", "lastname"]), json!(["phone"]), json!(["tier"])];
        body["identifierFields"] = sets[rng.usize(0..3)].clone();
    }
    if with_poison && rng.u8(0..4) == 0 {
        body["balance"] = json!(POISON / 10_000);
    }
    let draft = draft(&body);
    let id = rng.i64(1..14);
    let precondition =
        if rng.u8(0..6) == 0 { Precondition::Versions(vec![rng.i64(1..4)]) } else { Precondition::None };
    let on_match = [OnMatch::Get, OnMatch::Replace, OnMatch::Merge, OnMatch::Force][rng.usize(0..4)];
    let action = match rng.u8(0..10) {
        0..=4 => Action::Create(Box::new(CreateCustomer {
            draft,
            hung: Hung::default(),
            on_match,
            precomputed: None,
        })),
        5..=6 => Action::Update(Box::new(UpdateCustomer { id, draft, precondition })),
        7 => Action::Match(Box::new(CreateCustomer {
            draft,
            hung: Hung::default(),
            on_match,
            precomputed: None,
        })),
        _ => {
            Action::Delete(DeleteCustomer { id, erase: rng.u8(0..3) == 0, cancel_open: false, precondition })
        }
    };
    let idempotency =
        (rng.u8(0..4) == 0).then(|| KeyUse { key: [rng.u8(0..6); 32], fingerprint: [rng.u8(0..2); 32] });
    let actor = Actor { name: "batch".into(), jti: "batch".into() };
    let sight = Sight { pii: rng.u8(0..3) > 0, ..Sight::FULL };
    Command { entrypoint_id: 1, actor, sight, idempotency, action }
}

/// A create of a new customer that the database will refuse.
fn poisonous() -> Command {
    let draft = draft(&json!({"email": "poison@example.test", "balance": POISON / 10_000}));
    let create = CreateCustomer { draft, hung: Hung::default(), on_match: OnMatch::Get, precomputed: None };
    let actor = Actor { name: "batch".into(), jti: "batch".into() };
    Command {
        entrypoint_id: 1,
        actor,
        sight: Sight::FULL,
        idempotency: None,
        action: Action::Create(Box::new(create)),
    }
}

/// The result of a command as text, without times.
fn result_text(result: Result<customary::domain::decide::command::Answer, StoreError>) -> String {
    match result {
        Ok(answer) => {
            let answer = answer.seen_by(Sight::FULL);
            let stored = answer
                .record
                .as_ref()
                .map(|stored| (stored.version, stored.erased, timeless(&stored.customer)));
            format!("{:?} {:?} {}", answer.outcome, stored, answer.replayed)
        }
        Err(StoreError::Rejected(rejection)) => format!("{rejection:?}"),
        Err(StoreError::Bug(_)) => "refused by the database".to_owned(),
        Err(error) => panic!("{error}"),
    }
}

fn timeless(customer: &Customer) -> Customer {
    Customer { created_at: Micros::default(), updated_at: Micros::default(), ..customer.clone() }
}

async fn all_records(store: &Store) -> Vec<(i64, i64, Customer)> {
    let request = ListRequest {
        entrypoints: vec![1],
        filter: Filter::default(),
        search: Search::default(),
        masked: false,
        sort: Sort::default(),
        after: None,
        skip: 0,
        limit: 1_000,
        counts: true,
        counts_max: None,
        shows_money: false,
        owner: 1,
        time_max: std::time::Duration::from_mins(1),
    };
    let result_text = store.customers().list(request, |page| {
        assert_eq!(page.total, Some(page.records.len()));
        page.records
            .iter()
            .map(|(record, _)| &record.stored)
            .map(|stored| (stored.id, stored.version, timeless(&stored.customer)))
            .collect()
    });
    result_text.await.unwrap()
}

async fn compare(db: Db, cases: usize, commands: usize, with_poison: bool) {
    let mut rng = seeded();
    for case in 0..cases {
        let (one_by_one, batched) = (Site::new(db), Site::new(db));
        let (slow, fast) = (Arc::new(open(&one_by_one, 1)), Arc::new(open(&batched, 256)));
        for store in [&slow, &fast] {
            // On PostgreSQL a failed transaction does not give back the block of ids that it took.
            let first = CreateCustomer {
                hung: Hung::default(),
                draft: draft(&json!({"email": "first@example.test"})),
                on_match: OnMatch::Get,
                precomputed: None,
            };
            let actor = Actor { name: "batch".into(), jti: "batch".into() };
            let action = Action::Create(Box::new(first));
            store
                .customers()
                .write(Command { entrypoint_id: 1, actor, sight: Sight::FULL, idempotency: None, action })
                .await
                .unwrap();
        }
        if with_poison {
            poison(&one_by_one);
            poison(&batched);
        }
        let mut sequence: Vec<Command> =
            (0..commands).map(|_| random_command(&mut rng, with_poison)).collect();
        if with_poison {
            // Once in a few hundred runs a random case contains none.
            sequence.insert(rng.usize(0..=commands), poisonous());
        }
        let mut expected = Vec::new();
        for command in &sequence {
            expected.push(result_text(slow.customers().write(command.clone()).await));
        }
        // The join polls in order, so all commands are queued before the test looks at the first answer.
        let answers = join_all(sequence.iter().map(|command| fast.customers().write(command.clone()))).await;
        for (index, (answer, expected)) in answers.into_iter().zip(&expected).enumerate() {
            assert_eq!(&result_text(answer), expected, "case {case}, command {index}: {:?}", sequence[index]);
        }
        assert_eq!(all_records(&fast).await, all_records(&slow).await, "case {case}");
        if with_poison {
            assert!(
                expected.iter().any(|text| text == "refused by the database"),
                "case {case} contained no poisonous command"
            );
        }
        slow.close();
        fast.close();
    }
}

/// Adds a trigger that makes the database refuse a certain balance.
fn poison(site: &Site) {
    Sql::open(site).run(&sql::refuse_balance(site.db, POISON));
}

both!(a_batch_equals_its_commands_one_by_one, |db| async move { compare(db, 12, 120, false).await });
both!(a_poisonous_command_fails_alone, |db| async move { compare(db, 3, 80, true).await });

both!(rules_5_an_erase_leaves_nothing_of_changes_in_its_own_batch, |db| async move {
    let site = Site::new(db);
    let store = open(&site, 256);
    let command = |action| {
        let actor = Actor { name: "batch".into(), jti: "batch".into() };
        Command { entrypoint_id: 1, actor, sight: Sight::FULL, idempotency: None, action }
    };
    for round in 0..3 {
        let create = CreateCustomer {
            hung: Hung::default(),
            draft: draft(&json!({"email": format!("e{round}@example.test")})),
            on_match: OnMatch::Get,
            precomputed: None,
        };
        let made = store.customers().write(command(Action::Create(Box::new(create)))).await.unwrap();
        let (id, _) = made.seen_by(Sight::FULL).outcome.record().unwrap();
        let change = |number: usize| {
            let draft = draft(&json!({"city": format!("Oakton {number}")}));
            Action::Update(Box::new(UpdateCustomer { id, draft, precondition: Precondition::None }))
        };
        let precondition = Precondition::None;
        let erase = Action::Delete(DeleteCustomer { id, erase: true, cancel_open: false, precondition });
        // All are queued before the first batch ends, so the second one has changes and the erase.
        let actions = (0..30).map(change).chain([erase]);
        for answer in join_all(actions.map(|action| store.customers().write(command(action)))).await {
            answer.unwrap();
        }
        let id = u64::try_from(id).unwrap();
        for (count, column) in sql::sealed_values(id) {
            assert_eq!(Sql::open(&site).number(&count), 0, "{column} in round {round}");
        }
        assert_eq!(Sql::open(&site).number(&sql::history_entries(id)), 32, "the entries stay");
    }
    store.close();
});

both!(commands_queued_before_a_drain_are_answered, |db| async move {
    let site = Site::new(db);
    let store = open(&site, 256);
    let actor = Actor { name: "drain".into(), jti: "drain".into() };
    let create = |number: usize| Command {
        entrypoint_id: 1,
        actor: actor.clone(),
        sight: Sight::FULL,
        idempotency: None,
        action: Action::Create(Box::new(CreateCustomer {
            hung: Hung::default(),
            draft: draft(&json!({"email": format!("d{number}@example.test")})),
            on_match: OnMatch::Get,
            precomputed: None,
        })),
    };
    let waiting: Vec<_> = (0..50).map(|number| Box::pin(store.customers().write(create(number)))).collect();
    let answers = join_all(waiting);
    tokio::pin!(answers);
    // After one poll every command is queued and hardly any is answered.
    let first = std::future::poll_fn(|context| std::task::Poll::Ready(answers.as_mut().poll(context))).await;
    store.close();
    let answers = match first {
        std::task::Poll::Ready(answers) => answers,
        std::task::Poll::Pending => answers.await,
    };
    for answer in answers {
        assert!(matches!(answer.unwrap().seen_by(Sight::FULL).outcome, Outcome::Created { .. }));
    }
    assert!(matches!(store.customers().write(create(99)).await, Err(StoreError::Unavailable(_))));
});

/// A server words its messages in its own language, so only the code decides whether a retry may help.
#[tokio::test]
async fn only_the_code_of_a_database_error_decides_whether_a_retry_may_help() {
    let cases = [
        ("disk_full", "konnte Datei nicht erweitern: Auf dem Gerät ist kein Speicherplatz mehr frei", true),
        ("lock_not_available", "storniere Anfrage wegen Zeitüberschreitung einer Sperre", true),
        ("query_canceled", "storniere Anfrage wegen Benutzeraufforderung", true),
        ("deadlock_detected", "Verklemmung entdeckt", true),
        ("admin_shutdown", "Verbindung wird auf Anweisung des Verwalters abgebrochen", true),
        ("check_violation", "Zeile verletzt Check-Constraint", false),
        ("unique_violation", "connection timeout, disk full: doppelter Schlüsselwert", false),
    ];
    for (code, message, may_retry) in cases {
        let site = Site::new(Db::Postgres);
        let store = open(&site, 256);
        Sql::open(&site).run(&sql::refuse_customers(code, message));
        match store.customers().write(poisonous()).await {
            Err(StoreError::Unavailable(text)) => assert!(may_retry && text == message, "{code}: {text}"),
            Err(StoreError::Bug(text)) => assert!(!may_retry && text == message, "{code}: {text}"),
            other => panic!("{code}: {other:?}"),
        }
        store.close();
    }
}
