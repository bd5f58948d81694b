//! Invoices (rules 19): drafts, gapless numbers, snapshots, payments, credit notes, documents.

mod gapless;
mod money;
mod sight;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;

pub(crate) const MONEY: [&str; 8] = [
    "customers:read",
    "customers:write",
    "customers:delete",
    "customers:import",
    "customers:export",
    "pii:read",
    "money:read",
    "money:write",
];

#[track_caller]
pub(crate) fn code(answer: &Answer, status: u16) -> String {
    answer.expect_error(status);
    answer.json["errors"][0]["code"].as_str().unwrap_or_default().to_owned()
}

/// An invoice of a customer with one item.
pub(crate) fn simple(customer: u64, cost: &Value) -> Value {
    json!({"customerData": {"customerId": customer},
           "invoiceData": {"items": [{"itemProductName": "Tea", "itemCost": cost}]}})
}

/// Makes an invoice; its id.
pub(crate) async fn make(client: &Client, body: &Value) -> u64 {
    let answer = client.post("/api/Invoice/demo", body).await.expect(200);
    answer.json["responseData"].as_u64().expect("an id")
}

/// Makes an open invoice; its id and number.
pub(crate) async fn issued(client: &Client, customer: u64, cost: Value) -> (u64, String) {
    let mut body = simple(customer, &cost);
    body["invoiceData"]["invoiceStatus"] = json!(1);
    let answer = client.post("/api/Invoice/demo", &body).await.expect(200);
    let number = answer.json["invoiceNumber"].as_str().expect("a number");
    (answer.json["responseData"].as_u64().expect("an id"), number.to_owned())
}

pub(crate) async fn shown(client: &Client, id: u64) -> Value {
    client.get(&format!("/api/Invoice/{id}")).await.expect(200).json
}

/// Carries out a step without a body.
pub(crate) async fn step(client: &Client, id: u64, name: &str) -> Answer {
    client.send(Method::POST, &format!("/api/Invoice/{id}/{name}"), None, &[]).await
}

pub(crate) async fn ada(client: &Client) -> u64 {
    created(
        client,
        "demo",
        &json!({"email": "ada@example.test", "firstname": "Ada", "lastname": "Roe", "company": "Roe & Co",
                "address": "1 Main St", "city": "Oakton", "zip": "22124", "country": "US",
                "additionalFields": {"vatNumber": "VAT-7"}}),
    )
    .await
}

async fn set(client: &Client, pairs: &[(&str, &str)]) -> Answer {
    let items: Vec<Value> = pairs.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
    client.put("/api/Paypoint/settings/demo", &json!({"forInvoices": items})).await
}

