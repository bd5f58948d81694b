//! Key rotation (rules 7): all data of an entrypoint comes under a new key while it is used and while the service is
//! killed, nothing is missed or doubled meanwhile, and the old key is gone in the end (`load` keeps the ledger).

mod load;

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;
use load::Load;

const PATIENCE: Duration = Duration::from_mins(3);
const KEYS: &str = "/api/Paypoint/keys/demo";
const ROTATE: &str = "/api/Paypoint/keys/rotate/demo";

/// Waits for the end of a rotation; its last state.
async fn until_finished(client: &Client) -> Value {
    wait_for("the rotation finishes", PATIENCE, async || {
        let keys = client.get(KEYS).await.expect(200).json;
        if keys["rotation"]["state"] == "finished" { Ok(keys) } else { Err(keys) }
    })
    .await
}

/// Asserts that all data of the first entrypoint is under this one key.
fn assert_only_key(site: &Site, key: i64) {
    let mut sql = Sql::open(site);
    for query in sql::under_another_key(key) {
        assert_eq!(sql.number(&query), 0, "{query}");
    }
    site.cli(&["doctor", "--deep"]).success();
}

fn first_key(keys: &Value) -> i64 {
    keys["keys"][0]["keyId"].as_i64().expect("a key id")
}

/// The identity digests in the database, as text; a digest that a rotation leaves is under the old key.
fn digests(site: &Site) -> Vec<String> {
    Sql::open(site).digests().into_iter().map(|(_, digest)| digest).collect()
}

both!(a_rotation_puts_all_data_of_an_entrypoint_under_the_new_key, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let keyed = client.header("idempotencyKey", "order-1");
    let ada = json!({"email": "ada@example.test", "firstname": "Ada", "customerNumber": "A-1", "phone": "+12025550117"});
    let first = keyed.create("demo", &ada, &[], &[]).await.expect(200);
    client.put(&path(first.id()), &json!({"firstname": "Adah"})).await.expect(200);
    client.put(&path(first.id()), &json!({"city": "Oakton"})).await.expect(200);
    let gone = created(&client, "demo", &json!({"email": "gone@example.test", "firstname": "Gone"})).await;
    client.delete(&path(gone)).await.expect(200);
    let erased = created(&client, "demo", &json!({"email": "erased@example.test"})).await;
    client.put(&path(erased), &json!({"city": "Oakton"})).await.expect(200);
    client
        .header("idempotencyKey", "erase-1")
        .delete(&format!("{}?erase=true", path(erased)))
        .await
        .expect(200);
    let matched = client.header("idempotencyKey", "match-1");
    let who = json!({"email": "ADA@example.test"});
    let report = matched.post("/api/Customer/match/demo", &who).await.expect(200);
    let other = json!({"email": "ada@example.test", "firstname": "Ada"});
    new_entry(server.site(), "second", &[]);
    let elsewhere = created(&client, "second", &other).await;
    let (records, entries) = (client.list("demo").await, history(&client, first.id()).await);
    let before = client.get(KEYS).await.expect(200).json;
    assert_eq!(before["rotation"], Value::Null, "{before}");
    let old_digests = digests(server.site());

    let begun = client.send(Method::POST, ROTATE, None, &[]).await.expect(200).json;
    assert_eq!(begun["customersTotal"], 3, "{begun}");
    let after = until_finished(&client).await;
    assert_eq!(after["keys"].as_array().map(Vec::len), Some(1), "{after}");
    assert_eq!(after["rotation"]["customersDone"], 3, "{after}");
    assert!(first_key(&after) > first_key(&before));
    let mut sql = Sql::open(server.site());
    let others = sql.number(sql::OTHER_ENTRYPOINTS_CUSTOMERS);
    assert_eq!(others, 1, "the second entrypoint keeps its own key");
    sql.run(&sql::set_customer(elsewhere, "key_id = key_id"));

    // Nothing has changed, even for a server that never had the old key.
    let mut server = server;
    server.restart().await;
    assert_eq!(client.list("demo").await, records);
    assert_eq!(history(&client, first.id()).await, entries);
    assert_eq!(read(&client, gone).await.json["customerStatus"], -99);
    assert_eq!(read(&client, elsewhere).await.json["Firstname"], "Ada");
    let again = keyed.create("demo", &ada, &[], &[]).await.expect(200);
    assert!(again.replayed(), "{}", again.text);
    assert_eq!(again.data(), first.data());
    let again = matched.post("/api/Customer/match/demo", &who).await.expect(200);
    assert!(again.replayed() && again.json == report.json, "{}", again.text);
    assert_eq!(client.create("demo", &ada, &[], &[]).await.expect(200).outcome(), "matched");
    for piece in ["search=dah", "email(ct)=da@ex", "phone(ct)=5550", "customernumber=A-1", "search=a-1"] {
        let list = client.get(&format!("/api/Query/customers/demo?{piece}")).await.expect(200).json;
        assert_eq!(list["Summary"]["totalRecords"], 1, "{piece}: {list}");
    }
    let new_digests = digests(server.site());
    assert_eq!(new_digests.len(), old_digests.len());
    let kept = new_digests.iter().filter(|digest| old_digests.contains(digest)).count();
    // The digests of the second entrypoint, which was not rotated.
    assert_eq!(kept, 1, "digests under the old key remain");
    server.cli(&["doctor", "--deep"]).success();
});

