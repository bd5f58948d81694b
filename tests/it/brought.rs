//! What a platform brings along with its customers (rules 9 and 13): stored methods in columns, and whole customers as JSON
//! lines; and lists by the status of the methods.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;

async fn import_as(client: &Client, kind: &str, target: &str, file: &str) -> Answer {
    let request = client
        .request(Method::POST, &format!("/api/Import/customersForm/{target}"))
        .header("Content-Type", kind);
    send(request.body(file.to_owned())).await.expect(200)
}

async fn import(client: &Client, target: &str, file: &str) -> Value {
    import_as(client, "text/csv", target, file).await.data().clone()
}

async fn import_lines(client: &Client, target: &str, lines: &str) -> Value {
    import_as(client, "application/x-ndjson", target, lines).await.data().clone()
}

async fn export(client: &Client, entry: &str, columns: &str) -> String {
    let path = format!("/api/Export/customers/csv/{entry}?columnsExport={columns}");
    client.get(&path).await.expect(200).text
}

async fn methods(client: &Client, id: u64) -> Vec<Value> {
    let list = client.get(&format!("{}/methods", path(id))).await.expect(200);
    list.json["Records"].as_array().expect("records").clone()
}

/// The tokens of a customer, the default one first.
async fn tokens(client: &Client, id: u64) -> Vec<String> {
    let all = methods(client, id).await;
    all.iter().map(|one| one["providerMethodId"].as_str().expect("a token").to_owned()).collect()
}

/// The id of the customer with a number.
async fn numbered(client: &Client, number: &str) -> u64 {
    let list =
        client.get(&format!("/api/Query/customers/demo?customerNumber(eq)={number}")).await.expect(200);
    list.json["Records"][0]["customerId"].as_u64().unwrap_or_else(|| panic!("no {number}: {}", list.text))
}

const COLUMNS: &str = "customerNumber,method-provider,method-providerMethodId,method-method,method-last4,method-expMonth,\
    method-expYear,method-holderName,Method-2-Provider,method-2-providerMethodId,method-2-method,method-2-isDefault";

