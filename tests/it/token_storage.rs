//! What Payabli's `TokenStorage` calls do beside our own routes (rules 13).

use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;

/// What is known of an account behind a token, by the names of a stored method.
const ACCOUNT: [&str; 9] = [
    "providerCustomerId",
    "networkTransactionId",
    "brand",
    "last4",
    "expMonth",
    "expYear",
    "fingerprint",
    "holderName",
    "postalCode",
];

/// A method with everything that is known of its account.
fn whole(number: usize) -> Value {
    json!({"provider": "adyen", "providerMethodId": format!("ady_{number}"), "providerCustomerId": format!("shopper_{number}"),
        "networkTransactionId": format!("nt_{number}"), "method": "card", "brand": "mastercard", "last4": "4444", "expMonth": 3,
        "expYear": 2033, "fingerprint": format!("print_{number}"), "holderName": "Bea Moss", "postalCode": "1010"})
}

fn methods(id: u64) -> String {
    format!("{}/methods", path(id))
}

async fn added(client: &Client, id: u64, body: &Value) -> String {
    let answer = client.post(&methods(id), body).await.expect(200);
    answer.data()["methodId"].as_str().expect("an id").to_owned()
}

async fn one(client: &Client, id: u64, method: &str) -> Value {
    let list = client.get(&methods(id)).await.expect(200).json;
    let records = list["Records"].as_array().expect("records");
    records.iter().find(|one| one["methodId"] == method).expect("the method").clone()
}

fn token(kind: &str, token: &str) -> Value {
    json!({"entryPoint": "demo", "paymentMethod": {"method": kind, "tokenId": token}})
}

both!(rules_13_another_token_brings_nothing_of_the_former_account, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let id = created(&client, "demo", &json!({"email": "bea@example.test"})).await;
    let method = added(&client, id, &whole(1)).await;
    let other = added(&client, id, &whole(2)).await;
    let place = format!("/api/TokenStorage/{method}");
    client.put(&place, &token("ach", "pay_1")).await.expect(200);
    let after = one(&client, id, &method).await;
    assert_eq!(
        (&after["provider"], &after["providerMethodId"], &after["method"], &after["isDefault"]),
        (&json!("payabli"), &json!("pay_1"), &json!("ach"), &json!(true))
    );
    for name in ACCOUNT {
        assert_eq!(after[name], Value::Null, "{name}: {after}");
    }
    let shown = client.get(&place).await.expect(200);
    assert_eq!(
        (&shown.data()["methodType"], &shown.data()["maskedAccount"], &shown.data()["descriptor"]),
        (&json!("payabli"), &Value::Null, &Value::Null)
    );
    let kept = one(&client, id, &other).await;
    assert_eq!((&kept["last4"], &kept["fingerprint"]), (&json!("4444"), &json!("print_2")));
    // The former account may come back as a method of its own.
    added(&client, id, &whole(1)).await;

    // The same token keeps what is known of it, and the same one of another provider is another one.
    let details = json!({"last4": "9876", "brand": "visa"});
    client.put(&format!("{}/{method}", methods(id)), &details).await.expect(200);
    client.put(&place, &token("card", "pay_1")).await.expect(200);
    let same = one(&client, id, &method).await;
    assert_eq!((&same["last4"], &same["method"]), (&json!("9876"), &json!("card")));
    client.put(&format!("/api/TokenStorage/{other}"), &token("card", "ady_2")).await.expect(200);
    let moved = one(&client, id, &other).await;
    assert_eq!((&moved["provider"], &moved["last4"]), (&json!("payabli"), &Value::Null), "{moved}");
    // A change without a token changes nothing.
    let before = one(&client, id, &method).await;
    client.put(&place, &json!({"entryPoint": "demo"})).await.expect(200);
    assert_eq!(one(&client, id, &method).await, before);

    // A masked writer does not find out whether it sent the stored token.
    let masked = server.anonymous().token(&token_with(server.site(), &["customers:read", "customers:write"]));
    let mut seen = Vec::new();
    for sent in ["pay_1", "pay_7"] {
        client.put(&place, &token("card", "pay_1")).await.expect(200);
        client.put(&format!("{}/{method}", methods(id)), &details).await.expect(200);
        masked.put(&place, &token("card", sent)).await.expect(200);
        let shown = masked.get(&place).await.expect(200);
        seen.push((shown.data()["maskedAccount"].clone(), shown.data()["descriptor"].clone()));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0], (Value::Null, Value::Null));
});

