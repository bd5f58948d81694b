//! The rows that PostgreSQL reads grow with the answer and not with the table, even without statistics of the table.

use std::fmt::Write as _;

use serde_json::json;

use crate::harness::*;
use crate::support::*;

const MANY: i64 = 4_000;
const FEW: usize = 3;
const TIMES: usize = 60;
const KEYS: i64 = 20_000;

#[tokio::test]
async fn a_small_entrypoint_beside_a_large_one_reads_few_rows() {
    let mut server = Server::start(Db::Postgres).await;
    let site = std::sync::Arc::clone(server.site());
    new_entry(&site, "small", &[]);
    let mut file = String::from("email,customerNumber\n");
    for number in 0..MANY {
        writeln!(file, "a{number}@example.test,N-{number}").unwrap();
    }
    let csv = site.folder().join("many.csv");
    std::fs::write(&csv, file).unwrap();
    site.cli(&["import", "--entry", "demo", csv.to_str().unwrap()]).success();
    let mut ids = Vec::new();
    for number in 0..FEW {
        let body = json!({"email": format!("b{number}@example.test")});
        ids.push(created(&server.client(), "small", &body).await);
    }
    assert_eq!(server.terminate().await.code(), Some(0), "{}", server.logs());
    let mut sql = Sql::open(&site);
    // The count is complete, because all readers have disconnected.
    let before = sql.number(sql::ROWS_READ);

    server.spawn();
    server.ready().await;
    let client = server.client();
    for number in 0..TIMES {
        let keyed = client.header("Idempotency-Key", &number.to_string());
        for replayed in [false, true] {
            let body = json!({"email": "b0@example.test", "city": format!("Oakton {number}")});
            let answer = keyed.create("small", &body, &[("mergeExisting", "1")], &[]).await.expect(200);
            assert_eq!((answer.outcome(), answer.replayed(), answer.id()), ("merged", replayed, ids[0]));
        }
        client.put(&path(ids[1]), &json!({"email": format!("c{number}@example.test")})).await.expect(200);
        for order in ["", "?sortBy=asc(customerId)"] {
            let list = client.get(&format!("/api/Query/customers/small{order}")).await.expect(200);
            assert_eq!(list.json["Records"].as_array().map(Vec::len), Some(FEW), "{}", list.text);
        }
        assert_eq!(read(&client, ids[2]).await.status, 200);
        assert_eq!(history(&client, ids[2]).await.len(), 1);
    }
    assert_eq!(server.terminate().await.code(), Some(0), "{}", server.logs());
    let read = sql.number(sql::ROWS_READ) - before;
    assert!(read > 0, "nothing was counted");
    // One scan of the large entrypoint in each round would read sixty times as many rows.
    assert!(read < MANY, "{read} rows were read");
}

#[tokio::test]
async fn an_idempotency_key_is_found_and_removed_alone_among_many() {
    let mut server = Server::start(Db::Postgres).await;
    let site = std::sync::Arc::clone(server.site());
    assert_eq!(server.terminate().await.code(), Some(0), "{}", server.logs());
    let mut sql = Sql::open(&site);
    sql.run(&sql::add_expired_keys(KEYS));
    // The count is complete, because all readers have disconnected.
    let before = sql.number(sql::KEYS_READ);

    server.spawn();
    server.ready().await;
    let client = server.client();
    for is_new in [true, false, true] {
        for number in 0..TIMES {
            let keyed = client.header("Idempotency-Key", &number.to_string());
            let body = json!({"email": format!("c{number}@example.test")});
            let answer = keyed.create("demo", &body, &[], &[]).await.expect(200);
            assert_eq!(answer.replayed(), !is_new, "{number}");
        }
        if !is_new {
            sql.run(sql::EXPIRE_KEYS);
        }
    }
    assert_eq!(server.terminate().await.code(), Some(0), "{}", server.logs());
    let read = sql.number(sql::KEYS_READ) - before;
    assert!(read > 0, "nothing was counted");
    // The background task reads each expired key a few times to find and remove it. If each removal read all expired keys,
    // there would be hundreds of times as many.
    assert!(read < 10 * KEYS, "{read} keys were read");
}

