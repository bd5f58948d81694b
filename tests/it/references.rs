//! References: what other systems call a customer leads to it (rules 11).

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;

fn reference_path(id: u64, system: &str, external_id: &str) -> String {
    format!("{}/references/{system}/{external_id}", path(id))
}

fn by(system: &str, external_id: &str) -> String {
    format!("/api/Customer/byReference/demo/{system}/{external_id}")
}

fn stripe(id: &str) -> Value {
    json!([{"system": "stripe", "externalId": id}])
}

both!(rules_11_a_reference_leads_to_one_live_customer, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada =
        created(&client, "demo", &json!({"email": "ada@example.test", "references": stripe("cus_1")})).await;
    let bob = created(&client, "demo", &json!({"email": "bob@example.test"})).await;
    // The read by reference is the read by id.
    let found = client.get(&by("stripe", "cus_1")).await.expect(200);
    assert_eq!(
        (found.id(), etag(&found), &found.json),
        (ada, etag(&read(&client, ada).await), &read(&client, ada).await.json)
    );
    let fresh =
        client.send(Method::GET, &by("stripe", "cus_1"), None, &[("If-None-Match", &etag(&found))]).await;
    assert_eq!(fresh.status, 304);
    for none in [by("stripe", "CUS_1"), by("Stripe", "cus_1"), by("shop", "cus_1"), by("a%20b", "x")] {
        client.get(&none).await.expect_error(404);
    }
    // Of another customer it is a conflict that names the owner.
    let before = read(&client, bob).await;
    for answer in [
        client.send(Method::PUT, &reference_path(bob, "stripe", "cus_1"), None, &[]).await,
        client.put(&path(bob), &json!({"references": stripe("cus_1")})).await,
        client
            .create("demo", &json!({"email": "bob@example.test", "references": stripe("cus_1")}), &[], &[])
            .await,
        client
            .create(
                "demo",
                &json!({"email": "eve@example.test", "references": stripe("cus_1")}),
                &[("forceCustomerCreation", "true")],
                &[],
            )
            .await,
    ] {
        assert!(names(answer.expect_error(409), ada), "{}", answer.text);
        assert_eq!(
            places(&answer),
            if answer.text.contains("leads to") {
                set(["/email", "/references"])
            } else {
                set(["/references"])
            }
        );
    }
    assert_eq!(etag(&read(&client, bob).await), etag(&before));
    // Adding it again is no error and no change; ids may have any characters.
    for id in ["cus_1", "a%2Fb", "100%25", "%C3%A9%20x", "a+b"] {
        client.send(Method::PUT, &reference_path(ada, "stripe", id), None, &[]).await.expect(200);
        let version = etag(&read(&client, ada).await);
        client.send(Method::PUT, &reference_path(ada, "stripe", id), None, &[]).await.expect(200);
        assert_eq!(etag(&read(&client, ada).await), version, "{id}");
        assert_eq!(client.get(&by("stripe", id)).await.expect(200).id(), ada, "{id}");
    }
    let listed = client.get(&format!("{}/references", path(ada))).await.expect(200);
    let ids: Vec<&str> = listed.json["Records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["externalId"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["100%", "a+b", "a/b", "cus_1", "é x"]);
    assert_eq!(read(&client, ada).await.json["References"], listed.json["Records"]);
    // A create finds its owner, also alone; what a deleted customer had is free.
    let matched = client.create("demo", &json!({"references": stripe("cus_1")}), &[], &[]).await.expect(200);
    assert_eq!(
        (matched.id(), matched.outcome(), matched.matched_on()),
        (ada, "matched", vec!["reference-stripe"])
    );
    client.delete(&reference_path(ada, "stripe", "a%2Fb")).await.expect(200);
    client.delete(&reference_path(ada, "stripe", "a%2Fb")).await.expect_error(404);
    client.send(Method::PUT, &reference_path(bob, "stripe", "a%2Fb"), None, &[]).await.expect(200);
    client.delete(&path(ada)).await.expect(200);
    client.get(&by("stripe", "cus_1")).await.expect_error(404);
    client.send(Method::PUT, &reference_path(bob, "stripe", "cus_1"), None, &[]).await.expect(200);
    assert_eq!(client.get(&by("stripe", "cus_1")).await.expect(200).id(), bob);
    let entry = &history(&client, bob).await[0];
    assert_eq!(entry["changes"], json!([{"field": "references.stripe", "from": "a/b", "to": "a/b; cus_1"}]));
    server.site().cli(&["doctor", "--deep"]).success();
});