both!(rules_1_a_token_that_only_writes_learns_of_no_stored_method, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let id = created(&client, "demo", &json!({"email": "bea@example.test", "customerNumber": "B-1"})).await;
    let method = added(&client, id, &whole(1)).await;
    client
        .put(&format!("/api/TokenStorage/{}", added(&client, id, &whole(2)).await), &token("card", "pay_2"))
        .await
        .expect(200);
    let spare = added(&client, id, &whole(3)).await;
    let scopes = ["customers:write", "customers:import"];
    let writer = server.anonymous().token(&token_with(server.site(), &scopes));
    let sighted = [scopes.as_slice(), &["pii:read"]].concat();
    let sighted = server.anonymous().token(&token_with(server.site(), &sighted));
    let reader = [scopes.as_slice(), &["customers:read"]].concat();
    let reader = server.anonymous().token(&token_with(server.site(), &reader));
    let other_token =
        json!({"provider": "adyen", "providerMethodId": "new", "method": "card", "fingerprint": "print_1"});
    let stored = json!({"entryPoint": "demo", "customerData": {"customerNumber": "B-1"},
        "paymentMethod": {"method": "card", "tokenId": "pay_2"}});
    let place = format!("{}/{spare}", methods(id));
    let asked = async |client: &Client| {
        [
            client.post(&methods(id), &whole(1)).await,
            client.post(&methods(id), &other_token).await,
            client.post("/api/TokenStorage/add", &stored).await,
            client.put(&place, &json!({"providerMethodId": "ady_1"})).await,
            client.put(&place, &json!({"fingerprint": "print_1"})).await,
            client.put(&format!("/api/TokenStorage/{spare}"), &token("card", "pay_2")).await,
        ]
    };
    for client in [&writer, &sighted] {
        for answer in asked(client).await {
            answer.expect_error(409);
            assert_eq!(answer.json["errors"][0]["code"], "duplicate_method", "{}", answer.text);
            assert_eq!(answer.json["errors"][0]["pointer"], "", "{}", answer.text);
            for hidden in ["providerMethodId", "fingerprint", &method[2..8]] {
                assert!(!answer.text.contains(hidden), "{hidden}: {}", answer.text);
            }
        }
    }
    for answer in asked(&reader).await {
        answer.expect_error(409);
        assert_ne!(answer.json["errors"][0]["pointer"], "", "{}", answer.text);
        assert!(answer.text.contains("method 1-"), "{}", answer.text);
    }
    // Neither in the report of an import.
    let line = json!({"customerNumber": "B-1", "methods": [other_token]}).to_string();
    for (client, tells) in [(&writer, false), (&reader, true)] {
        let request = client
            .request(reqwest::Method::POST, "/api/Import/customersForm/demo?again=true")
            .header("Content-Type", "application/x-ndjson");
        let answer = send(request.body(line.clone())).await.expect(200);
        assert_eq!(answer.data()["rejected"], 1, "{}", answer.text);
        let errors = answer.data()["errors"].to_string();
        assert_eq!(errors.contains("fingerprint"), tells, "{errors}");
        assert_eq!(errors.contains("method 1-"), tells, "{errors}");
        assert!(tells || errors.contains("something that the customer has"), "{errors}");
    }
});

both!(rules_1_a_masked_writer_may_send_back_what_it_sees_of_a_method, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let id = created(&client, "demo", &json!({"email": "bea@example.test"})).await;
    let method = added(&client, id, &whole(1)).await;
    let bare =
        added(&client, id, &json!({"provider": "adyen", "providerMethodId": "ady_9", "method": "ach"})).await;
    let masked = server.anonymous().token(&token_with(server.site(), &["customers:read", "customers:write"]));
    let writer = server.anonymous().token(&token_with(server.site(), &["customers:write"]));
    let place = |method: &str| format!("{}/{method}", methods(id));
    let before = one(&client, id, &method).await;

    // A form that reads, changes one field and sends all back.
    let mut form = one(&masked, id, &method).await;
    let names: Vec<&str> =
        ACCOUNT.into_iter().chain(["provider", "providerMethodId", "method", "isDefault"]).collect();
    form.as_object_mut().unwrap().retain(|name, _| names.contains(&&**name));
    let unchanged = masked.put(&place(&method), &form).await.expect(200);
    assert_eq!(one(&client, id, &method).await, before, "nothing changed");
    form["brand"] = json!("maestro");
    let changed = masked.put(&place(&method), &form).await.expect(200);
    assert_ne!(etag(&unchanged), etag(&changed));
    let after = one(&client, id, &method).await;
    for name in names {
        let wanted = if name == "brand" { json!("maestro") } else { before[name].clone() };
        assert_eq!(after[name], wanted, "{name}");
    }
    let token_place = format!("/api/TokenStorage/{method}");
    masked.put(&token_place, &token("card", "***")).await.expect(200);
    assert_eq!(one(&client, id, &method).await, after, "a masked token is the one that is there");

    // A mask of nothing, or of a token that sees none, is no value.
    for (client, method, field) in [
        (&masked, &bare, "holderName"),
        (&masked, &bare, "fingerprint"),
        (&client, &bare, "postalCode"),
        (&writer, &method, "holderName"),
        (&writer, &bare, "holderName"),
        (&masked, &method, "brand"),
    ] {
        let answer = client.put(&place(method), &json!({field: "***"})).await;
        answer.expect_error(400);
        assert_eq!(answer.json["errors"][0]["code"], "masked_value", "{field}: {}", answer.text);
        assert_eq!(places(&answer), set([&format!("/{field}")]), "{}", answer.text);
    }
    let new = json!({"provider": "adyen", "providerMethodId": "***", "method": "card", "holderName": "***"});
    let answer = masked.post(&methods(id), &new).await;
    assert_eq!(places(&answer), set(["/providerMethodId", "/holderName"]), "{}", answer.text);
    let new = json!({"entryPoint": "demo", "customerData": {"customerId": id}, "paymentMethod": {"method": "card", "tokenId": "***"}});
    let answer = masked.post("/api/TokenStorage/add", &new).await;
    assert_eq!(places(&answer), set(["/paymentMethod/tokenId"]), "{}", answer.text);
    assert_eq!(one(&client, id, &method).await, after);
});