both!(rules_19_a_draft_is_made_changed_finalized_and_never_changes_again, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = ada(&client).await;
    let next = client.get("/api/Invoice/getNumber/demo").await.expect(200);
    let body = json!({"customerData": {"customerId": ada}, "invoiceData": {
        "items": [
            {"itemProductName": "Tea", "itemDescription": "Green", "itemQty": 3, "itemCost": "0.335", "itemTaxRate": 20},
            {"itemProductName": "Book", "itemCost": 10, "itemTaxRate": 5.5, "itemMode": 0, "itemTotalAmount": 10}],
        "discount": 1.1, "currency": "eur", "notes": "Thank you.\nCome again.", "paymentTerms": "NET30",
        "purchaseOrder": "PO-1", "shippingCity": "Oakton", "AdditionalData": {"batch": "7"}}});
    let made = client.post("/api/Invoice/demo", &body).await.expect(200);
    let id = made.json["responseData"].as_u64().unwrap();
    assert_eq!((&made.json["state"], &made.json["invoiceNumber"]), (&json!("draft"), &json!("")));
    assert_eq!(client.get("/api/Invoice/getNumber/demo").await.json, next.json, "a draft takes no number");

    let draft = shown(&client, id).await;
    for (name, value) in [
        ("invoiceId", json!(id)),
        ("customerId", json!(ada)),
        ("invoiceNumber", json!("")),
        ("invoiceStatus", json!(0)),
        ("kind", json!("invoice")),
        ("currency", json!("EUR")),
        ("discount", json!(1.1)),
        ("paymentTerms", json!("NET30")),
        ("purchaseOrder", json!("PO-1")),
        ("notes", json!("Thank you.\nCome again.")),
        ("shippingCity", json!("Oakton")),
        ("shippingZip", json!("")),
        ("invoiceDate", Value::Null),
        ("AdditionalData", json!({"batch": "7"})),
        ("PaypointEntryname", json!("demo")),
        ("seller", Value::Null),
    ] {
        assert_eq!(draft[name], value, "{name}");
    }
    // 1.01 and 10, less 0.1 and 1; then 20 % of 0.91 and 5.5 % of 9.
    assert_eq!(
        (&draft["netAmount"], &draft["tax"], &draft["invoiceAmount"]),
        (&json!(9.91), &json!(0.68), &json!(10.59))
    );
    assert_eq!(draft["taxes"][0], json!({"rate": 5.5, "netAmount": 9, "tax": 0.5}));
    assert_eq!(draft["items"][0]["itemTotalAmount"], 1.01);
    assert_eq!(draft["items"].as_array().unwrap().len(), 2);

    // A stale editor is told so; a change keeps what it does not send.
    let path = format!("/api/Invoice/{id}");
    let edit = json!({"invoiceData": {"discount": 0}});
    let stale = client.header("If-Match", "\"9-0123456789abcdef\"").put(&path, &edit).await;
    stale.expect_error(412);
    let tag = client.get(&path).await.header("etag").unwrap().to_owned();
    let edited = client.header("If-Match", &tag).put(&path, &edit).await.expect(200);
    assert_eq!(edited.json["version"], 2);
    let draft = shown(&client, id).await;
    assert_eq!((&draft["invoiceAmount"], &draft["purchaseOrder"]), (&json!(11.76), &json!("PO-1")));
    assert_eq!(client.put(&path, &edit).await.expect(200).json["version"], 2, "nothing changed");

    let done = step(&client, id, "finalize").await.expect(200);
    assert_eq!(
        (&done.json["state"], &done.json["invoiceNumber"]),
        (&json!("open"), &next.json["responseData"])
    );
    let open = shown(&client, id).await;
    assert_eq!((&open["invoiceStatus"], &open["openAmount"]), (&json!(1), &json!(11.76)));
    let buyer = json!({"name": "Ada Roe", "company": "Roe & Co", "vatNumber": "VAT-7", "email": "ada@example.test",
        "address": ["1 Main St", "22124 Oakton", "United States of America"]});
    assert_eq!(open["buyer"], buyer);
    let again = step(&client, id, "finalize").await.expect(200);
    assert_eq!(again.json["version"], done.json["version"], "the same again is the same");

    // Neither an edit, nor a deletion, nor a move of the customer changes an issued invoice.
    assert_eq!(code(&client.put(&path, &edit).await, 409), "invoice_issued");
    assert_eq!(code(&client.delete(&path).await, 409), "invoice_issued");
    client
        .put(&format!("/api/Customer/{ada}"), &json!({"address": "9 New Rd", "lastname": "Doe"}))
        .await
        .expect(200);
    set(&master(&server), &[("invoiceVatNumber", "SELLER-1")]).await.expect(200);
    let later = shown(&client, id).await;
    assert_eq!((&later["buyer"], &later["seller"]), (&buyer, &open["seller"]));

    let other = make(&client, &simple(ada, &json!(5))).await;
    client.delete(&format!("/api/Invoice/{other}")).await.expect(200);
    client.get(&format!("/api/Invoice/{other}")).await.expect_error(404);
    let (_, second) = issued(&client, ada, json!(5)).await;
    assert!(second.ends_with("-0002"), "a deleted draft leaves no hole: {second}");
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_19_an_invoice_finds_or_makes_its_customer, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let body = json!({
        "customerData": {"firstName": "Bo", "lastName": "Li", "billingEmail": "bo@example.test"},
        "invoiceData": {"items": [{"itemProductName": "Tea", "itemCost": 1}], "invoiceStatus": 1}});
    let keyed = client.header("idempotencyKey", "k-1");
    let first = keyed.post("/api/Invoice/demo", &body).await.expect(200);
    let again = keyed.post("/api/Invoice/demo", &body).await.expect(200);
    assert!(again.replayed() && again.json == first.json, "{}", again.text);
    let bo = first.json["customerId"].as_u64().unwrap();
    let second = client.post("/api/Invoice/demo", &body).await.expect(200);
    assert_eq!(second.json["customerId"], bo, "who is there is found");
    let record = read(&client, bo).await.json;
    assert_eq!(record["Lifecycle"], "Active", "who got an invoice bought something: {record}");
    assert_eq!(total(&client, "demo").await, 1);

    // A refused invoice makes nobody.
    let mut wrong = body.clone();
    wrong["customerData"]["billingEmail"] = json!("cy@example.test");
    wrong["invoiceData"]["invoiceDate"] = json!("2020-01-01");
    assert_eq!(code(&client.post("/api/Invoice/demo", &wrong).await, 409), "date_out_of_order");
    assert_eq!(total(&client, "demo").await, 1);
    wrong["invoiceData"] = json!({"items": [{"itemProductName": "Tea", "itemCost": 1}], "discount": 2});
    let refused = client.post("/api/Invoice/demo", &wrong).await;
    assert_eq!(
        (code(&refused, 400), places(&refused)),
        ("invalid_amount".into(), crate::support::set(["/invoiceData/discount"]))
    );
    assert_eq!(total(&client, "demo").await, 1);

    let maker = server
        .anonymous()
        .token(&token_with(server.site(), &["customers:read", "money:read", "money:write"]));
    maker.post("/api/Invoice/demo", &body).await.expect_error(403);
    client.post("/api/Invoice/demo", &json!({"invoiceData": body["invoiceData"]})).await.expect_error(400);
    client
        .post(
            "/api/Invoice/demo",
            &json!({"customerData": {"customerId": 999_999}, "invoiceData": body["invoiceData"]}),
        )
        .await
        .expect_error(404);
});

