//! Rows that follow each other and lead to the same customer (rules 9): each adds its address.

use serde_json::json;

use super::*;

/// As a shop's app writes it: the customer again in a row for each further address.
const ROWS: &str = "Customer ID,First Name,Email,Accepts Email Marketing,Default Address Address1,Default Address City,\
    Default Address Country Code,Phone,Total Orders\n\
    '7001,Ada,ada@example.test,no,9 Elm Row,Oakton,US,'+12025550117,3\n\
    '7001,Ada,ada@example.test,no,12 Elm Lane,Reston,US,'+12025550117,3\n\
    '7001,Ada,ada@example.test,no,12 Elm Lane,Reston,US,'+12025550117,3\n\
    '7001,Ada,ada@example.test,no,9 Elm Row,Oakton,US,'+12025550117,3\n\
    '7001,Ada,ada@example.test,no,3 Elm Court,Paris,FR,'+12025550117,3\n\
    '7002,Bea,bea@example.test,no,1 High Street,Reston,US,,1\n";

/// The addresses of the customer with a number: street, city, and whether it is the default.
async fn addresses(client: &Client, entry: &str, number: &str) -> Vec<(String, bool)> {
    let list = client.get(&format!("/api/Query/customers/{entry}?customerNumber={number}")).await.expect(200);
    let id = list.json["Records"][0]["customerId"].as_u64().expect("a customer");
    let list = client.get(&format!("{}/addresses", path(id))).await.expect(200);
    let records = list.json["Records"].as_array().expect("addresses");
    let text = |record: &Value| record["address"].as_str().expect("a street").to_owned();
    records.iter().map(|record| (text(record), record["isDefaultBilling"] == true)).collect()
}

/// Whether a row changes addresses and nothing else.
fn changes_addresses(row: &Value) -> bool {
    let changed = row["changed"].as_array().expect("changes");
    !changed.is_empty() && changed.iter().all(|field| field.as_str().unwrap().starts_with("addresses."))
}

fn wanted(streets: &[(&str, bool)]) -> Vec<(String, bool)> {
    streets.iter().map(|(street, is)| ((*street).to_owned(), *is)).collect()
}

