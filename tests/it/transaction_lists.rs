//! Lists of transactions (rules 14), and lists of customers by what their transactions come to (rules 15).

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;

/// Sends transactions; the answers say what became of each.
async fn record(client: &Client, entry: &str, items: &[Value]) {
    let told = client.post(&format!("/api/Transaction/{entry}"), &json!(items)).await.expect(200);
    assert_eq!(told.json["refused"], 0, "{}", told.text);
}

fn sale(number: usize, customer: Option<u64>, amount: &str, at: &str) -> Value {
    json!({"source": "shop", "externalId": format!("T-{number}"), "customerId": customer, "status": "approved",
        "amount": amount, "occurredAt": at, "method": if number.is_multiple_of(2) { "card" } else { "ach" },
        "orderId": format!("O-{number}"), "maskedAccount": "•••• 4242", "additionalData": {"seat": format!("{number}")}})
}

async fn query(client: &Client, what: &str) -> Answer {
    client.get(&format!("/api/Query/transactions/demo?{what}")).await.expect(200)
}

fn ids(answer: &Answer) -> Vec<String> {
    let records = answer.json["Records"].as_array().unwrap_or_else(|| panic!("{}", answer.text));
    records.iter().map(|it| it["externalId"].as_str().unwrap().to_owned()).collect()
}

both!(rules_14_lists_of_transactions_take_payablis_filters, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let ada =
        created(&client, "demo", &json!({"email": "ada@example.test", "customerNumber": "ACC-1"})).await;
    let bob =
        created(&client, "demo", &json!({"email": "bob@example.test", "customerNumber": "ACC-2"})).await;
    let mut items = vec![
        sale(1, Some(ada), "10.00", "2026-03-01T10:00:00Z"),
        sale(2, Some(ada), "20.50", "2026-03-02T10:00:00Z"),
        sale(3, Some(bob), "5.25", "2026-03-03T10:00:00Z"),
        sale(4, None, "99.99", "2026-03-04T10:00:00Z"),
    ];
    items[2]["status"] = "declined".into();
    items[3]["fee"] = "0.99".into();
    items.push(json!({"source": "shop", "externalId": "R-1", "operation": "refund", "refundOf": "T-2", "status": "approved",
        "amount": "0.50", "occurredAt": "2026-03-05T10:00:00Z", "currency": "USD"}));
    items.push(
        json!({"source": "pos", "externalId": "E-1", "customerId": bob, "status": "approved", "amount": "7",
        "currency": "EUR", "baseAmount": "8.00", "occurredAt": "2026-03-06T10:00:00Z"}),
    );
    record(&client, "demo", &items).await;

    let all = query(&client, "").await;
    assert_eq!(ids(&all), ["E-1", "R-1", "T-4", "T-3", "T-2", "T-1"]);
    let summary = &all.json["Summary"];
    assert_eq!(
        (&summary["totalRecords"], &summary["totalAmount"], &summary["totalNetAmount"]),
        (&json!(6), &json!(138.49), &json!(137)),
        "{}",
        all.text
    );
    let record = &all.json["Records"][4];
    assert_eq!(
        (&record["splitCount"], &record["TransStatus"], &record["TotalAmount"]),
        (&json!(0), &json!(1), &json!(20.5))
    );
    assert_eq!(record["Customer"]["CustomerNumber"], "ACC-1");
    let trans_id = record["transId"].as_str().unwrap().to_owned();
    for (what, wanted) in [
        (format!("transId={trans_id}"), "T-2"),
        ("transactionDate(ge)=2026-03-05".into(), "E-1 R-1"),
        ("transactionDate(lt)=2026-03-02".into(), "T-1"),
        ("status(in)=2|5".into(), "T-3"),
        ("status=declined".into(), "T-3"),
        ("operation(ne)=sale".into(), "R-1"),
        ("refundOf=T-2".into(), "R-1"),
        ("method(in)=ach".into(), "T-3 T-1"),
        ("totalAmount(gt)=10".into(), "T-4 T-2"),
        ("netAmount=99".into(), "T-4"),
        ("orderId=o-2".into(), "T-2"),
        ("source=pos".into(), "E-1"),
        ("invoiceNumber=&operation=refund".into(), "R-1"),
        ("payaccountLastfour(ct)=4242&customerId=0".into(), "T-4"),
        (format!("customerId={ada}"), "R-1 T-2 T-1"),
        (format!("customerId(in)=0|{bob}"), "E-1 T-4 T-3"),
        ("customerNumber=acc-1".into(), "R-1 T-2 T-1"),
        ("customerNumber(ct)=ACC".into(), "E-1 R-1 T-3 T-2 T-1"),
        ("customerNumber(ne)=ACC-1".into(), "E-1 T-4 T-3"),
        ("customerNumber=".into(), "T-4"),
        ("additional-seat(ct)=2".into(), "T-2"),
        ("currency=eur".into(), "E-1"),
        ("externalId(ct)=t-".into(), "T-4 T-3 T-2 T-1"),
        ("parameters={\"status(in)\":\"2\"}".into(), "T-3"),
        ("sortBy=asc(transactionDate)&limitRecord=2".into(), "T-1 T-2"),
        ("fromRecord=1&limitRecord=2".into(), "R-1 T-4"),
    ] {
        let found = query(&client, &what).await;
        assert_eq!(ids(&found).join(" "), wanted, "{what}: {}", found.text);
        if !what.contains("limitRecord") {
            assert_eq!(found.json["Summary"]["totalRecords"], ids(&found).len(), "{what}");
        }
    }
    for (what, code) in [
        ("amount=1", "unknown_filter"),
        ("totalAmount(ct)=1", "invalid_operator"),
        ("status=paid", "invalid_value"),
        ("sortBy=desc(totalAmount)", "invalid_sort"),
        ("pageIdentifier=x", "invalid_page"),
        ("columnsExport=transId", "missing_parameter"),
    ] {
        let told = client.get(&format!("/api/Query/transactions/demo?{what}")).await;
        told.expect_error(400);
        assert_eq!(told.json["errors"][0]["code"], code, "{what}: {}", told.text);
    }
    // Masks, and what needs a scope.
    let clerk = server.anonymous().token(&token_with(server.site(), &["money:read"]));
    let seen = query(&clerk, "").await;
    assert!(
        seen.json["Records"].as_array().unwrap().iter().all(|it| it["Customer"].is_null()),
        "{}",
        seen.text
    );
    assert_eq!(seen.json["Records"][2]["maskedAccount"], "***");
    clerk.get("/api/Query/transactions/demo?additional-seat=1").await.expect_error(400);
    clerk.get("/api/Query/transactions/demo?exportFormat=csv").await.expect_error(403);
    let other = server.anonymous().token(&token_with(server.site(), &["customers:read"]));
    other.get("/api/Query/transactions/demo").await.expect_error(403);
});

