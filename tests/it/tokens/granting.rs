//! Tokens created over HTTP: the scopes they may have, what the answers show, and their request limits.

use std::fmt::Write as _;

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

both!(rules_4_a_token_request_that_is_repeated_makes_one_token, |db| async {
    let server = Server::start(db).await;
    let granter = master(&server);
    let number = async || {
        granter.get("/api/Token").await.expect(200).json["Records"].as_array().map(Vec::len).unwrap()
    };
    let before = number().await;
    let body = json!({"name": "once", "entries": ["demo"], "scopes": ["customers:read"]});
    let keyed = granter.header("idempotencyKey", "one");
    let first = grant(&keyed, &body).await.expect(200);
    assert!(first.header("idempotent-replayed").is_none());
    let again = grant(&keyed, &body).await.expect(200);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.header("cache-control"), Some("no-store"));
    assert_eq!(again.json, first.json);
    server.anonymous().token(text(&again)).get(LIST).await.expect(200);
    assert_eq!(number().await, before + 1);
    // Two at once, and another request under the key.
    let raced = granter.header("idempotencyKey", "two");
    let (one, other) = tokio::join!(grant(&raced, &body), grant(&raced, &body));
    assert_eq!(one.expect(200).json, other.expect(200).json);
    let changed = json!({"name": "other", "entries": ["demo"], "scopes": ["customers:read"]});
    grant(&keyed, &changed).await.expect_error(422);
    assert_eq!(number().await, before + 2);
    // A token ends with its maker, so another maker's key is another one.
    let second = master(&server);
    let own = grant(&second.header("idempotencyKey", "one"), &body).await.expect(200);
    assert_ne!(own.data()["jti"], first.data()["jti"]);
    // A revoked token stays so, and the repeat says it.
    let jti = first.data()["jti"].as_str().unwrap();
    granter.delete(&format!("/api/Token/{jti}")).await.expect(200);
    let late = grant(&keyed, &body).await.expect(200);
    assert!(late.data()["revokedAt"].is_string(), "{}", late.text);
    server.anonymous().token(text(&late)).get(LIST).await.expect_error(401);
    // A refused request keeps no key.
    let fresh = granter.header("idempotencyKey", "three");
    grant(&fresh, &json!({"name": "x", "entries": ["nowhere"]})).await.expect_error(400);
    grant(&fresh, &body).await.expect(200);
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

both!(rules_1_a_made_token_ends_with_its_maker_and_shares_its_limit, |db| async {
    let server = Server::start(db).await;
    let site = server.site();
    let place =
        ["--org", "1", "--all-entries", "--expires", "2d", "--requests-per-minute", "40", "--name", "maker"];
    let maker = token_of(site, &place, &["tokens", "customers:read"]);
    let client = server.anonymous().token(&maker);
    let body = json!({"name": "child", "entries": "*", "scopes": ["customers:read", "tokens"], "requestsPerMinute": 1000});
    let child = text(&grant(&client, &body).await.expect(200)).to_owned();
    assert_eq!(claims(&child)["exp"], claims(&maker)["exp"], "the default life is longer");
    let short = json!({"name": "short", "entries": "*", "scopes": ["customers:read"], "expiresInDays": 1});
    let short = claims(text(&grant(&client, &short).await.expect(200)));
    assert_eq!(short["exp"].as_i64().expect("exp") - short["iat"].as_i64().expect("iat"), 86_400);
    // A token that was exchanged makes tokens for the one that it was exchanged for.
    let credentials = json!({"clientId": jti(&child), "clientSecret": child});
    let fetched = server.anonymous().post("/api/v2/Token/serverside", &credentials).await.expect(200);
    let fetched = server.anonymous().token(fetched.json["access_token"].as_str().expect("a token"));
    let grandchild = json!({"name": "grandchild", "entries": "*", "scopes": ["customers:read"]});
    let grandchild = text(&grant(&fetched, &grandchild).await.expect(200)).to_owned();
    let life =
        claims(&grandchild)["exp"].as_i64().expect("exp") - claims(&grandchild)["iat"].as_i64().expect("iat");
    assert!(life <= 3600, "it outlives the hour of its maker by {life} s");

    // The list says who made whom, and the limit in force.
    let master = master(&server);
    let of = |list: &Answer, id: &str| {
        let records = list.json["Records"].as_array().expect("tokens").clone();
        records
            .into_iter()
            .find(|record| record["jti"] == id)
            .unwrap_or_else(|| panic!("no {id} in {}", list.text))
    };
    let list = master.get("/api/Token").await.expect(200);
    assert_eq!(of(&list, &jti(&maker))["mintedBy"], Value::Null);
    assert_eq!(of(&list, &jti(&child))["mintedBy"], jti(&maker));
    assert_eq!(of(&list, &jti(&grandchild))["mintedBy"], jti(&child));
    for id in [jti(&child), jti(&grandchild)] {
        assert_eq!(of(&list, &id)["requestsPerMinute"], 40, "{}", list.text);
    }
    let printed = server.cli(&["token", "list"]).success();
    assert!(printed.contains(&format!("made by {}", jti(&maker))), "{printed}");

    // All of them share the limit of the first.
    let users = [server.anonymous().token(&child), server.anonymous().token(&grandchild), client.clone()];
    let mut served = 0;
    for number in 0.. {
        assert!(number < 200, "no limit");
        let answer = users[number % 3].get(LIST).await;
        if answer.status == 429 {
            break;
        }
        answer.expect(200);
        served += 1;
    }
    assert!(served <= 45, "{served} requests of three tokens were served at once");

    master.delete(&format!("/api/Token/{}", jti(&maker))).await.expect(200);
    for client in &users {
        client.get(LIST).await.expect_error(401);
    }
    let list = master.get("/api/Token").await.expect(200);
    assert!(of(&list, &jti(&grandchild))["revokedAt"].is_string(), "{}", list.text);
});

both!(rules_1_a_line_of_tokens_is_not_endless, |db| async {
    let server = Server::start(db).await;
    let mut client = server.anonymous().token(&token_with(server.site(), &["tokens"]));
    for number in 0.. {
        assert!(number < 20, "{number} tokens in a row made each other");
        let answer = grant(&client, &json!({"name": "next", "entries": "*", "scopes": ["tokens"]})).await;
        if answer.status == 403 {
            assert!(number >= 3, "the line ends after {number}");
            break;
        }
        client = server.anonymous().token(text(&answer.expect(200)));
    }
});

both!(rules_1_a_token_for_some_entrypoints_sees_and_revokes_only_their_tokens, |db| async {
    let server = Server::start(db).await;
    let site = server.site();
    new_entry(site, "other", &[]);
    let at = |entries: &[&str]| {
        let place: Vec<&str> =
            ["--org", "1"].into_iter().chain(entries.iter().flat_map(|e| ["--entry", *e])).collect();
        token_of(site, &place, &["tokens"])
    };
    let (here, there, both) = (at(&["demo"]), at(&["other"]), at(&["demo", "other"]));
    let all = token_with(site, &["tokens"]);
    let client = server.anonymous().token(&here);
    let list = client.get("/api/Token").await.expect(200);
    for (token, is_shown) in [(&here, true), (&there, false), (&both, false), (&all, false)] {
        assert_eq!(list.text.contains(&jti(token)), is_shown, "{}", list.text);
    }
    let unknown = client.delete("/api/Token/00000000-0000-4000-8000-000000000000").await;
    for foreign in [&there, &both, &all] {
        let answer = client.delete(&format!("/api/Token/{}", jti(foreign))).await;
        answer.expect_error(404);
        assert_eq!(without_id(&answer), without_id(&unknown));
        server.anonymous().token(foreign).get("/api/Token").await.expect(200);
    }
    let second = at(&["demo"]);
    client.delete(&format!("/api/Token/{}", jti(&second))).await.expect(200);
    server.anonymous().token(&second).get("/api/Token").await.expect_error(401);
    let seen = server.anonymous().token(&both).get("/api/Token").await.expect(200);
    assert!([&here, &there, &both].iter().all(|token| seen.text.contains(&jti(token))), "{}", seen.text);
});

both!(rules_1_only_a_token_of_the_service_makes_organisations, |db| async {
    let server = Server::start(db).await;
    let site = server.site();
    let body = json!({"name": "Neighbours"});
    let all_but: Vec<&str> = SCOPES.into_iter().filter(|scope| *scope != "service").collect();
    let settings = server.anonymous().token(&token_with(site, &all_but));
    let refused = settings.post("/api/Organization", &body).await;
    refused.expect_error(403);
    assert!(refused.text.contains("service"), "{}", refused.text);
    // No token of an organisation can make one that can.
    grant(&settings, &json!({"name": "x", "entries": "*", "scopes": ["service"]})).await.expect_error(403);
    let service = server.anonymous().token(&token_with(site, &["service"]));
    let made = service.post("/api/Organization", &body).await.expect(200);
    assert!(made.data()["orgId"].as_i64().is_some_and(|id| id > 1), "{}", made.text);
    service.get("/api/Organization/settings/1").await.expect_error(403);
});

both!(rules_4_the_text_of_a_token_is_kept_nowhere, |db| async {
    let server = Server::start(db).await;
    let master = master(&server).header("Idempotency-Key", "the same key");
    let body = json!({"name": "x", "entries": ["demo"], "scopes": ["customers:read"]});
    let first = grant(&master, &body).await.expect(200);
    let second = grant(&master, &body).await.expect(200);
    assert_eq!(text(&first), text(&second));
    let signature = text(&first).rsplit('.').next().unwrap();
    let mut written = String::new();
    for byte in signature.bytes() {
        write!(written, "{byte:02x}").unwrap();
    }
    for row in sql::dump_without_imports(server.site()) {
        assert!(!row.contains(signature) && !row.to_lowercase().contains(&written), "{row}");
    }
});
