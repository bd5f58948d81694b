//! Rules 1 as a property: what a token without `pii:read` is answered does not depend on masked values.
//!
//! Two services are equal but for one masked value of one customer. Both get the same random requests over every route
//! of the OpenAPI document, by tokens with random scopes and without `pii:read`. The requests guess the value, write it,
//! name it as an identifier, filter by it and import it. Statuses, headers and bodies must be equal, and so must the
//! rows that the requests left in the database. `WORLD_STEPS` sets how many requests each value gets.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;

/// A masked value: the field, its value in each world, and a third one that no world has. All have the same mask.
struct Secret {
    field: &'static str,
    values: [&'static str; 3],
    /// An identifier policy that does not need the field.
    policy: &'static str,
}

const SECRETS: [Secret; 9] = [
    Secret { field: "phone", values: ["+12025550117", "+12028880117", "+12029990117"], policy: "email" },
    Secret { field: "birthday", values: ["1979-11-23", "1985-04-12", "1990-01-31"], policy: "email" },
    Secret {
        field: "address",
        values: ["9 Elm Row", "1250 West Oak Lane", "7 Ash"],
        policy: "customerNumber",
    },
    // Of an address that is no default, and of a stored method.
    Secret { field: "note", values: ["Ring twice", "Leave at the back door", "Knock"], policy: "email" },
    Secret { field: "holderName", values: ["Ada Roe", "A. Roe-Lee", "Bob"], policy: "email" },
    Secret { field: "shippingAddress1", values: ["Dock 7", "Gate 12 B", "Pier"], policy: "email" },
    Secret { field: "customerUsername", values: ["ada-roe", "adelaide", "a.roe"], policy: "email" },
    Secret { field: "additional", values: ["gold", "platinum", "tin"], policy: "email" },
    Secret {
        field: "email",
        values: ["ada@example.test", "amy.roe@elsewhere.test", "abe@east.test"],
        policy: "firstname+lastname",
    },
];

const MASKS: [&str; 3] = ["***", "a***@e***.test", "+1******0117"];
/// The victim's id, and how many customers there are at first.
const VICTIM: u64 = 1;
const OTHERS: u64 = 4;

#[derive(Clone, Debug)]
enum Body {
    None,
    Json(Value),
    Csv(String),
}

#[derive(Clone, Debug)]
struct Request {
    method: Method,
    path: String,
    body: Body,
    headers: Vec<(&'static str, String)>,
}

/// One of the two worlds.
struct World {
    server: Server,
    master: Client,
    tokens: Vec<Client>,
    /// A token that may be revoked.
    spare: String,
    /// The victim's stored method.
    method: String,
    /// An order of the victim.
    order: String,
    /// A payment request of the victim.
    request: String,
    /// A link for a payment method of the victim.
    link: String,
}

impl World {
    async fn start(db: Db, secret: &Secret, value: &str, scopes: &[Vec<&str>]) -> Self {
        let server = Server::start(db).await;
        let master = master(&server);
        let policy = identifiers(&[secret.policy]);
        master.put("/api/Paypoint/settings/demo", &policy).await.expect(200);
        let mut victim = json!({"email": "vic@example.test", "firstname": "Ada", "lastname": "Roe",
                                "customerNumber": "V-1", "city": "Oakton", "phone": "+12025550142"});
        set_field(&mut victim, secret.field, json!(value));
        assert_eq!(created(&master, "demo", &victim).await, VICTIM);
        for number in 1..OTHERS {
            let body = json!({"email": format!("other{number}@example.test"), "firstname": "Bob",
                              "lastname": format!("Lee{number}"), "customerNumber": format!("N-{number}"),
                              "address": "1 High Street", "birthday": "1970-01-01"});
            created(&master, "demo", &body).await;
        }
        let holder = if secret.field == "holderName" { value } else { "Ada" };
        let method =
            json!({"provider": "stripe", "providerMethodId": "pm_0", "method": "card", "holderName": holder});
        let method = master.post(&format!("{}/methods", path(VICTIM)), &method).await.expect(200);
        let method = method.data()["methodId"].as_str().expect("an id").to_owned();
        master.post("/api/Coupon/demo", &json!({"code": "C1", "percentOff": 10})).await.expect(200);
        let usage = json!({"customerId": VICTIM, "amount": 10, "currency": "USD", "reference": "order 1"});
        master.post("/api/Coupon/demo/C1/redeem", &usage).await.expect(200);
        // An invoice of each state; the order makes the last one.
        for status in [0, 1] {
            let body = json!({"customerData": {"customerId": VICTIM}, "invoiceData": {"invoiceStatus": status,
                "items": [{"itemProductName": "Tea", "itemCost": 5}]}});
            master.post("/api/Invoice/demo", &body).await.expect(200);
        }
        let order = json!({"lines": [{"name": "Tea", "unitPrice": 5}], "notify": false});
        let order = master.post(&format!("{}/orders", path(VICTIM)), &order).await.expect(200);
        let order = order.data()["orderId"].as_str().expect("an id").to_owned();
        let request = json!({"amount": 5, "description": "Hidden"});
        let request = master.post(&format!("{}/paymentRequests", path(VICTIM)), &request).await.expect(200);
        let request = request.data()["paymentRequestId"].as_str().expect("an id").to_owned();
        let link = master.post(&format!("{}/methodLinks", path(VICTIM)), &json!({})).await.expect(200);
        let link = link.data()["linkId"].as_str().expect("an id").to_owned();
        let comment = json!({"text": "Hidden"});
        master.post(&format!("{}/comments", path(VICTIM)), &comment).await.expect(200);
        let mut tokens = Vec::new();
        for scopes in scopes {
            let body = json!({"name": "masked", "entries": "*", "scopes": scopes});
            let made = master.post("/api/Token", &body).await.expect(200);
            tokens.push(server.anonymous().token(made.data()["token"].as_str().expect("a token")));
        }
        let spare = json!({"name": "spare", "entries": ["demo"], "scopes": ["tokens"]});
        let spare = master.post("/api/Token", &spare).await.expect(200).data()["jti"].clone();
        let spare = spare.as_str().expect("an id").to_owned();
        Self { server, master, tokens, spare, method, order, request, link }
    }

