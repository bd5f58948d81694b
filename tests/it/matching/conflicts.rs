//! Two identities in one request, several customers with one identity, and changes to values that identify another
//! customer.

use serde_json::{Value, json};

use super::{FORCE, MERGE, REPLACE, assert_matched, match_answer, plain};
use crate::harness::*;
use crate::support::*;

/// Asserts a 409 at these places that names these customers.
#[track_caller]
fn assert_conflict<const N: usize>(answer: &Answer, at: [&str; N], ids: &[u64]) {
    assert_eq!(places(answer.expect_error(409)), set(at), "{}", answer.text);
    for id in ids {
        assert!(names(answer, *id), "customer {id} is not named in {}", answer.text);
    }
}

both!(rules_3_identifiers_of_different_customers_conflict, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let policy = ["--identifier", "email", "--identifier", "phone", "--country", "US"];
    new_entry(server.site(), "two", &policy);
    let email = created(&client, "two", &json!({"email": "ada@example.test"})).await;
    let phone = created(&client, "two", &json!({"phone": "555-555-0117"})).await;
    let number = created(&client, "two", &json!({"customerNumber": "ACC-1"})).await;
    let before = client.list("two").await;
    for query in [&[][..], REPLACE, MERGE] {
        let both = json!({"email": "ada@example.test", "phone": "+15555550117"});
        assert_conflict(
            &client.create("two", &both, query, &[]).await,
            ["/email", "/phone"],
            &[email, phone],
        );
        let both = json!({"email": "ada@example.test", "customerNumber": "ACC-1"});
        let answer = client.create("two", &both, query, &[]).await;
        assert_conflict(&answer, ["/email", "/customerNumber"], &[email, number]);
        let all = json!({"email": "ada@example.test", "phone": "5555550117", "customerNumber": "ACC-1"});
        let answer = client.create("two", &all, query, &[]).await;
        assert_conflict(&answer, ["/email", "/phone", "/customerNumber"], &[email, phone, number]);
    }
    assert_eq!(client.list("two").await, before, "a conflict changes nothing");

    // The matcher intersects the sets: the customer on whom all identifiers agree is the match, even if others are
    // older.
    let shared = json!({"email": "ada@example.test", "phone": "555-555-0199", "firstname": "Second"});
    let second = forced(&client, "two", &shared).await;
    let both = json!({"email": "ada@example.test", "phone": "+15555550199"});
    assert_matched(&plain(&client, "two", &both).await, second, &["email", "phone"]);
    assert_matched(&plain(&client, "two", &json!({"email": "ada@example.test"})).await, email, &["email"]);
    // An identifier that no customer has is no conflict.
    let half = json!({"email": "ada@example.test", "phone": "555-555-0142"});
    assert_matched(&plain(&client, "two", &half).await, email, &["email"]);
    // Force skips matching.
    forced(&client, "two", &json!({"email": "ada@example.test", "phone": "5555550117"})).await;
});

both!(rules_3_different_customer_numbers_conflict, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada =
        created(&client, "demo", &json!({"email": "ada@example.test", "customerNumber": "ACC-1"})).await;
    let other = json!({"email": "ada@example.test", "customerNumber": "ACC-2"});
    for query in [&[][..], REPLACE, MERGE] {
        let answer = client.create("demo", &other, query, &[]).await;
        assert_conflict(&answer, ["/customerNumber"], &[ada]);
        let would = match_answer(&client, "demo", &other, query).await.expect(200);
        assert_eq!(would.data()["outcome"], "conflict", "{}", would.text);
    }
    assert_eq!(read(&client, ada).await.json["customerNumber"], "ACC-1");
    // A missing number does not conflict with a number.
    let bare = created(&client, "demo", &json!({"email": "bare@example.test"})).await;
    let numbered = json!({"email": "bare@example.test", "customerNumber": "ACC-3"});
    assert_matched(&plain(&client, "demo", &numbered).await, bare, &["email"]);
    assert_matched(&plain(&client, "demo", &json!({"email": "ada@example.test"})).await, ada, &["email"]);
    // Force creates a second person.
    let second = forced(&client, "demo", &other).await;
    assert_matched(&plain(&client, "demo", &other).await, second, &["customerNumber", "email"]);
});

both!(rules_3_the_oldest_of_several_matches_wins, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let body = json!({"email": "ada@example.test"});
    let mut ids = vec![created(&client, "demo", &body).await];
    for _ in 0..3 {
        ids.push(forced(&client, "demo", &body).await);
    }
    assert!(ids.is_sorted(), "{ids:?}");
    let would = match_answer(&client, "demo", &body, &[]).await.expect(200);
    assert_eq!(
        would.data()["candidates"],
        json!([{"identifier": "email", "customerIds": ids}]),
        "oldest first"
    );
    while let [oldest, ..] = ids[..] {
        assert_matched(&plain(&client, "demo", &body).await, oldest, &["email"]);
        let merged =
            client.create("demo", &json!({"email": "ada@example.test", "city": "Oakton"}), MERGE, &[]).await;
        assert_eq!(merged.expect(200).id(), oldest);
        client.delete(&path(oldest)).await.expect(200);
        ids.remove(0);
    }
    created(&client, "demo", &body).await;
});

