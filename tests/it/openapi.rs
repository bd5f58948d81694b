//! The OpenAPI document: its examples are real answers that this test records. `RECORD=1 cargo nextest run openapi`
//! renews them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::console::office::{owner, send as send_form};
use crate::harness::*;
use crate::support::*;

/// Holds SQLite's write lock until dropped.
struct Lock(std::process::Child);

impl Drop for Lock {
    fn drop(&mut self) {
        // The program ends when its input does.
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

fn hold_the_lock(file: &Path) -> Lock {
    const PROGRAM: &str = "import sqlite3, sys\n\
        connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
        connection.execute('BEGIN IMMEDIATE')\n\
        print('held', flush=True)\n\
        sys.stdin.read()";
    let mut command = Command::new("python3");
    command.args(["-c", PROGRAM]).arg(file).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "held\n");
    Lock(child)
}

/// Changes the database behind the service's back.
fn sql(file: &Path, statement: &str) {
    const PROGRAM: &str = "import sqlite3, sys\n\
        with sqlite3.connect(sys.argv[1]) as connection: connection.execute(sys.argv[2])";
    let status = Command::new("python3").args(["-c", PROGRAM]).arg(file).arg(statement).status().unwrap();
    assert!(status.success());
}

/// What signs the hints of the payment provider.
const PROVIDER_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/examples.json");

/// An import as it was queued, whatever a worker has done since.
fn as_queued(mut import: Value) -> Value {
    import["state"] = json!("queued");
    for counter in ["rowsRead", "added", "replaced", "merged", "matched", "rejected", "warnings", "bytesRead"]
    {
        import[counter] = json!(0);
    }
    for unknown in ["rowsPerSecond", "secondsLeft", "startedAt", "endedAt"] {
        import[unknown] = Value::Null;
    }
    import["errors"] = json!([]);
    import["reasons"] = json!([]);
    import
}

/// Replaces what differs from run to run by a fixed value of the same kind.
fn steady(value: Value, key: &str) -> Value {
    const TIMES: [&str; 25] = [
        "signedInAt",
        "redeemedAt",
        "releasedAt",
        "assignedAt",
        "TransactionTime",
        "statusAt",
        "CreatedAt",
        "lastUpdated",
        "Created",
        "LastUpdated",
        "at",
        "issuedAt",
        "expiresAt",
        "revokedAt",
        "createdAt",
        "queuedAt",
        "startedAt",
        "endedAt",
        "invitedAt",
        "updatedAt",
        "editedAt",
        "nextTryAt",
        "invoiceSentDate",
        "lastPaymentDate",
        "paidAt",
    ];
    match value {
        Value::Object(members) => Value::Object(
            members.into_iter().map(|(name, value)| (name.clone(), steady(value, &name))).collect(),
        ),
        // The last ones tell enough.
        Value::Array(mut items) if ["newPerDay", "newPerMonth"].contains(&key) => {
            steady(json!(items.split_off(items.len() - 1)), "")
        }
        Value::Array(items) => Value::Array(items.into_iter().map(|item| steady(item, key)).collect()),
        Value::String(_) if TIMES.contains(&key) => json!("2026-03-01T10:00:00.000000Z"),
        Value::Number(_) if key == "rowsPerSecond" => json!(1600),
        Value::String(_) if key == "folder" => json!("/var/lib/customary/mail"),
        Value::String(_)
            if ["methodId", "referenceId", "methodReferenceId", "idPmethod", "IdPmethod"].contains(&key) =>
        {
            json!("1-01a2249aa0d30000000000000175a3ae")
        }
        Value::String(_)
            if [
                "transId",
                "chargeId",
                "PaymentTransId",
                "couponId",
                "redemptionId",
                "productId",
                "orderId",
                "paymentRequestId",
                "linkId",
                "PageIdentifier",
            ]
            .contains(&key) =>
        {
            json!("1-01a2249aa0d30000000000000275a3ae")
        }
        Value::String(_) if key == "providerId" => json!("sandbox-01a2249aa0d30000000000000275a3ae"),
        Value::String(_) if key == "invoiceDate" => json!("2026-03-01"),
        Value::String(_) if key == "invoiceDueDate" => json!("2026-03-31"),
        // The year of a number is today's.
        Value::String(text) if text.starts_with("INV-") || text.starts_with("CN-") => {
            let (head, number) = (text.split('-').next().unwrap(), text.rsplit('-').next().unwrap());
            json!(format!("{head}-2026-{number}"))
        }
        Value::String(text)
            if key == "responseData" && text.split_once('-').is_some_and(|(_, id)| id.len() == 32) =>
        {
            json!("1-01a2249aa0d30000000000000275a3ae")
        }
        Value::String(_) if key == "url" || key == "paymentUrl" => {
            json!("https://pay.example/pay/demo/3JkP0aQw9vXy5TnZ2bRcD7mLhE4sGfU8iVo1NqBtWxA")
        }
        Value::String(text) if key == "memberId" || (key == "subjectId" && text.starts_with("staff-")) => {
            json!("staff-1e6c0a52-7a3f-4a0e-9d51-2f4be9d01c66")
        }
        Value::String(_) if key == "link" => {
            json!("https://pay.example/console/welcome/3JkP0aQw9vXy5TnZ2bRcD7mLhE4sGfU8iVo1NqBtWxA")
        }
        Value::String(_) if key == "day" => json!("2026-03-01"),
        Value::String(_) if key == "month" => json!("2026-03"),
        Value::String(_) if key == "etag" => json!("\"1-0123456789abcdef\""),
        Value::String(_) if key == "masterKeyId" => json!("q3k0XyVn8sLr"),
        Value::String(_) if ["jti", "mintedBy", "requestId", "messageId"].contains(&key) => {
            json!("0d5e7a3c-9b1f-4c62-8a57-2f4be9d01c66")
        }
        Value::String(text) if text.starts_with("eyJ") => {
            json!("eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiIsImtpZCI6IjEifQ…")
        }
        other => other,
    }
}

#[derive(Default)]
struct Recorder {
    answers: BTreeMap<String, Value>,
    requests: BTreeMap<String, Value>,
    errors: BTreeMap<String, Value>,
}

impl Recorder {
    fn answer(&mut self, operation: &str, answer: Answer) -> Answer {
        assert_eq!(answer.status, 200, "{operation}: {}", answer.text);
        self.answers.insert(operation.to_owned(), steady(answer.json.clone(), ""));
        answer
    }

    /// The example of a file.
    fn text(&mut self, operation: &str, answer: Answer) {
        assert_eq!(answer.status, 200, "{operation}: {}", answer.text);
        self.answers.insert(operation.to_owned(), json!(answer.text));
    }

    fn request(&mut self, operation: &str, body: &Value) {
        self.requests.insert(operation.to_owned(), body.clone());
    }