    async fn ask(&self, request: &Request, token: usize) -> Answer {
        let path = request.path.replace("{spare}", &self.spare).replace("{method}", &self.method);
        let path = path.replace("{order}", &self.order).replace("{request}", &self.request);
        let path = path.replace("{link}", &self.link);
        let mut sent = self.tokens[token].request(request.method.clone(), &path);
        for (name, value) in &request.headers {
            sent = sent.header(*name, value);
        }
        sent = match &request.body {
            Body::None => sent,
            Body::Json(body) => sent.json(body),
            Body::Csv(text) => sent.header("Content-Type", "text/csv").body(text.clone()),
        };
        send(sent).await
    }

    /// Waits until no job and no mail is on its way, so that both worlds stand at the same place.
    async fn settle(&self) {
        wait_until("jobs and mails have ended", Duration::from_mins(1), async || {
            for state in ["queued", "sending", "handingOver"] {
                let outbox = format!("/api/Mail/outbox/demo?state={state}&limitRecord=1");
                let waiting = self.master.get(&outbox).await.expect(200);
                if waiting.json["Summary"]["totalRecords"] != 0 {
                    return false;
                }
            }
            for jobs in ["/api/Import/jobs/demo", "/api/Customer/invite/demo", "/api/Customer/labels/demo"] {
                let jobs = self.master.get(&format!("{jobs}?limitRecord=100")).await.expect(200);
                let is_busy = |job: &Value| job["state"] == "queued" || job["state"] == "running";
                if jobs.json["Records"].as_array().expect("jobs").iter().any(is_busy) {
                    return false;
                }
            }
            let keys = self.master.get("/api/Paypoint/keys/demo").await.expect(200);
            !keys.text.contains("\"rotating\":true") && !keys.text.contains("\"running\"")
        })
        .await;
    }

    /// What the requests left behind: the number of rows of each table.
    fn rows(&self) -> Vec<(String, i64)> {
        sql::rows_of_tables(&mut Sql::open(self.server.site()))
    }
}

fn set_field(body: &mut Value, field: &str, value: Value) {
    if field == "additional" {
        body["additionalFields"] = json!({ "tier": value });
    } else if field == "note" {
        body["addresses"] = json!([{ "address": "9 Elm Row", "note": value }]);
    } else if field != "holderName" {
        body[field] = value;
    }
}

/// Makes random requests, the same ones for both worlds.
struct Maker<'a> {
    rng: fastrand::Rng,
    secret: &'a Secret,
    step: usize,
}

impl Maker<'_> {
    fn chance(&mut self, percent: u32) -> bool {
        self.rng.u32(..100) < percent
    }

