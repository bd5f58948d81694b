//! Files of transactions: dates, names of customers, and the command line.

use super::*;
use crate::support::*;

async fn import(client: &Client, query: &str, file: &str) -> Answer {
    let request = client.request(reqwest::Method::POST, &format!("/api/Import/transactionsForm/demo{query}"));
    send(request.header("Content-Type", "text/csv").body(file.to_owned())).await
}

/// A member of each transaction, oldest first.
async fn members(client: &Client, name: &str) -> Vec<Value> {
    let path = "/api/Query/transactions/demo?limitRecord=0&sortBy=asc(transactionDate)";
    let list = client.get(path).await.expect(200);
    list.json["Records"].as_array().unwrap().iter().map(|it| it[name].clone()).collect()
}

both!(rules_9_a_file_of_transactions_says_how_its_dates_are_written, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let file = "source,externalId,status,amount,occurredAt\n\
                shop,D-1,approved,1,03/04/2025\nshop,D-2,approved,1,03/04/2025 09:30\n\
                shop,D-3,approved,1,2025-05-01\nshop,D-4,approved,1,2025-05-02T10:00:00+02:00\n";
    let refused = import(&client, "", file).await.expect(200);
    assert_eq!((&refused.data()["added"], &refused.data()["rejected"]), (&json!(2), &json!(2)));
    let rows = format!("/api/Import/jobs/demo/{}/rows?outcome=rejected", refused.data()["jobId"]);
    let rows = client.get(&rows).await.expect(200);
    let problem = &rows.json["Records"][0]["problems"][0];
    assert_eq!((&problem["field"], &problem["code"]), (&json!("occurredAt"), &json!("invalid_time")));
    assert!(rows.text.contains("DD/MM/YYYY"), "{}", rows.text);
    let done = import(&client, "?dateFormat=DD/MM/YYYY", file).await.expect(200);
    assert_eq!((&done.data()["added"], &done.data()["rejected"]), (&json!(2), &json!(0)), "{}", done.text);
    let times = members(&client, "TransactionTime").await;
    let wanted = [
        "2025-04-03T00:00:00.000000Z",
        "2025-04-03T09:30:00.000000Z",
        "2025-05-01T00:00:00.000000Z",
        "2025-05-02T08:00:00.000000Z",
    ];
    assert_eq!(times, wanted.map(|time| json!(time)));
    import(&client, "?dateFormat=MM-YYYY", file).await.expect_error(400);
});

both!(rules_14_a_row_whose_reference_leads_to_nobody_is_found_by_its_other_columns, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let reference = json!([{"system": "stripe", "externalId": "cus_1"}]);
    let ada = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let ben = created(&client, "demo", &json!({"email": "ben@example.test", "references": reference})).await;
    let file = "source,externalId,status,amount,occurredAt,reference-stripe,email\n\
                shop,W-1,approved,1,2025-01-01,cus_9,ada@example.test\n\
                shop,W-2,approved,1,2025-01-02,cus_1,ada@example.test\n\
                shop,W-3,approved,1,2025-01-03,cus_7,\n\
                shop,W-4,approved,1,2025-01-04,cus_8,eve@example.test\n\
                shop,W-5,approved,1,2025-01-05,cus_8,\n";
    let done = import(&client, "?onUnknownCustomer=create", file).await.expect(200);
    assert_eq!((&done.data()["added"], &done.data()["rejected"]), (&json!(5), &json!(0)), "{}", done.text);
    let owners = members(&client, "customerId").await;
    assert_eq!(owners[..3], [json!(ada), json!(ben), Value::Null]);
    assert!(
        owners[3].is_u64() && owners[3] == owners[4],
        "the reference of a new customer leads to it: {owners:?}"
    );
});