both!(rules_9_a_further_row_of_a_customer_adds_its_address, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let three = [("9 Elm Row", true), ("12 Elm Lane", false), ("3 Elm Court", false)];

    // A dry run says what the import will do, whatever the import does with customers that exist.
    for (entry, query, numbers) in [
        ("plain", "", [2, 0, 2, 2]),
        ("merge", "&mergeExisting=1", [2, 0, 4, 0]),
        ("replace", "&replaceExisting=1", [2, 0, 4, 0]),
    ] {
        new_entry(server.site(), entry, &[]);
        let dry = send_file(&client, entry, &format!("?dryRun=true{query}"), ROWS).await.expect(200);
        assert_eq!(counts(dry.data())[..4], numbers, "{entry}: {}", dry.text);
        let told = rows(&client, entry, job_id(dry.data())).await;
        let commit = format!("{}/commit", job_path(entry, job_id(dry.data())));
        let committed = client.send(Method::POST, &commit, None, &[]).await.expect(202);
        let done = finished(&client, entry, job_id(&committed.json)).await;
        assert_eq!(counts(&done)[..4], numbers, "{entry}: {done}");
        let report = rows(&client, entry, job_id(&done)).await;
        let seen = |rows: &[Value]| -> Vec<(Value, Value)> {
            rows.iter().map(|row| (row["outcome"].clone(), row["changed"].clone())).collect()
        };
        assert_eq!(seen(&report), seen(&told), "{entry}");
        assert!(changes_addresses(&report[1]) && changes_addresses(&report[4]), "{entry}: {report:?}");
        assert_eq!((&report[2]["changed"], &report[3]["changed"]), (&json!([]), &json!([])), "{report:?}");
        assert_eq!(addresses(&client, entry, "7001").await, wanted(&three), "{entry}");
        assert_eq!(addresses(&client, entry, "7002").await, wanted(&[("1 High Street", true)]), "{entry}");

        // The same again adds nothing.
        let again = send_file(&client, entry, &format!("?again=true{query}"), ROWS).await.expect(200);
        assert_eq!(again.data()["rejected"], 0, "{}", again.text);
        assert_eq!(addresses(&client, entry, "7001").await.len(), 3, "{entry}: {}", again.text);
    }

    // Only the rows that follow each other belong together, and a plain import writes to no customer that it did not make.
    let apart = "customerNumber,address\n7001,5 Far Street\n7002,1 High Street\n7001,6 Far Street\n7001,7 Far Street\n";
    let plain = send_file(&client, "plain", "", apart).await.expect(200);
    assert_eq!(counts(plain.data())[..4], [0, 0, 0, 4], "{}", plain.text);
    assert_eq!(addresses(&client, "plain", "7001").await, wanted(&three));
    send_file(&client, "merge", "?mergeExisting=1", apart).await.expect(200);
    let merged = addresses(&client, "merge", "7001").await;
    assert_eq!(merged[0], ("6 Far Street".to_owned(), true), "a row after others is a change: {merged:?}");
    assert_eq!(merged.last(), Some(&("7 Far Street".to_owned(), false)), "{merged:?}");

    // A rejected row between them is none; a row without a street adds no address.
    let gap = "customerNumber,email,address,city\nG-1,g@example.test,1 Gap Row,Oakton\nG-1,nobody,2 Gap Row,\n\
               G-1,,3 Gap Row,\nG-1,,,Reston\n";
    let done = send_file(&client, "plain", "", gap).await.expect(200);
    assert_eq!(counts(done.data())[..5], [1, 0, 1, 1, 1], "{}", done.text);
    assert_eq!(
        addresses(&client, "plain", "G-1").await,
        wanted(&[("1 Gap Row", true), ("3 Gap Row", false)])
    );
    // What a further row says beside its address is told, not written.
    let other = "customerNumber,firstname,address\nO-1,Old,1 Old Row\nO-1,New,2 Old Row\n";
    let done = send_file(&client, "plain", "", other).await.expect(200);
    let report = rows(&client, "plain", job_id(done.data())).await;
    assert!(changes_addresses(&report[1]), "{report:?}");
    assert_eq!(report[1]["differs"], json!(["firstname"]));
    // The most addresses of a customer are the most by rows too.
    let many: Vec<String> = (0..51).map(|number| format!("M-1,{number} Many Row\n")).collect();
    let many = many.concat();
    let done = send_file(&client, "plain", "", &format!("customerNumber,address\n{many}")).await.expect(200);
    assert_eq!(counts(done.data())[..5], [1, 0, 49, 0, 1], "{}", done.text);
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_9_matrixifys_sheet_brings_all_addresses, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let sheet = "ID,Email,Command,First Name,Last Name,Phone,State,Email Marketing: Status,Created At,Updated At,Note,Verified Email,\
        Tax Exempt,Tags,Tags Command,Total Spent,Total Orders,Row #,Top Row,Address ID,Address Command,Address First Name,\
        Address Last Name,Address Phone,Address Company,Address Line 1,Address Line 2,Address City,Address Province,\
        Address Province Code,Address Country,Address Country Code,Address Zip,Address Is Default\n\
        44920047631,ada@example.test,MERGE,Ada,Roe,'+12025550117,enabled,not subscribed,2020-01-02 03:04:05,2020-01-02 03:04:05,,TRUE,FALSE,\
        \"vip, wholesale\",REPLACE,12.50,3,1,TRUE,1,MERGE,Ada,Roe,,,9 Elm Row,,Oakton,Virginia,VA,United States,US,22124,FALSE\n\
        44920047631,ada@example.test,MERGE,,,,,,,,,,,,,,,2,,2,MERGE,Sam,Roe,'+12025550143,Roe & Sons,12 Elm Lane,Suite 4,Reston,Virginia,VA,\
        United States,US,20190,TRUE\n";
    let done = send_file(&client, "demo", "", sheet).await.expect(200);
    assert_eq!(counts(done.data())[..5], [1, 0, 1, 0, 0], "{}", done.text);
    assert_eq!(done.data()["preset"], "matrixify");
    assert_eq!(
        addresses(&client, "demo", "44920047631").await,
        wanted(&[("9 Elm Row", false), ("12 Elm Lane", true)])
    );
    let record = &client.list("demo").await[0];
    let shown = ["Firstname", "Phone", "Address", "Address1", "City", "Zip", "Created"];
    assert_eq!(
        json!(shown.map(|name| &record[name])),
        json!([
            "Ada",
            "+12025550117",
            "12 Elm Lane",
            "Suite 4",
            "Reston",
            "20190",
            "2020-01-02T03:04:05.000000Z"
        ])
    );
    let second = record["Addresses"].as_array().and_then(|all| all.last()).expect("addresses");
    assert_eq!(
        (&second["name"], &second["company"], &second["phone"]),
        (&json!("Sam Roe"), &json!("Roe & Sons"), &json!("+12025550143"))
    );
    assert_eq!(record["Labels"], json!(["vip", "wholesale"]));
});

