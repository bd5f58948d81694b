//! What lists of transactions sum up, and lists of all records at once.

use customary::clock;
use customary::domain::customers::draft::Context;
use customary::domain::transactions::Transaction;
use customary::domain::transactions::currency::Currency;
use customary::domain::transactions::id::TransId;
use customary::domain::transactions::item::Item;
use customary::domain::transactions::status::Status;
use customary::domain::transactions::totals::{contribution, refunds};

use super::*;
use crate::support::*;

const LIST: &str = "/api/Query/transactions/demo";

fn ids(answer: &Answer) -> Vec<String> {
    let records = answer.json["Records"].as_array().unwrap_or_else(|| panic!("{}", answer.text));
    records.iter().map(|it| it["externalId"].as_str().unwrap().to_owned()).collect()
}

/// Whether a filter holds for a transaction.
type Holds<'a> = &'a dyn Fn(&Transaction) -> bool;

both!(contract_6_a_limit_of_0_or_less_answers_all_transactions, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let count = 1_203;
    let all: Vec<Value> = (0..count)
        .map(|n| {
            with(
                sale(&format!("T-{n}"), 2),
                json!({"occurredAt": format!("2026-03-{:02}T10:00:00Z", 1 + n % 28)}),
            )
        })
        .collect();
    for items in all.chunks(1_000) {
        record(&client, items).await;
    }
    let mut paged = Vec::new();
    for skip in [0, 400, 800, 1_200] {
        paged
            .extend(ids(&client.get(&format!("{LIST}?limitRecord=400&fromRecord={skip}")).await.expect(200)));
    }
    for place in [LIST, "/api/Query/transactions/org/1"] {
        for limit in ["0", "-1", "1203", "5000"] {
            let told = client.get(&format!("{place}?limitRecord={limit}")).await.expect(200);
            assert_eq!(ids(&told), paged, "{place} {limit}");
            let summary = &told.json["Summary"];
            let wanted = (&json!(count), &json!(1), &json!(2 * count), &Value::Null);
            assert_eq!(
                (
                    &summary["totalRecords"],
                    &summary["totalPages"],
                    &summary["totalAmount"],
                    &summary["pageIdentifier"]
                ),
                wanted,
                "{limit}: {summary}"
            );
        }
    }
    // A long page ends where it should, and the next one goes on.
    let first = client.get(&format!("{LIST}?limitRecord=1001")).await.expect(200);
    let token = first.json["Summary"]["pageIdentifier"].as_str().expect("a next page");
    let rest = client.get(&format!("{LIST}?limitRecord=0&pageIdentifier={token}")).await.expect(200);
    assert_eq!([ids(&first), ids(&rest)].concat(), paged);
    assert_eq!(rest.json["Summary"]["totalRecords"], count);
    let skipped = client.get(&format!("{LIST}?limitRecord=0&fromRecord=1001")).await.expect(200);
    assert_eq!(ids(&skipped), ids(&rest));
    let none = client.get(&format!("{LIST}?limitRecord=0&source=nowhere")).await.expect(200);
    assert_eq!((ids(&none).len(), &none.json["Summary"]["totalPages"]), (0, &json!(0)));
    client.get(&format!("{LIST}?limitRecord=all")).await.expect_error(400);
});

/// A number of ten-thousandths.
fn units(number: &Value) -> i128 {
    let number = number.as_f64().unwrap_or_else(|| panic!("{number} is no number"));
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        reason = "amounts of this test are small"
    )]
    let units = (number * 10_000.0).round() as i128;
    units
}