    fn error(&mut self, status: u16, answer: Answer) {
        assert_eq!(answer.status, status, "{}", answer.text);
        self.errors.insert(status.to_string(), steady(answer.json.clone(), ""));
    }
}

/// Where two values differ, and how.
fn differing(kept: &Value, new: &Value, at: String) -> Vec<String> {
    match (kept, new) {
        (Value::Object(kept), Value::Object(new)) => {
            let names: BTreeSet<&String> = kept.keys().chain(new.keys()).collect();
            let of =
                |values: &serde_json::Map<String, Value>, name| values.get(name).cloned().unwrap_or_default();
            names
                .into_iter()
                .flat_map(|name| differing(&of(kept, name), &of(new, name), format!("{at}/{name}")))
                .collect()
        }
        (Value::Array(kept), Value::Array(new)) if kept.len() == new.len() => {
            let pairs = kept.iter().zip(new).enumerate();
            pairs.flat_map(|(n, (kept, new))| differing(kept, new, format!("{at}/{n}"))).collect()
        }
        _ if kept == new => Vec::new(),
        _ => vec![format!("{at}: {kept} was kept, {new} answered")],
    }
}

/// Charges in the sandbox of an entrypoint for tests.
async fn charges(recorder: &mut Recorder, server: &Server, client: &Client) {
    new_entry(server.site(), "till", &["--test", "--provider", "sandbox"]);
    let payer = created(client, "till", &json!({"email": "ada.roe@example.test"})).await;
    let method = json!({"provider": "sandbox", "providerMethodId": "test-visa", "method": "card", "brand": "visa",
        "last4": "0001"});
    let stored = client.post(&format!("{}/methods", path(payer)), &method).await.expect(200);
    let stored = stored.data()["methodId"].as_str().unwrap().to_owned();
    let charge = json!({"amount": 12.5, "description": "Green tea"});
    recorder.request("charge_customer", &charge);
    let made =
        recorder.answer("charge_customer", client.post(&format!("{}/charges", path(payer)), &charge).await);
    let id = made.data()["transId"].as_str().unwrap().to_owned();
    recorder.answer("get_charge", client.get(&format!("/api/Charge/{id}")).await);
    let pay = |entry: &str, method: &str| {
        json!({"entryPoint": entry, "paymentDetails": {"totalAmount": 12.5, "currency": "USD"},
            "paymentMethod": {"method": "card", "storedMethodId": method}, "orderDescription": "Green tea"})
    };
    recorder.request("get_paid", &pay("demo", "1-01a2249aa0d30000000000000175a3ae"));
    let paid = recorder.answer("get_paid", client.post("/api/MoneyIn/getpaid", &pay("till", &stored)).await);
    let paid = paid.data()["referenceId"].as_str().unwrap().to_owned();
    let back = format!("/api/MoneyIn/refund/{id}/1");
    recorder.answer("get_refund", client.get(&back).await);
    recorder.answer("refund_charge", client.send(Method::POST, &back, None, &[]).await);
    let void = format!("/api/MoneyIn/void/{paid}");
    recorder.answer("get_void", client.get(&void).await);
    recorder.answer("void_charge", client.send(Method::POST, &void, None, &[]).await);
    let hint = json!({"type": "charge.updated", "data": {"id": "1-01a2249aa0d30000000000000275a3ae"}});
    recorder.request("ingest_provider", &hint);
    recorder.answer("ingest_provider", signed_hint(server, &hint.to_string()).await);
}

/// Sends a hint of the payment provider as it signs one.
async fn signed_hint(server: &Server, body: &str) -> Answer {
    let key = STANDARD.decode(PROVIDER_SECRET.trim_start_matches("whsec_")).unwrap();
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &key);
    let at = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let tag = aws_lc_rs::hmac::sign(&key, format!("msg_1.{at}.{body}").as_bytes());
    let request = server
        .anonymous()
        .request(Method::POST, "/api/Ingest/till/provider")
        .header("content-type", "application/json")
        .header("webhook-id", "msg_1")
        .header("webhook-timestamp", at.to_string())
        .header("webhook-signature", format!("v1,{}", STANDARD.encode(tag)));
    send(request.body(body.to_owned())).await
}