both!(rules_1_a_blind_sender_learns_no_address_from_further_rows, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    created(&client, "demo", &json!({"customerNumber": "B-1", "address": "1 Known Row"})).await;
    let blind = server.anonymous().token(&token_with(server.site(), &["customers:import", "customers:read"]));
    // Whether or not the customer has the address, the answer is the same, and so is the number of addresses.
    let mut told = Vec::new();
    for street in ["1 Known Row", "2 Guessed Row"] {
        let file = format!("customerNumber,city,address\nB-1,Oakton,\nB-1,,{street}\n");
        let done = send_file(&blind, "demo", "?mergeExisting=1", &file).await.expect(200);
        let report = rows(&blind, "demo", job_id(done.data())).await;
        let changed = report[1]["changed"].to_string().replace(|c: char| c.is_ascii_digit(), "");
        told.push((report[1]["outcome"].clone(), changed));
    }
    assert_eq!(told[0], told[1]);
    assert_eq!(addresses(&client, "demo", "B-1").await.len(), 3);
    // Of a customer that its file made it knows all addresses.
    let file = "customerNumber,address\nB-2,1 Own Row\nB-2,2 Own Row\nB-2,1 Own Row\n";
    send_file(&blind, "demo", "", file).await.expect(200);
    assert_eq!(addresses(&client, "demo", "B-2").await, wanted(&[("1 Own Row", true), ("2 Own Row", false)]));
});

both!(rules_9_a_killed_import_adds_each_address_once, |db| async {
    const CUSTOMERS: usize = 300;
    let mut server = Server::start(db).await;
    let client = master(&server);
    // Steps end anywhere, also between the rows of a customer.
    let mut file = line(&["customerNumber", "address", "city"]);
    for number in 0..CUSTOMERS {
        for row in 0..=(number % 7) {
            file.push_str(&line(&[format!("K-{number}"), format!("{row} Kill Row"), "Oakton".to_owned()]));
        }
    }
    let total: usize = (0..CUSTOMERS).map(|number| 1 + number % 7).sum();
    let id = job_id(&queue(&client, "demo", "", &file).await);
    for wanted in [1, 150, 500] {
        wait_until("the import goes on", PATIENCE, async || {
            Sql::open(server.site()).number(&sql::rows_done(id)) >= wanted
        })
        .await;
        server.kill9();
        server.restart().await;
    }
    let end = finished(&client, "demo", id).await;
    let new = i64::try_from(CUSTOMERS).unwrap();
    assert_eq!(counts(&end), [new, 0, i64::try_from(total).unwrap() - new, 0, 0, 0], "{end}");
    for number in [0, 6, 13, 100, CUSTOMERS - 1] {
        let found = addresses(&client, "demo", &format!("K-{number}")).await;
        let streets: Vec<(String, bool)> =
            (0..=(number % 7)).map(|row| (format!("{row} Kill Row"), row == 0)).collect();
        assert_eq!(found, streets, "K-{number}");
    }
    server.cli(&["doctor", "--deep"]).success();
});
