//! What the search index and the identity digests reveal to somebody with the database: which values of one entrypoint
//! are equal, as SECURITY.md admits, and nothing across entrypoints or fields.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;

/// A customer's terms in the database: those pending, and those in live segments.
pub(super) fn terms(sql: &mut Sql, id: u64) -> BTreeSet<String> {
    let blocks = sql::live_blocks(sql.db());
    // Pending rows come first: a row that moves between two queries in the other order would be in neither answer.
    let newest = pending(sql, id).pop();
    let blocks = sql.texts(&blocks);
    let mut terms: BTreeSet<String> = newest.into_iter().flatten().collect();
    for block in blocks {
        terms.extend(terms_in(&block, id));
    }
    terms
}

/// How many terms of a customer are in the database, those in retired segments included.
pub(super) fn anywhere(sql: &mut Sql, id: u64) -> usize {
    let pending: usize = pending(sql, id).iter().map(Vec::len).sum();
    let blocks = sql.texts(&sql::blocks(sql.db()));
    pending + blocks.iter().map(|block| terms_in(block, id).len()).sum::<usize>()
}

/// The terms of a customer in each pending row that contains the customer, oldest first.
pub(super) fn pending(sql: &mut Sql, id: u64) -> Vec<Vec<String>> {
    let rows = sql::memtable(sql.db());
    sql.texts(&rows).iter().filter_map(|row| pending_terms(row, id)).collect()
}

/// The terms of a customer in a pending row, given in hexadecimal; `None` if the row lacks the customer.
fn pending_terms(row: &str, id: u64) -> Option<Vec<String>> {
    let mut words = row.as_bytes().chunks(16).map(|word| String::from_utf8_lossy(word).into_owned());
    let number = |word: String| u64::from_str_radix(&word, 16).expect("hexadecimal");
    while let Some(own) = words.next().map(number) {
        let count = words.next().map(number).expect("how many");
        let terms: Vec<String> = words.by_ref().take(count.try_into().unwrap()).collect();
        if own == id {
            return Some(terms);
        }
    }
    None
}

/// The terms of a customer in a block of the index, given in hexadecimal.
fn terms_in(block: &str, id: u64) -> Vec<String> {
    let mut bytes = (0..block.len() / 2)
        .map(|place| u8::from_str_radix(&block[place * 2..place * 2 + 2], 16).expect("hexadecimal"))
        .peekable();
    let mut number = || -> Option<u64> {
        let mut number = 0;
        for shift in (0..).step_by(7) {
            let byte = bytes.next()?;
            number |= u64::from(byte & 127) << shift;
            if byte < 128 {
                break;
            }
        }
        Some(number)
    };
    let mut found = Vec::new();
    let mut term = 0;
    while let Some(step) = number() {
        term += step;
        let count = number().expect("how many");
        let mut customer = 0;
        for _ in 0..count {
            customer += number().expect("whom");
            if customer == id {
                found.push(format!("{term:016x}"));
            }
        }
    }
    found
}

/// The digests of a customer's identities.
fn digests(sql: &mut Sql, id: u64) -> BTreeSet<String> {
    sql.digests().into_iter().filter(|(of, _)| *of == id).map(|(_, digest)| digest).collect()
}

both!(rules_7_equal_values_have_equal_terms_only_within_an_entrypoint, |db| async {
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
    // Nine whole values, and at least as many trigrams as the names, the e-mail, the number and the phone have.
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

    // The form has no room for readable text.
    for term in &of_first {
        assert_eq!(term.len(), 16, "{term:?} is no hash");
    }
});

both!(rules_7_equal_values_in_two_fields_have_different_terms, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    // Two characters have no trigrams: the value adds exactly one term, its own.
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
