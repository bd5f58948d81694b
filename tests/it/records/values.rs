//! Values on the way in and on the way out: exact money, times, phones, countries, texts.

use std::time::SystemTime;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;

/// A create with the body as text, so that every digit is sent as written.
async fn create_raw(client: &Client, body: String) -> Answer {
    let request = client.request(reqwest::Method::POST, "/api/Customer/single/demo");
    send(request.header("Content-Type", "application/json").body(body)).await
}

/// The digits of the balance in an answer.
#[track_caller]
fn balance(answer: &Answer) -> &str {
    let (_, rest) =
        answer.text.split_once("\"Balance\":").unwrap_or_else(|| panic!("no balance in {}", answer.text));
    rest.split([',', '}']).next().expect("a number").trim()
}

both!(rules_2_a_balance_is_exact, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    for (number, (sent, kept)) in [
        ("0", "0"),
        ("0.1", "0.1"),
        ("12.50", "12.5"),
        ("10", "10"),
        ("10.0", "10"),
        ("-0.0001", "-0.0001"),
        ("999999999999.9999", "999999999999.9999"),
        ("-999999999999.9999", "-999999999999.9999"),
        ("999999999999", "999999999999"),
        ("123456789012.3457", "123456789012.3457"),
        ("0.30000", "0.3"),
        ("1e3", "1000"),
        ("1.25E-2", "0.0125"),
        ("-0", "0"),
    ]
    .into_iter()
    .enumerate()
    {
        let body = format!("{{\"customerNumber\": \"B-{number}\", \"balance\": {sent}}}");
        let made = create_raw(&client, body).await.expect(200);
        assert_eq!(balance(&made), kept, "{sent} in a create");
        assert_eq!(balance(&read(&client, made.id()).await), kept, "{sent} read again");
        let entries = history(&client, made.id()).await;
        let change = entries[0]["changes"]
            .as_array()
            .expect("changes")
            .iter()
            .find(|change| change["field"] == "balance");
        assert_eq!(change.expect("the balance")["to"], kept, "{sent} in the history");
    }
    let list = client.get("/api/Query/customers/demo").await.expect(200);
    for kept in [
        "\"Balance\":999999999999.9999,",
        "\"Balance\":-999999999999.9999,",
        "\"Balance\":123456789012.3457,",
    ] {
        assert!(list.text.contains(kept), "{kept} in {}", list.text);
    }
});

fn now() -> DateTime<Utc> {
    SystemTime::now().into()
}

/// The time that a record has under a key.
#[track_caller]
fn time(record: &Value, key: &str) -> DateTime<Utc> {
    let text = record[key].as_str().unwrap_or_else(|| panic!("no {key} in {record}"));
    DateTime::parse_from_rfc3339(text).expect("RFC 3339").to_utc()
}

both!(rules_2_a_plausible_created_at_is_stored, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let utc = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().to_utc();
    for (number, (sent, kept)) in [
        ("2020-01-02T03:04:05Z", "2020-01-02T03:04:05Z"),
        ("2020-01-02T03:04:05+02:00", "2020-01-02T01:04:05Z"),
        ("2020-01-02T03:04:05.123456Z", "2020-01-02T03:04:05.123456Z"),
        ("2020-01-02T03:04:05.1234567+00:00", "2020-01-02T03:04:05.123456Z"),
        ("2020-01-02 03:04:05", "2020-01-02T03:04:05Z"),
    ]
    .into_iter()
    .enumerate()
    {
        let body = json!({"customerNumber": format!("T-{number}"), "createdAt": sent});
        let id = created(&client, "demo", &body).await;
        let record = read(&client, id).await.json;
        assert_eq!(time(&record, "Created"), utc(kept), "{sent}");
        assert!(now() - time(&record, "LastUpdated") < TimeDelta::seconds(60), "{sent}");
    }
    // Up to 5 minutes ahead is a clock that runs fast: the service takes it as now.
    let ahead = (now() + TimeDelta::minutes(4)).to_rfc3339();
    let id = created(&client, "demo", &json!({"customerNumber": "T-ahead", "createdAt": ahead})).await;
    let created_at = time(&read(&client, id).await.json, "Created");
    assert!(created_at <= now() && now() - created_at < TimeDelta::seconds(60), "{created_at}");
    let ahead = (now() + TimeDelta::minutes(6)).to_rfc3339();
    let answer =
        client.create("demo", &json!({"customerNumber": "T-no", "createdAt": ahead}), &[], &[]).await;
    assert_eq!(places(answer.expect_error(400)), set(["/createdAt"]), "{}", answer.text);

    // An absent time is now; a PUT ignores it.
    let id = created(&client, "demo", &json!({"customerNumber": "T-now"})).await;
    let before = read(&client, id).await;
    assert!(now() - time(&before.json, "Created") < TimeDelta::seconds(60));
    client.put(&path(id), &json!({"createdAt": "2020-01-02T03:04:05Z"})).await.expect(200);
    assert_eq!(etag(&read(&client, id).await), etag(&before), "createdAt alone changes nothing");
    client.put(&path(id), &json!({"createdAt": "2020-01-02T03:04:05Z", "city": "Oakton"})).await.expect(200);
    let after = read(&client, id).await.json;
    assert_eq!(after["Created"], before.json["Created"]);
    assert!(time(&after, "LastUpdated") > time(&before.json, "LastUpdated"));
});