both!(rules_9_the_command_line_imports_transactions, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let site = server.site();
    let folder = site.folder();
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let file = write(
        "payments.csv",
        "source,externalId,status,amount,occurredAt,email\nshop,C-1,approved,5,04/03/2025,ada@example.test\n",
    );
    let with = ["--kind", "transactions", "--on-unknown-customer", "create", "--date-format", "DD/MM/YYYY"];
    let mut args = vec!["import", &file, "--entry", "demo"];
    args.extend(with);
    site.cli(&args).success();
    assert_eq!(members(&client, "TransactionTime").await, [json!("2025-03-04T00:00:00.000000Z")]);
    assert_eq!(total(&client, "demo").await, 1);
    // Through a server as well.
    let file = write("more.csv", "source,externalId,status,amount\nshop,C-2,approved,5\n");
    let url = server.base();
    let scopes = ["customers:import", "money:write", "pii:read"];
    let token = token_with(site, &scopes);
    site.cli(&[
        "import",
        &file,
        "--entry",
        "demo",
        "--kind",
        "transactions",
        "--server",
        &url,
        "--token",
        &token,
    ])
    .success();
    assert_eq!(members(&client, "externalId").await, [json!("C-1"), json!("C-2")]);
    let people = write("people.csv", "email\neve@example.test\n");
    site.cli(&["import", &people, "--entry", "demo"]).success();
    let jobs = client.get("/api/Import/jobs/demo").await.expect(200);
    let kinds: Vec<&str> =
        jobs.json["Records"].as_array().unwrap().iter().map(|job| job["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["customers", "transactions", "transactions"], "{}", jobs.text);
    // What is not for transactions is refused before the file is read.
    let refused =
        site.cli(&["import", &file, "--entry", "demo", "--kind", "transactions", "--replace-existing"]);
    assert!(!refused.status.success() && refused.stderr.contains("replaceExisting"), "{refused:?}");
});

both!(rules_9_a_dry_run_of_transactions_tells_what_the_import_will_do, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    created(&client, "demo", &json!({"email": "p0@example.test"})).await;
    record(&client, &[sale("T-3", 5)]).await;
    let mut rng = seeded();
    let mut file = String::from("source,externalId,operation,status,amount,occurredAt,refundOf,email\n");
    // More than a step holds, so that rows meet what earlier steps would have done.
    for _ in 0..400 {
        let (number, day) = (rng.u8(..60), rng.u8(1..28));
        let row = if rng.u8(..3) == 0 {
            let id = format!("R-{}", rng.u8(..60));
            format!("shop,{id},refund,approved,1,2025-03-{day:02},T-{number},")
        } else {
            let status = ["approved", "authorised", "declined"][rng.usize(..3)];
            format!("shop,T-{number},sale,{status},5,2025-01-{day:02},,p{}@example.test", number % 7)
        };
        file.push_str(&row);
        file.push('\n');
    }
    let rehearsed = import(&client, "?onUnknownCustomer=create&dryRun=true", &file).await.expect(200);
    let job = rehearsed.data()["jobId"].clone();
    let counts = |answer: &Value| ["added", "merged", "matched", "rejected"].map(|name| answer[name].clone());
    let said = counts(rehearsed.data());
    assert!(said.iter().all(|number| number.as_u64() > Some(0)), "{said:?}");
    assert_eq!(total(&client, "demo").await, 1, "a dry run registers nobody");
    let queued = client.post(&format!("/api/Import/jobs/demo/{job}/commit"), &Value::Null).await.expect(202);
    let import = format!("/api/Import/jobs/demo/{}", queued.json["jobId"]);
    let done = loop {
        let job = client.get(&import).await.expect(200);
        if job.json["state"] == "finished" {
            break job;
        }
        assert!(!["failed", "cancelled"].contains(&job.json["state"].as_str().unwrap()), "{}", job.text);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert_eq!(counts(&done.json), said, "{}", done.text);
    let rows = client.get(&format!("{import}/rows?limitRecord=500")).await.expect(200);
    let rows = rows.json["Records"].as_array().unwrap();
    assert_eq!(rows.len(), 400);
    for row in rows {
        assert_eq!(row["changedSinceDryRun"], false, "{row}");
    }
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_14_our_own_export_means_the_same_elsewhere, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    new_entry(server.site(), "other", &[]);
    // The ids of the two entrypoints name different people.
    let people = ["ada", "bob", "cid"]
        .map(|name| json!({"email": format!("{name}@example.test"), "customerNumber": format!("N-{name}")}));
    let mut ids = Vec::new();
    for person in &people {
        ids.push(created(&client, "demo", person).await);
    }
    for person in people.iter().rev() {
        created(&client, "other", person).await;
    }
    let begun = |id: &str, status: &str, day: &str, more: Value| {
        let own = json!({"status": status, "occurredAt": format!("2025-0{day}T10:00:00Z")});
        with(with(sale(id, 10), own), more)
    };
    record(
        &client,
        &[
            begun("A", "approved", "1-02", json!({"customerId": ids[0]})),
            begun("B", "approved", "1-03", json!({"customerId": ids[1], "fee": 0.5})),
            begun(
                "C",
                "approved",
                "1-04",
                json!({"customerId": ids[2], "net": 9, "additionalData": {"seat": "12"}}),
            ),
            begun("D", "initiated", "1-05", json!({"customerId": ids[0]})),
            begun("D", "approved", "2-05", json!({})),
            begun("D", "voided", "3-05", json!({})),
            begun("E", "approved", "1-06", json!({})),
            begun("R", "approved", "1-07", json!({"operation": "refund", "refundOf": "A", "amount": 4})),
        ],
    )
    .await;
    let columns = "columnsExport=source,externalId,operation,status,totalAmount,netAmount,feeAmount,transactionDate,statusAt,\
                   refundedAmount,refundOf,customerNumber,email,additionalData";
    let shown = async |entry: &str| {
        let path = format!("/api/Export/transactions/csv/{entry}?{columns}&sortBy=asc(transactionDate)");
        client.get(&path).await.expect(200).text
    };
    let export = client.get("/api/Export/transactions/csv/demo").await.expect(200).text;
    assert!(!export.lines().next().unwrap().contains("customerId"), "{export}");
    for entry in ["other", "demo"] {
        let request = client.request(reqwest::Method::POST, &format!("/api/Import/transactionsForm/{entry}"));
        let done = send(request.header("Content-Type", "text/csv").body(export.clone())).await.expect(200);
        let wanted = if entry == "demo" { ("matched", 6) } else { ("added", 6) };
        assert_eq!(done.data()[wanted.0], wanted.1, "{entry}: {}", done.text);
    }
    let before = shown("demo").await;
    assert_eq!(shown("other").await, before);
    // A later fee counts, and an earlier state is no news.
    let late =
        [begun("A", "approved", "1-08", json!({"fee": "0.50"})), begun("D", "approved", "2-05", json!({}))];
    for entry in ["demo", "other"] {
        let told = client.post(&format!("/api/Transaction/{entry}"), &json!(late)).await.expect(200);
        assert_eq!(results(&told), ["moved", "unchanged"], "{entry}: {}", told.text);
    }
    assert!(shown("demo").await.contains("9.5,0.5"), "{}", shown("demo").await);
    assert_eq!(shown("other").await, shown("demo").await);
    // A report says what a row changed.
    let file = "source,externalId,status,amount,occurredAt,fee,description\nshop,B,approved,10,2025-01-09,0.7,Seats\n";
    let done = import(&client, "", file).await.expect(200);
    let rows = client.get(&format!("/api/Import/jobs/demo/{}/rows", done.data()["jobId"])).await.expect(200);
    assert_eq!(rows.json["Records"][0]["changed"], json!(["fee", "description"]), "{}", rows.text);
    let refused = import(&client, "", "source,transId,status,amount\nshop,1,1,5\n").await;
    assert!(refused.expect_error(400).text.contains("map=transId:externalId"), "{}", refused.text);
});

both!(rules_9_a_dry_run_knows_a_refund_that_is_told_for_another_sale, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let row = |id: &str, day: u8, status: &str, refund_of: &str| {
        let operation = if refund_of.is_empty() { "sale" } else { "refund" };
        format!("shop,{id},{operation},{status},4,2025-01-{day:02},{refund_of}\n")
    };
    let refund_of_a = with(
        sale("R", 4),
        json!({"operation": "refund", "refundOf": "A", "occurredAt": "2025-01-02T00:00:00Z"}),
    );
    record(&client, &[refund_of_a, sale("B", 4)]).await;
    let mut file = String::from("source,externalId,operation,status,amount,occurredAt,refundOf\n");
    file += &row("R", 9, "declined", "B");
    // The next rows are those of another step.
    (0..60).for_each(|number| file += &row(&format!("F-{number}"), 5, "approved", ""));
    file += &row("A", 3, "approved", "");
    file += &row("R", 8, "approved", "A");
    file += &row("R", 9, "declined", "B");
    let outcomes = async |query: &str| {
        let done = import(&client, query, &file).await.expect(200);
        let path = format!("/api/Import/jobs/demo/{}/rows?limitRecord=100", done.data()["jobId"]);
        let rows = client.get(&path).await.expect(200).json["Records"].as_array().unwrap().clone();
        rows.iter().map(|row| (row["outcome"].clone(), row["changed"].clone())).collect::<Vec<_>>()
    };
    let said = outcomes("?dryRun=true").await;
    assert_eq!(outcomes("").await, said);
});