both!(rules_19_numbers_follow_the_settings_and_days_ascend, |db| async {
    let server = Server::start(db).await;
    let (client, owner) = (server.client(), master(&server));
    let ada = ada(&client).await;
    assert_eq!(code(&set(&owner, &[("invoiceNumberPattern", "INV{0000}")]).await, 400), "invalid_pattern");
    assert_eq!(code(&set(&owner, &[("invoiceColour", "x")]).await, 400), "unknown_setting");
    set(
        &owner,
        &[
            ("invoiceNumberPattern", "F-{YYYY}/{000}"),
            ("invoiceDueDays", "10"),
            ("invoiceSellerAddress", "5 Store St\nFairfax"),
            ("invoiceFooter", "Registered in Fairfax"),
        ],
    )
    .await
    .expect(200);
    let settings = owner.get("/api/Paypoint/settings/demo").await.expect(200);
    let shown_settings = settings.json["forInvoices"].as_array().unwrap();
    assert!(
        shown_settings.contains(&json!({"key": "invoiceDueDays", "readOnly": false, "value": "10"})),
        "{shown_settings:?}"
    );
    // Settings go back in the shape in which they came.
    owner.put("/api/Paypoint/settings/demo", &json!({"forInvoices": shown_settings})).await.expect(200);
    let (id, number) = issued(&client, ada, json!(3)).await;
    assert!(number.starts_with("F-20") && number.ends_with("/001"), "{number}");
    let one = shown(&client, id).await;
    assert_eq!(one["seller"]["address"], json!(["5 Store St", "Fairfax"]));
    let day = |name: &str| one[name].as_str().unwrap().parse::<chrono::NaiveDate>().unwrap();
    assert_eq!((day("invoiceDueDate") - day("invoiceDate")).num_days(), 10);

    // A day before the last number's, or one that lies ahead, is refused and leaves no hole.
    let draft = make(&client, &simple(ada, &json!(1))).await;
    let path = format!("/api/Invoice/{draft}");
    for day in ["2020-01-01", "2199-01-01"] {
        client.put(&path, &json!({"invoiceData": {"invoiceDate": day}})).await.expect(200);
        assert_eq!(code(&step(&client, draft, "finalize").await, 409), "date_out_of_order");
    }
    client.put(&path, &json!({"invoiceData": {"invoiceDate": ""}})).await.expect(200);
    let done = step(&client, draft, "finalize").await.expect(200);
    assert!(done.json["invoiceNumber"].as_str().unwrap().ends_with("/002"));

    // The number that a sender expects is checked.
    let mut expects = simple(ada, &json!(1));
    expects["invoiceData"]["invoiceStatus"] = json!(1);
    expects["invoiceData"]["invoiceNumber"] = json!("F-9");
    assert_eq!(code(&client.post("/api/Invoice/demo", &expects).await, 409), "number_not_next");
    let next = client.get("/api/Invoice/getNumber/demo").await.json["responseData"].clone();
    expects["invoiceData"]["invoiceNumber"] = next.clone();
    assert_eq!(client.post("/api/Invoice/demo", &expects).await.expect(200).json["invoiceNumber"], next);
    // A pattern that would give a number again refuses, and nothing is lost.
    set(&owner, &[("invoiceNumberPattern", "F-{YYYY}/00{0}")]).await.expect(200);
    let (_, fourth) = issued(&client, ada, json!(1)).await;
    assert!(fourth.ends_with("/004"), "{fourth}");
});