/// The orders by what transactions come to, with their columns and indexes.
const TOTALS: [(&str, &str, &str); 3] = [
    ("transactionCount", "sales", "customer_total_sales"),
    ("totalSpent", "gross_units", "customer_total_gross"),
    ("lastTransaction", "last_at_us", "customer_total_last"),
];

#[tokio::test]
async fn rules_15_a_page_by_totals_reads_its_own_customers_alone() {
    let mut server = Server::start(Db::Postgres).await;
    let site = std::sync::Arc::clone(server.site());
    new_entry(&site, "small", &[]);
    let mut file = String::from("email,customerNumber\n");
    for number in 0..MANY {
        writeln!(file, "a{number}@example.test,N-{number}").unwrap();
    }
    let csv = site.folder().join("many.csv");
    std::fs::write(&csv, file).unwrap();
    site.cli(&["import", "--entry", "demo", csv.to_str().unwrap()]).success();
    let client = server.client();
    created(&client, "small", &json!({"customerNumber": "N-1"})).await;
    let sale = |number: i64| {
        json!({"source": "shop", "externalId": format!("T-{number}"), "customerNumber": format!("N-{number}"),
            "status": "approved", "amount": number + 1, "occurredAt": "2026-03-01T10:00:00Z"})
    };
    let items: Vec<_> = (0..MANY).map(sale).collect();
    for items in items.chunks(1_000) {
        let told = client.post("/api/Transaction/demo", &json!(items)).await.expect(200);
        assert_eq!(told.json["created"], items.len(), "{}", told.text);
    }
    client.post("/api/Transaction/small", &json!([sale(1)])).await.expect(200);
    // A job moves the stages of so many customers, and reads their totals; these sales are long ago.
    wait_until("all stages have moved", std::time::Duration::from_mins(1), async || {
        let told = client.get("/api/Statistic/customers/demo").await.expect(200);
        told.json["byLifecycle"]["Idle"] == MANY
    })
    .await;
    assert_eq!(server.terminate().await.code(), Some(0), "{}", server.logs());
    let mut sql = Sql::open(&site);
    let scans = |sql: &mut Sql| TOTALS.map(|(.., index)| sql.number(&sql::scans_of(index)));
    // The counts are complete, because all readers have disconnected.
    let (before, scanned) = (sql.number(sql::TOTALS_READ), scans(&mut sql));

    server.spawn();
    server.ready().await;
    let client = server.client();
    for place in ["demo", "org/1"] {
        for (name, ..) in TOTALS {
            let path = format!("/api/Query/customers/{place}?sortBy=desc({name})&limitRecord=5");
            let page = client.get(&path).await.expect(200);
            assert_eq!(page.json["Records"].as_array().map(Vec::len), Some(5), "{}", page.text);
            let next = page.json["Summary"]["pageIdentifier"].as_str().expect("a next page");
            client.get(&format!("{path}&pageIdentifier={next}")).await.expect(200);
        }
    }
    assert_eq!(server.terminate().await.code(), Some(0), "{}", server.logs());
    let read = sql.number(sql::TOTALS_READ) - before;
    assert!(read > 0, "nothing was counted");
    assert!(read < MANY / 2, "{read} rows were read: {:?}", sql.texts(sql::TOTALS_READ_BY));
    for ((_, _, index), (now, then)) in TOTALS.iter().zip(scans(&mut sql).into_iter().zip(scanned)) {
        assert!(now > then, "{index} was not used");
    }
}

#[tokio::test]
async fn rules_15_sqlite_reads_orders_by_totals_from_their_indexes() {
    let server = Server::start(Db::Sqlite).await;
    let mut sql = Sql::open(server.site());
    for (_, column, index) in TOTALS {
        for (direction, sign) in [("DESC", "<="), ("ASC", ">=")] {
            let plan = sql.plan(&sql::page_of_totals(column, direction, sign));
            assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{column} {direction}: {plan}");
        }
    }
}