both!(rules_14_pages_of_transactions_repeat_and_skip_nothing, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    new_entry(server.site(), "second", &[]);
    let all: Vec<Value> =
        (0..57).map(|n| sale(n, None, "1.00", &format!("2026-03-{:02}T10:00:00Z", 1 + n / 6))).collect();
    record(&client, "demo", &all).await;
    record(&client, "second", &all).await;
    for place in ["demo", "org/1"] {
        for order in ["asc", "desc"] {
            let mut seen: Vec<String> = Vec::new();
            let mut path =
                format!("/api/Query/transactions/{place}?limitRecord=7&sortBy={order}(transactionDate)");
            loop {
                let page = client.get(&path).await.expect(200);
                let records = page.json["Records"].as_array().unwrap();
                seen.extend(records.iter().map(|it| it["transId"].as_str().unwrap().to_owned()));
                let wanted = if place == "demo" { 57 } else { 114 };
                assert_eq!(page.json["Summary"]["totalRecords"], wanted, "{}", page.text);
                assert_eq!(page.json["Summary"]["totalAmount"], wanted);
                let Some(token) = page.json["Summary"]["pageIdentifier"].as_str() else { break };
                let link = page.header("link").unwrap();
                assert!(link.contains(token) && link.contains("rel=\"next\""), "{link}");
                if seen.len() < 10 {
                    // What arrives meanwhile with an earlier date disturbs nothing.
                    record(&client, "demo", &[]).await;
                }
                path = link[1..link.find('>').unwrap()].to_owned();
            }
            let unique: std::collections::BTreeSet<&String> = seen.iter().collect();
            assert_eq!(
                (seen.len(), unique.len()),
                (unique.len(), if place == "demo" { 57 } else { 114 }),
                "{place} {order}"
            );
        }
    }
    let first = client.get("/api/Query/transactions/demo?limitRecord=7").await.expect(200);
    let token = first.json["Summary"]["pageIdentifier"].as_str().unwrap();
    client
        .get(&format!("/api/Query/transactions/second?limitRecord=7&pageIdentifier={token}"))
        .await
        .expect_error(400);
});

