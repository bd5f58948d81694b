//! Lists, filters and searches over sealed customers (rules 8): compared with a plain evaluation of the same rules
//! (`oracle`), directly after writes (`read_after_write`), by cursor while others write (`cursors`), and for words that
//! thousands of customers share (`common_words`).

mod common_words;
mod cursors;
mod oracle;
mod ordered;
mod people;
mod read_after_write;

use serde_json::{Value, json};

use crate::harness::*;
use crate::support::{Sql, sql};

fn encoded(pairs: &[(String, String)]) -> String {
    let mut query = reqwest::Url::parse("http://x/").unwrap();
    query.query_pairs_mut().extend_pairs(pairs);
    query.query().unwrap_or_default().to_owned()
}

/// The answer to a list of the first entrypoint.
async fn list(client: &Client, query: &str) -> Value {
    client.get(&format!("/api/Query/customers/demo?{query}")).await.expect(200).json
}

#[track_caller]
fn ids_of(page: &Value) -> Vec<u64> {
    let records = page["Records"].as_array().unwrap_or_else(|| panic!("no records in {page}"));
    records.iter().map(|record| record["customerId"].as_u64().expect("an id")).collect()
}

both!(rules_8_a_search_sees_earlier_writes, |db| async move {
    let server = Server::start(db).await;
    let client = server.client();
    let found = |word: &'static str| {
        let client = client.clone();
        async move {
            let query = encoded(&[("search".into(), word.into())]);
            client.get(&format!("/api/Query/customers/demo?{query}")).await.expect(200).json["Summary"]["totalRecords"]
                .as_u64()
                .unwrap()
        }
    };
    let body = json!({"firstname": "José", "lastname": "Núñez", "company": "Roe & Søn", "email": "jose.nunez@example.test",
        "phone": "+1 202 555 0117", "customerNumber": "ACC-77"});
    let created = client.create("demo", &body, &[], &[]).await.expect(200);
    for word in [
        "jos",
        "NUÑ",
        "nez",
        "ose nun",
        "202 555",
        "202-555-0117",
        "(202) 555",
        "5550117",
        "acc-77",
        "exam",
        "jo",
    ] {
        assert_eq!(found(word).await, 1, "{word}");
    }
    let path = format!("/api/Customer/{}", created.id());
    client.put(&path, &json!({"firstname": "Karla", "phone": null})).await.expect(200);
    for (word, number) in [("karla", 1), ("5550117", 0), ("nunez", 1)] {
        assert_eq!(found(word).await, number, "{word}");
    }
    client.delete(&path).await.expect(200);
    assert_eq!(found("karla").await, 0);
    let masked = server.site().new_token(&["--org", "1", "--all-entries", "--scope", "customers:read"]);
    let masked = client.token(&masked);
    for query in ["email(ct)=x", "sortBy=asc(email)", "phone=1", "additional-tier=x", "address(ne)=x"] {
        masked.get(&format!("/api/Query/customers/demo?{query}")).await.expect_error(400);
    }
    for query in
        ["emial=x", "email(gt)=x", "limitRecord=x", "sortBy=up(email)", "balance=x", "pageIdentifier=x"]
    {
        client.get(&format!("/api/Query/customers/demo?{query}")).await.expect_error(400);
    }
});

// A release that changes how terms are built rebuilds the index in the same way.
both!(an_index_of_an_earlier_release_is_rebuilt_at_start, |db| async move {
    let mut server = Server::start(db).await;
    let client = server.client();
    let ada = json!({"email": "ada@example.test", "phone": "+12025550117 x12"});
    let id = client.create("demo", &ada, &[], &[]).await.expect(200).id();
    client.create("demo", &json!({"email": "bo@example.test"}), &[], &[]).await.expect(200);
    assert_eq!(server.terminate().await.code(), Some(0));
    let mut sql = Sql::open(server.site());
    sql.run(sql::UNBUILD_INDEX);
    server.spawn();
    server.ready().await;
    for piece in ["ada@", "7x1", "x12", "0117", "0117x12"] {
        assert_eq!(ids_of(&list(&server.client(), &format!("search={piece}")).await), [id], "{piece}");
    }
});