both!(rules_19_an_invoice_comes_as_a_pdf_and_by_mail, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = ada(&client).await;
    let draft = make(&client, &simple(ada, &json!(1))).await;
    assert_eq!(code(&client.get(&format!("/api/Invoice/{draft}/pdf")).await, 409), "invoice_is_draft");
    assert_eq!(
        code(&client.send(Method::POST, &format!("/api/Invoice/send/{draft}"), None, &[]).await, 409),
        "invoice_is_draft"
    );
    let (id, number) = issued(&client, ada, json!(12.5)).await;
    let pdf = async || {
        let response = client.request(Method::GET, &format!("/api/Invoice/{id}/pdf")).send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/pdf");
        let name = response.headers()["content-disposition"].to_str().unwrap().to_owned();
        assert!(name.contains(&format!("{number}.pdf")), "{name}");
        response.bytes().await.unwrap()
    };
    let first = pdf().await;
    assert!(first.starts_with(b"%PDF-") && first.len() > 5_000, "{}", first.len());
    // What is paid later does not change the document.
    client.post(&format!("/api/Invoice/{id}/payments"), &json!({"method": "cash"})).await.expect(200);
    assert_eq!(pdf().await, first);

    let wrong =
        client.send(Method::POST, &format!("/api/Invoice/send/{id}?mail2=eve@example.test"), None, &[]).await;
    assert_eq!(code(&wrong, 400), "other_address");
    client.header("Sec-Purpose", "prefetch").get(&format!("/api/Invoice/send/{id}")).await.expect_error(400);
    client.get(&format!("/api/Invoice/send/{id}?attachfile=true&mail2=ADA@example.test")).await.expect(200);
    let folder = server.site().data_dir(0).join("mail");
    let mail = wait_for("the mail is written", std::time::Duration::from_secs(20), async || {
        let files = std::fs::read_dir(&folder).map_err(|error| error.to_string())?;
        let found = files.flatten().find(|file| file.file_name().to_string_lossy().contains("-invoice-"));
        found.and_then(|file| std::fs::read_to_string(file.path()).ok()).ok_or_else(|| "no mail".to_owned())
    })
    .await;
    assert!(
        mail.contains(&format!("filename=\"{number}.pdf\"")) && mail.contains("application/pdf"),
        "{mail}"
    );
    let head = mail.split("\r\n\r\n").next().unwrap();
    assert!(head.contains(&format!("Subject: Invoice {number} from")), "{head}");
    let base64: String = mail
        .split("filename=")
        .nth(1)
        .unwrap()
        .split("\r\n\r\n")
        .nth(1)
        .unwrap()
        .split_whitespace()
        .take_while(|line| !line.starts_with("--"))
        .collect();
    let enclosed = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, base64).unwrap();
    assert_eq!(enclosed, first, "the mail has the same document");
    assert!(shown(&client, id).await["invoiceSentDate"].is_string());
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_19_lists_show_invoices_by_filters, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = ada(&client).await;
    let bo = created(&client, "demo", &json!({"email": "bo@example.test"})).await;
    let (a, number) = issued(&client, ada, json!(10)).await;
    let (b, _) = issued(&client, ada, json!(20)).await;
    let (c, _) = issued(&client, bo, json!(30)).await;
    let d = make(&client, &simple(bo, &json!(40))).await;
    step(&client, b, "void").await.expect(200);
    client.post(&format!("/api/Invoice/{c}/payments"), &json!({"amount": 10})).await.expect(200);
    let ids = async |query: &str| -> Vec<u64> {
        let list = client.get(&format!("/api/Query/invoices/demo{query}")).await.expect(200).json;
        let ids: Vec<u64> =
            list["Records"].as_array().unwrap().iter().filter_map(|one| one["invoiceId"].as_u64()).collect();
        if !query.contains("limit") {
            assert_eq!(list["Summary"]["totalRecords"], ids.len(), "{query}");
        }
        ids
    };
    assert_eq!(ids("").await, [d, c, b, a]);
    for (query, wanted) in [
        ("?status=draft", vec![d]),
        ("?status(in)=1|2", vec![c, a]),
        ("?status(ne)=cancelled", vec![d, c, a]),
        (&format!("?customerId={ada}"), vec![b, a]),
        (&format!("?invoiceNumber={number}"), vec![a]),
        ("?invoiceNumber=nothing", vec![]),
        ("?totalAmount(ge)=20&totalAmount(lt)=40", vec![c, b]),
        ("?parameters[totalAmount]=40", vec![d]),
        ("?overdue=true", vec![]),
        ("?overdue=false&kind=invoice", vec![d, c, b, a]),
        ("?invoiceDate(ge)=2020-01-01", vec![c, b, a]),
        ("?kind=creditNote", vec![]),
        ("?limitRecord=0", vec![d, c, b, a]),
    ] {
        assert_eq!(ids(query).await, wanted, "{query}");
    }
    client.get("/api/Query/invoices/demo?colour=red").await.expect_error(400);
    // Pages lead through all of them.
    let (mut page, mut seen) = (String::new(), Vec::new());
    loop {
        let list =
            client.get(&format!("/api/Query/invoices/demo?limitRecord=1{page}")).await.expect(200).json;
        seen.push(list["Records"][0]["invoiceId"].as_u64().unwrap());
        let Some(token) = list["Summary"]["pageIdentifier"].as_str() else { break };
        page = format!("&pageIdentifier={token}");
    }
    assert_eq!(seen, [d, c, b, a]);
    let of_org = client.get("/api/Query/invoices/org/1?status=2").await.expect(200).json;
    assert_eq!(of_org["Records"][0]["invoiceId"], c);
});