#[tokio::test]
async fn examples_equal_the_answers_of_the_service() {
    let site = Site::with_environment(
        Db::Sqlite,
        &[("CUSTOMARY_PROVIDER_URL", "http://127.0.0.1:9"), ("CUSTOMARY_PROVIDER_SECRET", PROVIDER_SECRET)],
    );
    let server = Server::start_on(&site).await;
    let site = server.site();
    let all = site.new_token(&[
        "--org",
        "1",
        "--all-entries",
        "--name",
        "operations",
        "--scope",
        "customers:read",
        "--scope",
        "customers:write",
        "--scope",
        "customers:delete",
        "--scope",
        "customers:import",
        "--scope",
        "customers:export",
        "--scope",
        "pii:read",
        "--scope",
        "money:read",
        "--scope",
        "money:write",
        "--scope",
        "money:charge",
        "--scope",
        "money:legal",
        "--scope",
        "settings",
        "--scope",
        "tokens",
        "--scope",
        "staff",
        "--scope",
        "service",
    ]);
    let client = server.client().token(&all);
    let mut recorder = Recorder::default();

    // Settings
    let entrypoint = json!({"entry": "ent0001", "legalName": "Oakton Tools LLC", "dbaName": "Oakton Tools", "country": "US",
        "identifiers": ["email", "firstname+lastname"], "requiredFields": ["email"]});
    recorder.request("create_entrypoint", &entrypoint);
    recorder.answer("create_entrypoint", client.post("/api/Paypoint", &entrypoint).await);
    recorder.answer("list_entrypoints", client.get("/api/Paypoint").await);
    recorder.answer("get_entrypoint_keys", client.get("/api/Paypoint/keys/ent0001").await);
    recorder.answer(
        "rotate_entrypoint_keys",
        client.send(reqwest::Method::POST, "/api/Paypoint/keys/rotate/ent0001", None, &[]).await,
    );
    recorder.answer("get_entrypoint_settings", client.get("/api/Paypoint/settings/ent0001").await);
    let settings = json!({"identifiers": [{"key": "email", "value": "email"}], "general": [{"key": "requiredFields", "value": ""}]});
    recorder.request("update_entrypoint_settings", &settings);
    recorder
        .answer("update_entrypoint_settings", client.put("/api/Paypoint/settings/ent0001", &settings).await);
    let organisation = json!({"name": "Second Shop"});
    recorder.request("create_organisation", &organisation);
    recorder.answer("create_organisation", client.post("/api/Organization", &organisation).await);
    recorder.answer("get_organisation_settings", client.get("/api/Organization/settings/1").await);
    let policy = json!({"identifiers": [{"key": "email", "value": "email"}], "general": [{"key": "name", "value": "Demo Org"}]});
    recorder.request("update_organisation_settings", &policy);
    recorder
        .answer("update_organisation_settings", client.put("/api/Organization/settings/1", &policy).await);

    // Customers
    let ada = json!({"customerNumber": "ACC-1001", "firstname": "Ada", "lastname": "Roe", "email": "ada.roe@example.test",
        "phone": "(555) 555-0117", "address": "9 Elm Row", "city": "Oakton", "state": "VA", "zip": "22124", "country": "US",
        "timeZone": -5, "balance": 12.5, "birthday": "1985-04-12", "labels": ["wholesale"],
        "additionalFields": {"tier": "gold"}});
    recorder.request("create_customer", &ada);
    let created = recorder.answer("create_customer", client.post("/api/Customer/single/ent0001", &ada).await);
    let path = format!("/api/Customer/{}", created.id());
    recorder.request("match_customer", &json!({"email": "ADA.ROE@example.test", "lastname": "Roe-Smith"}));
    let who = recorder.requests["match_customer"].clone();
    recorder.answer("match_customer", client.post("/api/Customer/match/ent0001", &who).await);
    let read = recorder.answer("get_customer", client.get(&path).await);
    let stale = read.header("etag").unwrap().to_owned();
    let change = json!({"city": "Fairfax", "address1": null, "additionalFields": {"tier": "platinum"}});
    recorder.request("update_customer", &change);
    recorder.answer("update_customer", client.put(&path, &change).await);
    recorder.answer("list_customers", client.get("/api/Query/customers/ent0001").await);
    recorder
        .answer("list_organisation_customers", client.get("/api/Query/customers/org/1?email(ct)=ada").await);
    let columns =
        "columnsExport=customerNumber,Firstname,Lastname,Email:mail,Labels,Balance,additional-tier:tier";
    recorder
        .text("export_customers", client.get(&format!("/api/Export/customers/csv/ent0001?{columns}")).await);
    recorder.text(
        "export_organisation_customers",
        client.get(&format!("/api/Export/customers/csv/org/1?email(ct)=ada&{columns},entry")).await,
    );
    recorder.answer("get_customer_statistic", client.get("/api/Statistic/customers/ent0001").await);
    recorder.answer("get_customer_details", client.get(&format!("{path}/details")).await);
    recorder.answer("get_customer_history", client.get(&format!("{path}/history")).await);

    // Addresses and references
    let second = json!({"kind": "shipping", "name": "Ada Roe", "address": "12 Oak Lane", "city": "Reston", "state": "VA",
        "zip": "20190", "country": "US", "isDefaultShipping": true});
    recorder.request("create_address", &second);
    recorder.answer("create_address", client.post(&format!("{path}/addresses"), &second).await);
    let note = json!({"note": "Ring twice"});
    recorder.request("update_address", &note);
    recorder.answer("update_address", client.put(&format!("{path}/addresses/3"), &note).await);
    recorder.answer("list_addresses", client.get(&format!("{path}/addresses")).await);
    recorder.answer("get_address", client.get(&format!("{path}/addresses/3")).await);
    recorder.answer("delete_address", client.delete(&format!("{path}/addresses/3")).await);
    let reference = format!("{path}/references/stripe/cus_A1b2C3");
    recorder.answer("put_reference", client.send(Method::PUT, &reference, None, &[]).await);
    recorder.answer("list_references", client.get(&format!("{path}/references")).await);
    let found = client.get("/api/Customer/byReference/ent0001/stripe/cus_A1b2C3").await;
    recorder.answer("get_customer_by_reference", found);
    recorder.answer("delete_reference", client.delete(&reference).await);

    // Stored methods
    let methods = format!("{path}/methods");
    let method = json!({"provider": "stripe", "providerMethodId": "pm_A1b2C3", "method": "card", "brand": "visa", "last4": "4242",
        "expMonth": 7, "expYear": 2090, "holderName": "Ada Roe"});
    recorder.request("add_method", &method);
    let added = recorder.answer("add_method", client.post(&methods, &method).await);
    let place = format!("{methods}/{}", added.data()["methodId"].as_str().unwrap());
    let newer = json!({"expYear": 2091});
    recorder.request("update_method", &newer);
    recorder.answer("update_method", client.put(&place, &newer).await);
    recorder.answer("list_methods", client.get(&methods).await);
    recorder.answer("delete_method", client.delete(&place).await);
    let stored = |entry: &str, customer: u64, token: &str| {
        json!({"entryPoint": entry, "customerData": {"customerId": customer},
            "paymentMethod": {"method": "card", "tokenId": token}})
    };
    // On the page of Swagger UI, customer 2 is the one that the import made.
    recorder.request("add_stored_method", &stored("demo", 2, "tok_1"));
    let added = client.post("/api/TokenStorage/add", &stored("ent0001", created.id(), "tok_1")).await;
    let added = recorder.answer("add_stored_method", added);
    let place = format!("/api/TokenStorage/{}", added.data()["referenceId"].as_str().unwrap());
    recorder.answer("get_stored_method", client.get(&place).await);
    recorder.request("update_stored_method", &stored("demo", 2, "tok_2"));
    recorder
        .answer("update_stored_method", client.put(&place, &stored("ent0001", created.id(), "tok_2")).await);
    recorder.answer("delete_stored_method", client.delete(&place).await);

    // Transactions
    let sale = |customer: u64| {
        json!([{"source": "shop", "externalId": "order-1001", "customerId": customer, "status": "approved", "amount": 12.5,
            "currency": "USD", "fee": 0.39, "occurredAt": "2026-03-01T10:00:00Z", "method": "card",
            "maskedAccount": "•••• 4242", "orderId": "1001"}])
    };
    recorder.request("record_transactions", &sale(2));
    let route = "/api/Transaction/ent0001";
    let recorded = recorder.answer("record_transactions", client.post(route, &sale(created.id())).await);
    let transaction = recorded.json["items"][0]["transId"].as_str().unwrap().to_owned();
    recorder.answer("get_transaction", client.get(&format!("/api/MoneyIn/details/{transaction}")).await);
    let link = format!("/api/Customer/link/{}/{transaction}", created.id());
    recorder.answer("get_link_transaction", client.get(&link).await);
    recorder.answer("link_transaction", client.send(Method::POST, &link, None, &[]).await);
    let list = "/api/Query/transactions";
    recorder.answer("list_transactions", client.get(&format!("{list}/ent0001")).await);
    recorder
        .answer("list_organisation_transactions", client.get(&format!("{list}/org/1?status(in)=1")).await);
    let columns = "columnsExport=externalId,status,totalAmount:Amount,currency,customerNumber";
    let file = "/api/Export/transactions/csv";
    recorder.text("export_transactions", client.get(&format!("{file}/ent0001?{columns}")).await);
    recorder
        .text("export_organisation_transactions", client.get(&format!("{file}/org/1?{columns},entry")).await);
    let mut paid = client.get(&format!("/api/Statistic/customerbasic/lasty/m/{}", created.id())).await;
    paid.json = json!([{"statX": "2026-3", "inTransactions": 1, "inTransactionsVolume": 12.5, "interval": "2026-3", "count": 1,
        "volume": 12.5}]);
    recorder.answer("get_customer_basic_statistic", paid);

    // Webhooks of payment systems
    let secrets = "/api/Paypoint/ingest/ent0001";
    let secret = json!({"dialect": "stripe", "secret": "whsec_0123456789abcdef0123456789abcdef"});
    recorder.request("create_ingest_secret", &secret);
    recorder.answer("create_ingest_secret", client.post(secrets, &secret).await);
    recorder.answer("list_ingest_secrets", client.get(secrets).await);
    recorder.answer("delete_ingest_secret", client.delete(&format!("{secrets}/1")).await);
    let customer = json!({"name": "Eve Poe", "email": "eve.poe@example.test"});
    for (dialect, body) in [
        (
            "payabli",
            json!({"Event": "ApprovedPayment", "transId": "45-0a1b2c", "NetAmount": "97.10", "Fee": "2.90",
            "TotalAmount": "100.00", "transTime": "5/23/2022 1:50:50 PM", "CustomerId": "224", "CustomerNumber": "C-224",
            "Method": "card", "EntryPoint": "demo", "ResultCode": "1"}),
        ),
        (
            "stripe",
            json!({"id": "evt_A1b2C3", "type": "charge.succeeded", "created": 1_772_359_200, "data": {"object": {
            "id": "ch_A1b2C3", "amount": 1_250, "captured": true, "created": 1_772_359_200, "currency": "usd",
            "customer": "cus_D4e5F6", "refunded": false, "status": "succeeded", "billing_details": customer}}}),
        ),
        (
            "standard",
            json!({"type": "transaction.approved", "timestamp": "2026-03-01T10:00:00Z", "data": {"source": "pos",
            "externalId": "P-1", "status": "approved", "amount": "12.50"}}),
        ),
    ] {
        recorder.request(&format!("ingest_{dialect}"), &body);
        let answer = client.post(&format!("/api/Ingest/ent0001/{dialect}"), &body).await;
        recorder.answer(&format!("ingest_{dialect}"), answer);
    }

    // Subscriptions
    let subscription = |customer: u64| {
        json!({"customerId": customer, "status": "running", "plan": "Gold", "amount": 12.5, "currency": "USD",
            "frequency": "monthly", "startDate": "2026-01-01", "nextDate": "2026-04-01"})
    };
    recorder.request("put_subscription", &subscription(2));
    let place = "/api/Subscription/external/ent0001/billing/sub-1";
    let put = recorder.answer("put_subscription", client.put(place, &subscription(created.id())).await);
    let place = format!("/api/Subscription/{}", put.data()["idSub"]);
    recorder.answer("get_subscription", client.get(&place).await);
    recorder.answer("list_subscriptions", client.get("/api/Query/subscriptions/ent0001").await);
    let place = "/api/Query/subscriptions/org/1";
    recorder.answer("list_organisation_subscriptions", client.get(place).await);
    // It answers 409 whatever is sent; tools want a success nevertheless.
    recorder.request("add_subscription", &subscription(2));
    recorder.answers.insert("add_subscription".to_owned(), steady(put.json.clone(), ""));

    // Invoices
    let invoice = |customer: u64| {
        json!({"customerData": {"customerId": customer}, "invoiceData": {"paymentTerms": "NET30", "items": [
            {"itemProductName": "Tea", "itemDescription": "Green", "itemQty": 3, "itemCost": 4.5, "itemTaxRate": 20},
            {"itemProductName": "Book", "itemCost": 12, "itemTaxRate": 5.5}]}})
    };
    recorder.request("create_invoice", &invoice(2));
    let made =
        recorder.answer("create_invoice", client.post("/api/Invoice/ent0001", &invoice(created.id())).await);
    let of = format!("/api/Invoice/{}", made.json["responseData"]);
    let change = json!({"invoiceData": {"discount": 2, "notes": "Thank you."}});
    recorder.request("update_invoice", &change);
    recorder.answer("update_invoice", client.put(&of, &change).await);
    let number = client.get("/api/Invoice/getNumber/ent0001").await;
    recorder.answer("get_invoice_number", number);
    recorder
        .answer("finalize_invoice", client.send(Method::POST, &format!("{of}/finalize"), None, &[]).await);
    let by_mail = of.replace("Invoice/", "Invoice/send/");
    recorder.answer("get_send_invoice", client.get(&by_mail).await);
    recorder.answer("send_invoice", client.send(Method::POST, &by_mail, None, &[]).await);
    let payment = json!({"amount": 10, "method": "cash", "reference": "till 4/17"});
    recorder.request("pay_invoice", &payment);
    recorder.answer("pay_invoice", client.post(&format!("{of}/payments"), &payment).await);
    let back = json!({"items": [{"itemProductName": "Book", "itemCost": 12, "itemTaxRate": 5.5}], "notes": "Returned"});
    recorder.request("credit_invoice", &back);
    recorder.answer("credit_invoice", client.post(&format!("{of}/creditNote"), &back).await);
    recorder.answer("get_invoice", client.get(&of).await);
    recorder.answer("list_invoices", client.get("/api/Query/invoices/ent0001").await);
    for (operation, place) in [("export_invoices", "ent0001"), ("export_organisation_invoices", "org/1")] {
        let file = client.get(&format!("/api/Export/invoices/csv/{place}")).await.expect(200).text;
        // The rows tell times.
        recorder.answers.insert(operation.into(), json!(file.lines().next().unwrap()));
    }
    assert!(client.get(&format!("{of}/pdf")).await.expect(200).text.starts_with("%PDF-"));
    recorder.answers.insert("get_invoice_pdf".into(), json!("%PDF-1.7 …"));
    recorder.answer("list_organisation_invoices", client.get("/api/Query/invoices/org/1").await);
    client.post(&format!("{of}/payments"), &json!({})).await.expect(200);
    let mut open = invoice(created.id());
    open["invoiceData"]["invoiceStatus"] = json!(1);
    let made = client.post("/api/Invoice/ent0001", &open).await.expect(200);
    let of = format!("/api/Invoice/{}", made.json["responseData"]);
    recorder.answer("void_invoice", client.send(Method::POST, &format!("{of}/void"), None, &[]).await);
    let made = client.post("/api/Invoice/ent0001", &invoice(created.id())).await.expect(200);
    recorder.answer(
        "delete_invoice",
        client.delete(&format!("/api/Invoice/{}", made.json["responseData"])).await,
    );
    // Orders
    let order = json!({"lines": [{"description": "Green tea, 100 g", "quantity": 2, "unitPrice": 4.5, "taxRate": 5.5}],
        "collect": "onAccount", "dueInDays": 14, "purchaseOrder": "PO-17", "notify": false});
    recorder.request("take_order", &order);
    let orders = format!("{path}/orders");
    let taken = recorder.answer("take_order", client.post(&orders, &order).await);
    let of = format!("/api/Order/{}", taken.data()["orderId"].as_str().unwrap());
    recorder.answer("get_order", client.get(&of).await);
    recorder.answer("list_customer_orders", client.get(&orders).await);
    recorder.answer("list_orders", client.get("/api/Query/orders/ent0001").await);
    recorder.answer("resend_order", client.send(Method::POST, &format!("{of}/resend"), None, &[]).await);
    recorder.answer("cancel_order", client.send(Method::POST, &format!("{of}/cancel"), None, &[]).await);
    charges(&mut recorder, &server, &client).await;
    // Payment requests, and links for payment methods
    let bill = json!({"amount": 25, "description": "Deposit for the workshop", "methodTypes": ["card", "wallet"],
        "expiresInDays": 14, "collect": ["phone"], "successUrl": "https://shop.example/thanks",
        "cancelUrl": "https://shop.example/cart", "reference": "workshop-7", "notify": false});
    recorder.request("create_payment_request", &bill);
    let own = format!("{path}/paymentRequests");
    let asked = recorder.answer("create_payment_request", client.post(&own, &bill).await);
    let of = format!("/api/PaymentRequest/{}", asked.data()["paymentRequestId"].as_str().unwrap());
    recorder.answer("list_customer_payment_requests", client.get(&own).await);
    recorder.answer("get_payment_request", client.get(&of).await);
    let tips = json!({"open": {"min": 1, "max": 500}, "description": "For the team", "collect": ["email"], "maxUses": 100});
    recorder.request("create_reusable_payment_request", &tips);
    recorder
        .answer("create_reusable_payment_request", client.post("/api/PaymentRequest/ent0001", &tips).await);
    recorder.answer("list_payment_requests", client.get("/api/PaymentRequests/ent0001").await);
    let quietly = json!({"notify": false});
    recorder.request("resend_payment_request", &quietly);
    recorder.answer("resend_payment_request", client.post(&format!("{of}/resend"), &quietly).await);
    let cancelled = client.send(Method::POST, &format!("{of}/cancel"), None, &[]).await;
    recorder.answer("cancel_payment_request", cancelled);
    // Payabli's payment links
    let mut bill = invoice(created.id());
    bill["invoiceData"]["invoiceStatus"] = json!(1);
    let made = client.post("/api/Invoice/ent0001", &bill).await.expect(200);
    let page = json!({"page": {"header": "Your bill", "enabled": true}});
    recorder.request("create_pay_link", &page);
    let linked = client.post(&format!("/api/PaymentLink/{}", made.json["responseData"]), &page).await;
    let linked = recorder.answer("create_pay_link", linked);
    let id = linked.json["responseData"].as_str().unwrap().to_owned();
    recorder.answer("load_pay_link", client.get(&format!("/api/PaymentLink/load/{id}")).await);
    recorder.answer("refresh_pay_link", client.get(&format!("/api/PaymentLink/refresh/{id}")).await);
    recorder.answer("send_pay_link", client.get(&format!("/api/PaymentLink/send/{id}")).await);
    let push = json!({"channel": "email", "additionalEmails": [], "attachFile": false});
    recorder.request("push_pay_link", &push);
    recorder.answer("push_pay_link", client.post(&format!("/api/PaymentLink/push/{id}"), &push).await);
    recorder.answer("delete_pay_link", client.delete(&format!("/api/PaymentLink/{id}")).await);
    let of = format!("/api/Invoice/{}", made.json["responseData"]);
    client.send(Method::POST, &format!("{of}/void"), None, &[]).await.expect(200);
    let card = json!({"methodTypes": ["card"], "description": "For your subscription",
        "completeUrl": "https://shop.example/done", "notify": false});
    recorder.request("create_method_link", &card);
    let own = format!("{path}/methodLinks");
    let linked = recorder.answer("create_method_link", client.post(&own, &card).await);
    let of = format!("{own}/{}", linked.data()["linkId"].as_str().unwrap());
    recorder.answer("list_method_links", client.get(&own).await);
    recorder.request("resend_method_link", &quietly);
    recorder.answer("resend_method_link", client.post(&format!("{of}/resend"), &quietly).await);
    let cancelled = client.send(Method::POST, &format!("{of}/cancel"), None, &[]).await;
    recorder.answer("cancel_method_link", cancelled);
    // A customer with one that runs is not deleted.
    let place = "/api/Subscription/external/ent0001/billing/sub-1";
    client.put(place, &json!({"status": "ended"})).await.expect(200);

    // Coupons and the catalogue
    let coupon = json!({"code": "SPRING-10", "name": "Spring", "percentOff": 10, "startsAt": "2026-01-01",
        "redeemBy": "2099-06-30", "maxRedemptions": 1000, "perCustomerLimit": 5});
    let coupons = "/api/Coupon/ent0001";
    recorder.request("create_coupon", &coupon);
    recorder.answer("create_coupon", client.post(coupons, &coupon).await);
    let usage = |customer: u64| json!({"customerId": customer, "amount": 19.9, "currency": "USD", "reference": "order 17"});
    let spring = "/api/Coupon/ent0001/SPRING-10";
    recorder.request("redeem_coupon", &usage(2));
    let redeemed = client.post(&format!("{spring}/redeem"), &usage(created.id())).await;
    let redeemed = recorder.answer("redeem_coupon", redeemed);
    recorder.answer("list_redemptions", client.get(&format!("{spring}/redemptions")).await);
    let own = format!("{path}/coupons");
    let welcome = json!({"code": "WELCOME-2", "amountOff": 5, "currency": "USD", "perCustomerLimit": 1});
    recorder.request("give_coupon", &welcome);
    recorder.answer("give_coupon", client.post(&own, &welcome).await);
    recorder.answer("list_customer_coupons", client.get(&own).await);
    recorder.answer("list_coupons", client.get(coupons).await);
    recorder.answer("get_coupon", client.get(spring).await);
    let change = json!({"name": "Spring sale"});
    recorder.request("update_coupon", &change);
    recorder.answer("update_coupon", client.put(spring, &change).await);
    let redemption = redeemed.json["redemptionId"].as_str().unwrap();
    let place = format!("{spring}/redemptions/{redemption}/release");
    recorder.answer("release_redemption", client.send(reqwest::Method::POST, &place, None, &[]).await);
    recorder.answer("delete_coupon", client.delete("/api/Coupon/ent0001/WELCOME-2").await);
    let products = "/api/Product/ent0001";
    let product = json!({"name": "Green tea", "description": "100 g, loose", "unitPrice": 4.5, "currency": "USD",
        "taxRate": 5.5, "options": [{"name": "Size", "values": ["S", "L"]}]});
    recorder.request("create_product", &product);
    let made = recorder.answer("create_product", client.post(products, &product).await);
    recorder.answer("list_products", client.get(products).await);
    let place = format!("{products}/{}", made.json["productId"].as_str().unwrap());
    recorder.answer("get_product", client.get(&place).await);
    let change = json!({"unitPrice": 5, "active": false});
    recorder.request("update_product", &change);
    recorder.answer("update_product", client.put(&place, &change).await);
    recorder.answer("delete_product", client.delete(&place).await);

    // Invitations and mail
    let post = async |path: &str| client.send(reqwest::Method::POST, path, None, &[]).await;
    let all_went = async || {
        let states = ["queued", "sending"];
        let mut waiting = 1;
        while waiting > 0 {
            waiting = 0;
            for state in states {
                let mails = client.get(&format!("/api/Mail/outbox/ent0001?state={state}")).await.expect(200);
                waiting += mails.json["Summary"]["totalRecords"].as_i64().unwrap();
            }
        }
    };
    recorder.answer("invite_customer", post(&format!("{path}/invite")).await);
    all_went().await;
    recorder.answer("get_invitation", client.get(&format!("{path}/invite")).await);
    let twin = json!({"email": "ada.roe@example.test", "firstname": "Adah"});
    client.create("ent0001", &twin, &[("forceCustomerCreation", "true")], &[]).await.expect(200);
    let whom = json!({"customerIds": [created.id(), created.id() + 1]});
    recorder.request("invite_customers", &whom);
    let queued = client.post("/api/Customer/invite/ent0001?again=true", &whom).await.expect(202);
    recorder.answers.insert("invite_customers".into(), steady(queued.json.clone(), ""));
    let invitation = queued.header("Location").unwrap().to_owned();
    while client.get(&invitation).await.expect(200).json["state"] != "finished" {}
    all_went().await;
    recorder.answer("get_invite_job", client.get(&invitation).await);
    recorder.answer("get_invite_report", client.get(&format!("{invitation}/report")).await);
    recorder.answer("cancel_invite_job", post(&format!("{invitation}/cancel")).await);
    recorder.answer("list_invite_jobs", client.get("/api/Customer/invite/ent0001").await);
    recorder.answer("list_outbox", client.get("/api/Mail/outbox/ent0001").await);
    let mails = client.get("/api/Mail/outbox/ent0001?limitRecord=100").await.expect(200).json;
    let is_invitation = |mail: &&Value| mail["kind"] == "invitation";
    let mail = mails["Records"].as_array().unwrap().iter().find(is_invitation).unwrap()["mailId"].to_string();
    sql(&site.database_file(), &sql::fail_mail(&mail));
    recorder.answer("retry_mail", post(&format!("/api/Mail/outbox/ent0001/{mail}/retry")).await);
    recorder.answer("request_consent", post(&format!("{path}/consent")).await);
    recorder.answer("archive_customer", post(&format!("{path}/archive")).await);
    recorder.answer("unarchive_customer", post(&format!("{path}/unarchive")).await);
    let receipt = format!("/api/MoneyIn/sendreceipt/{transaction}");
    recorder.answer("get_send_receipt", client.get(&receipt).await);
    recorder.answer("send_receipt", client.send(Method::POST, &receipt, None, &[]).await);
    all_went().await;

    // Comments and labels
    let comments = format!("{path}/comments");
    let comment = json!({"text": "Called.\nWants a refund for order A-7.", "pinned": true});
    recorder.request("create_comment", &comment);
    recorder.answer("create_comment", client.post(&comments, &comment).await);
    let edit = json!({"text": "Called. Got a refund for order A-7."});
    recorder.request("update_comment", &edit);
    recorder.answer("update_comment", client.put(&format!("{comments}/1"), &edit).await);
    recorder.answer("list_comments", client.get(&comments).await);
    recorder.answer("delete_comment", client.delete(&format!("{comments}/1")).await);
    recorder.request("change_labels", &json!({"add": ["oakton"], "customerIds": [2]}));
    let labels = json!({"add": ["oakton"], "customerIds": [created.id()]});
    let queued = client.post("/api/Customer/labels/ent0001", &labels).await.expect(202);
    recorder.answers.insert("change_labels".into(), steady(queued.json.clone(), ""));
    let job = queued.header("Location").unwrap().to_owned();
    while client.get(&job).await.expect(200).json["state"] != "finished" {}
    recorder.answer("get_label_job", client.get(&job).await);
    recorder.answer("get_label_report", client.get(&format!("{job}/report")).await);
    recorder.answer("cancel_label_job", post(&format!("{job}/cancel")).await);
    recorder.answer("list_label_jobs", client.get("/api/Customer/labels/ent0001").await);
    recorder.answer("list_labels", client.get("/api/Paypoint/labels/ent0001").await);
    let name = json!({"to": "Oakton"});
    recorder.request("rename_label", &name);
    let queued = client.put("/api/Paypoint/labels/ent0001/oakton", &name).await.expect(202);
    recorder.answers.insert("rename_label".into(), steady(queued.json.clone(), ""));

    // Imports
    let file = "Reference ID,First Name,Last Name,E-mail,Birthday,Label,reference-shop\r\n\
        ACC-2001,Eve,Poe,eve.poe@example.test,24-08-1990,wholesale;net 30,S-2001\r\n\
        ACC-2002,Max,Low,max.low(at)example.test,,,S-2002\r\n";
    recorder.request("import_customers", &json!({"file": file}));
    let import = async |query: &str| {
        let part = reqwest::multipart::Part::text(file).file_name("customers.csv");
        let form = reqwest::multipart::Form::new().part("file", part);
        let path = format!("/api/Import/customersForm/ent0001{query}");
        let request = client.request(reqwest::Method::POST, &path).multipart(form);
        Answer::read(request.send().await.unwrap()).await.unwrap()
    };
    let dry_run_answer = import("?dryRun=true&map=Label:-").await.expect(200);
    let imported = recorder.answer("import_customers", import("").await);
    let job = |answer: &Answer| format!("/api/Import/jobs/ent0001/{}", answer.data()["jobId"]);
    let (dry_run, job) = (job(&dry_run_answer), job(&imported));
    recorder.answer("get_import", client.get(&job).await);
    recorder.answer("get_import_rows", client.get(&format!("{job}/rows")).await);
    recorder.text("get_rejected_rows", client.get(&format!("{job}/rejected.csv")).await);
    let cancel = client.send(reqwest::Method::POST, &format!("{job}/cancel"), None, &[]).await;
    recorder.answer("cancel_import", cancel);
    recorder.answer("list_imports", client.get("/api/Import/jobs/ent0001?limitRecord=1").await);
    let commit = client.send(reqwest::Method::POST, &format!("{dry_run}/commit"), None, &[]).await;
    let queued = as_queued(commit.expect(202).json);
    recorder.answers.insert("commit_import".into(), steady(queued, ""));
    let file = "source,externalId,status,amount,currency,occurredAt,customerNumber\r\n\
        shop,order-1001,approved,12.50,USD,2026-03-01T10:00:00Z,ACC-2001\r\n\
        shop,order-1002,declined,8.00,USD,2026-03-02T10:00:00Z,\r\n";
    recorder.request("import_transactions", &json!({"file": file}));
    let request = client.request(Method::POST, "/api/Import/transactionsForm/ent0001?dryRun=true");
    let sent = send(request.header("Content-Type", "text/csv").body(file)).await;
    recorder.answer("import_transactions", sent);
    recorder.text("get_import_template", client.get("/api/Import/template/customers.csv").await);

    // Tokens
    let token = json!({"name": "web shop", "entries": ["ent0001"], "scopes": ["customers:read", "customers:write"],
        "expiresInDays": 90, "requestsPerMinute": 600});
    recorder.request("create_token", &token);
    let made = recorder.answer("create_token", client.post("/api/Token", &token).await);
    let (jti, text) = (made.data()["jti"].as_str().unwrap(), made.data()["token"].as_str().unwrap());
    let credentials = json!({"clientId": jti, "clientSecret": text});
    recorder.request(
        "exchange_credentials",
        &steady(json!({"clientId": "0d5e7a3c-9b1f-4c62-8a57-2f4be9d01c66", "clientSecret": text}), ""),
    );
    recorder.answer(
        "exchange_credentials",
        server.anonymous().post("/api/v2/Token/serverside", &credentials).await,
    );
    let mut listed = client.get("/api/Token").await;
    // Tokens created within one second are listed in the order of their random ids.
    listed.json["Records"].as_array_mut().unwrap().retain(|record| record["jti"] == jti);
    recorder.answer("list_tokens", listed);
    recorder.answer("revoke_token", client.delete(&format!("/api/Token/{jti}")).await);

    // Staff
    let mut owner = owner(&server).await;
    let member =
        json!({"name": "Bea Low", "email": "bea.low@example.test", "role": "agent", "entries": ["ent0001"]});
    recorder.request("invite_staff", &member);
    let made = recorder.answer("invite_staff", client.post("/api/Staff", &member).await);
    let place = format!("/api/Staff/{}", made.data()["memberId"].as_str().unwrap());
    recorder.answer("list_staff", client.get("/api/Staff").await);
    let look = "/console/at/demo/settings/look";
    let form = [("storeName", "Roe"), ("color", "#aa3300"), ("language", "en"), ("editableMode", "default")];
    assert_eq!(send_form(&mut owner, look, look, &form).await.status, 303);
    recorder.answer("list_activity", client.get("/api/Activity/demo").await);
    recorder.answer("get_staff", client.get(&place).await);
    let change = json!({"role": "manager"});
    recorder.request("update_staff", &change);
    recorder.answer("update_staff", client.put(&place, &change).await);
    recorder.answer("reinvite_staff", post(&format!("{place}/invite")).await);
    recorder.answer("delete_staff", client.delete(&place).await);

    // Health
    for (operation, path) in [("get_live", "/health/live"), ("get_ready", "/health/ready")] {
        recorder.answer(operation, server.anonymous().get(path).await);
    }
    recorder.answers.insert("get_metrics".into(), json!("# TYPE customary_http_requests_total counter\ncustomary_http_requests_total{route=\"/health/ready\",method=\"GET\",status=\"200\"} 1\n"));

    // Errors
    let bad = json!({"email": "ada", "timezone": 5});
    recorder.error(400, client.post("/api/Customer/single/ent0001", &bad).await);
    recorder.error(401, server.anonymous().get(&path).await);
    let reader = site.new_token(&["--org", "1", "--all-entries", "--scope", "customers:read"]);
    recorder.error(403, server.client().token(&reader).delete(&path).await);
    recorder.error(404, client.get("/api/Customer/999999").await);
    let other = json!({"customerNumber": "ACC-1002", "email": "ada.roe@example.test"});
    recorder.error(409, client.post("/api/Customer/single/ent0001", &other).await);
    recorder.error(412, client.header("If-Match", &stale).put(&path, &json!({"city": "Oakton"})).await);
    let large = json!({"city": "x".repeat(1024 * 1024)});
    recorder.error(413, client.put(&path, &large).await);
    let plain = client.request(reqwest::Method::PUT, &path).header("Content-Type", "text/plain").body("x");
    recorder.error(415, Answer::read(plain.send().await.unwrap()).await.unwrap());
    let keyed = client.header("idempotencyKey", "order-17");
    keyed.put(&path, &json!({"city": "Oakton"})).await.expect(200);
    recorder.error(422, keyed.put(&path, &json!({"city": "Vienna"})).await);
    let slow = site.new_token(&["--org", "1", "--all-entries", "--requests-per-minute", "1"]);
    let slow = server.client().token(&slow);
    slow.get(&path).await.expect(200);
    recorder.error(429, slow.get(&path).await);
    recorder.answer("delete_customer", client.delete(&path).await);
    let busy = hold_the_lock(&site.database_file());
    let newcomer = json!({"email": "eve@example.test"});
    recorder.error(503, client.post("/api/Customer/single/ent0001", &newcomer).await);
    drop(busy);
    sql(&site.database_file(), sql::SPOIL_ALL_CUSTOMERS);
    recorder.error(500, client.get(&path).await);

    let recorded =
        json!({"answers": recorder.answers, "requests": recorder.requests, "errors": recorder.errors});
    let text = serde_json::to_string_pretty(&recorded).unwrap() + "\n";
    if std::env::var("RECORD").is_ok() {
        std::fs::write(FILE, &text).unwrap();
    }
    let kept = std::fs::read_to_string(FILE).unwrap();
    let others = differing(&serde_json::from_str(&kept).unwrap(), &recorded, String::new());
    assert!(
        kept == text,
        "the examples are not what the service answers; renew them: RECORD=1 cargo nextest run openapi\n{others:#?}"
    );
}