/// SQLite takes every entrypoint to have ten rows, unless it is told otherwise. A plan that looks for many values must still name
/// what it looks for.
#[tokio::test]
async fn rules_14_sqlite_finds_transactions_and_subscriptions_by_their_indexes() {
    const TIME: &str = "ORDER BY entrypoint_id DESC, occurred_at_us DESC, trans_id DESC LIMIT 20";
    let server = Server::start(Db::Sqlite).await;
    let mut sql = Sql::open(server.site());
    let plan = sql.plan(&format!(
        "SELECT * FROM \"transaction\" WHERE entrypoint_id = 1 AND customer_id IS NULL {TIME}"
    ));
    assert!(plan.contains("customer_id=?"), "{plan}");
    let refunds =
        "SELECT * FROM dry_run_transaction WHERE entrypoint_id + 0 = 1 AND job_id = 1 AND refund_of = x'00'";
    let plan = sql.plan(refunds);
    assert!(plan.contains("refund_of=?"), "{plan}");
    for number in [1, 2, 20, 500] {
        let values = vec!["x'00'"; number].join(", ");
        for (wanted, query) in [
            (
                "digest=?",
                format!("SELECT * FROM \"transaction\" WHERE entrypoint_id = 1 AND digest IN ({values})"),
            ),
            (
                "refund_of=?",
                format!(
                    "SELECT * FROM \"transaction\" WHERE entrypoint_id + 0 = 1 AND refund_of IN ({values})"
                ),
            ),
            (
                "trans_id=?",
                format!(
                    "SELECT * FROM \"transaction\" WHERE entrypoint_id = 1 AND trans_id IN ({values}) \
                     AND COALESCE(customer_id, 0) = 0"
                ),
            ),
            (
                "trans_id=?",
                format!(
                    "SELECT * FROM \"transaction\" WHERE entrypoint_id = 1 AND trans_id IN ({values}) {TIME}"
                ),
            ),
            (
                "customer_id=?",
                format!(
                    "SELECT * FROM \"transaction\" WHERE entrypoint_id = 1 AND customer_id IN ({values}) {TIME}"
                ),
            ),
            (
                "occurred_at_us<?",
                format!(
                    "SELECT * FROM \"transaction\" WHERE entrypoint_id = 1 AND occurred_at_us < 5 AND status IN ({values}) {TIME}"
                ),
            ),
            (
                "customer_id=?",
                format!("SELECT * FROM subscription WHERE entrypoint_id = 1 AND customer_id IN ({values})"),
            ),
            (
                "customer_id=?",
                format!(
                    "SELECT * FROM subscription WHERE entrypoint_id IN (1) AND customer_id IN ({values}) \
                     ORDER BY subscription_id DESC LIMIT 20"
                ),
            ),
            (
                "customer_id=?",
                format!(
                    "SELECT * FROM customer_total WHERE entrypoint_id = 1 AND customer_id IN ({values}) AND currency = '' \
                     AND last_sale_at_us > 0"
                ),
            ),
        ] {
            let plan = sql.plan(&query);
            assert!(plan.contains(wanted), "{number} values: {query:.120}: {plan}");
        }
    }
}

#[tokio::test]
async fn rules_19_sqlite_finds_invoices_by_their_indexes() {
    let server = Server::start(Db::Sqlite).await;
    let mut sql = Sql::open(server.site());
    for (wanted, query) in [
        ("invoice_id=?", "SELECT * FROM invoice WHERE entrypoint_id = 1 AND invoice_id = 5"),
        (
            "number_digest=?",
            "SELECT invoice_id FROM invoice WHERE entrypoint_id = 1 AND number_digest = x'00'",
        ),
        (
            "customer_id=?",
            "SELECT invoice_id FROM invoice WHERE entrypoint_id = 1 AND customer_id = 5 AND state IN (0, 1, 2) \
             ORDER BY invoice_id",
        ),
    ] {
        let plan = sql.plan(query);
        assert!(plan.contains(wanted), "{query:.120}: {plan}");
    }
    for number in [1, 2, 20, 500] {
        let values = vec!["5"; number].join(", ");
        for query in [
            format!(
                "SELECT customer_id, MAX(issued_at_us) FROM invoice WHERE entrypoint_id = 1 AND customer_id IN ({values}) \
                 AND kind = 0 AND state <> 99 GROUP BY customer_id"
            ),
            format!(
                "SELECT * FROM invoice WHERE entrypoint_id IN (1) AND customer_id IN ({values}) ORDER BY invoice_id DESC \
                 LIMIT 20"
            ),
        ] {
            let plan = sql.plan(&query);
            assert!(plan.contains("customer_id=?"), "{number} values: {query:.120}: {plan}");
        }
    }
}