both!(rules_13_files_bring_methods_in_and_out, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    new_entry(server.site(), "copy", &[]);
    let file = format!(
        "{COLUMNS}\nA-1,stripe,pm_1,card,4242,4,2090,Ada Roe,stripe,pm_2,ach,yes\nA-2,adyen,tok_9,Wallet,,,,,,,,\nA-3,,,,,,,,,,,\n"
    );
    import(&client, "demo?dryRun=true", &file).await;
    let sql = "SELECT count(*) AS value FROM customer WHERE methods IS NOT NULL";
    assert_eq!(Sql::open(server.site()).number(sql), 0, "a dry run writes none");
    let data = import(&client, "demo", &file).await;
    assert_eq!((&data["added"], &data["rejected"]), (&json!(3), &json!(0)), "{data}");
    let ada = numbered(&client, "A-1").await;
    assert_eq!(tokens(&client, ada).await, ["pm_2", "pm_1"]);
    let card = methods(&client, ada).await[1].clone();
    assert_eq!(
        (&card["holderName"], &card["expMonth"], &card["last4"], &card["isDefault"]),
        (&json!("Ada Roe"), &json!(4), &json!("4242"), &json!(false))
    );
    assert_eq!(methods(&client, numbered(&client, "A-3").await).await, [Value::Null; 0]);
    let events = "SELECT count(*) AS value FROM event WHERE kind = 'method.created'";
    assert_eq!(Sql::open(server.site()).number(events), 3);

    // The file again adds nothing; merged, a row changes what it says of a method that is there.
    import(&client, "demo?again=true", &file).await;
    let before = methods(&client, ada).await;
    assert_eq!(before.len(), 2);
    let other = "customerNumber,method-provider,method-providerMethodId,method-method,method-brand\nA-1,stripe,pm_1,card,visa\n";
    import(&client, "demo", other).await;
    assert_eq!(methods(&client, ada).await, before);
    let version = etag(&client.get(&path(ada)).await.expect(200));
    import(&client, "demo?mergeExisting=1", other).await;
    let after = methods(&client, ada).await;
    assert_eq!((&after[1]["brand"], &after[1]["methodId"]), (&json!("visa"), &before[1]["methodId"]));
    assert_eq!((&after[0], after.len()), (&before[0], 2));
    // The version of the record stays, the rendering changes.
    let newer = etag(&client.get(&path(ada)).await.expect(200));
    assert_eq!(version.split('-').next(), newer.split('-').next());
    assert_ne!(version, newer);

    // Out, in and out again is the same, whichever columns hold the methods.
    for (copy, columns) in [("copy", "customerNumber,Methods"), ("copy2", COLUMNS)] {
        if copy != "copy" {
            new_entry(server.site(), copy, &[]);
        }
        let exported = export(&client, "demo", columns).await;
        assert!(exported.contains("pm_2") && exported.contains("tok_9"), "{exported}");
        let data = import(&client, copy, &exported).await;
        assert_eq!((&data["added"], &data["rejected"]), (&json!(3), &json!(0)), "{data}");
        assert_eq!(export(&client, copy, columns).await, exported);
    }
    // Masked tokens leave in masks, and do not come back.
    let masked = server
        .anonymous()
        .token(&token_with(server.site(), &["customers:export", "customers:import", "customers:read"]));
    let hidden = export(&masked, "demo", "customerNumber,Methods,method-last4,method-holderName").await;
    assert!(!hidden.contains("pm_") && !hidden.contains("Ada Roe") && hidden.contains("4242"), "{hidden}");
    let data = import(&client, "demo?mergeExisting=1", &hidden).await;
    assert_eq!(data["rejected"], 2, "{data}");

    // Bad cells are named by their columns.
    for (header, cells, note) in [
        ("method-provider", "stripe", "method-providerMethodId: is required for a new method"),
        ("method-2-last4", "12345", "method-2-last4: must be the last four digits"),
        ("method-3-expMonth", "May", "method-3-expMonth: must be an integer"),
        ("method-isDefault", "maybe", "method-isDefault: must be true or false"),
        ("Methods", "x", "methods: must be a JSON array of stored methods"),
        ("Methods", "\"[{\"\"provider\"\": \"\"a b\"\"}]\"", "methods/0/provider: must be 1–40"),
        ("method-holderName", "4111 1111 1111 1111", "method-holderName"),
        ("Methods", "\"[{\"\"brand\"\": \"\"4111111111111111\"\"}]\"", "methods"),
    ] {
        let answer = import_as(
            &client,
            "text/csv",
            "demo?dryRun=true",
            &format!("customerNumber,{header}\nX-1,{cells}\n"),
        )
        .await;
        assert!(answer.text.contains(note), "{header} {cells}: {}", answer.text);
        assert!(!answer.text.contains("4111"), "{}", answer.text);
    }
    // One too many is refused as on the route.
    let entry = client.put("/api/Paypoint/settings/demo", &setting("maxMethods", "2")).await;
    entry.expect(200);
    let third =
        "customerNumber,method-provider,method-providerMethodId,method-method\nA-1,stripe,pm_3,card\n";
    let answer = import_as(&client, "text/csv", "demo", third).await;
    assert!(answer.text.contains("methods; at most 2 are allowed"), "{}", answer.text);
    assert_eq!(Sql::open(server.site()).number(sql::SEQ_GAPS), 0);
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_13_an_import_loses_no_token_of_an_account_that_comes_twice, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let one = |token: &str, print: Option<&str>| json!({"provider": "adyen", "providerMethodId": token, "method": "wallet", "fingerprint": print});
    let default = |token: &str| json!({"provider": "adyen", "providerMethodId": token, "method": "ach", "isDefault": true});
    let twice = [
        (json!([one("a", Some("P")), one("b", Some("P"))]), "methods/1/fingerprint"),
        (json!([one("a", None), one("c", None), one("a", None)]), "methods/2/providerMethodId"),
        (json!([default("a"), default("b")]), "methods/1/isDefault"),
    ];
    for (number, (methods, field)) in twice.into_iter().enumerate() {
        let line = json!({"customerNumber": format!("D-{number}"), "methods": methods}).to_string();
        for options in ["dryRun=true", "x", "mergeExisting=1", "replaceExisting=1"] {
            let target = format!("demo?{}", options.trim_start_matches('x'));
            let data = import_lines(&client, &target, &line).await;
            assert_eq!((&data["added"], &data["rejected"]), (&json!(0), &json!(1)), "{options} {data}");
            assert!(data["errors"].to_string().contains(field), "{options} {data}");
        }
    }
    // As columns, and as a cell of JSON.
    let header = "customerNumber,method-provider,method-providerMethodId,method-method,method-fingerprint,\
        method-3-provider,method-3-providerMethodId,method-3-method,method-3-fingerprint";
    let data = import(&client, "demo", &format!("{header}\nE-1,adyen,x,card,Q,adyen,y,card,Q\n")).await;
    assert!(data["errors"].to_string().contains("method-3-fingerprint"), "{data}");
    let cell = json!([one("x", None), one("x", None)]).to_string().replace('"', "\"\"");
    let data = import(&client, "demo", &format!("customerNumber,Methods\nE-1,\"{cell}\"\n")).await;
    assert_eq!(data["rejected"], 1, "{data}");
    // With `blank`, the bad list is left out and said to be.
    let data =
        import(&client, "demo?onBadValue=blank", &format!("customerNumber,Methods\nE-2,\"{cell}\"\n")).await;
    assert_eq!((&data["added"], &data["warnings"]), (&json!(1), &json!(1)), "{data}");
    // Another provider may use the same names.
    let other = json!({"provider": "other", "providerMethodId": "b", "method": "card", "fingerprint": "P"});
    let line = json!({"customerNumber": "E-3", "methods": [one("a", Some("P")), other]}).to_string();
    assert_eq!(import_lines(&client, "demo", &line).await["added"], 1);

    // Neither does a later row or file put another token in the place of the stored one, or leave it out.
    let id = numbered(&client, "E-3").await;
    let line = |token: &str, print: &str| {
        json!({"customerNumber": "E-3", "methods": [one(token, Some(print))]}).to_string()
    };
    for options in ["", "mergeExisting=1", "replaceExisting=1"] {
        let data = import_lines(&client, &format!("demo?{options}"), &line("z", "P")).await;
        assert_eq!(data["rejected"], 1, "{options}: {data}");
        assert!(data["errors"].to_string().contains("fingerprint: is the same"), "{options}: {data}");
        assert_eq!(tokens(&client, id).await, ["a", "b"], "{options}");
    }
    // The same token is the same method, whose fingerprint may be another by now.
    let data = import_lines(&client, "demo?mergeExisting=1", &line("a", "P2")).await;
    assert_eq!(data["rejected"], 0, "{data}");
    assert_eq!(methods(&client, id).await[0]["fingerprint"], "P2");
});