both!(rules_19_a_list_of_invoices_can_be_sorted_and_is_a_file_too, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = ada(&client).await;
    for (cost, days) in [(5, 30), (1, 10), (3, 20), (3, 20)] {
        let mut body = simple(ada, &json!(cost));
        body["invoiceData"]["invoiceStatus"] = json!(1);
        body["invoiceData"]["paymentTerms"] = json!(format!("NET{days}"));
        client.post("/api/Invoice/demo", &body).await.expect(200);
    }
    make(&client, &simple(ada, &json!(2))).await;
    let list = "/api/Query/invoices/demo";
    for (list, sort, wanted) in [
        (list, "desc(totalAmount)", [5, 3, 3, 2, 1]),
        (list, "asc(totalAmount)", [1, 2, 3, 3, 5]),
        ("/api/Query/invoices/org/1", "asc(createdAt)", [5, 1, 3, 3, 2]),
        // A draft is due later than all.
        (list, "asc(dueDate)", [1, 3, 3, 5, 2]),
        (list, "desc(dueDate)", [2, 5, 3, 3, 1]),
        (list, "desc(invoiceDate)", [2, 3, 3, 1, 5]),
    ] {
        let (ids, amounts) = crate::orders::pages(&client, list, sort, "invoiceId", "invoiceAmount").await;
        assert_eq!(amounts, wanted.map(f64::from), "{list} {sort}");
        assert_eq!(ids.into_iter().collect::<std::collections::BTreeSet<_>>().len(), 5, "each once");
    }
    let wrong = client.get("/api/Query/invoices/demo?sortBy=desc(notes)").await;
    assert_eq!(code(&wrong, 400), "invalid_sort");

    // The same as a file.
    let sorted = "status=1&sortBy=asc(totalAmount)";
    let file = client.get(&format!("/api/Export/invoices/csv/demo?{sorted}")).await.expect(200);
    let as_list = client.get(&format!("{list}?{sorted}&exportFormat=csv")).await.expect(200);
    assert_eq!(file.text, as_list.text);
    assert_eq!(file.header("content-disposition"), as_list.header("content-disposition"));
    assert_eq!(file.text.lines().count(), 5, "{}", file.text);
    for odd in [&format!("{list}?exportFormat=pdf"), "/api/Export/invoices/pdf/demo"] {
        assert_eq!(code(&client.get(odd).await, 400), "invalid_value", "{odd}");
    }
    let reader = server.anonymous().token(&token_with(server.site(), &["customers:read", "money:read"]));
    reader.get(&format!("{list}?exportFormat=csv")).await.expect_error(403);
    reader.get(list).await.expect(200);
});