both!(a_rotation_adds_the_digests_of_a_later_policy, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let ada = json!({"email": "ada@example.test", "firstname": "Ada", "lastname": "Roe"});
    let id = created(&client, "demo", &ada).await;
    client.put("/api/Paypoint/settings/demo", &identifiers(&["firstname+lastname"])).await.expect(200);
    let before = digests(server.site()).len();
    server.cli(&["keys", "rotate", "--entry", "demo"]).success();
    assert_eq!(
        digests(server.site()).len(),
        before,
        "there must be one digest of the names in place of that of the e-mail"
    );
    let mut sql = Sql::open(server.site());
    let held = sql.texts(sql::DIGEST_IDENTIFIERS);
    assert!(held[0].contains("firstname+lastname") && !held[0].contains("email"), "{held:?}");
    let same = json!({"email": "other@example.test", "firstname": "ADA", "lastname": "roe"});
    let answer = client.create("demo", &same, &[], &[]).await.expect(200);
    assert_eq!((answer.outcome(), answer.id()), ("matched", id));
});

both!(the_command_line_rotates_one_entrypoint_or_all, |db| async {
    let server = Server::start(db).await;
    new_entry(server.site(), "second", &[]);
    let client = master(&server);
    for entry in ["demo", "second"] {
        created(&client, entry, &json!({"email": "ada@example.test"})).await;
    }
    let listed = server.cli(&["keys", "list"]).success();
    let printed = server.cli(&["keys", "rotate", "--entry", "demo"]).success();
    assert!(printed.starts_with("demo: 1 customers are under key "), "{printed}");
    let now = server.cli(&["keys", "list"]).success();
    let line = |text: &str, entry: &str| {
        text.lines().find(|line| line.starts_with(&format!("{entry}  key"))).expect("a line").to_owned()
    };
    assert_ne!(line(&listed, "demo"), line(&now, "demo"));
    assert_eq!(line(&listed, "second"), line(&now, "second"));
    let printed = server.cli(&["keys", "rotate"]).success();
    assert_eq!(printed.lines().count(), 2, "{printed}");
    let refused = server.cli(&["keys", "rotate", "--entry", "nowhere"]);
    assert!(!refused.status.success() && refused.stderr.contains("entrypoint list"), "{refused:?}");
    assert_eq!(total(&client, "demo").await, 1);
});

both!(a_customer_whose_methods_change_during_a_rotation_keeps_its_identity, |db| async {
    const CUSTOMERS: usize = 24;
    let server = Server::start(db).await;
    let client = master(&server);
    let body = |number: usize| {
        json!({"email": format!("m{number}@example.test"), "lastname": format!("Quill{number}z"),
               "references": [{"system": "shop", "externalId": format!("old-{number}")}]})
    };
    let mut ids = Vec::new();
    for number in 0..CUSTOMERS {
        ids.push(created(&client, "demo", &body(number)).await);
    }
    // The methods wait in the queue while the rotation starts, so writes move some customers and the rotation the others.
    for round in 0..3 {
        let begun = std::iter::once((ROTATE.to_owned(), Value::Null));
        let methods = ids.iter().map(|id| {
            let token = format!("tok-{round}-{id}");
            let method = json!({"provider": "acme", "providerMethodId": token, "method": "ach"});
            (format!("{}/methods", path(*id)), method)
        });
        at_once(begun.chain(methods).map(|(to, body)| {
            let client = client.clone();
            async move {
                let body = (!body.is_null()).then_some(body);
                client.send(Method::POST, &to, body.as_ref(), &[]).await.expect(200);
            }
        }))
        .await;
        let keys = until_finished(&client).await;
        assert_only_key(server.site(), first_key(&keys));
        for (number, id) in ids.iter().enumerate() {
            let answer = client.create("demo", &body(number), &[], &[]).await.expect(200);
            assert_eq!((answer.outcome(), answer.id()), ("matched", *id), "round {round}: {number}");
            for condition in [format!("email=m{number}@example.test"), format!("search=Quill{number}z")] {
                let list =
                    client.get(&format!("/api/Query/customers/demo?{condition}")).await.expect(200).json;
                assert_eq!(list["Summary"]["totalRecords"], 1, "round {round}: {condition}: {list}");
            }
            let found = client.get(&format!("/api/Customer/byReference/demo/shop/old-{number}")).await;
            assert_eq!(found.expect(200).json["customerId"].as_u64(), Some(*id), "round {round}");
        }
    }
});

