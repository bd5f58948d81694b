//! `ETag`, `If-None-Match` and `If-Match`.

use serde_json::json;

use crate::harness::*;
use crate::support::*;

both!(rules_5_a_read_has_a_strong_etag_and_must_be_revalidated, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let made = client.create("demo", &json!({"email": "ada@example.test"}), &[], &[]).await.expect(200);
    let record = read(&client, made.id()).await;
    for answer in [&made, &record] {
        let tag = etag(answer);
        assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 2, "{tag} is no strong tag");
        assert_eq!(answer.header("Cache-Control"), Some("private, no-cache"));
    }
    let tag = etag(&record);
    assert_eq!(etag(&read(&client, made.id()).await), tag, "the same record, the same tag");
    let place = path(made.id());
    for fresh in [tag.clone(), format!("W/{tag}"), format!("\"another\", {tag}"), "*".to_owned()] {
        let answer = client.header("If-None-Match", &fresh).get(&place).await.expect(304);
        assert!(answer.text.is_empty(), "{}", answer.text);
        assert_eq!(etag(&answer), tag, "{fresh}");
        assert_eq!(answer.header("Cache-Control"), Some("private, no-cache"), "{fresh}");
    }
    for stale in ["\"another\"", "nonsense", "\"\""] {
        client.header("If-None-Match", stale).get(&place).await.expect(200);
    }
    // Another view is another representation.
    let masked = server.anonymous().token(&token_with(server.site(), &["customers:read"]));
    assert_ne!(etag(&masked.get(&place).await.expect(200)), tag);
    masked.header("If-None-Match", &tag).get(&place).await.expect(200);
    // So is the record after a change to it or to anything else that the answer contains.
    client.put(&place, &json!({"city": "Oakton"})).await.expect(200);
    let second = etag(&client.header("If-None-Match", &tag).get(&place).await.expect(200));
    assert_ne!(second, tag);
    let general = json!({"general": [{"key": "dbaName", "readOnly": false, "value": "Renamed"}]});
    master(&server).put("/api/Paypoint/settings/demo", &general).await.expect(200);
    let renamed = client.header("If-None-Match", &second).get(&place).await.expect(200);
    assert_eq!(renamed.json["PaypointDbaname"], "Renamed");
    assert_ne!(etag(&renamed), second);
    // A renamed entrypoint is no change of the customer: a client that read it before may still write.
    client.header("If-Match", &second).put(&place, &json!({"city": "Reston"})).await.expect(200);
});

both!(rules_5_if_match_guards_a_change, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let id = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let place = path(id);
    let first = etag(&read(&client, id).await);
    let city = |name: &str| json!({"city": name});
    client.header("If-Match", &first).put(&place, &city("Oakton")).await.expect(200);
    let before = read(&client, id).await;
    for unfit in [
        first.as_str(),
        "nonsense",
        "\"nonsense\"",
        "\"\"",
        "1",
        &format!("W/{}", etag(&before)),
        &format!("{first}, \"nonsense\""),
        &etag(&before).replace('"', ""),
    ] {
        let guarded = client.header("If-Match", unfit);
        guarded.put(&place, &city("Reston")).await.expect_error(412);
        guarded.delete(&place).await.expect_error(412);
        guarded.delete(&format!("{place}?erase=true")).await.expect_error(412);
    }
    let after = read(&client, id).await;
    assert_eq!(after.json, before.json, "a refused change changes nothing");

    for fit in ["*".to_owned(), format!("{first}, {}", etag(&after))] {
        client.header("If-Match", &fit).put(&place, &city("Oakton")).await.expect(200);
    }
    // The tag of another view names the same version.
    let masked = token_with(server.site(), &["customers:read", "customers:write"]);
    let masked = server.anonymous().token(&masked);
    let tag = etag(&masked.get(&place).await.expect(200));
    client.header("If-Match", &tag).put(&place, &city("Vienna")).await.expect(200);
    // The answer to a create that matched has it too.
    let matched = client.create("demo", &json!({"email": "ada@example.test"}), &[], &[]).await.expect(200);
    client.header("If-Match", &etag(&matched)).put(&place, &city("Herndon")).await.expect(200);
    let tag = etag(&read(&client, id).await);
    client.header("If-Match", &tag).delete(&place).await.expect(200);
    client.header("If-Match", &tag).delete(&place).await.expect_error(412);
});
