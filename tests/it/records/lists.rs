//! `GET /api/Query/customers/{entry}`: pages of the live records, newest first, with an exact total.

use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;

const LIST: &str = "/api/Query/customers/demo";

#[track_caller]
fn ids(answer: &Answer) -> Vec<u64> {
    let records =
        answer.json["Records"].as_array().unwrap_or_else(|| panic!("no records in {}", answer.text));
    records.iter().map(|record| record["customerId"].as_u64().expect("an id")).collect()
}

both!(contract_6_page_counts_are_exact, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    new_entry(server.site(), "other", &[]);
    let empty = client.get(LIST).await.expect(200);
    assert_eq!(empty.json["Records"], json!([]));
    assert_eq!(empty.json["Summary"]["totalRecords"], 0);
    assert_eq!(empty.json["Summary"]["totalPages"], 0);

    let mut newest_first = Vec::new();
    for number in 0..53 {
        newest_first
            .insert(0, created(&client, "demo", &json!({"email": format!("l{number}@example.test")})).await);
        if number % 10 == 0 {
            created(&client, "other", &json!({"email": format!("l{number}@example.test")})).await;
        }
    }
    // Lists do not contain deleted customers.
    for position in [50, 25, 3] {
        client.delete(&path(newest_first.remove(position))).await.expect(200);
    }
    assert_eq!(newest_first.len(), 50);
    let page = async |query: &str| client.get(&format!("{LIST}{query}")).await.expect(200);
    for (query, expected, size, pages) in [
        ("", &newest_first[..20], 20, 3),
        ("?limitRecord=7", &newest_first[..7], 7, 8),
        ("?limitRecord=50", &newest_first[..], 50, 1),
        ("?limitRecord=25", &newest_first[..25], 25, 2),
        ("?fromRecord=20", &newest_first[20..40], 20, 3),
        ("?fromRecord=45&limitRecord=7", &newest_first[45..], 7, 8),
        ("?fromRecord=49&limitRecord=1", &newest_first[49..], 1, 50),
        ("?fromRecord=50", &newest_first[..0], 20, 3),
        ("?fromRecord=5000000000&limitRecord=1000000", &newest_first[..0], 1_000_000, 1),
    ] {
        let answer = page(query).await;
        assert_eq!(ids(&answer), expected, "{query}");
        let summary = answer.json["Summary"].as_object().expect("a summary");
        for (key, value) in [("totalRecords", 50), ("pageSize", size), ("totalPages", pages)] {
            assert_eq!(summary[key], json!(value), "{key} after {query}");
        }
        for key in ["totalAmount", "totalNetAmount"] {
            assert!(summary[key].is_number(), "{key} after {query}");
        }
        for key in ["pageIdentifier", "pageidentifier"] {
            assert!(summary[key].is_null() || summary[key].is_string(), "{key} after {query}");
        }
    }
    // 0 or less means all records.
    for query in ["?limitRecord=0", "?limitRecord=-1"] {
        let answer = page(query).await;
        assert_eq!(ids(&answer), newest_first, "{query}");
        assert_eq!(answer.json["Summary"]["totalRecords"], 50, "{query}");
    }
    assert_eq!(ids(&page("?limitRecord=0&fromRecord=48").await), newest_first[48..]);
    // A condition on the entrypoint matches all records or none, in both orders.
    for (query, count) in [("?orgId(eq)=1", 50), ("?orgId(eq)=2", 0), ("?paypointId(ne)=1", 0)] {
        for order in ["desc", "asc"] {
            let answer = page(&format!("{query}&limitRecord=50&sortBy={order}(customerId)")).await;
            let mut expected = newest_first[..count].to_vec();
            if order == "asc" {
                expected.reverse();
            }
            assert_eq!(ids(&answer), expected, "{query} {order}");
            assert_eq!(answer.json["Summary"]["totalRecords"], count, "{query} {order}");
        }
    }
    // A list contains the record itself.
    let first = page("?limitRecord=1").await;
    assert_eq!(first.json["Records"][0], read(&client, newest_first[0]).await.json);
    assert_eq!(first.header("Cache-Control"), Some("private, no-cache"));
});

both!(contract_6_one_answer_can_hold_all_records, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    // More records than the server collects in memory for one page.
    let count = 620;
    let bodies = (0..count).map(|number| json!({"customerNumber": format!("N-{number}"), "balance": number}));
    for some in bodies.collect::<Vec<_>>().chunks(50) {
        let client = client.clone();
        let some = some.to_vec();
        let asked = some.into_iter().map(move |body| {
            let client = client.clone();
            async move { created(&client, "demo", &body).await }
        });
        at_once(asked).await;
    }
    for query in ["?limitRecord=0", "?limitRecord=5000", "?limitRecord=550", "?limitRecord=0&fromRecord=50"] {
        let answer = client.get(&format!("{LIST}{query}")).await.expect(200);
        assert_eq!(answer.header("Content-Type"), Some("application/json"), "{query}");
        let found = ids(&answer);
        let expected = match query {
            "?limitRecord=550" => 550,
            "?limitRecord=0&fromRecord=50" => count - 50,
            _ => count,
        };
        assert_eq!(found.len(), expected, "{query}");
        assert!(found.windows(2).all(|pair| pair[0] > pair[1]), "{query}: newest first, each once");
        assert_eq!(answer.json["Summary"]["totalRecords"], count, "{query}");
    }
    let numbers: std::collections::BTreeSet<_> =
        client.list("demo").await.iter().map(|record: &Value| record["customerNumber"].to_string()).collect();
    assert_eq!(numbers.len(), count, "the pages list each record once");
});