#[tokio::test]
async fn rules_18_sqlite_finds_orders_by_their_indexes() {
    let server = Server::start(Db::Sqlite).await;
    let mut sql = Sql::open(server.site());
    for (wanted, query) in [
        ("order_id=?", "SELECT * FROM sales_order WHERE entrypoint_id = 1 AND order_id = x'00'"),
        (
            "order_id<?",
            "SELECT * FROM sales_order WHERE entrypoint_id IN (1) AND order_id < x'00' ORDER BY order_id DESC LIMIT 21",
        ),
        (
            "customer_id=? AND order_id<?",
            "SELECT * FROM sales_order WHERE entrypoint_id IN (1) AND customer_id IN (5) AND order_id < x'00' \
             ORDER BY order_id DESC LIMIT 21",
        ),
        (
            "customer_id=?",
            "UPDATE sales_order SET document = NULL WHERE entrypoint_id = 1 AND customer_id = 5",
        ),
    ] {
        let plan = sql.plan(query);
        assert!(plan.contains(wanted) && !plan.contains("TEMP B-TREE"), "{query:.120}: {plan}");
    }
    for number in [1, 2, 20, 500] {
        let values = vec!["5"; number].join(", ");
        let plan = sql.plan(&format!(
            "SELECT * FROM sales_order WHERE entrypoint_id IN (1) AND customer_id IN ({values}) ORDER BY order_id DESC LIMIT 21"
        ));
        assert!(plan.contains("customer_id=?"), "{number} values: {plan}");
    }
}

#[tokio::test]
async fn rules_20_sqlite_finds_requests_by_their_indexes() {
    let server = Server::start(Db::Sqlite).await;
    let mut sql = Sql::open(server.site());
    for (wanted, query) in [
        ("request_id=?", "SELECT * FROM payment_request WHERE entrypoint_id = 1 AND request_id = x'00'"),
        (
            "link_hash=?",
            "SELECT request_id FROM payment_request WHERE entrypoint_id = 1 AND link_hash = x'00' LIMIT 1",
        ),
        (
            "kind=? AND request_id<?",
            "SELECT * FROM payment_request WHERE entrypoint_id = 1 AND kind = 0 AND request_id < x'00' \
             ORDER BY request_id DESC LIMIT 21",
        ),
        (
            "customer_id=? AND kind=? AND request_id<?",
            "SELECT * FROM payment_request WHERE entrypoint_id = 1 AND kind = 0 AND customer_id IN (5) \
             AND request_id < x'00' ORDER BY request_id DESC LIMIT 21",
        ),
        (
            "customer_id=?",
            "UPDATE payment_request SET document = NULL WHERE entrypoint_id = 1 AND customer_id = 5",
        ),
        (
            "customer_id=?",
            "SELECT request_id FROM payment_request WHERE entrypoint_id = 1 AND customer_id = 5 AND state IN (0, 1, 4)",
        ),
    ] {
        let plan = sql.plan(query);
        assert!(plan.contains(wanted) && !plan.contains("TEMP B-TREE"), "{query:.120}: {plan}");
    }
}

