//! A customer with everything that hangs on it, in one answer (rules 10): what it shows to whom, and that it is one moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;

fn details(id: u64) -> String {
    format!("{}/details", path(id))
}

/// A client whose token has this name.
fn named(server: &Server, name: &str) -> Client {
    let token = server.site().new_token(&[
        "--org",
        "1",
        "--all-entries",
        "--name",
        name,
        "--scope",
        "customers:read",
        "--scope",
        "customers:write",
        "--scope",
        "pii:read",
    ]);
    server.anonymous().token(&token)
}

/// A customer with several addresses, references, labels, methods, and comments by two authors. All its values have `eedle`.
async fn build(server: &Server, client: &Client) -> u64 {
    let body = json!({
        "email": "needle@example.test", "firstname": "Needle", "lastname": "Roe", "phone": "+15555550117",
        "createdAt": "2024-05-06T07:08:09Z", "address": "9 Needle Row", "city": "Oakton", "labels": ["vip"],
        "references": [{"system": "shop", "externalId": "needle-7"}],
    });
    let id = created(client, "demo", &body).await;
    for (street, kind) in [("12 Needle Lane", "shipping"), ("3 Needle Court", "other")] {
        let address = json!({"address": street, "kind": kind, "isDefaultShipping": kind == "shipping"});
        client.post(&format!("{}/addresses", path(id)), &address).await.expect(200);
    }
    for number in [1, 2] {
        let method = json!({"provider": "stripe", "providerMethodId": format!("pm_needle_{number}"), "method": "card",
            "holderName": "Needle Roe", "brand": "visa", "last4": "4242", "expMonth": 12, "expYear": 2090});
        client.post(&format!("{}/methods", path(id)), &method).await.expect(200);
    }
    for (author, text) in [("Front desk", "A needle call"), ("Back office", "Needle was refunded")] {
        let author = named(server, author);
        author.post(&format!("{}/comments", path(id)), &json!({"text": text})).await.expect(200);
    }
    id
}