both!(rules_11_references_are_checked_and_guarded, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let id =
        created(&client, "demo", &json!({"email": "ada@example.test", "references": stripe("007")})).await;
    for (system, external_id, place) in
        [("Stripe", "x", "?system"), ("a%20b", "x", "?system"), ("s", "%20", "?externalId")]
    {
        let answer = client.send(Method::PUT, &reference_path(id, system, external_id), None, &[]).await;
        assert_eq!(places(answer.expect_error(400)), set([place]), "{}", answer.text);
    }
    let long = "x".repeat(251);
    client.send(Method::PUT, &reference_path(id, "s", &long), None, &[]).await.expect_error(400);
    for (body, place) in [
        (json!([{"system": "A", "externalId": "x"}]), "/references/0/system"),
        (json!([{"system": "a"}]), "/references/0/externalId"),
        (json!({"system": "a"}), "/references"),
    ] {
        let answer = client.put(&path(id), &json!({"references": body})).await;
        assert_eq!(places(answer.expect_error(400)), set([place]), "{}", answer.text);
    }
    // A key is for one id: leading zeros belong to it.
    let keyed = [("Idempotency-Key", "ref-1")];
    client.send(Method::PUT, &reference_path(id, "shop", "07"), None, &keyed).await.expect(200);
    assert!(
        client
            .send(Method::PUT, &reference_path(id, "shop", "07"), None, &keyed)
            .await
            .expect(200)
            .replayed()
    );
    assert!(
        !client
            .send(Method::PUT, &reference_path(id, "shop", "7"), None, &keyed)
            .await
            .expect(200)
            .replayed()
    );
    client
        .send(
            Method::DELETE,
            &reference_path(id, "shop", "7"),
            None,
            &[("If-Match", "\"1-0123456789abcdef\"")],
        )
        .await
        .expect_error(412);
    // Fifty and no more.
    let many: Vec<Value> = (0..50).map(|n| json!({"system": "shop", "externalId": n.to_string()})).collect();
    client.put(&path(id), &json!({"references": many})).await.expect(200);
    let refused = client.send(Method::PUT, &reference_path(id, "shop", "50"), None, &[]).await;
    assert_eq!(refused.expect_error(400).json["errors"][0]["code"], "too_many");
    // Filters, also for tokens that see masks.
    let site = server.site();
    let masked = server.anonymous().token(&token_with(site, &["customers:read"]));
    for (filter, total) in [
        ("reference-shop=49", 1),
        ("reference-SHOP(ct)=4", 1),
        ("reference-shop=50", 0),
        ("reference-stripe=", 1),
        ("reference-shop(ne)=3", 0),
    ] {
        let answer = masked.get(&format!("/api/Query/customers/demo?{filter}")).await.expect(200);
        assert_eq!(answer.json["Summary"]["totalRecords"], total, "{filter}");
    }
    masked.send(Method::PUT, &reference_path(id, "shop", "1"), None, &[]).await.expect_error(403);
    // Who does not read is not told who stands in the way.
    let writer = server.anonymous().token(&token_with(site, &["customers:write"]));
    let bob = created(&client, "demo", &json!({"email": "bob@example.test"})).await;
    let refused = writer.send(Method::PUT, &reference_path(bob, "shop", "3"), None, &[]).await;
    assert!(!names(refused.expect_error(409), id), "{}", refused.text);
    writer.get(&by("shop", "3")).await.expect_error(403);
});

both!(rules_11_references_identify, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let ada =
        created(&client, "demo", &json!({"email": "ada@example.test", "references": stripe("cus_1")})).await;
    // As an identifier of a request, and of the policy.
    let body = json!({"email": "new@example.test", "references": stripe("cus_1"), "identifierFields": ["reference-stripe"]});
    let merged = client.create("demo", &body, &[("mergeExisting", "1")], &[]).await.expect(200);
    assert_eq!((merged.id(), merged.outcome()), (ada, "merged"));
    client.put("/api/Paypoint/settings/demo", &identifiers(&["reference-stripe"])).await.expect(200);
    let other = client
        .create("demo", &json!({"email": "new@example.test", "references": stripe("cus_2")}), &[], &[])
        .await;
    assert_eq!(other.expect(200).outcome(), "created");
    client.create("demo", &json!({"email": "none@example.test"}), &[], &[]).await.expect_error(400);
    let two = json!({"references": stripe("x"), "identifierFields": ["reference-a", "reference-b"]});
    assert_eq!(
        places(client.create("demo", &two, &[], &[]).await.expect_error(400)),
        set(["/identifierFields"])
    );
    let refused = client.put("/api/Paypoint/settings/demo", &identifiers(&["reference-A b"])).await;
    refused.expect_error(400);
    let report =
        client.post("/api/Customer/match/demo", &json!({"references": stripe("cus_2")})).await.expect(200);
    assert_eq!(report.data()["outcome"], "matched");
    // A rotation makes new digests.
    client.post("/api/Paypoint/keys/rotate/demo", &json!({})).await;
    wait_for("the rotation finishes", Duration::from_mins(3), async || {
        let keys = client.get("/api/Paypoint/keys/demo").await.expect(200).json;
        if keys["rotation"]["state"] == "finished" { Ok(()) } else { Err(keys) }
    })
    .await;
    assert_eq!(client.get(&by("stripe", "cus_1")).await.expect(200).id(), ada);
    assert_eq!(
        client.create("demo", &json!({"references": stripe("cus_1")}), &[], &[]).await.expect(200).id(),
        ada
    );
    server.site().cli(&["doctor", "--deep"]).success();
});

fleets!(rules_11_of_many_who_claim_a_reference_one_gets_it, |fleet| async {
    let client = fleet.client(0);
    let mut ids = Vec::new();
    for number in 0..8 {
        ids.push(created(&client, "demo", &json!({"customerNumber": format!("N-{number}")})).await);
    }
    let claimed = ids.clone();
    let answers =
        fleet
            .race(64, |number, client| {
                let id = claimed[number % claimed.len()];
                async move {
                    (id, client.send(Method::PUT, &reference_path(id, "shop", "7"), None, &[]).await.status)
                }
            })
            .await;
    let winners: std::collections::BTreeSet<u64> =
        answers.iter().filter(|(_, status)| *status == 200).map(|(id, _)| *id).collect();
    assert_eq!(winners.len(), 1, "{answers:?}");
    assert!(answers.iter().all(|(_, status)| [200, 409].contains(status)), "{answers:?}");
    // And of many creates, one is new.
    let created = fleet
        .race(32, |_, client| async move {
            let body = json!({"references": [{"system": "shop", "externalId": "new"}]});
            client.create("demo", &body, &[], &[]).await.expect(200).outcome().to_owned()
        })
        .await;
    assert_eq!(created.iter().filter(|outcome| *outcome == "created").count(), 1, "{created:?}");
});