/// An entrypoint may have the name of any path segment except `org`, which is reserved.
#[tokio::test]
async fn an_entrypoint_named_like_a_path_segment_works_on_every_route() {
    const ORDER: [&str; 5] = [
        "/api/Customer/single/",
        "/api/Customer/invite/",
        "/api/Customer/labels/",
        "/api/Import/customersForm/",
        "",
    ];
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/openapi.json");
    let document: Value = serde_json::from_str(&std::fs::read_to_string(document).unwrap()).unwrap();
    let paths = addresses(&document);
    let names: BTreeSet<&str> = paths
        .iter()
        .flat_map(|(path, _)| path.split('/'))
        .filter(|part| !part.is_empty() && !part.contains(['{', '.']) && *part != "org")
        .collect();
    assert!(names.is_superset(&["archive", "consent", "history", "invite", "match"].into()), "{names:?}");
    let mut routes: Vec<(&String, Method)> = paths
        .iter()
        .filter(|(path, _)| path.contains("{entry}"))
        .flat_map(|(path, item)| item.as_object().unwrap().keys().map(move |method| (path, method)))
        .map(|(path, method)| (path, method.to_uppercase().parse().unwrap()))
        .collect();
    // Routes that create come before routes that read, cancel or commit.
    routes.sort_by_key(|(path, method)| {
        (
            *method == Method::DELETE,
            *method != Method::POST,
            ORDER.iter().position(|start| path.starts_with(start)),
            path.matches('/').count(),
        )
    });
    let server = Server::start(Db::Sqlite).await;
    let client = master(&server);
    for name in names {
        client.post("/api/Paypoint", &json!({"entry": name})).await.expect(200);
        let (mut invited, mut labelled, mut imported) = (Value::Null, Value::Null, Value::Null);
        let (mut coupon, mut product, mut customer) = (Value::Null, Value::Null, Value::Null);
        for (path, method) in &routes {
            let job = match path {
                path if path.starts_with("/api/Import") => &imported,
                path if path.starts_with("/api/Customer/labels") => &labelled,
                _ => &invited,
            };
            let mut url = path.replace("{entry}", name).replace("{jobId}", &job.to_string());
            url = url.replace("{secretId}", "1").replace("{system}", "shop").replace("{externalId}", "1");
            url = url.replace("{source}", "billing");
            let id = coupon["redemptionId"].as_str().unwrap_or("1-x");
            url = url.replace("{code}", "TEN").replace("{redemptionId}", id);
            url = url.replace("{productId}", product.as_str().unwrap_or("1-x"));
            url = url.replace("{format}", "csv").replace("{mailId}", "1").replace("{label}", "new");
            let is_of_many = path.ends_with("/invite/{entry}") || *path == "/api/Customer/labels/{entry}";
            if *method == Method::POST && is_of_many {
                url.push_str("?lifecycle=Prospect");
            }
            let request = client.request(method.clone(), &url);
            let answer = send(match path.as_str() {
                "/api/Customer/single/{entry}" | "/api/Customer/match/{entry}" => {
                    let references = json!([{"system": "shop", "externalId": "1"}]);
                    request.json(&json!({"email": "ada@example.test", "references": references}))
                }
                "/api/Paypoint/settings/{entry}" if *method == Method::PUT => {
                    request.json(&json!({"general": []}))
                }
                "/api/Customer/labels/{entry}" if *method == Method::POST => {
                    request.json(&json!({"add": ["new"]}))
                }
                "/api/Transaction/{entry}" => request.json(&json!([])),
                "/api/Paypoint/ingest/{entry}" if *method == Method::POST => {
                    request.json(&json!({"dialect": "payabli"}))
                }
                "/api/Ingest/{entry}/payabli" => request.json(&json!({"Event": "CardCreated"})),
                "/api/Ingest/{entry}/stripe" => {
                    request.json(&json!({"type": "customer.created", "data": {"object": {}}}))
                }
                "/api/Ingest/{entry}/standard" => request.json(&json!({"type": "customer.created"})),
                "/api/Ingest/{entry}/provider" => request.json(&json!({"type": "charge.updated"})),
                "/api/Subscription/external/{entry}/{source}/{externalId}" => {
                    request.json(&json!({"customer": {"email": "ada@example.test"}}))
                }
                "/api/Paypoint/labels/{entry}/{label}" => request.json(&json!({"to": "old"})),
                "/api/Coupon/{entry}" if *method == Method::POST => {
                    request.json(&json!({"code": "TEN", "percentOff": 10}))
                }
                "/api/Coupon/{entry}/{code}/redeem" => {
                    request.json(&json!({"customerId": customer, "amount": 1, "currency": "USD"}))
                }
                "/api/Coupon/{entry}/{code}" if *method == Method::PUT => {
                    request.json(&json!({"name": "Ten"}))
                }
                "/api/Product/{entry}" if *method == Method::POST => {
                    request.json(&json!({"name": "Tea", "unitPrice": 1}))
                }
                "/api/Product/{entry}/{productId}" if *method == Method::PUT => {
                    request.json(&json!({"unitPrice": 2}))
                }
                "/api/Import/customersForm/{entry}" => {
                    request.header("Content-Type", "text/csv").body("email\nbob@example.test\n")
                }
                "/api/Import/transactionsForm/{entry}" => request
                    .header("Content-Type", "text/csv")
                    .body("source,externalId,status,amount\nshop,1,approved,1\n"),
                _ => request,
            })
            .await;
            let wanted: &[u16] = match path.as_str() {
                // There is no such mail, or it is under way, or it is written; and the import is no dry run.
                "/api/Mail/outbox/{entry}/{mailId}/retry" => &[200, 404, 409],
                "/api/Import/jobs/{entry}/{jobId}/commit" => &[409],
                // It was redeemed.
                "/api/Coupon/{entry}/{code}" if *method == Method::DELETE => &[409],
                // No payment provider signed it.
                "/api/Ingest/{entry}/provider" => &[401],
                // The job that gives the label may not have begun.
                "/api/Paypoint/labels/{entry}/{label}" => &[202, 404],
                _ => &[200, 202],
            };
            assert!(wanted.contains(&answer.status), "{method} {url}: {}", answer.text);
            match path.as_str() {
                "/api/Customer/invite/{entry}" if *method == Method::POST => {
                    invited = answer.json["jobId"].clone();
                }
                "/api/Customer/labels/{entry}" if *method == Method::POST => {
                    labelled = answer.json["jobId"].clone();
                }
                "/api/Customer/single/{entry}" => customer = answer.data()["customerId"].clone(),
                "/api/Coupon/{entry}/{code}/redeem" => coupon = answer.json.clone(),
                "/api/Product/{entry}" if *method == Method::POST => {
                    product = answer.json["productId"].clone();
                }
                "/api/Import/customersForm/{entry}" => imported = answer.data()["jobId"].clone(),
                _ => {}
            }
        }
    }
}