/// The queries of coupons and products name all that they look for, without statistics of the tables.
#[tokio::test]
async fn rules_17_sqlite_finds_coupons_and_products_by_their_indexes() {
    let server = Server::start(Db::Sqlite).await;
    let mut sql = Sql::open(server.site());
    let newest = |id: &str| format!("ORDER BY {id} DESC LIMIT 21");
    for (wanted, query) in [
        ("digest=?", "SELECT * FROM coupon WHERE entrypoint_id = 1 AND digest = x'00'".to_owned()),
        (
            "coupon_id<?",
            format!("SELECT * FROM coupon WHERE entrypoint_id = 1 AND coupon_id < x'00' {}", newest("coupon_id")),
        ),
        (
            "online=? AND coupon_id<?",
            format!(
                "SELECT * FROM coupon WHERE entrypoint_id = 1 AND online = 1 AND coupon_id < x'00' {}",
                newest("coupon_id")
            ),
        ),
        (
            "coupon_id=?",
            "SELECT * FROM coupon WHERE entrypoint_id = 1 AND coupon_id IN (x'00', x'01', x'02')".to_owned(),
        ),
        ("digest=?", "SELECT * FROM coupon_redemption WHERE entrypoint_id = 1 AND digest = x'00'".to_owned()),
        (
            "coupon_redemption_coupon (coupon_id=? AND redemption_id<?)",
            format!(
                "SELECT * FROM coupon_redemption WHERE entrypoint_id + 0 = 1 AND coupon_id = x'00' \
                 AND redemption_id < x'00' {}",
                newest("redemption_id")
            ),
        ),
        (
            "coupon_redemption_customer (customer_id=? AND coupon_id=?)",
            format!(
                "SELECT * FROM coupon_redemption WHERE entrypoint_id + 0 = 1 AND customer_id = 1 AND coupon_id = x'00' {}",
                newest("redemption_id")
            ),
        ),
        (
            "coupon_redemption_customer (customer_id=?)",
            "UPDATE coupon_redemption SET document = NULL, digest = NULL WHERE entrypoint_id + 0 = 1 AND customer_id = 1"
                .to_owned(),
        ),
        (
            "customer_id=? AND coupon_id<?",
            format!(
                "SELECT * FROM coupon_customer WHERE entrypoint_id = 1 AND customer_id = 1 AND coupon_id < x'00' {}",
                newest("coupon_id")
            ),
        ),
        (
            "coupon_customer_coupon (coupon_id=?)",
            "DELETE FROM coupon_customer WHERE entrypoint_id + 0 = 1 AND coupon_id = x'00'".to_owned(),
        ),
        (
            "active=? AND product_id<?",
            format!(
                "SELECT * FROM product WHERE entrypoint_id = 1 AND active = 1 AND product_id < x'00' {}",
                newest("product_id")
            ),
        ),
    ] {
        let plan = sql.plan(&query);
        assert!(plan.contains(wanted) && !plan.contains("TEMP B-TREE"), "{query:.140}: {plan}");
    }
}

#[tokio::test]
async fn rules_8_sqlite_reads_orders_by_creation_and_few_of_a_stage_from_their_indexes() {
    let server = Server::start(Db::Sqlite).await;
    let mut sql = Sql::open(server.site());
    for direction in ["DESC", "ASC"] {
        let plan = sql.plan(&format!(
            "SELECT customer_id, created_at_us FROM customer WHERE entrypoint_id = 1 AND created_at_us >= 0 AND created_at_us <= 9 \
             AND (created_at_us < 9 OR created_at_us = 9 AND customer_id < 5) \
             ORDER BY entrypoint_id {direction}, created_at_us {direction}, customer_id {direction} LIMIT 21"
        ));
        assert!(plan.contains("COVERING INDEX customer_created") && !plan.contains("TEMP B-TREE"), "{plan}");
        // A list in the order of ids still takes the index of ids.
        let plan = sql.plan(&format!(
            "SELECT * FROM customer WHERE entrypoint_id = 1 AND (status = 1 OR status = 0 OR status = 85 OR status = 85) \
             AND customer_id < 900 ORDER BY customer_id {direction} LIMIT 21"
        ));
        assert!(plan.contains("customer_entrypoint") && !plan.contains("TEMP B-TREE"), "{plan}");
    }
    let plan = sql.plan(
        "SELECT customer_id FROM customer WHERE entrypoint_id = 1 AND lifecycle IN ('Idle', 'Churned') AND status IN (1, 0, 85)",
    );
    assert!(plan.contains("COVERING INDEX customer_stage"), "{plan}");
}
