//! A revoked token ends at once on its instance and within 5 s elsewhere, with every token that was exchanged for it.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::*;
use crate::support::*;

const LIST: &str = "/api/Query/customers/demo";

/// Sends requests until the token is refused; how long that took.
async fn time_until_refused(client: &Client) -> Duration {
    let since = Instant::now();
    wait_until("the token is refused", Duration::from_secs(15), async || {
        let status = client.get(LIST).await.status;
        assert!([200, 401].contains(&status), "{status}");
        status == 401
    })
    .await;
    since.elapsed()
}

both!(rules_1_a_revocation_takes_effect_at_once, |db| async {
    let server = Server::start(db).await;
    let master = master(&server);
    let token = token_with(server.site(), &["customers:read"]);
    let client = server.anonymous().token(&token);
    client.get(LIST).await.expect(200);
    let revoked = master.delete(&format!("/api/Token/{}", jti(&token))).await.expect(200);
    assert_eq!(revoked.json["responseText"], "Success", "{}", revoked.text);
    for _ in 0..5 {
        client.get(LIST).await.expect_error(401);
    }
    master.get(LIST).await.expect(200);
    master.delete("/api/Token/nobody").await.expect_error(404);

    // The command line, beside the running server, acts as another instance.
    let token = token_with(server.site(), &["customers:read"]);
    let client = server.anonymous().token(&token);
    client.get(LIST).await.expect(200);
    server.cli(&["token", "revoke", &jti(&token)]).success();
    let after = time_until_refused(&client).await;
    assert!(after <= Duration::from_secs(5), "refused after {after:?}");
});

#[tokio::test]
async fn rules_1_a_revocation_reaches_other_instances_within_5_s() {
    let fleet = Fleet::start(Db::Postgres, 2).await;
    let master = token_with(fleet.site(), &["tokens"]);
    let token = token_with(fleet.site(), &["customers:read"]);
    let [here, there] = [0, 1].map(|instance| fleet.client(instance).token(&token));
    here.get(LIST).await.expect(200);
    there.get(LIST).await.expect(200);
    let path = format!("/api/Token/{}", jti(&token));
    fleet.client(0).token(&master).delete(&path).await.expect(200);
    let since = Instant::now();
    here.get(LIST).await.expect_error(401);
    time_until_refused(&there).await;
    assert!(since.elapsed() <= Duration::from_secs(5), "refused after {:?}", since.elapsed());
}

both!(rules_1_a_token_is_revoked_by_its_name_if_no_other_in_force_has_it, |db| async {
    let server = Server::start(db).await;
    let site = server.site();
    new_entry(site, "shop_2", &[]);
    let everywhere = server.anonymous().token(&token_of(site, &["--org", "1", "--all-entries"], &["tokens"]));
    let in_demo = server.anonymous().token(&token_of(site, &["--org", "1", "--entry", "demo"], &["tokens"]));
    let new = async |name: &str, entry: &str| {
        let place = ["--org", "1", "--entry", entry, "--name", name];
        token_of(site, &place, &["customers:read"])
    };
    let path = |name: &str| {
        let name: String = name.bytes().map(percent_encoding::percent_encode_byte).collect();
        format!("/api/Token/{name}")
    };
    for name in ["web shop", "ä/b+c%41", "x"] {
        let client = server.anonymous().token(&new(name, "demo").await);
        client.get(LIST).await.expect(200);
        everywhere.delete(&path(name)).await.expect(200);
        client.get(LIST).await.expect_error(401);
        everywhere.delete(&path(name)).await.expect(200);
    }
    // Of those that have a name, only tokens in force count, and only those that the caller sees.
    let (demo, other) = (new("web shop", "demo").await, new("web shop", "shop_2").await);
    let answer = everywhere.delete("/api/Token/web%20shop").await;
    answer.expect_error(409);
    assert_eq!(answer.json["errors"][0]["code"], "not_unique", "{}", answer.text);
    server.anonymous().token(&demo).get(LIST).await.expect(200);
    in_demo.delete("/api/Token/web%20shop").await.expect(200);
    server.anonymous().token(&demo).get(LIST).await.expect_error(401);
    let elsewhere = server.anonymous().token(&other);
    elsewhere.get("/api/Query/customers/shop_2").await.expect(200);
    everywhere.delete("/api/Token/web%20shop").await.expect(200);
    elsewhere.get("/api/Query/customers/shop_2").await.expect_error(401);
    let hidden = new("hidden", "shop_2").await;
    in_demo.delete("/api/Token/hidden").await.expect_error(404);
    // An id comes before a name.
    let named = new(&jti(&hidden), "demo").await;
    everywhere.delete(&format!("/api/Token/{}", jti(&hidden))).await.expect(200);
    server.anonymous().token(&hidden).get("/api/Query/customers/shop_2").await.expect_error(401);
    server.anonymous().token(&named).get(LIST).await.expect(200);
    let last = new("of the command line", "demo").await;
    site.cli(&["token", "revoke", "of the command line"]).success();
    time_until_refused(&server.anonymous().token(&last)).await;
});