both!(rules_15_sums_of_a_list_are_what_its_records_add_to_totals, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let mut rng = fastrand::Rng::with_seed(15);
    let mut customers = Vec::new();
    for number in 0..2 {
        let id = created(&client, "demo", &json!({"email": format!("c{number}@example.test")})).await;
        customers.push(i64::try_from(id).unwrap());
    }
    let mut items: Vec<Value> = Vec::new();
    let mut owners: Vec<Option<i64>> = Vec::new();
    for number in 0..400 {
        let operation = ["sale", "sale", "sale", "refund", "chargeback", "credit"][rng.usize(..6)];
        let status =
            ["approved", "approved", "refunded", "declined", "voided", "initiated", "authorised", "error"]
                [rng.usize(..8)];
        let currency = ["USD", "USD", "EUR", "JPY"][rng.usize(..4)];
        let source = ["shop", "pos"][rng.usize(..2)];
        let amount = [0, rng.i64(0..20), rng.i64(0..900_000)][rng.usize(..3)];
        let mut item = with(
            sale(&format!("R-{number}"), amount),
            json!({"operation": operation, "status": status, "currency": currency, "source": source}),
        );
        if rng.bool() {
            item["fee"] = json!(rng.i64(0..30));
        }
        if rng.u8(..4) == 0 {
            item["net"] = json!(rng.i64(-10..900_000));
        }
        if currency != "USD" && rng.bool() {
            item["baseAmount"] = json!(format!("{}.{:02}", rng.i64(0..900_000), rng.u8(..100)));
        }
        if operation == "refund" && number > 0 {
            let index = rng.usize(..items.len());
            let paid = items[index].clone();
            owners.push(owners[index]);
            item["refundOf"] = paid["externalId"].clone();
            (item["source"], item["currency"]) = (paid["source"].clone(), paid["currency"].clone());
            item["baseAmount"] = Value::Null;
        } else {
            let owner = [None, Some(customers[0]), Some(customers[1])][rng.usize(..3)];
            item["customerId"] = json!(owner);
            owners.push(owner);
        }
        items.push(item);
    }
    let told = record(&client, &items).await;
    assert_eq!(told.json["created"], items.len(), "{}", told.text);

    let base = Currency::parse("USD").unwrap();
    let context = Context { now: clock::now(), country: None, entrypoint_country: None };
    let mut all: Vec<Transaction> = Vec::new();
    for (item, owner) in items.iter().zip(owners) {
        let text = item.to_string();
        let item = Item::parse(&serde_json::from_str(&text).unwrap(), context).unwrap();
        let new = Transaction::new(&item, None, TransId::default(), (base, context.now));
        all.push(Transaction { customer_id: owner, ..new });
    }
    let parts = all.clone();
    for sale in all.iter_mut().filter(|it| it.operation.name() == "sale") {
        let own = parts.iter().filter(|it| {
            it.refund_of.as_ref() == Some(&sale.external_id)
                && it.source == sale.source
                && it.currency == sale.currency
        });
        sale.refunded =
            customary::domain::kernel::money::Money::from_units(own.map(refunds).sum()).expect("a small sum");
    }
    let [first, second] = customers[..] else { panic!("two customers") };
    let of_first = format!("customerId={first}");
    let of_both = format!("customerId(in)={first}|{second}");
    let with_status = format!("customerId={first}&status=approved");
    let filters: [(&str, Holds<'_>); 11] = [
        // The sums of these three are kept.
        ("", &|_| true),
        (&of_first, &|it| it.customer_id == Some(first)),
        (&of_both, &|it| it.customer_id.is_some()),
        (&with_status, &|it| it.customer_id == Some(first) && it.status == Status::Approved),
        ("status(in)=approved|refunded", &|it| it.status.is_confirmed()),
        ("status=declined", &|it| it.status == Status::Declined),
        ("operation(ne)=sale", &|it| it.operation.name() != "sale"),
        ("totalAmount(lt)=20", &|it| it.amount.units() < 200_000),
        // These open or walk the records.
        ("source=pos", &|it| it.source == "pos"),
        ("currency=eur", &|it| it.currency.code() == "EUR"),
        ("externalId(ct)=7", &|it| it.external_id.contains('7')),
    ];
    for (what, holds) in filters {
        let told = client.get(&format!("{LIST}?{what}")).await.expect(200);
        let met: Vec<&Transaction> = all.iter().filter(|it| holds(it)).collect();
        let added = met.iter().map(|it| contribution(it, base).base);
        let (gross, net) = added.fold((0, 0), |(gross, net), it| (gross + it.gross, net + it.net));
        let summary = &told.json["Summary"];
        assert_eq!(summary["totalRecords"], met.len(), "{what}");
        assert_eq!(
            (units(&summary["totalAmount"]), units(&summary["totalNetAmount"])),
            (gross, net),
            "{what}: {summary}"
        );
    }
});