both!(rules_14_transactions_are_exported_as_files, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let ada =
        created(&client, "demo", &json!({"email": "ada@example.test", "customerNumber": "ACC-1"})).await;
    let mut all: Vec<Value> = (0..1_200)
        .map(|n| sale(n, Some(ada), "1.50", &format!("2026-03-01T{:02}:{:02}:00Z", n / 60, n % 60)))
        .collect();
    all[0]["description"] = "=1+1".into();
    for some in all.chunks(1_000) {
        record(&client, "demo", some).await;
    }
    let columns = "externalId,totalAmount:amount,customerNumber,description,additional-seat:seat";
    let csv =
        client.get(&format!("/api/Export/transactions/csv/demo?columnsExport={columns}")).await.expect(200);
    let lines: Vec<&str> = csv.text.split("\r\n").collect();
    assert_eq!(lines[0], "externalId,amount,customerNumber,description,seat");
    assert_eq!(lines[1], "T-0,1.5,ACC-1,'=1+1,0");
    assert_eq!((lines.len(), lines[1_200]), (1_202, "T-1199,1.5,ACC-1,,1199"));
    assert!(csv.header("content-disposition").unwrap().contains("transactions-demo-"));
    let some = client
        .get("/api/Query/transactions/demo?exportFormat=csv&totalAmount(gt)=1&fromRecord=5&limitRecord=3")
        .await;
    assert_eq!(some.expect(200).text.lines().count(), 4);
    let book = client.get("/api/Export/transactions/xlsx/org/1?limitRecord=2").await.expect(200);
    assert!(book.header("content-type").unwrap().contains("spreadsheetml") && book.text.starts_with("PK"));
    client.get("/api/Export/transactions/pdf/demo").await.expect_error(400);
    client.get("/api/Export/transactions/csv/demo?columnsExport=colour").await.expect_error(400);
});