/// The schema of filters, in the form in which generated clients send them.
#[tokio::test]
async fn every_filter_of_the_document_is_taken_by_the_lists() {
    let server = Server::start(Db::Sqlite).await;
    let client = server.client();
    let document = client.get("/openapi.json").await.expect(200).json;
    let filters = document["components"]["schemas"]["CustomerFilters"]["properties"].as_object().unwrap();
    // With the four of each additional field, 169.
    assert_eq!(filters.len(), 165);
    for (name, schema) in filters {
        let value = match (schema["type"].as_str(), name.as_str()) {
            (Some("integer"), _) => "1",
            (Some("number"), _) => "12.5",
            (None, _) => "Prospect",
            (_, name) if name.starts_with("paymentMethodStatus") => "Active",
            (_, name) if name.starts_with("lifecycle") => "Prospect|Active",
            (_, name) if name.contains("(in)") || name.contains("(nin)") => "1|0",
            (_, name)
                if name.starts_with("created") || name.starts_with("last") && !name.contains("name") =>
            {
                "2026-01-01"
            }
            (_, name) if name.starts_with("phone") => "5",
            _ => "a",
        };
        for path in ["/api/Query/customers/demo", "/api/Export/customers/csv/org/1"] {
            client.get(&format!("{path}?parameters[{name}]={value}")).await.expect(200);
        }
    }
    client.get("/api/Query/customers/demo?parameters[additional-tier(ct)]=gold").await.expect(200);
}