    fn one<'b, T>(&mut self, of: &'b [T]) -> &'b T {
        &of[self.rng.usize(..of.len())]
    }

    fn guess(&mut self) -> String {
        let all = self.secret.values;
        (*self.one(&all)).to_owned()
    }

    /// The secret's field as identifiers and columns name it.
    fn field(&self) -> &'static str {
        if self.secret.field == "additional" { "tier" } else { self.secret.field }
    }

    fn customer(&mut self) -> Value {
        let mut body = json!({});
        for (member, pool) in [
            ("email", &["vic@example.test", "other1@example.test", "new@example.test"][..]),
            ("customerNumber", &["V-1", "N-1", "N-2", "X-1", "X-2"]),
            ("firstname", &["Ada", "Bob", "Cleo"]),
            ("lastname", &["Roe", "Lee1", "Lee2", "Day"]),
            ("city", &["Oakton", "Reston"]),
            ("country", &["US", "GB"]),
        ] {
            if self.chance(45) {
                body[member] = json!(self.one(pool));
            }
        }
        if self.chance(75) {
            let value = match self.rng.u32(..10) {
                0 => Value::Null,
                1 => json!(self.one(&MASKS)),
                _ => json!(self.guess()),
            };
            set_field(&mut body, self.secret.field, value);
        }
        if self.chance(10) {
            let both = self.chance(50);
            body["addresses"] = json!([
                {"address": self.guess(), "isDefaultBilling": true, "isDefaultShipping": both},
                {"address": "9 Elm Row", "name": "Ada"},
            ]);
        }
        if self.chance(35) {
            body["identifierFields"] = self.identifier();
        }
        if self.chance(3) {
            body["customerPsw"] = json!("correct horse battery staple");
        }
        body
    }

    /// A customer by the names of Payabli's calls about methods.
    fn payer(&mut self) -> Value {
        const NAMES: [(&str, &str); 9] = [
            ("email", "billingEmail"),
            ("phone", "billingPhone"),
            ("address", "billingAddress1"),
            ("shippingAddress1", "shippingAddress2"),
            ("city", "billingCity"),
            ("firstname", "firstName"),
            ("lastname", "lastName"),
            ("customerNumber", "customerNumber"),
            ("additionalFields", "additionalData"),
        ];
        let customer = self.customer();
        let mut payer = json!({});
        for (name, there) in NAMES {
            if !customer[name].is_null() {
                payer[there] = customer[name].clone();
            }
        }
        payer
    }

    fn identifier(&mut self) -> Value {
        let own = self.field();
        match self.rng.u32(..5) {
            0 | 1 => json!([own]),
            2 => json!(["firstname", own]),
            3 => json!(["email"]),
            _ => json!(["firstname", "lastname", "customerNumber"]),
        }
    }

    fn file(&mut self) -> String {
        let column = match self.secret.field {
            "additional" => "additional-tier",
            "note" => "address-2-note",
            "holderName" => "method-holderName",
            other => other,
        };
        let named = ["email", "customerNumber", "firstname", "lastname", "city"];
        let named: Vec<&str> = named.into_iter().filter(|name| *name != column).collect();
        let mut text = format!("{},{column}\n", named.join(","));
        for _ in 0..self.rng.usize(1..5) {
            let body = self.customer();
            for name in &named {
                text.push_str(body[*name].as_str().unwrap_or_default());
                text.push(',');
            }
            text.push_str(&self.guess());
            text.push('\n');
        }
        text
    }

    fn flags(&mut self) -> &'static str {
        const FLAGS: [&str; 4] =
            ["", "?mergeExisting=1", "?replaceExisting=1", "?forceCustomerCreation=true"];
        self.one::<&'static str>(&FLAGS)
    }

    fn id(&mut self) -> u64 {
        if self.chance(60) { VICTIM } else { self.rng.u64(1..OTHERS + 4) }
    }

    /// One of the first invoices, or none.
    fn invoice(&mut self) -> u64 {
        self.rng.u64(OTHERS + 1..OTHERS + 5)
    }

    fn query(&mut self) -> String {
        let (guess, field) = (self.guess().replace('+', "%2B").replace(' ', "%20"), self.field());
        let filter = if self.secret.field == "additional" { "additional-tier" } else { field };
        match self.rng.u32(..11) {
            0 => format!("?search={guess}"),
            9 => format!("?anyaddress(ct)={guess}"),
            10 => "?paymentMethodStatus=Active".into(),
            1 => format!("?{filter}(eq)={guess}"),
            2 => format!("?sortBy=asc({filter})"),
            3 => "?search=Ada%20Roe".into(),
            4 => "?city(eq)=Oakton&limitRecord=2".into(),
            5 => format!("?parameters=%7B%22{filter}(ct)%22:%22{guess}%22%7D"),
            6 => "?sortBy=desc(lastUpdated)".into(),
            7 => "?status(in)=1|-99&limitRecord=3".into(),
            _ => String::new(),
        }
    }

    fn import_options(&mut self) -> String {
        let mut options = Vec::new();
        if self.chance(60) {
            options.push("dryRun=true".to_owned());
        }
        let flags = self.flags();
        if let Some(flag) = flags.strip_prefix('?') {
            options.push(flag.to_owned());
        }
        if self.chance(30) {
            options.push(format!("identifierFields={}", self.field()));
        }
        if self.chance(20) {
            options.push("onBadValue=blank".to_owned());
        }
        if options.is_empty() { String::new() } else { format!("?{}", options.join("&")) }
    }

    /// A random request of an operation of the document, and how often such requests are made.
    fn request(&mut self, method: &str, path: &str) -> Request {
        let (mut headers, mut body) = (Vec::new(), Body::None);
        let mut target = path
            .replace("{entry}", "demo")
            .replace("{orgId}", "1")
            .replace("{format}", "csv")
            .replace("{commentId}", &self.rng.u32(1..4).to_string())
            .replace("{label}", "made")
            .replace("{mailId}", &self.rng.u32(1..4).to_string())
            .replace("{jobId}", &self.rng.u32(1..9).to_string())
            .replace("{customerId}", &self.id().to_string())
            .replace("{addressId}", &self.rng.u32(1..5).to_string())
            .replace("{system}", "shop")
            .replace("{externalId}", &self.rng.u32(1..4).to_string())
            .replace("{mode}", "m12")
            .replace("{freq}", "m")
            .replace("{secretId}", "1")
            .replace("{transId}", "1-00000000000000000000000000000001")
            .replace("{redemptionId}", "1-00000000000000000000000000000001")
            .replace("{productId}", "1-00000000000000000000000000000001")
            .replace(
                "{orderId}",
                if self.chance(60) { "{order}" } else { "1-00000000000000000000000000000001" },
            )
            .replace(
                "{paymentRequestId}",
                if self.chance(60) { "{request}" } else { "1-00000000000000000000000000000001" },
            )
            .replace(
                "{linkId}",
                if self.chance(60) { "{link}" } else { "1-00000000000000000000000000000001" },
            )
            .replace("{invoiceId}", &self.invoice().to_string())
            .replace("{code}", &format!("C{}", self.rng.u32(1..4)))
            .replace(
                "{methodId}",
                if self.chance(60) { "{method}" } else { "1-00000000000000000000000000000001" },
            )
            .replace("{memberId}", "nobody")
            .replace("{jti}", if self.chance(5) { "{spare}" } else { "nobody" });
        match (method, path) {
            ("POST", "/api/Customer/single/{entry}") => {
                target.push_str(self.flags());
                body = Body::Json(self.customer());
            }
            ("POST", "/api/Customer/match/{entry}") | ("PUT", "/api/Customer/{customerId}") => {
                body = Body::Json(self.customer());
            }
            ("POST", "/api/Customer/{customerId}/addresses")
            | ("PUT", "/api/Customer/{customerId}/addresses/{addressId}") => {
                let street = self.guess();
                let is_default = self.chance(50);
                body = Body::Json(
                    json!({"address": street, "isDefaultBilling": is_default, "isDefaultShipping": is_default}),
                );
            }
            ("POST", "/api/Import/customersForm/{entry}") => {
                target.push_str(&self.import_options());
                body = Body::Csv(self.file());
            }
            ("POST", "/api/Import/transactionsForm/{entry}") => {
                body = Body::Csv(format!(
                    "source,externalId,status,amount,email\nfile,1,approved,1,{}\n",
                    self.guess()
                ));
            }
            (
                "GET",
                "/api/Query/customers/{entry}"
                | "/api/Query/customers/org/{orgId}"
                | "/api/Export/customers/{format}/{entry}"
                | "/api/Export/customers/{format}/org/{orgId}",
            ) => {
                target.push_str(&self.query());
            }
            ("POST", "/api/Customer/invite/{entry}") => {
                if self.chance(50) {
                    target.push_str(&self.query());
                } else {
                    body = Body::Json(json!({"customerIds": [self.id(), self.id()]}));
                }
            }
            ("POST", "/api/Customer/labels/{entry}") => {
                let labels = json!({"add": ["made"], "remove": ["new"]});
                if self.chance(50) {
                    target.push_str(&self.query());
                    body = Body::Json(labels);
                } else {
                    body = Body::Json(json!({"add": ["made"], "customerIds": [self.id(), self.id()]}));
                }
            }
            ("PUT", "/api/Paypoint/labels/{entry}/{label}") => {
                body = Body::Json(json!({"to": "made"}));
            }
            ("DELETE", "/api/Customer/{customerId}") => {
                // The victim stays, so that there is something to guess.
                target = match self.rng.u32(..4) {
                    0 => format!("/api/Customer/{VICTIM}?erase=true"),
                    _ => format!("/api/Customer/{}", self.rng.u64(VICTIM + 1..OTHERS + 4)),
                };
            }
            ("PUT", "/api/Paypoint/settings/{entry}") => {
                let policy = if self.chance(50) { self.field() } else { "customerNumber" };
                body = Body::Json(match self.rng.u32(..3) {
                    0 => identifiers(&[policy]),
                    _ => json!({"general": [{"key": "dbaName", "readOnly": false, "value": "Shop"}]}),
                });
                if policy == "customerNumber" {
                    body = Body::Json(json!({"general": []}));
                }
            }
            ("PUT", "/api/Organization/settings/{orgId}") => {
                body = Body::Json(json!({"general": [{"key": "name", "readOnly": false, "value": "Demo"}]}));
            }
            ("POST", "/api/Paypoint") => {
                body = Body::Json(json!({"entry": format!("made-{}", self.step)}));
            }
            ("POST", "/api/Organization") => {
                body = Body::Json(json!({"name": format!("Made {}", self.step)}));
            }
            ("POST", "/api/Token") => {
                let scope = *self.one(&["customers:read", "pii:read", "customers:import"]);
                body = Body::Json(json!({"name": "made", "scopes": [scope]}));
            }
            ("POST", "/api/Staff") => {
                let address = format!("member{}@example.test", self.step);
                body = Body::Json(json!({"name": "Made", "email": address, "role": "viewer"}));
            }
            ("PUT", "/api/Staff/{memberId}") => {
                body = Body::Json(json!({"name": "Renamed"}));
            }
            ("POST", "/api/v2/Token/serverside") => {
                body = Body::Json(json!({"clientId": self.guess(), "clientSecret": "guess"}));
            }
            // These have a path and nothing else.
            (
                "GET",
                "/api/Customer/invite/{entry}"
                | "/api/Customer/invite/{entry}/{jobId}"
                | "/api/Customer/invite/{entry}/{jobId}/report"
                | "/api/Customer/labels/{entry}"
                | "/api/Customer/labels/{entry}/{jobId}"
                | "/api/Customer/labels/{entry}/{jobId}/report"
                | "/api/Customer/{customerId}"
                | "/api/Customer/{customerId}/addresses"
                | "/api/Customer/{customerId}/addresses/{addressId}"
                | "/api/Customer/{customerId}/comments"
                | "/api/Customer/{customerId}/details"
                | "/api/Customer/{customerId}/history"
                | "/api/Customer/{customerId}/invite"
                | "/api/Customer/{customerId}/methods"
                | "/api/Customer/{customerId}/references"
                | "/api/Customer/byReference/{entry}/{system}/{externalId}"
                | "/api/Customer/link/{customerId}/{transId}"
                | "/api/MoneyIn/details/{transId}"
                | "/api/MoneyIn/sendreceipt/{transId}"
                | "/api/Charge/{transId}"
                | "/api/MoneyIn/refund/{transId}/{amount}"
                | "/api/MoneyIn/void/{transId}"
                | "/api/Paypoint/ingest/{entry}"
                | "/api/Coupon/{entry}"
                | "/api/Coupon/{entry}/{code}"
                | "/api/Coupon/{entry}/{code}/redemptions"
                | "/api/Customer/{customerId}/coupons"
                | "/api/Product/{entry}"
                | "/api/Product/{entry}/{productId}"
                | "/api/Customer/{customerId}/orders"
                | "/api/Order/{orderId}"
                | "/api/Query/orders/{entry}"
                | "/api/Customer/{customerId}/paymentRequests"
                | "/api/Customer/{customerId}/methodLinks"
                | "/api/PaymentRequests/{entry}"
                | "/api/PaymentLink/load/{paymentRequestId}"
                | "/api/PaymentLink/refresh/{paymentRequestId}"
                | "/api/PaymentLink/send/{paymentRequestId}"
                | "/api/Query/invoices/{entry}"
                | "/api/Query/invoices/org/{orgId}"
                | "/api/Export/invoices/{format}/{entry}"
                | "/api/Export/invoices/{format}/org/{orgId}"
                | "/api/Invoice/getNumber/{entry}"
                | "/api/Invoice/{invoiceId}/pdf"
                | "/api/Invoice/send/{invoiceId}"
                | "/api/Query/transactions/{entry}"
                | "/api/Query/transactions/org/{orgId}"
                | "/api/Export/transactions/{format}/{entry}"
                | "/api/Export/transactions/{format}/org/{orgId}"
                | "/api/Statistic/customerbasic/{mode}/{freq}/{customerId}"
                | "/api/Import/jobs/{entry}"
                | "/api/Import/jobs/{entry}/{jobId}"
                | "/api/Import/jobs/{entry}/{jobId}/rejected.csv"
                | "/api/Import/jobs/{entry}/{jobId}/rows"
                | "/api/Import/template/customers.csv"
                | "/api/Mail/outbox/{entry}"
                | "/api/Organization/settings/{orgId}"
                | "/api/Paypoint"
                | "/api/Paypoint/keys/{entry}"
                | "/api/Activity/{entry}"
                | "/api/Paypoint/labels/{entry}"
                | "/api/Paypoint/settings/{entry}"
                | "/api/Statistic/customers/{entry}"
                | "/api/Staff"
                | "/api/Staff/{memberId}"
                | "/api/Token"
                | "/api/TokenStorage/{methodId}",
            )
            | (
                "POST",
                "/api/Customer/invite/{entry}/{jobId}/cancel"
                | "/api/Customer/labels/{entry}/{jobId}/cancel"
                | "/api/Customer/link/{customerId}/{transId}"
                | "/api/MoneyIn/sendreceipt/{transId}"
                | "/api/MoneyIn/refund/{transId}/{amount}"
                | "/api/MoneyIn/void/{transId}"
                | "/api/Coupon/{entry}/{code}/redemptions/{redemptionId}/release"
                | "/api/Order/{orderId}/cancel"
                | "/api/Order/{orderId}/resend"
                | "/api/PaymentRequest/{paymentRequestId}/cancel"
                | "/api/PaymentRequest/{paymentRequestId}/resend"
                | "/api/Customer/{customerId}/methodLinks/{linkId}/cancel"
                | "/api/Customer/{customerId}/methodLinks/{linkId}/resend"
                | "/api/Invoice/{invoiceId}/finalize"
                | "/api/Invoice/{invoiceId}/void"
                | "/api/Invoice/send/{invoiceId}"
                | "/api/Customer/{customerId}/archive"
                | "/api/Customer/{customerId}/consent"
                | "/api/Customer/{customerId}/invite"
                | "/api/Customer/{customerId}/unarchive"
                | "/api/Import/jobs/{entry}/{jobId}/cancel"
                | "/api/Import/jobs/{entry}/{jobId}/commit"
                | "/api/Mail/outbox/{entry}/{mailId}/retry"
                | "/api/Paypoint/keys/rotate/{entry}"
                | "/api/Staff/{memberId}/invite",
            )
            | ("PUT", "/api/Customer/{customerId}/references/{system}/{externalId}")
            | (
                "DELETE",
                "/api/Token/{jti}"
                | "/api/Staff/{memberId}"
                | "/api/Paypoint/ingest/{entry}/{secretId}"
                | "/api/Customer/{customerId}/addresses/{addressId}"
                | "/api/Customer/{customerId}/references/{system}/{externalId}"
                | "/api/Customer/{customerId}/comments/{commentId}"
                | "/api/Customer/{customerId}/methods/{methodId}"
                | "/api/Coupon/{entry}/{code}"
                | "/api/Product/{entry}/{productId}"
                | "/api/TokenStorage/{methodId}",
            ) => {}
            ("DELETE", "/api/PaymentLink/{target}") => {
                let known = self.chance(20);
                let id = if known { "{request}" } else { "1-00000000000000000000000000000001" };
                target = format!("/api/PaymentLink/{id}");
            }
            ("POST", "/api/PaymentLink/{target}") => {
                target = format!("/api/PaymentLink/{}", self.invoice());
                if self.chance(50) {
                    target.push_str("?mail2=vic@example.test");
                }
                body = Body::Json(json!({"page": {"header": self.guess()}}));
            }
            ("POST", "/api/PaymentLink/push/{paymentRequestId}") => {
                body = Body::Json(json!({"channel": "email"}));
            }
            ("GET", "/api/PaymentRequest/{target}") => {
                let known = self.chance(60);
                let id = if known { "{request}" } else { "1-00000000000000000000000000000001" };
                target = format!("/api/PaymentRequest/{id}");
            }
            ("POST", "/api/PaymentRequest/{target}" | "/api/Customer/{customerId}/paymentRequests") => {
                target = target.replace("{target}", "demo");
                body = Body::Json(json!({"amount": 1, "description": self.guess(), "collect": ["phone"]}));
            }
            ("POST", "/api/Customer/{customerId}/methodLinks") => {
                body = Body::Json(json!({"description": self.guess(), "notify": self.chance(50)}));
            }
            ("GET" | "DELETE", "/api/Invoice/{target}") => {
                target = format!("/api/Invoice/{}", self.invoice());
            }
            ("POST" | "PUT", "/api/Invoice/{target}") => {
                let place = if method == "POST" { "demo".to_owned() } else { self.invoice().to_string() };
                target = format!("/api/Invoice/{place}{}", if method == "POST" { self.flags() } else { "" });
                let buyer = if self.chance(50) { json!({"customerId": self.id()}) } else { self.payer() };
                let mut data = json!({"items": [{"itemProductName": "Tea", "itemCost": 5}], "notes": self.guess(),
                    "invoiceStatus": u8::from(self.chance(30))});
                if self.chance(20) {
                    data["shippingAddress1"] = json!(self.guess());
                }
                body = Body::Json(json!({"customerData": buyer, "invoiceData": data}));
            }
            ("POST", "/api/Invoice/{invoiceId}/payments" | "/api/Invoice/{invoiceId}/creditNote") => {
                body = Body::Json(json!({}));
            }
            ("POST", "/api/Customer/{customerId}/orders") => {
                body = Body::Json(json!({"lines": [{"name": "Tea", "unitPrice": 1}], "notes": self.guess(),
                    "coupon": format!("C{}", self.rng.u32(1..4)), "notify": self.chance(50)}));
            }
            ("POST", "/api/Customer/{customerId}/charges") => {
                body = Body::Json(json!({"amount": self.rng.u32(1..9), "description": self.guess()}));
            }
            ("POST", "/api/MoneyIn/getpaid") => {
                body = Body::Json(json!({"entryPoint": "demo", "paymentDetails": {"totalAmount": 1},
                    "paymentMethod": {"storedMethodId": self.guess()}, "orderDescription": self.guess()}));
            }
            ("POST", "/api/Coupon/{entry}" | "/api/Customer/{customerId}/coupons")
            | ("PUT", "/api/Coupon/{entry}/{code}") => {
                let code = format!("C{}", self.rng.u32(1..4));
                body = Body::Json(match self.rng.u32(..3) {
                    0 => json!({ "code": code }),
                    1 => json!({"code": code, "percentOff": 10, "name": self.guess()}),
                    _ => json!({"name": self.guess(), "perCustomerLimit": 1}),
                });
            }
            ("POST", "/api/Coupon/{entry}/{code}/redeem") => {
                let reference = format!("order {}", self.rng.u32(1..4));
                body = Body::Json(
                    json!({"customerId": self.id(), "amount": 10, "currency": "USD", "reference": reference}),
                );
            }
            ("POST", "/api/Product/{entry}") | ("PUT", "/api/Product/{entry}/{productId}") => {
                body = Body::Json(json!({"name": self.guess(), "unitPrice": 1}));
            }
            ("POST", "/api/Customer/{customerId}/methods")
            | ("PUT", "/api/Customer/{customerId}/methods/{methodId}") => {
                let token = format!("pm_{}", self.rng.u32(..4));
                body = Body::Json(
                    json!({"provider": "stripe", "providerMethodId": token, "method": "card", "expMonth": 4,
                           "expYear": 2090, "holderName": self.guess(), "isDefault": self.chance(30)}),
                );
            }
            ("POST", "/api/TokenStorage/add") | ("PUT", "/api/TokenStorage/{methodId}") => {
                let token = format!("pt_{}", self.rng.u32(..4));
                body = Body::Json(json!({"customerData": self.payer(), "entryPoint": "demo",
                                         "paymentMethod": {"method": "card", "tokenId": token}}));
            }
            (
                "POST" | "PUT",
                "/api/Customer/{customerId}/comments" | "/api/Customer/{customerId}/comments/{commentId}",
            ) => {
                body = Body::Json(json!({"text": self.guess(), "pinned": self.chance(50)}));
            }
            ("POST", "/api/Paypoint/ingest/{entry}") => {
                body = Body::Json(json!({"dialect": "stripe", "secret": "whsec_0123456789abcdef"}));
            }
            ("POST", "/api/Ingest/{entry}/payabli") => {
                body = Body::Json(
                    json!({"Event": "ApprovedPayment", "transId": format!("45-{}", self.rng.u32(..4)),
                    "TotalAmount": "10.00", "transTime": "5/23/2022 1:50:50 PM", "CustomerNumber": self.guess()}),
                );
            }
            (
                "POST",
                "/api/Ingest/{entry}/stripe"
                | "/api/Ingest/{entry}/standard"
                | "/api/Ingest/{entry}/provider",
            ) => {
                body = Body::Json(json!({"type": "customer.created", "data": {"object": {}}}));
            }
            ("GET", "/api/Query/subscriptions/{entry}" | "/api/Query/subscriptions/org/{orgId}") => {
                target.push_str(self.one::<&str>(&[
                    "",
                    "?status=1",
                    "?status(in)=ended|paused",
                    "?limitRecord=1",
                ]));
            }
            ("GET", "/api/Subscription/{subscriptionId}") => {
                target = format!("/api/Subscription/{}", self.rng.u64(OTHERS..OTHERS + 30));
            }
            ("POST", "/api/Subscription/add") => body = Body::Json(json!({"plan": self.guess()})),
            ("PUT", "/api/Subscription/external/{entry}/{source}/{externalId}") => {
                target = format!("/api/Subscription/external/demo/billing/{}", self.rng.u32(1..6));
                target.push_str(self.one::<&str>(&["", "", "?onUnknownCustomer=create"]));
                let status = *self.one(&["running", "paused", "ended"]);
                body = Body::Json(match self.rng.u32(..4) {
                    0 => json!({"customerId": self.id(), "status": status}),
                    1 => json!({"status": status, "plan": "Gold"}),
                    _ => json!({"customer": self.customer(), "status": status}),
                });
            }
            ("POST", "/api/Transaction/{entry}") => {
                let modes = ["", "?onUnknownCustomer=refuse", "?onUnknownCustomer=create"];
                let mode: &str = self.one::<&str>(&modes);
                target.push_str(mode);
                let (who, note) = (self.customer(), self.guess());
                let status = *self.one(&["approved", "declined"]);
                body = Body::Json(json!([
                    {"source": "shop", "externalId": self.rng.u32(1..6).to_string(), "status": status, "amount": 1,
                     "occurredAt": "2026-03-01T10:00:00Z", "customer": who, "description": note},
                    {"source": "shop", "externalId": format!("own-{}", self.rng.u32(1..6)), "status": "approved",
                     "amount": 1, "occurredAt": "2026-03-01T10:00:00Z", "customerId": self.id()},
                ]));
            }
            (method, path) => panic!("{method} {path} is new; say here what its requests are like"),
        }
        let is_change = method != "GET";
        if is_change && self.chance(15) {
            headers.push(("Idempotency-Key", format!("key-{}", self.rng.u32(..3))));
        }
        if is_change && self.chance(10) {
            headers.push(("If-Match", format!("\"{}-0123456789abcdef\"", self.rng.u32(1..6))));
        }
        Request { method: method.parse().expect("a method"), path: target, body, headers }
    }
}