both!(rules_19_a_number_that_another_pattern_gave_is_not_given_again, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let ada = ada(&client).await;
    set(&client, &[("invoiceNumberRestart", "never"), ("invoiceNumberPattern", "A1{0}")]).await.expect(200);
    assert_eq!(issued(&client, ada, json!(1)).await.1, "A11");
    set(&client, &[("invoiceNumberPattern", "A{0}")]).await.expect(200);
    for number in 2..=10 {
        assert_eq!(issued(&client, ada, json!(1)).await.1, format!("A{number}"));
    }
    // The eleventh would be A11 again.
    let draft = make(&client, &simple(ada, &json!(1))).await;
    let taken = step(&client, draft, "finalize").await;
    assert_eq!(code(&taken, 409), "number_taken");
    assert!(taken.text.contains("invoiceNumberPattern"), "{}", taken.text);
    assert_eq!(code(&step(&client, draft, "finalize").await, 409), "number_taken", "again");
    assert_eq!(shown(&client, draft).await["state"], "draft");
    set(&client, &[("invoiceNumberPattern", "B{0}")]).await.expect(200);
    let done = step(&client, draft, "finalize").await.expect(200);
    assert_eq!(done.json["invoiceNumber"], "B11", "no number is left out");
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_19_a_mail_says_whether_money_is_asked_for, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = ada(&client).await;
    let (open, _) = issued(&client, ada, json!(3)).await;
    let (part, _) = issued(&client, ada, json!(4)).await;
    client.post(&format!("/api/Invoice/{part}/payments"), &json!({"amount": 1})).await.expect(200);
    let (paid, _) = issued(&client, ada, json!(5)).await;
    client.send(Method::POST, &format!("/api/Invoice/{paid}/payments"), None, &[]).await.expect(200);
    let (credited, _) = issued(&client, ada, json!(6)).await;
    client.send(Method::POST, &format!("/api/Invoice/{credited}/creditNote"), None, &[]).await.expect(200);
    let again = client.send(Method::POST, &format!("/api/Invoice/{credited}/creditNote"), None, &[]).await;
    assert_eq!(code(&again, 409), "invoice_credited");
    assert!(again.text.contains("all of it"), "{}", again.text);
    let (voided, _) = issued(&client, ada, json!(7)).await;
    step(&client, voided, "void").await.expect(200);
    for (id, wanted, left) in [
        (open, "Please pay by", None),
        (part, "Please pay by", Some("Still to be paid: 3.00 USD")),
        (paid, "It is paid. Thank you.", None),
        (credited, "It is credited. Nothing is to be paid.", None),
        (voided, "It is cancelled. Nothing is to be paid.", None),
    ] {
        client.send(Method::POST, &format!("/api/Invoice/send/{id}"), None, &[]).await.expect(200);
        crate::mail::until_all_sent(&client, "demo").await;
        let number = shown(&client, id).await["invoiceNumber"].as_str().unwrap().to_owned();
        let files = std::fs::read_dir(crate::mail::mail_folder(server.site())).expect("the folder");
        let mut mails = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
        let mail = mails.find(|mail| mail.contains(&format!("Subject: Invoice {number}"))).expect("the mail");
        let mail = mail.replace("=\r\n", "");
        let mail = &mail[..mail.find("application/pdf").expect("the document")];
        assert!(mail.contains(wanted), "{wanted}: {mail}");
        assert_eq!(mail.contains("Still to be paid"), left.is_some(), "{mail}");
        assert!(left.is_none_or(|left| mail.contains(left)), "{mail}");
    }
});