both!(rules_15_customers_are_listed_by_what_they_paid, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let mut people = Vec::new();
    for number in 0..12 {
        people.push(created(&client, "demo", &json!({"email": format!("c{number}@example.test")})).await);
    }
    // Customer n has n sales of n dollars; the first three have none, and the last one only a declined one.
    let mut items = Vec::new();
    for (number, id) in people.iter().enumerate().skip(3) {
        for index in 0..number {
            let mut item = sale(
                number * 100 + index,
                Some(*id),
                &number.to_string(),
                &format!("2026-03-{:02}T10:00:00Z", 30 - number),
            );
            if number == 11 {
                item["status"] = "declined".into();
            }
            items.push(item);
        }
    }
    record(&client, "demo", &items).await;
    let listed = async |what: &str| -> Vec<usize> {
        let mut seen = Vec::new();
        let mut path = format!("/api/Query/customers/demo?{what}");
        loop {
            let page = client.get(&path).await.expect(200);
            for record in page.json["Records"].as_array().unwrap() {
                let id = record["customerId"].as_u64().unwrap();
                seen.push(people.iter().position(|known| *known == id).unwrap());
            }
            match page.header("link") {
                Some(link) => link[1..link.find('>').unwrap()].clone_into(&mut path),
                None => {
                    assert_eq!(page.json["Summary"]["totalRecords"], seen.len(), "{what}: {}", page.text);
                    return seen;
                }
            }
        }
    };
    for limit in ["", "&limitRecord=1", "&limitRecord=5"] {
        for (what, wanted) in [
            ("sortBy=desc(totalSpent)", vec![10, 9, 8, 7, 6, 5, 4, 3, 11, 2, 1, 0]),
            ("sortBy=asc(totalSpent)", vec![0, 1, 2, 11, 3, 4, 5, 6, 7, 8, 9, 10]),
            ("sortBy=desc(transactionCount)", vec![10, 9, 8, 7, 6, 5, 4, 3, 11, 2, 1, 0]),
            ("sortBy=asc(lastTransaction)", vec![0, 1, 2, 11, 10, 9, 8, 7, 6, 5, 4, 3]),
            ("sortBy=desc(lastTransaction)", vec![3, 4, 5, 6, 7, 8, 9, 10, 11, 2, 1, 0]),
            ("totalSpent(ge)=64&sortBy=asc(customerId)", vec![8, 9, 10]),
            ("totalSpent(lt)=16&sortBy=asc(customerId)", vec![0, 1, 2, 3, 11]),
            ("transactionCount=0&sortBy=asc(customerId)", vec![0, 1, 2, 11]),
            ("transactionCount(in)=4|5&sortBy=desc(customerId)", vec![5, 4]),
            ("lastTransaction(ge)=2026-03-26&sortBy=desc(lastTransaction)", vec![3, 4]),
            ("totalSpent(gt)=9&email(ct)=c1&sortBy=asc(customerId)", vec![10]),
            ("totalSpent(ge)=25&totalSpent(le)=49&sortBy=desc(totalSpent)", vec![7, 6, 5]),
        ] {
            assert_eq!(listed(&format!("{what}{limit}")).await, wanted, "{what}{limit}");
        }
    }
    let csv = client.get("/api/Export/customers/csv/demo?columnsExport=Email,transactionCount,totalSpent,lastTransaction&totalSpent(ge)=81");
    let csv = csv.await.expect(200);
    assert_eq!(
        csv.text,
        "Email,transactionCount,totalSpent,lastTransaction\r\nc9@example.test,9,81,2026-03-21T10:00:00.000000Z\r\n\
         c10@example.test,10,100,2026-03-20T10:00:00.000000Z\r\n"
    );
    let reader = server.anonymous().token(&token_with(server.site(), &["customers:read"]));
    for what in ["totalSpent(ge)=1", "sortBy=desc(transactionCount)"] {
        reader.get(&format!("/api/Query/customers/demo?{what}")).await.expect_error(403);
    }
});

both!(contract_12_5_what_a_customer_paid_over_time, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let ada = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let mut items = vec![sale(1, Some(ada), "10.00", "2020-03-01T10:00:00Z")];
    for number in 2..5 {
        let mut item = sale(number, Some(ada), "2.50", "2026-01-01T00:00:00Z");
        item.as_object_mut().unwrap().remove("occurredAt");
        items.push(item);
    }
    items[3]["status"] = "declined".into();
    record(&client, "demo", &items).await;
    let told = client.get(&format!("/api/Statistic/customerbasic/d30/d/{ada}")).await.expect(200);
    let all = told.json.as_array().unwrap();
    assert_eq!(all.len(), 30);
    let last = all.last().unwrap();
    for (name, value) in [
        ("inTransactions", json!(2)),
        ("inTransactionsVolume", json!(5)),
        ("count", json!(2)),
        ("volume", json!(5)),
    ] {
        assert_eq!(last[name], value, "{last}");
    }
    assert_eq!(last["statX"], last["interval"]);
    client.get(&format!("/api/Statistic/customerbasic/d30/y/{ada}")).await.expect_error(400);
    client.get(&format!("/api/Statistic/customerbasic/ever/d/{ada}")).await.expect_error(400);
    client.get("/api/Statistic/customerbasic/d30/d/999999").await.expect_error(404);
});