/// How often an operation is asked, beside the others: those that write and name values matter most.
fn weight(method: &str, path: &str) -> usize {
    match (method, path) {
        ("POST", "/api/Customer/single/{entry}") => 14,
        ("PUT", "/api/Customer/{customerId}") => 8,
        ("POST", "/api/Import/customersForm/{entry}") => 6,
        ("POST", "/api/Transaction/{entry}")
        | ("PUT", "/api/Subscription/external/{entry}/{source}/{externalId}")
        | (
            "GET",
            "/api/Import/jobs/{entry}/{jobId}/rows"
            | "/api/Import/jobs/{entry}/{jobId}"
            | "/api/Customer/{customerId}"
            | "/api/Customer/{customerId}/history"
            | "/api/Query/customers/{entry}",
        ) => 4,
        ("POST", "/api/Import/jobs/{entry}/{jobId}/commit") => 3,
        _ => 1,
    }
}

/// The operations of a document that need a token.
fn operations(document: &Value) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        if ["/health/live", "/health/ready", "/metrics"].contains(&path.as_str()) {
            continue;
        }
        for method in item.as_object().expect("operations").keys() {
            if ["get", "put", "post", "delete"].contains(&method.as_str()) {
                // The document gives its server's base path apart.
                all.push((method.to_uppercase(), format!("/api{path}")));
            }
        }
    }
    assert!(all.len() > 40, "{all:?}");
    all
}