both!(rules_1_a_masked_file_brings_no_masks_back, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let line = json!({"customerNumber": "M-1", "comments": ["Said *** twice.", "Called."],
        "methods": [{"provider": "adyen", "providerMethodId": "a", "method": "card", "holderName": "Bea Moss"}]});
    let other = json!({"customerNumber": "M-2"});
    assert_eq!(import_lines(&client, "demo", &format!("{line}\n{other}")).await["added"], 2);
    let id = numbered(&client, "M-1").await;
    let before = client.get(&format!("{}/details", path(id))).await.expect(200).json;

    // Who must not read comments cannot see who has some.
    let masked =
        server.anonymous().token(&token_with(server.site(), &["customers:export", "customers:read"]));
    for place in ["Export/customers/csv/demo", "Export/customers/csv/org/1", "Export/customers/xlsx/demo"] {
        let answer = masked.get(&format!("/api/{place}?columnsExport=customerNumber,comment")).await;
        answer.expect_error(403);
        assert!(answer.text.contains("pii:read"), "{}", answer.text);
    }
    let listed = "/api/Query/customers/demo?exportFormat=csv&columnsExport=customerNumber,Comment";
    masked.get(listed).await.expect_error(403);
    client.get(listed).await.expect(200);
    let hidden = export(&masked, "demo", "customerNumber,method-holderName").await;
    assert!(hidden.contains("M-1,***"), "{hidden}");

    for file in
        ["customerNumber,comment\nM-1,***\nM-2, *** \n", "customerNumber,Comment\nM-1,\"***\n\"\nM-2,***\n"]
    {
        let data = import(&client, "demo", file).await;
        assert_eq!(data["rejected"], 2, "{data}");
        assert!(data.to_string().contains("masked_value"), "{data}");
    }
    for comments in [json!(["***"]), json!([{"text": "***", "pinned": true}]), json!(["Well.", "***"])] {
        let line = json!({"customerNumber": "M-1", "comments": comments}).to_string();
        assert_eq!(import_lines(&client, "demo", &line).await["rejected"], 1, "{line}");
    }
    // A mask beside the token stands for what is stored.
    let line = |holder: &str, postal: Option<&str>| {
        json!({"customerNumber": "M-1", "methods": [{"provider": "adyen", "providerMethodId": "a", "method": "card",
            "holderName": holder, "postalCode": postal}]}).to_string()
    };
    let data = import_lines(&client, "demo?mergeExisting=1", &line("***", None)).await;
    assert_eq!(data["rejected"], 0, "{data}");
    let data = import_lines(&client, "demo?mergeExisting=1", &line("***", Some("***"))).await;
    assert_eq!(data["rejected"], 1, "{data}");
    assert_eq!(client.get(&format!("{}/details", path(id))).await.expect(200).json, before);
});