both!(rules_2_a_phone_is_read_with_the_known_country, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    new_entry(server.site(), "us", &["--country", "US"]);
    new_entry(server.site(), "gb", &["--country", "United Kingdom"]);
    let mut number = 0;
    let mut numbered = |mut body: Value| {
        number += 1;
        body["customerNumber"] = json!(format!("P-{number}"));
        body
    };
    for (entry, body, kept) in [
        ("us", json!({"phone": "(555) 555-0117"}), "+15555550117"),
        ("us", json!({"phone": "+44 20 7946 0018"}), "+442079460018"),
        ("us", json!({"phone": "020 7946 0018", "country": "GB"}), "+442079460018"),
        ("us", json!({"country": "gbr", "phone": "020 7946 0018"}), "+442079460018"),
        ("us", json!({"phone": "555.555.0117 ext. 12"}), "+15555550117 x12"),
        ("us", json!({"phone": "+15555550117 x12"}), "+15555550117 x12"),
        ("gb", json!({"phone": "020 7946 0018"}), "+442079460018"),
        ("gb", json!({"phone": "(555) 555-0117", "country": "US"}), "+15555550117"),
        ("demo", json!({"phone": "+880 1700-000000"}), "+8801700000000"),
        ("demo", json!({"phone": "(555) 555-0117", "country": "US"}), "+15555550117"),
    ] {
        let id = created(&client, entry, &numbered(body.clone())).await;
        assert_eq!(read(&client, id).await.json["Phone"], kept, "{body} in {entry}");
    }
    // Valid only locally, or without a country to read it with.
    let local = client.create("us", &numbered(json!({"phone": "555-0117"})), &[], &[]).await;
    assert_eq!(places(local.expect_error(400)), set(["/phone"]), "{}", local.text);
    let nowhere = client.create("demo", &numbered(json!({"phone": "(555) 555-0117"})), &[], &[]).await;
    assert_eq!(places(nowhere.expect_error(400)), set(["/phone"]), "{}", nowhere.text);
    let message = nowhere.json["errors"][0]["message"].as_str().expect("a message");
    assert!(message.contains('+'), "the error suggests a +: {message}");

    // A PUT reads the phone with the country of the stored record, or with the country in the body.
    let british = json!({"customerNumber": "P-gb", "country": "GB"});
    let id = created(&client, "us", &british).await;
    client.put(&path(id), &json!({"phone": "020 7946 0018"})).await.expect(200);
    assert_eq!(read(&client, id).await.json["Phone"], "+442079460018");
    client.put(&path(id), &json!({"phone": "(555) 555-0117", "country": "US"})).await.expect(200);
    assert_eq!(read(&client, id).await.json["Phone"], "+15555550117");
    // After the country is cleared, the entrypoint's country applies again.
    client.put(&path(id), &json!({"country": "GB"})).await.expect(200);
    client.put(&path(id), &json!({"phone": "555-555-0118", "country": null})).await.expect(200);
    assert_eq!(read(&client, id).await.json["Phone"], "+15555550118");
});

both!(rules_2_a_phone_beside_a_cleared_country_is_read_with_the_entrypoints_country, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    new_entry(server.site(), "dk", &["--country", "DK"]);
    let id = created(&client, "dk", &json!({"customerNumber": "P-us", "country": "US"})).await;
    // Eight digits are no phone of the cleared country.
    client.put(&path(id), &json!({"phone": "32 12 34 56", "country": null})).await.expect(200);
    assert_eq!(read(&client, id).await.json["Phone"], "+4532123456");
});

both!(rules_3_a_merge_reads_a_phone_like_a_put, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    new_entry(server.site(), "us", &["--country", "US"]);
    let id = created(&client, "us", &json!({"customerNumber": "P-gb", "country": "GB"})).await;
    let phone = json!({"phone": "020 7946 0018"});
    client.put(&path(id), &phone).await.expect(200);
    assert_eq!(read(&client, id).await.json["Phone"], "+442079460018");
    client.put(&path(id), &json!({"phone": null})).await.expect(200);
    let merge = json!({"customerNumber": "P-gb", "phone": "020 7946 0018"});
    client.create("us", &merge, &[("mergeExisting", "1")], &[]).await.expect(200);
    assert_eq!(read(&client, id).await.json["Phone"], "+442079460018");
});

both!(rules_2_texts_are_trimmed_and_stored_in_nfc, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let body = json!({"firstname": "  Zoe\u{308} ", "lastname": "\u{a0}O'Neill\u{3000}", "company": "a  b",
                      "customerNumber": " ACC-1 ", "labels": [" b ", "a"],
                      "additionalFields": {"note": "  Zoe\u{308}  "}});
    let id = created(&client, "demo", &body).await;
    let record = read(&client, id).await.json;
    assert_eq!(record["Firstname"], "Zo\u{eb}");
    assert_eq!(record["Lastname"], "O'Neill");
    assert_eq!(record["Company"], "a  b", "inner white space stays");
    assert_eq!(record["customerNumber"], "ACC-1");
    assert_eq!(record["Labels"], json!(["b", "a"]), "in the order sent");
    assert_eq!(record["AdditionalFields"], json!({"note": "Zo\u{eb}"}));
    // The service escapes, cuts and interprets nothing.
    let odd = "<b>\"Ada\" & 'co' \\ %41 \u{1f469}\u{200d}\u{1f467} \u{627}\u{644} ; -- {{x}}";
    client.put(&path(id), &json!({"company": odd})).await.expect(200);
    assert_eq!(read(&client, id).await.json["Company"], odd);
    // The service derives no name from another.
    assert_eq!(record["Fullname"], Value::Null);
});