/// A text without what differs from run to run: times, random ids, tokens, folders, and how fast an import was.
fn steady(text: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || "-_:.".contains(c);
    let mut steady = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(from) = rest.find(is_word) {
        let to = rest[from..].find(|c| !is_word(c)).map_or(rest.len(), |length| from + length);
        let word = &rest[from..to];
        steady.push_str(&rest[..from]);
        let is_time = word.len() >= 20 && word.starts_with("20") && word.ends_with('Z') && word.contains('T');
        let is_uuid = word.len() == 36 && word.matches('-').count() == 4;
        let is_hex = |hex: &str| hex.len() == 32 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_method = word.split_once('-').is_some_and(|(_, hex)| is_hex(hex));
        // The hash of a tag holds the time of the change; the version before it must be the same.
        let is_tag = |hash: &str| hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        let word = word.split_once('-').filter(|(_, hash)| is_tag(hash)).map_or(word, |(version, _)| version);
        steady.push_str(match word {
            _ if is_time => "(time)",
            _ if is_uuid || is_method || is_hex(word) => "(id)",
            _ if word.starts_with("eyJ") => "(token)",
            _ if word.starts_with("customary-test-") => "(folder)",
            word => word,
        });
        rest = &rest[to..];
    }
    steady.push_str(rest);
    for speed in ["rowsPerSecond", "secondsLeft"] {
        let parts: Vec<&str> = steady.split(&format!("\"{speed}\":")).collect();
        let told = |part: &&str| part.trim_start_matches(|c: char| c.is_ascii_digit()).to_owned();
        let parts: Vec<String> =
            parts[..1].iter().map(|part| (*part).to_owned()).chain(parts[1..].iter().map(told)).collect();
        steady = parts.join(&format!("\"{speed}\":"));
    }
    steady
}