fn setting(key: &str, value: &str) -> Value {
    json!({"general": [{"key": key, "readOnly": false, "value": value}]})
}

both!(rules_8_lists_filter_by_the_status_of_the_default_method, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let rows = [
        json!({"customerNumber": "none"}),
        json!({"customerNumber": "active", "methods": [{"provider": "a", "providerMethodId": "1", "method": "card"}]}),
        json!({"customerNumber": "expired", "methods": [
            {"provider": "a", "providerMethodId": "1", "method": "card", "expMonth": 1, "expYear": 2020},
            {"provider": "a", "providerMethodId": "2", "method": "card"}]}),
        json!({"customerNumber": "manual", "methods": [{"provider": "a", "providerMethodId": "1", "method": "other"}]}),
    ];
    let lines = rows.map(|row| row.to_string()).join("\n");
    assert_eq!(import_lines(&client, "demo", &lines).await["added"], 4);
    let masked =
        server.anonymous().token(&token_with(server.site(), &["customers:read", "customers:export"]));
    for (condition, wanted) in [
        ("paymentMethodStatus=active", vec!["active"]),
        ("paymentMethodStatus(eq)=Expired", vec!["expired"]),
        ("paymentmethodstatus(ne)=None", vec!["active", "expired", "manual"]),
        ("paymentMethodStatus(in)=None|Manual", vec!["manual", "none"]),
        ("paymentMethodStatus(nin)=None|Manual", vec!["active", "expired"]),
        ("paymentMethodStatus=Insufficient%20funds", vec![]),
        ("paymentMethodStatus(in)=Expiring%20soon|Invalid", vec![]),
    ] {
        for reader in [&client, &masked] {
            let list = reader.get(&format!("/api/Query/customers/demo?{condition}")).await.expect(200);
            let records = list.json["Records"].as_array().expect("records");
            let mut found: Vec<&str> =
                records.iter().filter_map(|record| record["customerNumber"].as_str()).collect();
            found.sort_unstable();
            assert_eq!(found, wanted, "{condition}");
            assert_eq!(list.json["Summary"]["totalRecords"], wanted.len(), "{condition}");
        }
    }
    let exported = export(&masked, "demo", "customerNumber,PaymentMethodStatus").await;
    assert_eq!(
        exported.lines().collect::<Vec<_>>(),
        [
            "customerNumber,PaymentMethodStatus",
            "none,None",
            "active,Active",
            "expired,Expired",
            "manual,Manual"
        ]
    );
    let refused = client.get("/api/Query/customers/demo?paymentMethodStatus=gone").await;
    refused.expect_error(400);
    assert!(refused.text.contains("must be one of Active, Insufficient funds"), "{}", refused.text);
    client.get("/api/Query/customers/demo?paymentMethodStatus(ct)=a").await.expect_error(400);
    // It depends on the time, so no page of such an order would fit the next.
    client.get("/api/Query/customers/demo?sortBy=asc(paymentMethodStatus)").await.expect_error(400);
});