both!(rules_19_an_issued_invoice_keeps_the_names_of_its_buyer, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = ada(&client).await;
    let (id, _) = issued(&client, ada, json!(3)).await;
    let draft = make(&client, &simple(ada, &json!(1))).await;
    let change = json!({"firstname": "Robert", "lastname": "Renamed", "company": "New"});
    client.put(&path(ada), &change).await.expect(200);
    let names = async |id| {
        let all = shown(&client, id).await;
        [&all["firstName"], &all["lastName"], &all["company"]].map(Value::clone)
    };
    assert_eq!(names(id).await, ["Ada", "Roe", "Roe & Co"].map(Value::from));
    assert_eq!(names(draft).await, ["Robert", "Renamed", "New"].map(Value::from));
    client.delete(&format!("{}?erase=true&cancelOpen=true", path(ada))).await.expect(200);
    assert_eq!(names(id).await, ["", "", ""].map(Value::from));
    let legal = [&MONEY[..], &["money:legal"]].concat();
    let legal = server.anonymous().token(&token_with(server.site(), &legal));
    assert_eq!(shown(&legal, id).await["firstName"], "Ada");
});

both!(rules_19_huge_payments_never_make_an_invoice_unpaid, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = ada(&client).await;
    let (id, _) = issued(&client, ada, json!(30)).await;
    let payments = format!("/api/Invoice/{id}/payments");
    for amount in [json!(30), json!("999999999999"), json!(1), json!("999999999999.99")] {
        client.post(&payments, &json!({"amount": amount})).await.expect(200);
        let stands = shown(&client, id).await;
        assert_eq!((&stands["state"], &stands["openAmount"]), (&json!("paid"), &json!(0)), "{amount}");
    }
    assert_eq!(code(&step(&client, id, "void").await, 409), "invoice_paid");
    let stands = client.get(&format!("/api/Invoice/{id}")).await.expect(200).text;
    for wanted in ["\"invoicePaidAmount\":999999999999.9999", "\"credit\":999999999969.9999"] {
        assert!(stands.contains(wanted), "{wanted}: {stands}");
    }
    server.cli(&["doctor", "--deep"]).success();

    // Money for an invoice that was taken back stays as a credit.
    let (gone, number) = issued(&client, ada, json!(30)).await;
    step(&client, gone, "void").await.expect(200);
    let late = json!([{"source": "shop", "externalId": "late", "operation": "sale", "status": "approved",
        "amount": 30, "currency": "USD", "customerId": ada, "invoiceNumber": number}]);
    client.post("/api/Transaction/demo", &late).await.expect(200);
    let stands = shown(&client, gone).await;
    assert_eq!((&stands["state"], &stands["credit"]), (&json!("cancelled"), &json!(30)));
});