/// Lists of what has one of these members are in the order of random ids, within one moment.
const TIME_ORDERED: [&str; 8] = [
    "PaymentTransId",
    "couponId",
    "coupon",
    "redemptionId",
    "productId",
    "orderId",
    "paymentRequestId",
    "linkId",
];

/// The value with every list of transactions and the like in the order of what stays the same from run to run.
fn in_order(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(in_order).collect();
            if items.iter().all(|item| TIME_ORDERED.iter().any(|id| item.get(id).is_some())) {
                items.sort_by_cached_key(|item| steady(&item.to_string()));
            }
            Value::Array(items)
        }
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), in_order(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        value => value.clone(),
    }
}

/// What a caller sees of an answer, without what differs from run to run. A page's sealed token counts by its length.
fn visible(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let mut headers: Vec<(String, String)> = Vec::new();
    for (name, value) in &answer.headers {
        let value = value.to_str().expect("a text");
        let value = match name.as_str() {
            "date" | "x-request-id" => continue,
            // Its tag holds the time of the change.
            "etag" => value.split('-').next().unwrap_or_default().to_owned(),
            "link" => value.len().to_string(),
            "retry-after" => "soon".to_owned(),
            "content-length" if answer.text.contains("rowsPerSecond") => continue,
            _ => steady(value),
        };
        headers.push((name.to_string(), value));
    }
    headers.sort();
    let mut text = steady(&answer.text);
    // Transactions and the like of one moment stand in the order of their random ids.
    let told = answer.json.to_string();
    if TIME_ORDERED.iter().any(|id| told.contains(&format!("\"{id}\""))) {
        text = steady(&in_order(&answer.json).to_string());
    } else if text.trim_start_matches('\u{feff}').trim_start_matches("entry,").starts_with("transId,") {
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        text = lines.join("\n");
    }
    // A worker may have begun the new job already; later requests read it.
    if answer.status == 202 && answer.json["jobId"].is_number() {
        text = answer.json["jobId"].to_string();
    }
    if let Some(page) = answer.json["Summary"]["pageIdentifier"].as_str() {
        text = text.replace(page, &format!("({} characters)", page.len()));
    }
    // The address to pay at ends with random letters.
    for place in ["/responseData/url", "/responseData/paymentUrl", "/paymentUrl"] {
        if let Some(address) = answer.json.pointer(place).and_then(Value::as_str) {
            text = text.replace(address, "(address)");
        }
    }
    // Tokens of one second stand in the order of their random ids.
    let records = answer.json["Records"].as_array();
    if let Some(tokens) = records.filter(|records| records.iter().any(|record| record["jti"].is_string())) {
        let mut tokens: Vec<String> = tokens.iter().map(|token| steady(&token.to_string())).collect();
        tokens.sort();
        text = tokens.join("\n");
    }
    (answer.status, headers, text)
}