both!(a_rotation_ends_although_an_erase_left_sealed_versions, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let id = created(&client, "demo", &json!({"email": "gone@example.test"})).await;
    client.put(&path(id), &json!({"city": "Oakton"})).await.expect(200);
    let other = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    client.put(&path(other), &json!({"city": "Reston"})).await.expect(200);
    client.delete(&format!("{}?erase=true", path(id))).await.expect(200);
    let mut sql = Sql::open(server.site());
    sql.run(&sql::set_history_document(db, id, 2, "0102030405"));
    let output = server.cli(&["doctor", "--deep"]);
    let said = format!("{}{}", output.stdout, output.stderr);
    assert!(!output.status.success() && said.contains(&format!("customer {id} is erased, but")), "{said}");
    client.send(Method::POST, ROTATE, None, &[]).await.expect(200);
    let keys = until_finished(&client).await;
    assert_eq!(sql.number(&sql::history_documents(id)), 0);
    assert_eq!(sql.number(&sql::history_documents(other)), 1, "the others keep theirs");
    assert_only_key(server.site(), first_key(&keys));
});

both!(a_repeated_request_joins_the_running_rotation, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    for number in 0..40 {
        created(&client, "demo", &json!({"email": format!("c{number}@example.test")})).await;
    }
    let asked = at_once((0..6).map(|_| {
        let client = client.clone();
        async move { client.send(Method::POST, ROTATE, None, &[]).await.expect(200).json }
    }))
    .await;
    let begun: Vec<_> = asked.iter().map(|rotation| rotation["startedAt"].to_string()).collect();
    assert!(begun.iter().all(|at| *at == begun[0]), "{begun:?}");
    let keys = until_finished(&client).await;
    assert_only_key(server.site(), first_key(&keys));
});

fleets!(rules_7_a_rotation_under_load_and_kills_misses_and_doubles_nothing, |fleet| async {
    let mut fleet = fleet;
    let mut rng = seeded();
    let kills = setting("ROTATION_KILLS", 5);
    let count = setting("ROTATION_CUSTOMERS", 500);
    let client = master(&fleet.servers[0]);
    let load = Load::start(&fleet, count, &mut rng).await;
    client.send(Method::POST, ROTATE, None, &[]).await.expect(200);
    let mut seen = 0;
    for kill in 0..kills {
        // At a random moment after it started: each kill meets another part of the work.
        let deadline = Instant::now() + PATIENCE;
        loop {
            load.assert_running();
            let now = Sql::open(fleet.site()).number(sql::ROTATED_CUSTOMERS);
            if now > seen {
                seen = now;
                break;
            }
            assert!(Instant::now() < deadline, "no progress after {kill} kills");
            tokio::time::sleep(Duration::from_millis(rng.u64(5..30))).await;
        }
        assert_eq!(
            Sql::open(fleet.site()).number(sql::RUNNING_ROTATIONS),
            1,
            "the rotation was over before kill {kill}; it needs more customers"
        );
        for server in &mut fleet.servers {
            server.kill9();
        }
        for server in &mut fleet.servers {
            server.spawn();
        }
        for server in &mut fleet.servers {
            server.ready().await;
        }
    }
    let keys = until_finished(&client).await;
    let ledger = load.finish().await;
    println!("{kills} kills: {ledger}");
    ledger.check(&fleet).await;
    assert_eq!(keys["keys"].as_array().map(Vec::len), Some(1), "{keys}");
    assert_only_key(fleet.site(), first_key(&keys));
});