both!(rules_19_the_501st_payment_is_refused, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = ada(&client).await;
    let (id, number) = issued(&client, ada, json!(30)).await;
    let items: Vec<Value> = (0..500)
        .map(|count| {
            json!({"source": "shop", "externalId": format!("T-{count}"), "operation": "sale", "status": "approved",
                "amount": 0.01, "currency": "USD", "customerId": ada, "invoiceNumber": number})
        })
        .collect();
    client.post("/api/Transaction/demo", &json!(items)).await.expect(200);
    let more = client.post(&format!("/api/Invoice/{id}/payments"), &json!({"amount": 1})).await;
    assert_eq!(code(&more, 409), "too_many_payments");
    assert_eq!(shown(&client, id).await["invoicePaidAmount"], 5);
});

both!(rules_1_a_mask_that_comes_back_destroys_nothing_of_a_draft, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = ada(&client).await;
    let mut body = simple(ada, &json!(5));
    for (name, value) in [
        ("notes", json!("Call Ada first")),
        ("shippingAddress1", json!("5 Ship St")),
        ("shippingEmail", json!("zoe@example.test")),
        ("AdditionalData", json!({"batch": "7"})),
    ] {
        body["invoiceData"][name] = value;
    }
    let id = make(&client, &body).await;
    let path = format!("/api/Invoice/{id}");
    let whole = shown(&client, id).await;
    let blind = server
        .anonymous()
        .token(&token_with(server.site(), &["customers:read", "money:read", "money:write"]));
    let seen = shown(&blind, id).await;
    let mut back = json!({"invoiceData": {"discount": 1}});
    for name in ["notes", "shippingAddress1", "shippingEmail", "AdditionalData"] {
        assert_ne!(seen[name], whole[name], "{name} is not masked");
        back["invoiceData"][name] = seen[name].clone();
    }
    blind.put(&path, &back).await.expect(200);
    let after = shown(&client, id).await;
    for name in ["notes", "shippingAddress1", "shippingEmail", "AdditionalData"] {
        assert_eq!(after[name], whole[name], "{name}");
    }
    for (name, value) in [
        ("shippingEmail", json!("z***@e***.test")),
        ("shippingCity", json!("***")),
        ("AdditionalData", json!({"other": "***"})),
    ] {
        let answer = blind.put(&path, &json!({"invoiceData": {name: value}})).await;
        assert_eq!(code(&answer, 400), "masked_value", "{name}");
    }
    // Who sees values may write stars, but no mask alone.
    client.put(&path, &json!({"invoiceData": {"notes": "*** Sale ***"}})).await.expect(200);
    assert_eq!(shown(&client, id).await["notes"], "*** Sale ***");
});

both!(rules_24_an_erase_hides_all_that_was_bought, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = ada(&client).await;
    let mut body = simple(ada, &json!(5));
    body["invoiceData"]["invoiceStatus"] = json!(1);
    body["invoiceData"]["purchaseOrder"] = json!("ZPO");
    body["invoiceData"]["summaryCommodityCode"] = json!("ZCODE");
    body["invoiceData"]["items"][0]["itemCategories"] = json!(["ZCAT"]);
    let id = make(&client, &body).await;
    client.delete(&format!("{}?erase=true&cancelOpen=true", path(ada))).await.expect(200);
    let legal = [&MONEY[..], &["money:legal"]].concat();
    let legal = server.anonymous().token(&token_with(server.site(), &legal));
    for list in [
        format!("/api/Invoice/{id}"),
        "/api/Query/invoices/demo".into(),
        "/api/Export/invoices/csv/demo".into(),
    ] {
        let hidden = client.get(&list).await.expect(200);
        for word in ["ZPO", "ZCODE", "ZCAT", "Tea"] {
            assert!(!hidden.text.contains(word), "{word} in {list}: {}", hidden.text);
        }
        assert!(legal.get(&list).await.expect(200).text.contains("ZPO"), "{list}");
    }
    let archive = "/api/Export/invoices/zip/demo";
    let (with, without) = (legal.get(archive).await.expect(200), client.get(archive).await.expect(200));
    assert!(with.text.len() > without.text.len() + 10_000, "{} {}", with.text.len(), without.text.len());
});