async fn compare(db: Db, secret: &Secret, mut rng: fastrand::Rng) {
    const SCOPES_MASKED: [&str; 9] = [
        "customers:read",
        "customers:write",
        "customers:delete",
        "customers:import",
        "customers:export",
        "money:read",
        "money:write",
        "settings",
        "tokens",
    ];
    let mut scopes: Vec<Vec<&str>> = vec![
        SCOPES_MASKED.to_vec(),
        vec!["customers:write"],
        vec!["customers:import"],
        vec!["customers:read", "customers:write"],
        vec!["customers:read", "customers:import"],
        vec!["money:write", "customers:write"],
    ];
    for _ in 0..4 {
        let mut some: Vec<&str> = SCOPES_MASKED.into_iter().filter(|_| rng.bool()).collect();
        if some.is_empty() {
            some.push("customers:read");
        }
        // A token that may only set the policy decides whom it identifies, and can ask for nobody itself.
        if some.contains(&"settings") && !some.contains(&"customers:write") {
            some.push("customers:write");
        }
        scopes.push(some);
    }
    let [one, two] = [secret.values[0], secret.values[1]];
    let (one, two) =
        tokio::join!(World::start(db, secret, one, &scopes), World::start(db, secret, two, &scopes));
    let document = one.server.anonymous().get("/openapi.json").await.expect(200).json;
    let operations = operations(&document);
    let weighted: Vec<&(String, String)> = operations
        .iter()
        .flat_map(|operation| std::iter::repeat_n(operation, weight(&operation.0, &operation.1)))
        .collect();
    let mut asked = BTreeSet::new();
    let mut maker = Maker { rng, secret, step: 0 };
    // Each operation once, then at random.
    let steps = operations.len() + usize::try_from(setting("WORLD_STEPS", 40)).expect("a number");
    for step in 0..steps {
        maker.step = step;
        let (method, path) = match operations.get(step) {
            Some(operation) => operation,
            None => maker.one(&weighted),
        };
        let request = maker.request(method, path);
        let token = maker.rng.usize(..scopes.len());
        let (here, there) = tokio::join!(one.ask(&request, token), two.ask(&request, token));
        assert!(here.status < 500, "{request:?}: {}", here.text);
        asked.insert(format!("{method} {path} {}", here.status));
        assert_eq!(
            visible(&here),
            visible(&there),
            "step {step}: a token with {:?} learns the {} from {request:?}",
            scopes[token],
            secret.field,
        );
        let background = [
            "invite",
            "labels",
            "consent",
            "commit",
            "retry",
            "rotate",
            "send",
            "orders",
            "methodLinks",
            "PaymentLink",
        ];
        if here.status < 300 && background.iter().any(|word| path.contains(word)) {
            tokio::join!(one.settle(), two.settle());
        }
    }
    assert!(asked.len() > operations.len(), "few answers: {asked:?}");
    assert_eq!(one.rows(), two.rows(), "the {} shows in the work", secret.field);
}

both!(rules_1_masked_values_show_in_no_answer, |db| async {
    let mut rng = seeded();
    for secret in &SECRETS {
        println!("{}", secret.field);
        compare(db, secret, rng.fork()).await;
    }
});
