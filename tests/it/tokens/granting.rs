//! Tokens created over HTTP: the scopes they may have, what the answers show, and their request limits.

use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;

const LIST: &str = "/api/Query/customers/demo";

async fn grant(client: &Client, body: &Value) -> Answer {
    client.post("/api/Token", body).await
}

#[track_caller]
fn text(answer: &Answer) -> &str {
    answer.data()["token"].as_str().unwrap_or_else(|| panic!("no token in {}", answer.text))
}

both!(rules_1_a_token_must_say_which_entrypoints_it_is_for, |db| async {
    let server = Server::start(db).await;
    let granter = master(&server);
    let before = granter.get("/api/Token").await.expect(200).text;
    for body in [json!({}), json!({"name": "x", "scopes": ["customers:read"]}), json!({"entries": null})] {
        let answer = grant(&granter, &body).await;
        answer.expect_error(400);
        assert_eq!(places(&answer), set(["/entries"]), "{body}: {}", answer.text);
    }
    assert_eq!(granter.get("/api/Token").await.expect(200).text, before, "a refused token was made");
    // What the document lets be null may be null.
    let body = json!({"entries": ["demo"], "name": null, "scopes": null, "expiresInDays": null,
                      "requestsPerMinute": null});
    grant(&granter, &body).await.expect(200);
});

both!(rules_1_a_token_cannot_grant_rights_that_it_lacks, |db| async {
    let server = Server::start(db).await;
    let site = server.site();
    new_entry(site, "other", &[]);
    let own = ["tokens", "customers:read"];
    let granter = server.anonymous().token(&token_of(site, &["--org", "1", "--entry", "demo"], &own));

    for (kind, body) in [
        ("a scope", json!({"name": "x", "entries": ["demo"], "scopes": ["customers:read", "pii:read"]})),
        ("settings", json!({"name": "x", "entries": ["demo"], "scopes": ["settings"]})),
        ("all entrypoints", json!({"name": "x", "entries": "*", "scopes": ["customers:read"]})),
        ("another entrypoint", json!({"name": "x", "entries": ["other"], "scopes": ["customers:read"]})),
        ("one too many", json!({"name": "x", "entries": ["demo", "other"], "scopes": ["customers:read"]})),
    ] {
        let answer = grant(&granter, &body).await;
        assert_eq!(answer.status, 403, "{kind}: {}", answer.text);
        answer.expect_error(403);
    }

    let body = json!({"name": "reader", "entries": ["demo"], "scopes": ["customers:read"],
                      "expiresInDays": 90, "requestsPerMinute": null});
    let answer = grant(&granter, &body).await.expect(200);
    assert_eq!(answer.json["isSuccess"], true, "{}", answer.text);
    assert_eq!(answer.json["responseText"], "Success", "{}", answer.text);
    let made = text(&answer).to_owned();
    assert_eq!(answer.data()["jti"], jti(&made));
    let claims = claims(&made);
    for (claim, expected) in [
        ("sub", json!("reader")),
        ("org", json!(1)),
        ("entries", json!(["demo"])),
        ("scopes", json!(["customers:read"])),
    ] {
        assert_eq!(claims[claim], expected, "{claim} of {claims}");
    }
    let life = claims["exp"].as_i64().expect("exp") - claims["iat"].as_i64().expect("iat");
    assert_eq!(life, 90 * 86_400);
    let reader = server.anonymous().token(&made);
    reader.get(LIST).await.expect(200);
    reader.create("demo", &json!({"email": "x@example.test"}), &[], &[]).await.expect_error(403);
    reader.get("/api/Query/customers/other").await.expect_error(404);

    let list = granter.get("/api/Token").await.expect(200);
    assert!(list.text.contains(&jti(&made)), "{}", list.text);
    assert!(!list.text.contains(&made), "the list contains the text of a token");
    let signature = made.rsplit('.').next().expect("a signature");
    assert!(!list.text.contains(signature), "the list contains the text of a token");
});

both!(rules_2_a_bad_token_request_is_refused_with_all_its_problems, |db| async {
    let server = Server::start(db).await;
    let master = master(&server);
    let bad = json!({"name": 1, "entries": 5, "scopes": ["customers:fly"], "expiresInDays": 0,
                     "requestsPerMinute": -1, "colour": "red"});
    let answer = grant(&master, &bad).await;
    let expected = set(["/name", "/entries", "/scopes", "/expiresInDays", "/requestsPerMinute", "/colour"]);
    let found: std::collections::BTreeSet<String> = places(answer.expect_error(400))
        .into_iter()
        .map(|place| format!("/{}", place.trim_start_matches('/').split('/').next().unwrap_or_default()))
        .collect();
    assert_eq!(found, expected, "{}", answer.text);
    let unknown = json!({"name": "x", "entries": ["nowhere"], "scopes": ["customers:read"]});
    let answer = grant(&master, &unknown).await;
    let found = places(answer.expect_error(400));
    assert!(found.iter().all(|place| place.starts_with("/entries")), "{}", answer.text);
});

both!(rules_6_requests_beyond_the_limit_answer_429, |db| async {
    let server = Server::start(db).await;
    let master = master(&server);
    let limited =
        json!({"name": "slow", "entries": "*", "scopes": ["customers:read"], "requestsPerMinute": 5});
    let limited = text(&grant(&master, &limited).await.expect(200)).to_owned();
    let limited = server.anonymous().token(&limited);
    let mut served = 0;
    loop {
        let answer = limited.get(LIST).await;
        if answer.status == 429 {
            answer.expect_error(429);
            let wait = answer.header("Retry-After").expect("Retry-After");
            assert!(wait.parse::<u64>().is_ok_and(|seconds| (1..=60).contains(&seconds)), "{wait}");
            break;
        }
        answer.expect(200);
        served += 1;
        assert!(served <= 6, "more than 5 requests were served at once");
    }
    assert!(served >= 1, "no request was served");

    // There is no limit by default, and one token's limit affects no other.
    let free = json!({"name": "free", "entries": "*", "scopes": ["customers:read"]});
    let free = server.anonymous().token(text(&grant(&master, &free).await.expect(200)));
    for _ in 0..30 {
        free.get(LIST).await.expect(200);
    }
});

both!(rules_4_token_routes_store_no_answers, |db| async {
    let server = Server::start(db).await;
    let master = master(&server).header("Idempotency-Key", "the same key");
    let body = json!({"name": "x", "entries": ["demo"], "scopes": ["customers:read"]});
    let first = grant(&master, &body).await.expect(200);
    let second = grant(&master, &body).await.expect(200);
    assert!(!second.replayed(), "the text of a token was stored");
    assert_ne!(jti(text(&first)), jti(text(&second)), "the text of a token was stored");
});