both!(rules_10_a_customer_page_is_one_answer, |db| async {
    let mut server = Server::start(db).await;
    let client = master(&server);
    let id = build(&server, &client).await;

    // Everything that a page about a customer shows, and nothing twice.
    let all = client.get(&details(id)).await.expect(200);
    let page = &all.json;
    assert_eq!(page["record"], read(&client, id).await.json);
    assert_eq!(page["record"]["Created"], "2024-05-06T07:08:09.000000Z");
    let addresses = client.get(&format!("{}/addresses", path(id))).await.expect(200);
    assert_eq!(page["record"]["Addresses"], addresses.json["Records"]);
    assert_eq!(page["record"]["Addresses"].as_array().map(Vec::len), Some(3));
    let methods = client.get(&format!("{}/methods", path(id))).await.expect(200);
    assert_eq!(page["defaultMethod"], methods.json["Records"][0]);
    assert_eq!(page["otherMethods"], json!([methods.json["Records"][1]]));
    assert_eq!(page["paymentMethodStatus"], "Active");
    let comments = client.get(&format!("{}/comments", path(id))).await.expect(200);
    assert_eq!(page["comments"]["Records"], comments.json["Records"]);
    assert_eq!(page["comments"]["Summary"]["totalRecords"], 2);
    let authors: Vec<&str> = page["comments"]["Records"]
        .as_array()
        .expect("comments")
        .iter()
        .filter_map(|comment| comment["author"]["name"].as_str())
        .collect();
    assert_eq!(authors, ["Back office", "Front desk"]);

    // What the shop sells it, of a reader who sees money.
    let money = server.client();
    for price in 1..=6 {
        let order = json!({"lines": [{"name": "Needle", "unitPrice": price}], "notify": false});
        money.post(&format!("{}/orders", path(id)), &order).await.expect(200);
    }
    let shop = money.get(&details(id)).await.expect(200).json;
    let orders = money.get(&format!("{}/orders?limitRecord=5", path(id))).await.expect(200).json;
    assert_eq!(shop["orders"]["Records"], orders["Records"]);
    assert_eq!(shop["orders"]["Summary"]["totalRecords"], 6);
    assert_eq!(shop["invoices"]["Summary"]["totalRecords"], 6);
    let newest = &shop["invoices"]["Records"][0];
    assert_eq!(newest["invoiceNumber"], orders["Records"][0]["invoiceNumber"]);
    assert_eq!(
        (&newest["state"], &newest["invoiceAmount"], &newest["openAmount"], &newest["overdue"]),
        (&json!("open"), &json!(6), &json!(6), &json!(false))
    );
    let all = client.get(&details(id)).await.expect(200);

    // A reader without personal sight sees masks and no comments.
    let masked = server.anonymous().token(&token_with(server.site(), &["customers:read"]));
    let shown = masked.get(&details(id)).await.expect(200);
    for list in ["comments", "coupons", "invoices", "orders"] {
        assert_eq!(shown.json[list], Value::Null, "{list}");
    }
    assert_eq!(shown.json["record"], masked.get(&path(id)).await.expect(200).json);
    for hidden in ["needle@", "Needle Lane", "Needle Row", "pm_needle", "A needle call", "refunded"] {
        assert!(!shown.text.contains(hidden), "{hidden}: {}", shown.text);
    }
    assert_ne!(etag(&shown), etag(&all));

    // It outlives a rotation and a kill.
    client.send(Method::POST, "/api/Paypoint/keys/rotate/demo", None, &[]).await;
    wait_until("the rotation finishes", Duration::from_mins(2), async || {
        client.get("/api/Paypoint/keys/demo").await.expect(200).json["rotation"]["state"] == "finished"
    })
    .await;
    assert_eq!(client.get(&details(id)).await.expect(200).text, all.text);
    server.kill9();
    server.restart().await;
    let again = client.get(&details(id)).await.expect(200);
    assert_eq!((again.text.as_str(), etag(&again)), (all.text.as_str(), etag(&all)));

    // An erase leaves nothing.
    client.delete(&format!("{}?erase=true&cancelOpen=true", path(id))).await.expect(200);
    let shop = money.get(&details(id)).await.expect(200);
    assert!(!shop.text.to_lowercase().contains("needle"), "{}", shop.text);
    let gone = client.get(&details(id)).await.expect(200);
    let lists = ["addresses", "references", "methods", "comments", "history"];
    for route in lists {
        let list = client.get(&format!("{}/{route}", path(id))).await.expect(200);
        assert!(!list.text.to_lowercase().contains("needle"), "{route}: {}", list.text);
    }
    assert!(!gone.text.to_lowercase().contains("needle"), "{}", gone.text);
    assert_eq!(gone.json["defaultMethod"], Value::Null);
    assert_eq!(gone.json["paymentMethodStatus"], "None");
    assert_eq!(gone.json["comments"]["Summary"]["totalRecords"], 0);
    client.get("/api/Customer/byReference/demo/shop/needle-7").await.expect_error(404);
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_10_details_show_the_first_comments_and_change_their_etag_with_every_part, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let id = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let bare = client.get(&details(id)).await.expect(200);
    assert_eq!(
        (&bare.json["defaultMethod"], &bare.json["otherMethods"], &bare.json["paymentMethodStatus"]),
        (&Value::Null, &json!([]), &json!("None"))
    );
    let mut tags = vec![etag(&bare)];
    for number in 1..=7 {
        let comment = json!({"text": format!("Comment {number}"), "pinned": number == 2});
        client.post(&format!("{}/comments", path(id)), &comment).await.expect(200);
    }
    let page = client.get(&details(id)).await.expect(200);
    let shown: Vec<&str> = page.json["comments"]["Records"]
        .as_array()
        .expect("comments")
        .iter()
        .filter_map(|comment| comment["text"].as_str())
        .collect();
    assert_eq!(shown, ["Comment 2", "Comment 7", "Comment 6", "Comment 5", "Comment 4"]);
    assert_eq!(page.json["comments"]["Summary"]["totalRecords"], 7);
    tags.push(etag(&page));
    // A comment that is not shown changes the total.
    client.delete(&format!("{}/comments/1", path(id))).await.expect(200);
    tags.push(etag(&client.get(&details(id)).await.expect(200)));
    let method = json!({"provider": "stripe", "providerMethodId": "pm_1", "method": "other"});
    client.post(&format!("{}/methods", path(id)), &method).await.expect(200);
    let page = client.get(&details(id)).await.expect(200);
    assert_eq!(page.json["paymentMethodStatus"], "Manual");
    tags.push(etag(&page));
    client.put(&path(id), &json!({"city": "Reston"})).await.expect(200);
    let page = client.get(&details(id)).await.expect(200);
    tags.push(etag(&page));
    let mut different = tags.clone();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), tags.len(), "{tags:?}");

    let fresh = client.send(Method::GET, &details(id), None, &[("If-None-Match", &etag(&page))]).await;
    assert_eq!((fresh.status, fresh.text.as_str()), (304, ""));
    // As If-Match it stands for the version of the record.
    let stale = [("If-Match", tags[0].as_str())];
    client.send(Method::PUT, &path(id), Some(&json!({"city": "Vienna"})), &stale).await.expect_error(412);
    let newest = etag(&page);
    let fits = [("If-Match", newest.as_str())];
    client.send(Method::PUT, &path(id), Some(&json!({"city": "Vienna"})), &fits).await.expect(200);

    client.get(&format!("{}?limit=1", details(id))).await.expect_error(400);
    client.get("/api/Customer/987654321/details").await.expect_error(404);
    let writer = server.anonymous().token(&token_with(server.site(), &["customers:write", "pii:read"]));
    writer.get(&details(id)).await.expect_error(403);
});