both!(rules_1_a_request_exchanges_its_own_token, |db| async {
    let server = Server::start(db).await;
    let exchange = "/api/v2/Token/serverside";
    let secret = token_with(server.site(), &["customers:read"]);
    let client = server.anonymous().token(&secret);
    let answer = client.post(exchange, &json!({"state": "7"})).await.expect(200);
    assert_eq!((&answer.json["state"], &answer.json["expires_in"]), (&json!("7"), &json!(3600)));
    let fetched = answer.json["access_token"].as_str().unwrap();
    assert_eq!(claims(fetched)["parent"], jti(&secret).as_str());
    let fetched = server.anonymous().token(fetched);
    fetched.get(LIST).await.expect(200);
    fetched.post(exchange, &json!({})).await.expect_error(400);
    // Half of the credentials is neither one thing nor the other, and credentials come before the header.
    client.post(exchange, &json!({"clientId": jti(&secret)})).await.expect_error(400);
    client.post(exchange, &json!({"clientSecret": secret})).await.expect_error(400);
    // A misspelt member exchanges no other token.
    client.post(exchange, &json!({"client_id": jti(&secret), "clientsecret": "x"})).await.expect_error(400);
    client.post(exchange, &json!({"clientId": null})).await.expect_error(400);
    client.post(exchange, &json!({"clientId": jti(&secret), "clientSecret": "x"})).await.expect_error(400);
    server.anonymous().post(exchange, &json!({})).await.expect_error(400);
    server.anonymous().token("garbage").post(exchange, &json!({})).await.expect_error(401);
    master(&server).delete(&format!("/api/Token/{}", jti(&secret))).await.expect(200);
    client.post(exchange, &json!({})).await.expect_error(401);
    fetched.get(LIST).await.expect_error(401);
});

both!(rules_1_credentials_are_exchanged_for_a_token_that_ends_with_its_parent, |db| async {
    let server = Server::start(db).await;
    let anonymous = server.anonymous();
    let secret = token_with(server.site(), &["customers:read"]);
    let credentials = json!({"clientId": jti(&secret), "clientSecret": secret});
    let exchange = "/api/v2/Token/serverside";

    let answer = anonymous.post(exchange, &credentials).await.expect(200);
    assert_eq!(answer.json["token_type"], "Bearer", "{}", answer.text);
    assert_eq!(answer.json["expires_in"], 3600, "{}", answer.text);
    assert_eq!(answer.json.get("state"), Some(&json!(null)), "{}", answer.text);
    let access = answer.json["access_token"].as_str().expect("a token").to_owned();
    assert_ne!(access, secret);

    let mut full = credentials.clone();
    full["state"] = json!("a state of mine");
    full["permissions"] = json!(["2b9ff0a5-7e0a-4b0c-9a0e-2f7b1d0f4c11"]);
    let answer = anonymous.post("/api/v2/token/serverside", &full).await.expect(200);
    assert_eq!(answer.json["state"], "a state of mine", "{}", answer.text);

    let bearer = anonymous.header("Authorization", &format!("Bearer {access}"));
    bearer.get(LIST).await.expect(200);
    anonymous.token(&access).get(LIST).await.expect(200);
    // It has the rights of its parent and no more.
    bearer.create("demo", &json!({"email": "nobody@example.test"}), &[], &[]).await.expect_error(403);

    // An exchanged token cannot be exchanged again, or it would outlive its hour.
    let own = json!({"clientId": jti(&access), "clientSecret": access});
    anonymous.post(exchange, &own).await.expect_error(400);
    let stranger = token_with(server.site(), &["customers:read"]);
    for (kind, wrong) in [
        ("another token's id", json!({"clientId": jti(&stranger), "clientSecret": secret})),
        ("no such secret", json!({"clientId": jti(&secret), "clientSecret": "garbage"})),
    ] {
        let answer = anonymous.post(exchange, &wrong).await;
        answer.expect_error(400);
        assert_eq!(answer.json["errorType"], "InvalidCredentials", "{kind}: {}", answer.text);
        assert!(answer.json["errorMessage"].is_string(), "{kind}: {}", answer.text);
        assert!(!answer.text.contains(&secret), "{kind}: {}", answer.text);
    }
    anonymous.post(exchange, &json!({"clientId": jti(&secret)})).await.expect_error(400);

    let master = master(&server);
    master.delete(&format!("/api/Token/{}", jti(&secret))).await.expect(200);
    bearer.get(LIST).await.expect_error(401);
    anonymous.post(exchange, &credentials).await.expect_error(400);
});

both!(rules_6_client_credential_attempts_are_throttled, |db| async {
    let server = Server::start(db).await;
    let anonymous = server.anonymous();
    let wrong = json!({"clientId": "00000000-0000-4000-8000-000000000000", "clientSecret": "guess"});
    for attempt in 0.. {
        assert!(attempt < 300, "the service checked 300 guesses in a row");
        let answer = anonymous.post("/api/v2/Token/serverside", &wrong).await;
        if answer.status == 429 {
            answer.expect_error(429);
            let wait = answer.header("Retry-After").expect("Retry-After");
            assert!(wait.parse::<u64>().is_ok_and(|seconds| seconds > 0), "Retry-After: {wait}");
            assert!(attempt > 0, "the very first attempt was refused");
            break;
        }
        answer.expect_error(400);
    }
    // Who guesses locks out neither others nor the owner of the id.
    let secret = token_with(server.site(), &["customers:read"]);
    let credentials = json!({"clientId": jti(&secret), "clientSecret": secret});
    let exchange = "/api/v2/Token/serverside";
    anonymous.post(exchange, &credentials).await.expect(200);
    let guess =
        json!({"clientId": jti(&secret), "clientSecret": token_with(server.site(), &["customers:read"])});
    wait_until("guesses at this id are refused", Duration::from_secs(30), async || {
        anonymous.post(exchange, &guess).await.status == 429
    })
    .await;
    anonymous.post(exchange, &credentials).await.expect(200);
    // Exchanges have a limit of their own.
    wait_until("exchanges are refused", Duration::from_secs(30), async || {
        anonymous.post(exchange, &credentials).await.status == 429
    })
    .await;
    let long = json!({"clientId": "x".repeat(100_000), "clientSecret": "guess"});
    anonymous.post(exchange, &long).await.expect_error(400);
});