both!(rules_9_json_lines_bring_customers_with_everything, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let whole = json!({
        "customerNumber": "J-1", "email": "ada@example.test", "fullname": "Ada \"A\" Roe", "balance": 12.5, "labels": ["vip", "a;b"],
        "createdAt": "2024-05-06T07:08:09Z", "additionalFields": {"tier": "gold"},
        "addresses": [{"address": "9 Elm Row", "city": "Oakton", "isDefaultBilling": true}, {"address": "3 Oak Court", "name": "Ada"}],
        "references": [{"system": "shop", "externalId": "7"}, {"system": "stripe", "externalId": "cus_9"}],
        "methods": [{"provider": "stripe", "providerMethodId": "pm_1", "method": "card", "last4": "4242"},
                    {"provider": "stripe", "providerMethodId": "pm_2", "method": "ach", "isDefault": true}],
        "comments": ["Called.\nTwice.", {"text": "Pays late", "pinned": true}],
    });
    let bad = json!({"customerNumber": "J-2", "email": "nobody", "methods": [{"provider": "stripe", "method": "card"}]});
    let lines = format!(
        "{whole}\r\n\n{bad}\n[1]\n{{\"customerNumber\": \"J-3\", \"createdAt\": \"2024-05-06\", \"birthday\": \"24-08-1990\"}}\n{{\"customerNumber\": \"J-4\""
    );

    let dry = import_lines(&client, "demo?dryRun=true", &lines).await;
    assert_eq!((&dry["added"], &dry["rejected"]), (&json!(2), &json!(3)), "{dry}");
    assert_eq!(client.list("demo").await.len(), 0);
    let data = import_lines(&client, "demo", &lines).await;
    assert_eq!((&data["added"], &data["rejected"]), (&json!(2), &json!(3)), "{data}");
    let errors = data["errors"].as_array().expect("errors").clone();
    let says = |line: u64, what: &str| {
        let begin = format!("Error on line {line}: ");
        errors.iter().filter_map(Value::as_str).any(|error| error.starts_with(&begin) && error.contains(what))
    };
    for (line, what) in [
        (3, "email: "),
        (3, "methods/0/providerMethodId: is required"),
        (4, "must be one JSON object"),
        (6, "must be one JSON object"),
    ] {
        assert!(says(line, what), "{line}: {what} in {errors:?}");
    }
    let ada = numbered(&client, "J-1").await;
    let page = client.get(&format!("{}/details", path(ada))).await.expect(200).json;
    let record = &page["record"];
    assert_eq!(
        (&record["Fullname"], &record["Labels"], &record["Created"], &record["AdditionalFields"]),
        (
            &json!("Ada \"A\" Roe"),
            &json!(["vip", "a;b"]),
            &json!("2024-05-06T07:08:09.000000Z"),
            &json!({"tier": "gold"})
        )
    );
    assert_eq!((&record["Address"], &record["City"]), (&json!("9 Elm Row"), &json!("Oakton")));
    assert_eq!(record["References"], whole["references"]);
    assert_eq!(record["Addresses"].as_array().map(Vec::len), Some(2));
    assert_eq!(tokens(&client, ada).await, ["pm_2", "pm_1"]);
    let texts: Vec<&Value> =
        page["comments"]["Records"].as_array().expect("comments").iter().map(|it| &it["text"]).collect();
    assert_eq!(texts, ["Pays late", "Called.\nTwice."]);
    assert_eq!(page["comments"]["Records"][0]["pinned"], true);

    let third = read(&client, numbered(&client, "J-3").await).await.json;
    assert_eq!(
        (&third["Created"], &third["Birthday"]),
        (&json!("2024-05-06T00:00:00.000000Z"), &json!("1990-08-24"))
    );

    // The same file is the same import; again, it doubles nothing.
    let repeated = import_lines(&client, "demo", &lines).await;
    assert_eq!((&repeated["repeated"], &repeated["jobId"]), (&json!(true), &data["jobId"]));
    import_lines(&client, "demo?again=true&mergeExisting=1", &lines).await;
    let after = client.get(&format!("{}/details", path(ada))).await.expect(200).json;
    assert_eq!(after, page);

    // The rejected rows are a table whose column is the line; corrected, it is imported.
    let job = format!("/api/Import/jobs/demo/{}", data["jobId"]);
    let rejected = client.get(&format!("{job}/rejected.csv")).await.expect(200).text;
    assert!(rejected.starts_with("\u{feff}importLine,importError,json\r\n3,"), "{rejected}");
    assert_eq!(rejected.lines().count(), 4, "{rejected}");
    let mended = rejected
        .replace("nobody", "bob@example.test")
        .replace("\"\"provider\"\"", "\"\"providerMethodId\"\": \"\"pm_7\"\", \"\"provider\"\"");
    let data = import(&client, "demo", &mended).await;
    assert_eq!((&data["added"], &data["rejected"]), (&json!(1), &json!(2)), "{data}");
    assert_eq!(tokens(&client, numbered(&client, "J-2").await).await, ["pm_7"]);

    // No card data, wherever it stands, and nothing of it is kept.
    let card = json!({"customerNumber": "J-9", "comments": ["4111 1111 1111 1111"], "phone": "+15555550117"});
    let answer = import_as(&client, "application/jsonl", "demo", &format!("{card}\n")).await;
    assert!(answer.text.contains("raw_card_data"), "{}", answer.text);
    let job = format!("/api/Import/jobs/demo/{}", answer.data()["jobId"]);
    let rejected = client.get(&format!("{job}/rejected.csv")).await.expect(200).text;
    assert!(!rejected.contains("4111"), "{rejected}");
    for member in [json!({"cvv": "123"}), json!({"methods": [{"cardNumber": "1"}]})] {
        let answer = import_lines(&client, "demo", &format!("{member}\n")).await;
        assert_eq!(answer["rejected"], 1, "{answer}");
        assert!(answer.to_string().contains("raw_card_data"), "{answer}");
    }
    // A token that may not read comments writes none.
    let masked = server.anonymous().token(&token_with(server.site(), &["customers:import"]));
    let answer =
        import_lines(&masked, "demo", "{\"customerNumber\": \"J-8\", \"comments\": [\"x\"]}\n").await;
    assert_eq!(answer["rejected"], 1, "{answer}");
    assert_eq!(Sql::open(server.site()).number(sql::SEQ_GAPS), 0);
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_9_a_killed_import_of_json_lines_goes_on_exactly_once, |db| async {
    const ROWS: usize = 2_000;
    let mut server = Server::start(db).await;
    let client = master(&server);
    let line = |number: usize| {
        json!({"customerNumber": format!("K-{number}"), "addresses": [{"address": format!("{number} Elm")}, {"address": "2 Oak"}],
               "comments": [format!("Comment {number}")],
               "methods": [{"provider": "stripe", "providerMethodId": format!("pm_{number}"), "method": "card"}]})
    };
    let lines = (0..ROWS).map(|number| line(number).to_string()).collect::<Vec<_>>().join("\n");
    let queued = client
        .request(Method::POST, "/api/Import/customersForm/demo?async=true")
        .header("Content-Type", "application/x-ndjson");
    let job = send(queued.body(lines)).await.expect(202);
    let place = job.header("Location").expect("a job").to_owned();
    for wanted in [1, 800] {
        wait_until("the import goes on", std::time::Duration::from_mins(3), async || {
            let done = Sql::open(server.site()).number("SELECT count(*) AS value FROM customer");
            done >= wanted
        })
        .await;
        server.kill9();
        server.restart().await;
    }
    wait_until("the import ends", std::time::Duration::from_mins(3), async || {
        client.get(&place).await.expect(200).json["state"] == "finished"
    })
    .await;
    let mut sql = Sql::open(server.site());
    let rows = i64::try_from(ROWS).expect("a number");
    for table in ["customer", "comment", "comment_book"] {
        assert_eq!(sql.number(&format!("SELECT count(*) AS value FROM {table}")), rows, "{table}");
    }
    assert_eq!(sql.number("SELECT count(*) AS value FROM customer WHERE methods IS NOT NULL"), rows);
    assert_eq!(sql.number("SELECT count(*) AS value FROM event"), 2 * rows);
    assert_eq!(sql.number(sql::SEQ_GAPS), 0);
    let exported =
        export(&client, "demo", "customerNumber,method-providerMethodId,comment,address-3-address").await;
    for number in [0, 1, ROWS / 2, ROWS - 1] {
        let wanted = format!("K-{number},pm_{number},Comment {number},2 Oak\r\n");
        assert!(exported.contains(&wanted), "{wanted}");
    }
});