both!(rules_10_details_are_of_one_moment, |db| async {
    const CHANGES: u32 = 40;
    let server = Server::start(db).await;
    let client = master(&server);
    let id = created(&client, "demo", &json!({"customerNumber": "N-1"})).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let reader = {
        let (client, is_over) = (client.clone(), Arc::clone(&is_over));
        async move {
            let mut seen = 0;
            while !is_over.load(Ordering::Acquire) {
                let page = client.get(&details(id)).await.expect(200).json;
                let brand = page["defaultMethod"]["brand"].as_str().unwrap_or_default();
                let comment = page["comments"]["Records"][0]["text"].as_str().unwrap_or_default();
                let city = page["record"]["City"].as_str().unwrap_or_default();
                assert!(city == brand && city == comment, "{city}, {brand}, {comment}");
                seen += 1;
            }
            assert!(seen > 10, "{seen} looks");
        }
    };
    let writer = async {
        // One transaction changes the record, a method and the comments.
        for number in 1..=CHANGES {
            let file = format!(
                "customerNumber,city,comment,method-provider,method-providerMethodId,method-method,method-brand\n\
                 N-1,{number},{number},stripe,pm_1,card,{number}\n"
            );
            let request = client
                .request(Method::POST, "/api/Import/customersForm/demo?mergeExisting=1")
                .header("Content-Type", "text/csv");
            let answer = send(request.body(file)).await.expect(200);
            assert_eq!(answer.data()["merged"], 1, "{}", answer.text);
        }
        is_over.store(true, Ordering::Release);
    };
    tokio::join!(reader, writer);
    let page = client.get(&details(id)).await.expect(200).json;
    assert_eq!(page["defaultMethod"]["brand"], CHANGES.to_string());
    assert_eq!(page["comments"]["Summary"]["totalRecords"], CHANGES);
});