both!(rules_14_a_person_is_shown_as_a_person, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let people = [
        (
            json!({"email": "a@example.test", "fullname": "Ada Roe"}),
            [Value::Null, json!("Ada Roe"), Value::Null],
            "Ada Roe",
        ),
        (
            json!({"email": "b@example.test", "company": "Oak Ltd"}),
            [Value::Null, Value::Null, json!("Oak Ltd")],
            "",
        ),
        (
            json!({"email": "c@example.test", "firstname": "Cid", "lastname": "Lee", "company": "Elm"}),
            [json!("Cid"), json!("Lee"), json!("Elm")],
            "",
        ),
    ];
    for (number, (body, ..)) in people.iter().enumerate() {
        let id = created(&client, "demo", body).await;
        record(&client, &[with(sale(&format!("T-{number}"), 10), json!({"customerId": id}))]).await;
        let place = format!("/api/Subscription/external/demo/shop/S-{number}");
        client.put(&place, &json!({"customerId": id})).await.expect(200);
    }
    let refund = json!({"operation": "refund", "refundOf": "T-1", "occurredAt": "2026-03-02T10:00:00Z"});
    record(&client, &[with(sale("R-1", 11), refund)]).await;
    let transactions = client.get(&format!("{LIST}?operation=sale&limitRecord=0")).await.expect(200);
    let subscriptions = client.get("/api/Query/subscriptions/demo").await.expect(200);
    let names = |customer: &Value, company: &str| {
        ["FirstName", "LastName", company].map(|name| customer[name].clone())
    };
    for (number, (_, wanted, _)) in people.iter().enumerate() {
        let of = |answer: &Answer, name: &str, value: String| {
            let all = answer.json["Records"].as_array().unwrap().clone();
            all.into_iter().find(|it| it[name] == value).unwrap_or_else(|| panic!("{}", answer.text))
        };
        let paid = of(&transactions, "externalId", format!("T-{number}"));
        assert_eq!(names(&paid["Customer"], "CompanyName"), *wanted, "{paid}");
        let one = of(&subscriptions, "ExternalId", format!("S-{number}"));
        assert_eq!(names(&one["Customer"], "CompanyName"), *wanted, "{one}");
    }
    let columns = "columnsExport=externalId,fullname,overRefunded&operation=sale";
    let csv = client.get(&format!("/api/Export/transactions/csv/demo?{columns}")).await.expect(200).text;
    let mut lines: Vec<&str> = csv.lines().skip(1).collect();
    lines.sort_unstable();
    assert_eq!(lines, ["T-0,Ada Roe,false", "T-1,,true", "T-2,,false"]);
    let found = client.get(&format!("{LIST}?refundOf=t-1")).await.expect(200);
    assert_eq!(ids(&found), ["R-1"]);
    let refused = client.get(&format!("{LIST}?sortBy=desc(totalAmount)")).await;
    assert!(refused.expect_error(400).text.contains("transactionTime"), "{}", refused.text);
});

both!(contract_6_a_limit_of_0_or_less_answers_all_subscriptions, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let mut made = Vec::new();
    for person in 0..6 {
        let body = json!({"email": format!("p{person}@example.test")});
        let id = created(&client, "demo", &body).await;
        for number in 0..85 {
            let place = format!("/api/Subscription/external/demo/shop/S-{person}-{number}");
            let told = client.put(&place, &json!({"customerId": id})).await.expect(200);
            made.push(told.data()["idSub"].clone());
        }
    }
    made.reverse();
    let ids = |answer: &Answer| -> Vec<Value> {
        let all = answer.json["Records"].as_array().unwrap_or_else(|| panic!("{}", answer.text));
        all.iter().map(|it| it["IdSub"].clone()).collect()
    };
    for place in ["demo", "org/1"] {
        for limit in ["0", "-5", "510", "2000"] {
            let path = format!("/api/Query/subscriptions/{place}?limitRecord={limit}");
            let told = client.get(&path).await.expect(200);
            assert_eq!(ids(&told), made, "{path}");
            let summary = &told.json["Summary"];
            let wanted = (&json!(510), &json!(1), &Value::Null);
            assert_eq!(
                (&summary["totalRecords"], &summary["totalPages"], &summary["pageIdentifier"]),
                wanted
            );
        }
    }
    let path = "/api/Query/subscriptions/demo";
    let first = client.get(&format!("{path}?limitRecord=505")).await.expect(200);
    let token = first.json["Summary"]["pageIdentifier"].as_str().expect("a next page");
    let rest = client.get(&format!("{path}?limitRecord=0&pageIdentifier={token}")).await.expect(200);
    assert_eq!([ids(&first), ids(&rest)].concat(), made);
    let skipped = client.get(&format!("{path}?limitRecord=0&fromRecord=505")).await.expect(200);
    assert_eq!(ids(&skipped), ids(&rest));
});