both!(rules_9_a_merge_keeps_what_its_lists_do_not_name, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let references = |items: &[(&str, &str)]| -> Value {
        items.iter().map(|(system, id)| json!({"system": system, "externalId": id})).collect()
    };
    let first = json!({"customerNumber": "M-1", "addresses": [{"address": "1 Ash", "city": "Oakton", "isDefaultBilling": true}, {"address": "2 Bay"}],
        "references": references(&[("crm", "9"), ("shop", "7")]), "comments": ["one"],
        "methods": [{"provider": "stripe", "providerMethodId": "pm_1", "method": "card"}]});
    import_lines(&client, "demo", &format!("{first}\n")).await;
    let id = numbered(&client, "M-1").await;
    let state = async || {
        let record = read(&client, id).await.json;
        let streets = record["Addresses"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["address"].as_str().unwrap().to_owned());
        (streets.collect::<Vec<_>>(), record["References"].clone(), record["Address"].clone())
    };
    let merge = json!({"customerNumber": "M-1", "addresses": [{"address": "3 Cedar"}, {"address": "2 Bay"}],
        "references": references(&[("shop", "8")]), "comments": ["two", "one"],
        "methods": [{"provider": "stripe", "providerMethodId": "pm_2", "method": "ach"}]});
    let line = format!("{merge}\n");
    let rows = async |data: &Value| -> Value {
        let path = format!("/api/Import/jobs/demo/{}/rows", data["jobId"]);
        client.get(&path).await.expect(200).json["Records"].clone()
    };
    // A dry run names all that it would change, and the import does just that.
    let dry = import_lines(&client, "demo?mergeExisting=1&dryRun=true", &line).await;
    let told = rows(&dry).await;
    let changed: Vec<&str> =
        told[0]["changed"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert!(changed.ends_with(&["comments", "methods"]), "{told}");
    assert!(changed.iter().any(|name| name.starts_with("addresses.")), "{told}");
    let done = import_lines(&client, "demo?mergeExisting=1", &line).await;
    assert_eq!(rows(&done).await[0]["changed"], told[0]["changed"]);
    let kept = (
        vec!["1 Ash".to_owned(), "2 Bay".to_owned(), "3 Cedar".to_owned()],
        references(&[("crm", "9"), ("shop", "8")]),
        json!("1 Ash"),
    );
    assert_eq!(state().await, kept);
    // Again, nothing changes.
    let again = import_lines(&client, "demo?mergeExisting=1&again=true", &line).await;
    assert_eq!(rows(&again).await[0]["changed"], json!([]));
    // Whole lists in columns and in a create merge alike.
    let cells = "customerNumber,References,Addresses\nM-1,shop:8,\"[{\"\"address\"\":\"2 Bay\"\"}]\"\n";
    import(&client, "demo?mergeExisting=1", cells).await;
    assert_eq!(state().await, kept);
    let body = json!({"customerNumber": "M-1", "addresses": [{"address": "3 Cedar"}], "references": references(&[("crm", "9")])});
    client.create("demo", &body, &[("mergeExisting", "1")], &[]).await.expect(200);
    assert_eq!(state().await, kept);
    // A row that only adds a comment to a matched customer says so.
    let matched =
        import_lines(&client, "demo", "{\"customerNumber\": \"M-1\", \"comments\": [\"three\"]}\n").await;
    assert_eq!(rows(&matched).await[0]["changed"], json!(["comments"]));
    let masked =
        server.anonymous().token(&token_with(server.site(), &["customers:import", "customers:read"]));
    let report = format!("/api/Import/jobs/demo/{}/rows", matched["jobId"]);
    let seen = masked.get(&report).await.expect(200).json;
    assert_eq!(seen["Records"][0]["changed"], json!([]), "comments need pii:read");
    // A replacement and a PUT still have the whole list.
    import_lines(&client, "demo?replaceExisting=1", &line).await;
    assert_eq!(state().await.0, ["2 Bay", "3 Cedar"]);
    client.put(&path(id), &json!({"addresses": [{"address": "4 Dale"}]})).await.expect(200);
    assert_eq!(state().await.0, ["4 Dale"]);
});