both!(rules_11_a_reference_names_the_customer_of_a_token, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let references = json!([{"system": "shop", "externalId": "P-7"}]);
    let id = created(&client, "demo", &json!({"email": "bea@example.test", "references": references})).await;
    let sent = |data: Value, token: &str| json!({"entryPoint": "demo", "customerData": data, "paymentMethod": {"method": "card", "tokenId": token}});
    let add = async |data: Value, token: &str| client.post("/api/TokenStorage/add", &sent(data, token)).await;
    assert_eq!(add(json!({"references": references}), "t1").await.expect(200).id(), id);
    // With other values, as a create: the references find the owner, whose values stay.
    let other = json!({"firstName": "Other", "references": references});
    assert_eq!(add(other, "t2").await.expect(200).id(), id);
    assert_eq!(read(&client, id).await.json["Firstname"], Value::Null);
    // An unknown one makes a customer who has it.
    let new = json!({"lastName": "Moss", "references": [{"system": "crm", "externalId": "9"}]});
    let made = add(new, "t3").await.expect(200).id();
    assert_ne!(made, id);
    let found = client.get("/api/Customer/byReference/demo/crm/9").await.expect(200);
    assert_eq!((found.json["customerId"].as_u64(), &found.json["Lastname"]), (Some(made), &json!("Moss")));
    // One that leads elsewhere than the rest is a conflict, and a wrong one is named.
    let both =
        json!({"billingEmail": "bea@example.test", "references": [{"system": "crm", "externalId": "9"}]});
    add(both, "t4").await.expect_error(409);
    let wrong = add(json!({"references": [{"system": "a b", "externalId": "9"}]}), "t5").await;
    assert_eq!(places(&wrong), set(["/customerData/references/0/system"]), "{}", wrong.text);
});

both!(rules_13_a_change_of_a_token_names_no_other_entrypoint, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    new_entry(server.site(), "second", &[]);
    let id = created(&client, "demo", &json!({"email": "bea@example.test"})).await;
    let method = added(&client, id, &whole(1)).await;
    let place = format!("/api/TokenStorage/{method}");
    let long = "x".repeat(4_000);
    for entry in ["second", "nowhere", "", "Demo", "demo\u{0}", "\u{7}", " demo", &long] {
        let body = json!({"entryPoint": entry, "paymentMethod": {"method": "card", "tokenId": "t1"}});
        let answer = client.put(&place, &body).await;
        answer.expect_error(400);
        assert_eq!(places(&answer), set(["/entryPoint"]), "{entry:?}: {}", answer.text);
        assert!(!answer.text.contains(&long), "{}", answer.text);
    }
    let answer = client
        .put(&place, &json!({"entryPoint": 7, "paymentMethod": {"method": "card", "tokenId": "t1"}}))
        .await;
    assert_eq!(places(&answer), set(["/entryPoint"]), "{}", answer.text);
    assert_eq!(one(&client, id, &method).await["providerMethodId"], "ady_1");
    for (number, entry) in [json!("demo"), Value::Null].into_iter().enumerate() {
        let body = json!({"entryPoint": entry, "paymentMethod": {"method": "card", "tokenId": format!("t{number}")}});
        client.put(&place, &body).await.expect(200);
    }
    client.put(&place, &json!({"paymentMethod": {"method": "card", "tokenId": "t9"}})).await.expect(200);
    assert_eq!(one(&client, id, &method).await["providerMethodId"], "t9");
});
