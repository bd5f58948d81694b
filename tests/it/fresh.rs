//! Reads that a client has already: `ETag`, `Cache-Control` and 304 (rules 5).

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;

/// The addresses of all reads of a customer or of what hangs on it, filled in.
fn reads(document: &Value, id: u64, method: &str, address: u64) -> Vec<String> {
    let wanted =
        ["/{customerId}", "/byReference/", "/TokenStorage/{methodId}", "/api/Paypoint/labels/{entry}"];
    let filled = |path: String| {
        path.replace("{customerId}", &id.to_string())
            .replace("{addressId}", &address.to_string())
            .replace("{methodId}", method)
            .replace("{entry}", "demo")
            .replace("{system}", "shop")
            .replace("{externalId}", "7%2F1")
    };
    addresses(document)
        .into_iter()
        .filter(|(_, item)| item["get"].is_object())
        .filter(|(path, _)| wanted.iter().any(|part| path.contains(part)))
        // A GET of Payabli's that writes is no read, and statistics follow the clock.
        .filter(|(path, _)| !path.contains("/link/") && !path.contains("/Statistic/"))
        .map(|(path, _)| filled(path))
        .collect()
}

both!(rules_5_every_read_of_a_customer_says_that_nothing_changed, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let body = json!({"email": "bea@example.test", "lastname": "Moss", "labels": ["vip"],
        "addresses": [{"address": "1 High Street", "city": "Vienna"}],
        "references": [{"system": "shop", "externalId": "7/1"}]});
    let id = created(&client, "demo", &body).await;
    let token = |number: usize| json!({"provider": "stripe", "providerMethodId": format!("pm_{number}"), "method": "card"});
    let method = client.post(&format!("{}/methods", path(id)), &token(1)).await.expect(200);
    let method = method.data()["methodId"].as_str().unwrap().to_owned();
    client.post(&format!("{}/comments", path(id)), &json!({"text": "Called."})).await.expect(200);
    let list = client.get(&format!("{}/addresses", path(id))).await.expect(200);
    let address = list.json["Records"][0]["id"].as_u64().unwrap();
    let document = client.get("/openapi.json").await.expect(200).json;
    let places = reads(&document, id, &method, address);
    assert!(places.len() >= 10, "{places:?}");
    let masked = server.anonymous().token(&token_with(server.site(), &["customers:read"]));

    let mut seen: BTreeMap<(usize, String), (String, String)> = BTreeMap::new();
    let mut look = async |step: &str| {
        for (number, reader) in [&client, &masked].into_iter().enumerate() {
            for place in &places {
                // They need further scopes.
                let closed = ["/comments", "/coupons", "/orders", "/paymentRequests", "/methodLinks"];
                if number == 1 && closed.iter().any(|end| place.ends_with(end)) {
                    continue;
                }
                let answer = reader.get(place).await.expect(200);
                let tag = etag(&answer);
                assert_eq!(answer.header("Cache-Control"), Some("private, no-cache"), "{place}");
                for sent in [tag.clone(), format!("\"1-0\", {tag}"), "*".to_owned()] {
                    let fresh = reader.send(Method::GET, place, None, &[("If-None-Match", &sent)]).await;
                    assert_eq!((fresh.status, &*fresh.text), (304, ""), "{step}: {place} with {sent}");
                    assert_eq!(etag(&fresh), tag, "{place}");
                    assert_eq!(fresh.header("Cache-Control"), Some("private, no-cache"), "{place}");
                }
                let other = [("If-None-Match", "\"1-0123456789abcdef\"")];
                assert_eq!(reader.send(Method::GET, place, None, &other).await.status, 200, "{place}");
                let now = (tag.clone(), answer.text.clone());
                if let Some((old, text)) = seen.insert((number, place.clone()), now) {
                    assert!(old != tag || text == answer.text, "{step}: {place} changed under one tag");
                }
            }
        }
    };
    look("first").await;
    client.put(&format!("{}/addresses/{address}", path(id)), &json!({"city": "Graz"})).await.expect(200);
    look("an address").await;
    client.put(&format!("{}/references/shop/8", path(id)), &Value::Null).await;
    client.put(&path(id), &json!({"labels": ["vip", "late"]})).await.expect(200);
    look("labels and a reference").await;
    client.put(&format!("{}/methods/{method}", path(id)), &json!({"last4": "4242"})).await.expect(200);
    look("a method").await;
    client.put(&path(id), &json!({"lastname": "Mohr"})).await.expect(200);
    client.post(&format!("{}/invite", path(id)), &json!({})).await;
    look("a name").await;

    // The tag of a stored method, also as Payabli's call shows it, is one for its change.
    let place = format!("/api/TokenStorage/{method}");
    let tag = etag(&client.get(&place).await.expect(200));
    let body = json!({"paymentMethod": {"method": "card", "tokenId": "pm_2"}});
    let change = async || client.send(Method::PUT, &place, Some(&body), &[("If-Match", &tag)]).await;
    change().await.expect(200);
    change().await.expect_error(412);
});
