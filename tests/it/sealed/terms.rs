//! What the search index and the digests of identities say to somebody who holds the database: which values of one
//! entrypoint are equal, as SECURITY.md admits, and nothing across entrypoints or fields.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;

/// The terms of a customer as the database has them. Those of SQLite are read through FTS5's own view of its index.
fn terms(sql: &mut Sql, id: u64) -> BTreeSet<String> {
    let query = match sql {
        Sql::Sqlite(_) => {
            sql.run("CREATE VIRTUAL TABLE IF NOT EXISTS temp.words USING fts5vocab('main', 'term_index', 'instance')");
            format!("SELECT term AS value FROM temp.words WHERE doc = {id}")
        }
        Sql::Postgres(_) => {
            format!("SELECT unnest(terms)::text AS value FROM term_index WHERE customer_id = {id}")
        }
    };
    sql.texts(&query).into_iter().collect()
}

/// The digests of a customer's identities.
fn digests(sql: &mut Sql, id: u64) -> BTreeSet<String> {
    let digest = match sql {
        Sql::Sqlite(_) => "hex(digest)",
        Sql::Postgres(_) => "encode(digest, 'hex')",
    };
    sql.texts(&format!("SELECT {digest} AS value FROM identity_digest WHERE customer_id = {id}"))
        .into_iter()
        .collect()
}

both!(rules_7_equal_values_have_equal_terms_in_one_entrypoint_and_in_no_other, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let site = server.site();
    new_entry(site, "other", &[]);
    let org = new_org(site, "Another");
    new_entry_of(site, org, "abroad", &[]);
    let org = org.to_string();
    let stranger =
        server.anonymous().token(&token_of(site, &["--org", &org, "--entry", "abroad"], &SCOPES[..2]));
    let body = json!({"email": "zoe.roe@example.test", "firstname": "Zoë", "lastname": "Roe", "company": "Roe & Søn",
        "phone": "+12025550117", "customerNumber": "acc-77", "city": "Oakton", "labels": ["vip"],
        "additionalFields": {"tier": "gold"}});
    let first = created(&client, "demo", &body).await;
    let second = forced(&client, "demo", &body).await;
    let other = created(&client, "other", &body).await;
    let abroad = created(&stranger, "abroad", &body).await;

    let mut sql = Sql::open(site);
    let of_first = terms(&mut sql, first);
    // Nine whole values, and as many trigrams as the names, the e-mail, the number and the phone have at least.
    assert!(of_first.len() > 9 + 18, "{} terms: the index is not where this looks for it", of_first.len());
    assert_eq!(terms(&mut sql, second), of_first, "the documented leak: equal values, equal terms");
    let digests_of_first = digests(&mut sql, first);
    assert!(!digests_of_first.is_empty());
    assert_eq!(
        digests(&mut sql, second),
        digests_of_first,
        "the documented leak: equal identities, equal digests"
    );
    for elsewhere in [other, abroad] {
        let terms = terms(&mut sql, elsewhere);
        assert_eq!(terms.len(), of_first.len());
        assert!(terms.is_disjoint(&of_first), "terms of two entrypoints can be compared");
        let digests = digests(&mut sql, elsewhere);
        assert_eq!(digests.len(), digests_of_first.len());
        assert!(digests.is_disjoint(&digests_of_first), "identities of two entrypoints can be compared");
    }

    // Of a form that has no room for a readable piece.
    for term in &of_first {
        let is_hash = match db {
            Db::Sqlite => {
                term.len() == 13 && term.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'))
            }
            Db::Postgres => term.parse::<i64>().is_ok(),
        };
        assert!(is_hash, "{term:?} is no hash");
    }
});

both!(rules_7_equal_values_in_two_fields_have_different_terms, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    // Of two characters there are no trigrams: the one term that a value adds is its own.
    let fields = |word: &str| -> Vec<Value> {
        vec![
            json!({"firstname": word}),
            json!({"lastname": word}),
            json!({"company": word}),
            json!({"customerNumber": word}),
            json!({"firstname": "x", "city": word}),
            json!({"firstname": "x", "state": word}),
            json!({"firstname": "x", "address": word}),
            json!({"firstname": "x", "shippingCity": word}),
            json!({"firstname": "x", "customerUsername": word}),
            json!({"firstname": "x", "labels": [word]}),
            json!({"firstname": "x", "additionalFields": {"tier": word}}),
            json!({"firstname": "x", "additionalFields": {"club": word}}),
        ]
    };
    let bare = forced_or_created(&client, &json!({"firstname": "x"})).await;
    let mut sql = Sql::open(server.site());
    let common = terms(&mut sql, bare);
    assert_eq!(common.len(), 1);
    let mut seen = BTreeSet::new();
    for body in fields("qx") {
        let id = forced_or_created(&client, &body).await;
        let own: Vec<String> = terms(&mut sql, id).difference(&common).cloned().collect();
        assert_eq!(own.len(), 1, "{body} has {own:?}");
        assert!(seen.insert(own[0].clone()), "{body} has a term of another field");
    }
});

async fn forced_or_created(client: &Client, body: &Value) -> u64 {
    client.create("demo", body, &[("forceCustomerCreation", "true")], &[]).await.expect(200).id()
}