both!(rules_10_a_line_with_card_data_names_its_place_and_keeps_the_rest, |db| async {
    const CARD: &str = "5555 5555 5555 4444";
    let server = Server::start(db).await;
    let client = master(&server);
    let lines = [
        json!({"customerNumber": "C-1", "firstname": "Ada \"A.\"", "labels": ["x", CARD], "phone": "+12025550117"}),
        json!({"customerNumber": "C-2", "methods": [{"provider": "stripe", "cvv": "123", "method": "card"}]}),
        json!({"customerNumber": "C-3", "balance": 5_555_555_555_554_444_i64, "city": "Oakton"}),
        json!({"customerNumber": "C-4", "addresses": [{"address": "1 Elm", "note": format!("card {CARD}")}]}),
    ];
    let file = lines.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
    let data = import_lines(&client, "demo", &file).await;
    assert_eq!(data["rejected"], 4, "{data}");
    let errors: Vec<&str> =
        data["errors"].as_array().unwrap().iter().map(|error| error.as_str().unwrap()).collect();
    for (error, wanted) in errors.iter().zip([
        "line 1: labels: looks like a card number",
        "line 2: methods/0/cvv: names a card number or its security code",
        "line 3: balance: looks like a card number",
        "line 4: addresses/0/note: looks like a card number",
    ]) {
        assert!(error.contains(wanted), "{error}");
    }
    let job = format!("/api/Import/jobs/demo/{}", data["jobId"]);
    let rejected = client.get(&format!("{job}/rejected.csv")).await.expect(200).text;
    for kept in ["C-1", "+12025550117", "C-2", "stripe", "C-3", "Oakton", "C-4", "1 Elm"] {
        assert!(rejected.contains(kept), "{kept}: {rejected}");
    }
    assert!(
        !rejected.contains("5555 5555") && !rejected.contains("55555555") && !rejected.contains("123"),
        "{rejected}"
    );
    // Without the card data the rest is imported as it stands.
    let mended =
        rejected.replace("\"\"provider\"\"", "\"\"providerMethodId\"\":\"\"pm_1\"\",\"\"provider\"\"");
    let data = import(&client, "demo", &mended).await;
    assert_eq!(data["added"], 4, "{data} {mended}");
    let cells =
        "customerNumber,Methods\nC-5,\"[{\"\"provider\"\":\"\"stripe\"\",\"\"cardNumber\"\":\"\"1\"\"}]\"\n";
    let data = import(&client, "demo", cells).await;
    assert!(data["errors"][0].as_str().unwrap().contains("methods/0/cardNumber: names a card"), "{data}");
    // Too many methods are told as what they would be, also of a new customer.
    let methods: Vec<Value> = (0..21)
        .map(|number| json!({"provider": "stripe", "providerMethodId": format!("pm_{number}"), "method": "card"}))
        .collect();
    let line = format!("{}\n", json!({"customerNumber": "C-6", "methods": methods}));
    let data = import_lines(&client, "demo", &line).await;
    assert!(
        data["errors"][0]
            .as_str()
            .unwrap()
            .contains("the customer would have 21 methods; at most 20 are allowed"),
        "{data}"
    );
});