both!(rules_14_receipts_go_to_the_customer_who_paid, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let ada = created(&client, "demo", &json!({"email": "ada@example.test", "firstname": "Ada"})).await;
    let nameless = created(&client, "demo", &json!({"customerNumber": "N-1"})).await;
    let mut items = vec![
        sale(1, Some(ada), "10.00", "2026-03-01T10:00:00Z"),
        sale(2, Some(ada), "11.00", "2026-03-01T10:00:00Z"),
        sale(3, None, "12.00", "2026-03-01T10:00:00Z"),
        sale(4, Some(nameless), "13.00", "2026-03-01T10:00:00Z"),
    ];
    items[0]["description"] = "Two <seats>".into();
    items[1]["status"] = "declined".into();
    let told = client.post("/api/Transaction/demo", &json!(items)).await.expect(200);
    let place = |at: usize| {
        format!("/api/MoneyIn/sendreceipt/{}", told.json["items"][at]["transId"].as_str().unwrap())
    };
    client.get(&place(0)).await.expect(200);
    client.post(&format!("{}?email=ada@example.test", place(0)), &json!({})).await.expect(200);
    client.get(&format!("{}?email=eve@example.test", place(0))).await.expect_error(400);
    for (header, value) in [("Sec-Purpose", "prefetch"), ("X-Purpose", "preview"), ("X-Moz", "prefetch")] {
        client.header(header, value).get(&place(0)).await.expect_error(400);
    }
    // A guess at a masked address is refused, whether it is right or wrong.
    let clerk = server.anonymous().token(&token_with(server.site(), &["money:write", "customers:read"]));
    for address in ["ada@example.test", "eve@example.test"] {
        let refused = clerk.get(&format!("{}?email={address}", place(0))).await;
        assert_eq!(refused.expect_error(400).json["errors"][0]["code"], "masked_field");
    }
    for (at, code) in [(1, "not_paid"), (2, "unlinked"), (3, "no_email")] {
        let refused = client.get(&place(at)).await;
        refused.expect_error(409);
        assert_eq!(refused.json["errors"][0]["code"], code, "{}", refused.text);
    }
    let reader = server.anonymous().token(&token_with(server.site(), &["money:read"]));
    reader.get(&place(0)).await.expect_error(403);
    let folder = server.site().folder().join("data-0/mail");
    let mails = || {
        let files = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        files.filter_map(|file| std::fs::read_to_string(file.path()).ok()).collect::<Vec<_>>()
    };
    wait_until("both receipts are written", std::time::Duration::from_secs(20), async || mails().len() == 2)
        .await;
    for mail in mails() {
        assert!(mail.contains("Subject: Your receipt from") && mail.contains("Amount: 10.00 USD"), "{mail}");
        assert!(mail.contains("Two <seats>") && mail.contains("Two &lt;seats&gt;"), "{mail}");
        assert!(mail.contains("card") || mail.contains("ach •••• 4242"), "{mail}");
    }
    let outbox = client.get("/api/Mail/outbox/demo").await.expect(200);
    assert_eq!(outbox.json["Records"][0]["kind"], "receipt", "{}", outbox.text);
});

/// Sends a file of transactions.
async fn import(client: &Client, query: &str, file: &str) -> Answer {
    let request = client.request(reqwest::Method::POST, &format!("/api/Import/transactionsForm/demo{query}"));
    send(request.header("Content-Type", "text/csv").body(file.to_owned())).await
}