both!(rules_2_a_username_belongs_to_one_customer, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = json!({"email": "ada@example.test", "customerUsername": "portal"});
    let id = created(&client, "demo", &ada).await;
    let bob = json!({"email": "bob@example.test", "customerUsername": "portal"});
    for query in [&[][..], REPLACE, MERGE, FORCE] {
        let answer = client.create("demo", &bob, query, &[]).await;
        assert_conflict(&answer, ["/customerUsername"], &[id]);
        assert!(answer.text.contains("same username exists already"), "{}", answer.text);
    }
    // Force does not help even beside the customer's own record: a username belongs to one person.
    assert_conflict(&client.create("demo", &ada, FORCE, &[]).await, ["/customerUsername"], &[id]);
    // A username is no identifier: it matches nobody, and a customer's own username is no conflict.
    assert_matched(&plain(&client, "demo", &ada).await, id, &["email"]);
    client.create("demo", &ada, REPLACE, &[]).await.expect(200);
    client.create("demo", &ada, MERGE, &[]).await.expect(200);

    let bob = created(&client, "demo", &json!({"email": "bob@example.test"})).await;
    for query in [REPLACE, MERGE] {
        let body = json!({"email": "bob@example.test", "customerUsername": "portal"});
        assert_conflict(&client.create("demo", &body, query, &[]).await, ["/customerUsername"], &[id]);
    }
    let answer = client.put(&path(bob), &json!({"customerUsername": "portal"})).await;
    assert_conflict(&answer, ["/customerUsername"], &[id]);
    assert!(answer.text.contains("same username exists already"), "{}", answer.text);
    assert_eq!(total(&client, "demo").await, 2);
    client.delete(&path(id)).await.expect(200);
    client.put(&path(bob), &json!({"customerUsername": "portal"})).await.expect(200);
});

both!(rules_3_an_update_to_the_identity_of_another_customer_conflicts, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let policy = [
        "--identifier",
        "email",
        "--identifier",
        "firstname+lastname",
        "--identifier",
        "clientId",
        "--additional",
    ];
    new_entry(server.site(), "three", &policy);
    let ada = json!({"email": "ada@example.test", "firstname": "Ada", "lastname": "Roe", "customerNumber": "ACC-1",
                     "customerUsername": "ada", "additionalFields": {"clientId": "C-1"}});
    let ada_id = created(&client, "three", &ada).await;
    let bob = json!({"email": "bob@example.test", "firstname": "Bob", "lastname": "Roe"});
    let bob_id = created(&client, "three", &bob).await;
    let before = read(&client, bob_id).await;
    let changes: [(Value, &str); 6] = [
        (json!({"email": "ADA@example.test"}), "/email"),
        (json!({"firstname": " ada "}), "/firstname"),
        (json!({"firstname": "ADA", "lastname": "ROE"}), "/firstname"),
        (json!({"customerNumber": "ACC-1"}), "/customerNumber"),
        (json!({"customerUsername": "ada"}), "/customerUsername"),
        (json!({"additionalFields": {"clientId": "C-1"}}), "/additionalFields/clientId"),
    ];
    for (change, place) in &changes {
        let answer = client.put(&path(bob_id), change).await;
        assert_conflict(&answer, [*place], &[ada_id]);
    }
    // All of them at once.
    let answer = client.put(&path(bob_id), &ada).await;
    let all = ["/email", "/firstname", "/customerNumber", "/customerUsername", "/additionalFields/clientId"];
    assert_conflict(&answer, all, &[ada_id]);
    // A PUT ignores `identifierFields`: the field lifts no rule.
    let lifted = json!({"customerNumber": "ACC-1", "identifierFields": ["email"]});
    assert_conflict(&client.put(&path(bob_id), &lifted).await, ["/customerNumber"], &[ada_id]);
    assert_eq!(read(&client, bob_id).await.json, before.json, "a refused update changes nothing");

    // A merge or a replacement of Bob is the same kind of write: his own e-mail matches him, and the body carries her
    // name.
    for query in [MERGE, REPLACE] {
        let body = json!({"email": "bob@example.test", "customerUsername": "ada"});
        assert_conflict(&client.create("three", &body, query, &[]).await, ["/customerUsername"], &[ada_id]);
        let body = json!({"email": "bob@example.test", "identifierFields": ["email"],
                          "firstname": "Ada", "lastname": "Roe"});
        let answer = client.create("three", &body, query, &[]).await;
        assert_conflict(&answer, ["/firstname"], &[ada_id]);
    }
    assert_eq!(read(&client, bob_id).await.json, before.json, "a refused write changes nothing");

    // Her own values are no conflict, in any spelling.
    client.put(&path(ada_id), &ada).await.expect(200);
    client.put(&path(ada_id), &json!({"email": "ADA@example.test", "firstname": "ADA"})).await.expect(200);
    assert_eq!(read(&client, ada_id).await.json["Email"], "ADA@example.test");
});

both!(rules_3_only_a_changed_identity_can_conflict, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let body = json!({"email": "ada@example.test"});
    let first = created(&client, "demo", &body).await;
    let second = forced(&client, "demo", &body).await;
    // They share an e-mail by force; both must stay writable.
    for id in [first, second] {
        client.put(&path(id), &json!({"city": "Oakton"})).await.expect(200);
        client.put(&path(id), &json!({"email": "ada@example.test", "city": "Reston"})).await.expect(200);
    }
    client.create("demo", &json!({"email": "ada@example.test", "zip": "1"}), MERGE, &[]).await.expect(200);
    client.create("demo", &json!({"email": "ada@example.test", "zip": "2"}), REPLACE, &[]).await.expect(200);
    client.put(&path(second), &json!({"email": "other@example.test"})).await.expect(200);
    let back = client.put(&path(second), &body).await;
    assert_conflict(&back, ["/email"], &[first]);
});