both!(rules_14_a_file_of_transactions_is_rehearsed_and_imported_exactly_once, |db| async {
    let mut server = Server::start(db).await;
    let client = master(&server);
    let ada =
        created(&client, "demo", &json!({"email": "ada@example.test", "customerNumber": "ACC-1"})).await;
    let mut file = String::from(
        "source,externalId,status,totalAmount,transactionDate,customerNumber,email,additional-seat\n",
    );
    file.push_str("shop,T-1,approved,10.50,2026-03-01,ACC-1,,12\n");
    file.push_str("shop,T-2,approved,much,2026-03-01,ACC-1,,\n");
    file.push_str("shop,T-3,approved,7,2026-03-02,,eve@example.test,\n");
    file.push_str("shop,T-4,declined,9,2026-03-02,,max@example.test,\n");
    file.push_str("shop,T-1,approved,10.50,2026-03-01,ACC-1,,12\n");
    file.push_str("shop,T-5,approved,1,2026-03-02,,4111 1111 1111 1111,\n");
    let counts = |answer: &Answer| {
        let data = answer.data();
        ["added", "merged", "matched", "rejected"].map(|name| data[name].as_u64().unwrap())
    };
    let rehearsed = import(&client, "?onUnknownCustomer=create&dryRun=true", &file).await.expect(200);
    assert_eq!(counts(&rehearsed), [3, 0, 1, 2], "{}", rehearsed.text);
    assert_eq!(ids(&query(&client, "").await), [] as [&str; 0]);
    assert_eq!(total(&client, "demo").await, 1);
    let done = import(&client, "?onUnknownCustomer=create", &file).await.expect(200);
    assert_eq!(counts(&done), [3, 0, 1, 2], "{}", done.text);
    assert_eq!(ids(&query(&client, "sortBy=asc(transactionDate)").await).len(), 3);
    assert_eq!(total(&client, "demo").await, 2, "an approved sale registers its customer");
    assert_eq!(ids(&query(&client, &format!("customerId={ada}")).await), ["T-1"]);
    let again = import(&client, "?onUnknownCustomer=create", &file).await.expect(200);
    assert_eq!(again.data()["repeated"], true, "{}", again.text);
    let anew = import(&client, "?onUnknownCustomer=create&again=true", &file).await.expect(200);
    assert_eq!(counts(&anew), [0, 0, 4, 2], "{}", anew.text);
    let job = done.data()["jobId"].as_u64().unwrap();
    let rows = client.get(&format!("/api/Import/jobs/demo/{job}/rows?outcome=rejected")).await.expect(200);
    assert!(rows.text.contains("invalid_amount") && rows.text.contains("raw_card_data"), "{}", rows.text);
    assert!(!rows.text.contains("4111"), "{}", rows.text);
    let rejected = client.get(&format!("/api/Import/jobs/demo/{job}/rejected.csv")).await.expect(200);
    assert!(rejected.text.contains("T-2") && rejected.text.contains("much"), "{}", rejected.text);
    let lines = "{\"source\":\"shop\",\"externalId\":\"L-1\",\"status\":\"approved\",\"amount\":\"1.50\"}\n{\"source\":\"shop\"}\n";
    let request = client.request(reqwest::Method::POST, "/api/Import/transactionsForm/demo");
    let told = send(request.header("Content-Type", "application/x-ndjson").body(lines)).await.expect(200);
    assert_eq!(counts(&told), [1, 0, 0, 1], "{}", told.text);
    for (query, file, code) in [
        ("", "source,externalId,status\nshop,1,approved\n", "required"),
        ("", "source,externalId,status,amount,colour\nshop,1,approved,1,red\n", "unknown_column"),
        ("?replaceExisting=1", "source,externalId,status,amount\n", "unknown_parameter"),
        ("?map=colour:nothing", "source,externalId,status,amount\n", "unknown_field"),
    ] {
        let refused = import(&client, query, file).await;
        refused.expect_error(400);
        assert_eq!(refused.json["errors"][0]["code"], code, "{}", refused.text);
    }
    // Killed in the middle, a job goes on where it was.
    let mut large = String::from("source,externalId,status,amount,customerNumber\n");
    for number in 0..3_000 {
        writeln!(large, "big,B-{number},approved,1.00,ACC-1").unwrap();
    }
    let queued = import(&client, "?async=true", &large).await.expect(202);
    let place = queued.header("location").unwrap().to_owned();
    for _ in 0..3 {
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
        server.kill9();
        server.restart().await;
    }
    wait_until("the import is over", std::time::Duration::from_secs(90), async || {
        client.get(&place).await.expect(200).json["state"] == "finished"
    })
    .await;
    let big = query(&client, "source=big&limitRecord=1").await;
    assert_eq!(
        (&big.json["Summary"]["totalRecords"], &big.json["Summary"]["totalAmount"]),
        (&json!(3_000), &json!(3_000))
    );
    assert_eq!(client.get(&place).await.expect(200).json["added"], 3_000);
    server.cli(&["doctor", "--deep"]).success();
});
