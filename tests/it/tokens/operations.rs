//! Every operation of the served OpenAPI document with every kind of token. The table must name each operation, so a new
//! route without an entry there fails.

mod table;

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};

use self::table::{
    Operation, PROTECTED, PUBLIC, Parameter, comment, coupon, customer, customer_of, file, member, method,
    product, sales, subscription, usage,
};
use crate::harness::*;
use crate::support::*;

/// `GET /api/Customer/{}`: the methods and paths of a document, parameters without their names.
fn operations_of(document: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (path, item) in addresses(document) {
        let segments = path.split('/').map(|segment| if segment.starts_with('{') { "{}" } else { segment });
        let path = segments.collect::<Vec<_>>().join("/");
        for method in item.as_object().expect("operations").keys() {
            if ["get", "put", "post", "delete", "patch", "head", "options", "trace"].contains(&&**method) {
                found.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    found
}

/// As the document has it: without the query, and with the format of a file as a parameter.
fn bare(path: &str) -> String {
    let path = path.split('?').next().expect("a path");
    let path =
        path.replace("/comments/1", "/comments/{}").replace("/MoneyIn/refund/{}/1", "/MoneyIn/refund/{}/{}");
    let path =
        path.replace("/customers/csv/", "/customers/{}/").replace("/customers/xlsx/", "/customers/{}/");
    let path = path
        .replace("/transactions/csv/", "/transactions/{}/")
        .replace("/transactions/xlsx/", "/transactions/{}/")
        .replace("/Export/invoices/csv/", "/Export/invoices/{}/")
        .replace("/Export/invoices/zip/", "/Export/invoices/{}/");
    let path = path
        .replace("/customerbasic/m12/m/", "/customerbasic/{}/{}/")
        .replace("/ingest/demo/", "/ingest/{}/");
    let path = path.replace("/own/", "/{}/").replace("/addresses/1", "/addresses/{}");
    let path = path.replace("/Customer/link/{}", "/Customer/link/{}/{}");
    let path = path
        .replace("/Customer/{}/cancel", "/Customer/{}/methodLinks/{}/cancel")
        .replace("/Customer/{}/resend", "/Customer/{}/methodLinks/{}/resend");
    let path = path.replace("/Coupon/demo/{}/release", "/Coupon/{}/{}/redemptions/{}/release");
    ["/jobs/", "/invite/", "/labels/", "/outbox/", "/byReference/", "/external/", "/Coupon/", "/Product/"]
        .into_iter()
        .fold(path, |path, before| path.replace(&format!("{before}demo/"), &format!("{before}{{}}/")))
}

impl Operation {
    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    async fn ask(&self, client: &Client, parameter: &str, number: usize) -> Answer {
        let body = self.body.map(|body| body(number));
        if let Some(Value::String(file)) = body {
            return import(client, &self.path.replace("{}", parameter), file).await;
        }
        let path = match self.path.split_once("{}/methods/") {
            Some((before, after)) => format!("{before}{}/methods/{after}", customer_of(parameter)),
            None => self.path.to_owned(),
        };
        client.send(self.method.clone(), &path.replace("{}", parameter), body.as_ref(), &[]).await
    }
}

async fn import(client: &Client, path: &str, file: String) -> Answer {
    send(client.request(Method::POST, path).header("Content-Type", "text/csv").body(file)).await
}

/// A new customer with an address, who is called by the own id.
async fn referred(client: &Client, body: &Value) -> u64 {
    let mut body = body.clone();
    body["address"] = json!("9 Elm Row");
    let id = created(client, "demo", &body).await;
    client.send(Method::PUT, &format!("/api/Customer/{id}/references/own/{id}"), None, &[]).await.expect(200);
    id
}

/// The id of a finished dry run.
async fn dry_run(client: &Client, number: usize) -> String {
    let Value::String(file) = file(number) else { unreachable!("a file is a text") };
    let answer = import(client, "/api/Import/customersForm/demo?dryRun=true", file).await.expect(200);
    answer.data()["jobId"].to_string()
}

/// The id of a bulk invitation that reaches nobody.
async fn invitation(client: &Client) -> String {
    let body = json!({"customerIds": [987_654_321]});
    client.post("/api/Customer/invite/demo", &body).await.expect(202).json["jobId"].to_string()
}

/// The id of a change of the labels of nobody.
async fn label_job(client: &Client) -> String {
    let body = json!({"add": ["made"], "customerIds": [987_654_321]});
    client.post("/api/Customer/labels/demo", &body).await.expect(202).json["jobId"].to_string()
}

/// The id of a failed mail to a customer.
async fn failed_mail(client: &Client, site: &Site, customer: u64) -> String {
    client.send(Method::POST, &format!("/api/Customer/{customer}/invite"), None, &[]).await.expect(200);
    let outbox = format!("/api/Mail/outbox/demo?customerId={customer}&state=written");
    wait_until("the mail is written", std::time::Duration::from_mins(1), async || {
        client.get(&outbox).await.expect(200).json["Summary"]["totalRecords"] != 0
    })
    .await;
    let id = client.get(&outbox).await.expect(200).json["Records"][0]["mailId"].to_string();
    Sql::open(site).run(&sql::fail_mail(&id));
    id
}

/// The id of a new stored method of a customer.
async fn stored_method(client: &Client, customer: u64, number: usize) -> String {
    let answer = client.post(&format!("/api/Customer/{customer}/methods"), &method(number)).await.expect(200);
    answer.data()["methodId"].as_str().expect("an id").to_owned()
}

/// The id of a new transaction that belongs to nobody.
async fn transaction(client: &Client, number: usize) -> String {
    let answer = client.post("/api/Transaction/demo", &sales(number)).await.expect(200);
    answer.json["items"][0]["transId"].as_str().expect("an id").to_owned()
}

/// The id of a new transaction that a customer with an address paid.
async fn paid(client: &Client, number: usize) -> String {
    let owner = created(client, "demo", &customer(40_000 + number)).await;
    let id = transaction(client, 40_000 + number).await;
    client.send(Method::POST, &format!("/api/Customer/link/{owner}/{id}"), None, &[]).await.expect(200);
    id
}

/// The id of a new invoice of the customer who is always there.
async fn made(client: &Client, is_open: bool) -> String {
    let mut body = table::invoice(0);
    body["invoiceData"]["invoiceStatus"] = json!(u8::from(is_open));
    client.post("/api/Invoice/demo", &body).await.expect(200).json["responseData"].to_string()
}

/// The number of a new secret of webhooks.
async fn secret(client: &Client) -> String {
    let made = client.post("/api/Paypoint/ingest/demo", &json!({"dialect": "payabli"})).await.expect(200);
    made.data()["secretId"].to_string()
}

/// The id of a new member of staff.
async fn new_staff(client: &Client, number: usize) -> String {
    let made = client.post("/api/Staff", &member(number)).await.expect(200);
    made.data()["memberId"].as_str().expect("an id").to_owned()
}

/// The code of a new coupon.
async fn new_coupon(client: &Client, number: usize) -> String {
    let made = client.post("/api/Coupon/demo", &coupon(number)).await.expect(200);
    made.json["code"].as_str().expect("a code").to_owned()
}

/// The code of a new coupon, and a redemption of it, as the path names both.
async fn redemption(client: &Client, number: usize, customer: u64) -> String {
    let code = new_coupon(client, number).await;
    let mut body = usage(number);
    body["customerId"] = json!(customer);
    let used = client.post(&format!("/api/Coupon/demo/{code}/redeem"), &body).await.expect(200);
    format!("{code}/redemptions/{}", used.json["redemptionId"].as_str().expect("an id"))
}

/// The id of a new product.
async fn new_product(client: &Client, number: usize) -> String {
    let made = client.post("/api/Product/demo", &product(number)).await.expect(200);
    made.json["productId"].as_str().expect("an id").to_owned()
}

/// The id of a new order of a customer.
async fn new_order(client: &Client, customer: u64) -> String {
    let made = client.post(&format!("{}/orders", path(customer)), &table::order(0)).await.expect(200);
    made.data()["orderId"].as_str().expect("an id").to_owned()
}

/// The id of a new payment request of a customer.
async fn new_request(client: &Client, customer: u64) -> String {
    let made = client.post(&format!("{}/paymentRequests", path(customer)), &table::request(0)).await;
    made.expect(200).data()["paymentRequestId"].as_str().expect("an id").to_owned()
}

/// A customer, and the id of a new link for a payment method of it, as the path names both.
async fn new_link(client: &Client, customer: u64) -> String {
    let made = client.post(&format!("{}/methodLinks", path(customer)), &json!({})).await.expect(200);
    format!("{customer}/methodLinks/{}", made.data()["linkId"].as_str().expect("an id"))
}

/// A server with a target of every kind, which refused requests must not change.
struct Fixture {
    server: Server,
    master: Client,
    customer: u64,
    token: String,
    import: String,
    invitation: String,
    label_job: String,
    mail: String,
    method: String,
    transaction: String,
    subscription: String,
    paid: String,
    secret: String,
    member: String,
    draft: String,
    invoice: String,
    coupon: String,
    redemption: String,
    product: String,
    order: String,
    request: String,
    link: String,
    other_org: u64,
}

impl Fixture {
    async fn start(db: Db) -> Self {
        let server = Server::start(db).await;
        let site = server.site();
        new_entry(site, "other", &[]);
        let other_org = new_org(site, "Elsewhere");
        new_entry_of(site, other_org, "elsewhere", &[]);
        let master = master(&server);
        let body = json!({"email": "victim@example.test", "firstname": "Vic", "customerNumber": "V-1", "labels": ["known"]});
        let customer = referred(&master, &body).await;
        master.post(&format!("{}/comments", path(customer)), &comment(0)).await.expect(200);
        let token = token_with(site, &["tokens"]);
        let import = dry_run(&master, 20_000).await;
        let invitation = invitation(&master).await;
        let label_job = label_job(&master).await;
        let invited = created(&master, "demo", &self::customer(20_001)).await;
        let mail = failed_mail(&master, site, invited).await;
        let method = stored_method(&master, customer, 30_000).await;
        let transaction = transaction(&master, 30_000).await;
        let place = "/api/Subscription/external/demo/own/known";
        let subscribed = master.put(place, &self::subscription(0)).await.expect(200);
        let subscription = subscribed.data()["idSub"].to_string();
        let paid = paid(&master, 30_001).await;
        let secret = secret(&master).await;
        let member = new_staff(&master, 30_000).await;
        let (draft, invoice) = (made(&master, false).await, made(&master, true).await);
        assert_eq!(customer, 1, "the bodies of redemptions name the first customer");
        let coupon = new_coupon(&master, 30_000).await;
        let redemption = redemption(&master, 30_001, customer).await;
        let product = new_product(&master, 30_000).await;
        let order = new_order(&master, invited).await;
        let request = new_request(&master, invited).await;
        let link = new_link(&master, invited).await;
        Self {
            server,
            master,
            customer,
            token,
            import,
            invitation,
            label_job,
            mail,
            method,
            transaction,
            subscription,
            paid,
            secret,
            member,
            draft,
            invoice,
            coupon,
            redemption,
            product,
            order,
            request,
            link,
            other_org,
        }
    }

    /// The target that the parameter names.
    fn target(&self, parameter: Parameter) -> String {
        match parameter {
            Parameter::Nothing => String::new(),
            Parameter::Entry => "demo".to_owned(),
            Parameter::Customer | Parameter::Commented => self.customer.to_string(),
            Parameter::Organisation => "1".to_owned(),
            Parameter::Token => jti(&self.token),
            Parameter::Import => self.import.clone(),
            Parameter::Invitation => self.invitation.clone(),
            Parameter::Label => "known".to_owned(),
            Parameter::LabelJob => self.label_job.clone(),
            Parameter::Mail => self.mail.clone(),
            Parameter::Method => self.method.clone(),
            Parameter::Transaction => self.transaction.clone(),
            Parameter::Subscription => self.subscription.clone(),
            Parameter::Paid => self.paid.clone(),
            Parameter::Secret => self.secret.clone(),
            Parameter::Member => self.member.clone(),
            Parameter::Draft => self.draft.clone(),
            Parameter::Invoice => self.invoice.clone(),
            Parameter::Coupon => self.coupon.clone(),
            Parameter::Redemption => self.redemption.clone(),
            Parameter::Product => self.product.clone(),
            Parameter::Order => self.order.clone(),
            Parameter::Request => self.request.clone(),
            Parameter::MethodLink => self.link.clone(),
            Parameter::Unlinked => format!("{}/{}", self.customer, self.transaction),
        }
    }

    /// An unused name of the same kind.
    fn unknown(parameter: Parameter) -> &'static str {
        match parameter {
            Parameter::Nothing => "",
            Parameter::Entry => "nowhere",
            Parameter::Customer
            | Parameter::Commented
            | Parameter::Organisation
            | Parameter::Import
            | Parameter::Invitation
            | Parameter::Label
            | Parameter::LabelJob
            | Parameter::Subscription
            | Parameter::Secret
            | Parameter::Draft
            | Parameter::Invoice
            | Parameter::Coupon
            | Parameter::Mail => "987654321",
            Parameter::Redemption => "987654321/redemptions/1-00000000000000000000000987000001",
            Parameter::Token => "00000000-0000-4000-8000-000000000000",
            Parameter::Member => "staff-00000000-0000-4000-8000-000000000000",
            Parameter::Method
            | Parameter::Transaction
            | Parameter::Paid
            | Parameter::Product
            | Parameter::Order
            | Parameter::Request => "1-00000000000000000000000987000001",
            Parameter::MethodLink => "987654321/methodLinks/1-00000000000000000000000987000001",
            Parameter::Unlinked => "987654321/1-00000000000000000000000987000001",
        }
    }

    /// A target that a request may use up.
    async fn spare(&self, parameter: Parameter, number: usize) -> String {
        match parameter {
            Parameter::Customer => referred(&self.master, &customer(10_000 + number)).await.to_string(),
            Parameter::Commented => {
                let id = created(&self.master, "demo", &customer(10_000 + number)).await;
                self.master.post(&format!("{}/comments", path(id)), &comment(number)).await.expect(200);
                id.to_string()
            }
            Parameter::Method => {
                let owner = created(&self.master, "demo", &customer(10_000 + number)).await;
                stored_method(&self.master, owner, number).await
            }
            Parameter::Transaction => transaction(&self.master, 10_000 + number).await,
            Parameter::Paid => paid(&self.master, 10_000 + number).await,
            Parameter::Secret => secret(&self.master).await,
            Parameter::Member => new_staff(&self.master, 10_000 + number).await,
            Parameter::Draft => made(&self.master, false).await,
            Parameter::Invoice => made(&self.master, true).await,
            Parameter::Coupon => new_coupon(&self.master, 10_000 + number).await,
            Parameter::Redemption => redemption(&self.master, 10_000 + number, self.customer).await,
            Parameter::Product => new_product(&self.master, 10_000 + number).await,
            Parameter::Order => {
                let owner = created(&self.master, "demo", &customer(50_000 + number)).await;
                new_order(&self.master, owner).await
            }
            Parameter::Request => {
                let owner = created(&self.master, "demo", &customer(60_000 + number)).await;
                new_request(&self.master, owner).await
            }
            Parameter::MethodLink => {
                let owner = created(&self.master, "demo", &customer(60_000 + number)).await;
                new_link(&self.master, owner).await
            }
            Parameter::Unlinked => {
                let owner = created(&self.master, "demo", &customer(10_000 + number)).await;
                format!("{owner}/{}", transaction(&self.master, 10_000 + number).await)
            }
            Parameter::Token => jti(&token_with(self.server.site(), &["tokens"])),
            Parameter::Import => dry_run(&self.master, 10_000 + number).await,
            Parameter::Invitation => invitation(&self.master).await,
            Parameter::LabelJob => label_job(&self.master).await,
            Parameter::Mail => {
                let invited = created(&self.master, "demo", &customer(10_000 + number)).await;
                failed_mail(&self.master, self.server.site(), invited).await
            }
            _ => self.target(parameter),
        }
    }

    async fn state(&self) -> Value {
        let record = read(&self.master, self.customer).await;
        let total = total(&self.master, "demo").await;
        let entrypoints = self.master.get("/api/Paypoint").await.expect(200).json;
        let organisation = self.master.get("/api/Organization/settings/1").await.expect(200).json;
        let tokens = self.master.get("/api/Token").await.expect(200).text.matches("\"made\"").count();
        self.server.anonymous().token(&self.token).get("/api/Token").await.expect(200);
        let imports = self.master.get("/api/Import/jobs/demo?limitRecord=1000").await.expect(200);
        let imports: Vec<_> = imports.json["Records"]
            .as_array()
            .expect("records")
            .iter()
            .map(|job| json!([job["jobId"], job["dryRun"], job["commits"]]))
            .collect();
        let invitations =
            self.master.get("/api/Customer/invite/demo").await.expect(200).json["Summary"].clone();
        let labels = self.master.get("/api/Customer/labels/demo").await.expect(200).json["Summary"].clone();
        let mails = self.master.get("/api/Mail/outbox/demo?limitRecord=1000").await.expect(200);
        let mails: Vec<_> = mails.json["Records"]
            .as_array()
            .expect("records")
            .iter()
            .map(|mail| json!([mail["mailId"], mail["messageId"]]))
            .collect();
        let comments = self.master.get(&format!("{}/comments", path(self.customer))).await.expect(200);
        let orders = self.master.get("/api/Query/orders/demo?limitRecord=0").await.expect(200).json;
        let requests = self.master.get("/api/PaymentRequests/demo?limitRecord=0").await.expect(200).json;
        let invoices = self.master.get("/api/Query/invoices/demo?limitRecord=0").await.expect(200).json;
        let coupons = self.master.get("/api/Coupon/demo?limitRecord=1000").await.expect(200);
        let products = self.master.get("/api/Product/demo?limitRecord=1000").await.expect(200);
        let own = self.master.get(&format!("{}/coupons", path(self.customer))).await.expect(200);
        let money = self.master.get(&format!("/api/MoneyIn/details/{}", self.transaction)).await.expect(200);
        json!([
            coupons.json["Records"],
            products.json["Records"],
            own.json["Records"],
            money.json,
            invoices,
            orders,
            requests,
            comments.json,
            record.json,
            etag(&record),
            total,
            entrypoints,
            organisation,
            tokens,
            imports,
            invitations,
            labels,
            mails
        ])
    }
}

both!(rules_1_the_table_lists_the_operations_of_the_document, |db| async {
    let server = Server::start(db).await;
    let document = server.anonymous().get("/openapi.json").await.expect(200).json;
    let documented = operations_of(&document);
    let protected =
        PROTECTED.iter().map(|operation| format!("{} {}", operation.method, bare(operation.path)));
    let public = |all: bool| {
        let chosen = PUBLIC.iter().filter(move |(.., must)| all || *must);
        chosen.map(|(method, path, _)| format!("{method} {path}"))
    };
    let known: BTreeSet<_> = protected.clone().chain(public(true)).collect();
    let expected: BTreeSet<_> = protected.chain(public(false)).collect();
    let unknown: Vec<_> = documented.difference(&known).collect();
    assert!(unknown.is_empty(), "the table of this test lacks {unknown:?}");
    let missing: Vec<_> = expected.difference(&documented).collect();
    assert!(missing.is_empty(), "the document lacks {missing:?}");
    for (method, path, _) in PUBLIC {
        for client in [server.anonymous(), server.anonymous().token("garbage")] {
            let status = client.send(method.clone(), path, None, &[]).await.status;
            let expected = match *method {
                // A webhook proves itself by its signature.
                _ if path.starts_with("/api/Ingest/") => 401,
                Method::POST => 400,
                _ => 200,
            };
            assert_eq!(status, expected, "{method} {path} is public");
        }
    }
});

both!(rules_1_an_operation_needs_exactly_its_scopes, |db| async {
    let fixture = Fixture::start(db).await;
    let site = fixture.server.site();
    for (number, operation) in PROTECTED.iter().enumerate() {
        let client = fixture.server.anonymous().token(&token_with(site, operation.scopes));
        let parameter = fixture.spare(operation.parameter, number).await;
        let answer = operation.ask(&client, &parameter, number).await;
        let is_queued = operation.path.ends_with("/commit")
            || ["/api/Customer/invite/{}", "/api/Customer/labels/{}"].contains(&operation.path)
            || operation.path == "/api/Paypoint/labels/demo/{}";
        let expected = match operation.path {
            // There is no billing engine.
            // There is no payment provider, so nothing was charged here.
            "/api/Subscription/add"
            | "/api/Customer/{}/charges"
            | "/api/MoneyIn/getpaid"
            | "/api/MoneyIn/refund/{}/1"
            | "/api/MoneyIn/void/{}" => 409,
            "/api/Charge/{}" => 404,
            _ if is_queued && operation.method != Method::GET => 202,
            _ => 200,
        };
        assert_eq!(
            answer.status,
            expected,
            "{} with {:?}: {}",
            operation.name(),
            operation.scopes,
            answer.text
        );
    }
    let before = fixture.state().await;
    for lacking in SCOPES {
        let others: Vec<_> = SCOPES.into_iter().filter(|scope| *scope != lacking).collect();
        let client = fixture.server.anonymous().token(&token_with(site, &others));
        for operation in PROTECTED.iter().filter(|operation| operation.scopes.contains(&lacking)) {
            for parameter in [&*fixture.target(operation.parameter), Fixture::unknown(operation.parameter)] {
                // The scope is needed for the comment of another author, or for a member who has it.
                let is_needless = lacking == "settings" && operation.parameter == Parameter::Commented
                    || lacking != "staff" && operation.parameter == Parameter::Member;
                if is_needless && parameter == Fixture::unknown(operation.parameter) {
                    continue;
                }
                let answer = operation.ask(&client, parameter, 0).await;
                assert_eq!(
                    answer.status,
                    403,
                    "{} without {lacking} on {parameter}: {}",
                    operation.name(),
                    answer.text
                );
                answer.expect_error(403);
            }
        }
    }
    assert_eq!(fixture.state().await, before, "a refused request changed something");
});

/// The first two parts of a token changed, with the signature of another: what a forger can do without a key.
fn forged(token: &str, header: Option<Value>, payload: Option<Value>) -> String {
    let parts: Vec<_> = token.split('.').collect();
    let part = |new: Option<Value>, old: &str| {
        new.map_or_else(|| old.to_owned(), |new| URL_SAFE_NO_PAD.encode(new.to_string()))
    };
    format!("{}.{}.{}", part(header, parts[0]), part(payload, parts[1]), parts[2])
}

fn signed_with_another_key(token: &str) -> String {
    let header = jsonwebtoken::decode_header(token).expect("a header");
    let key = jsonwebtoken::EncodingKey::from_secret(b"another key of thirty-two bytes!");
    let header = jsonwebtoken::Header { alg: jsonwebtoken::Algorithm::HS256, ..header };
    jsonwebtoken::encode(&header, &claims(token), &key).expect("it signs")
}

/// Everything that is no valid token, made from a valid one.
async fn invalid_tokens(fixture: &Fixture) -> Vec<(&'static str, String)> {
    let site = fixture.server.site();
    let good = token_with(site, &SCOPES);
    let header: Value = {
        let part = good.split('.').next().expect("a header");
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("JSON")
    };
    let with = |value: &Value, name: &str, new: Value| {
        let mut value = value.clone();
        value[name] = new;
        value
    };
    let unsigned = forged(&good, Some(with(&header, "alg", json!("none"))), None);
    let unsigned = unsigned.rsplit_once('.').expect("three parts").0.to_owned();
    let scopes: Vec<_> = SCOPES.iter().flat_map(|scope| ["--scope", scope]).collect();
    let expiring = [&["--org", "1", "--all-entries", "--expires", "1s"], &scopes[..]].concat();
    let expired = site.new_token(&expiring);
    let revoked = token_with(site, &SCOPES);
    fixture.master.delete(&format!("/api/Token/{}", jti(&revoked))).await.expect(200);
    tokio::time::sleep(std::time::Duration::from_millis(2200)).await;
    let mut shortened = good.clone();
    shortened.truncate(good.len() - 4);
    vec![
        ("garbage", "garbage".to_owned()),
        ("three parts of garbage", "a.b.c".to_owned()),
        ("empty parts", "..".to_owned()),
        ("a shortened signature", shortened),
        ("alg none without a signature", format!("{unsigned}.")),
        ("alg none with a signature", forged(&good, Some(with(&header, "alg", json!("none"))), None)),
        ("another alg in the header", forged(&good, Some(with(&header, "alg", json!("HS512"))), None)),
        ("no kid", forged(&good, Some(json!({"alg": "HS256", "typ": "JWT"})), None)),
        ("an unknown kid", forged(&good, Some(with(&header, "kid", json!("nobody's"))), None)),
        ("a changed claim", forged(&good, None, Some(with(&claims(&good), "org", json!(fixture.other_org))))),
        ("signed with another key", signed_with_another_key(&good)),
        // White space, but not ASCII.
        ("a no-break space before it", format!("\u{a0}{good}")),
        ("expired", expired),
        ("revoked", revoked),
    ]
}

both!(rules_1_without_a_valid_token_every_operation_answers_401, |db| async {
    let fixture = Fixture::start(db).await;
    let invalid_tokens = invalid_tokens(&fixture).await;
    let before = fixture.state().await;
    let anonymous = fixture.server.anonymous();
    for operation in PROTECTED {
        let parameter = fixture.target(operation.parameter);
        let mut clients = vec![("no token", anonymous.clone()), ("an empty one", anonymous.token(""))];
        for (kind, token) in &invalid_tokens {
            clients.push((*kind, anonymous.token(token)));
        }
        let bearer = format!("Bearer {}", invalid_tokens[0].1);
        clients.push(("garbage as bearer", anonymous.header("Authorization", &bearer)));
        clients.push(("another scheme", anonymous.header("Authorization", "Basic YTpi")));
        for (kind, client) in clients {
            let answer = operation.ask(&client, &parameter, 0).await;
            assert_eq!(answer.status, 401, "{} with {kind}: {}", operation.name(), answer.text);
            answer.expect_error(401);
        }
    }
    assert_eq!(fixture.state().await, before, "a refused request changed something");
});

both!(rules_1_foreign_objects_answer_as_if_they_did_not_exist, |db| async {
    let fixture = Fixture::start(db).await;
    let site = fixture.server.site();
    let org = fixture.other_org.to_string();
    let strangers = [
        ("another organisation", token_of(site, &["--org", &org, "--all-entries"], &SCOPES)),
        ("another entrypoint", token_of(site, &["--org", "1", "--entry", "other"], &SCOPES)),
    ];
    let before = fixture.state().await;
    for (kind, token) in &strangers {
        let client = fixture.server.anonymous().token(token);
        for operation in PROTECTED {
            // A token for some entrypoints still belongs to its organisation.
            let hidden = match operation.parameter {
                Parameter::Entry
                | Parameter::Customer
                | Parameter::Commented
                | Parameter::Import
                | Parameter::Invitation
                | Parameter::Label
                | Parameter::LabelJob
                | Parameter::Mail
                | Parameter::Transaction
                | Parameter::Paid
                | Parameter::Secret
                | Parameter::Member
                | Parameter::Draft
                | Parameter::Invoice
                | Parameter::Coupon
                | Parameter::Redemption
                | Parameter::Product
                | Parameter::Order
                | Parameter::Request
                | Parameter::MethodLink
                | Parameter::Unlinked
                | Parameter::Subscription
                | Parameter::Method => true,
                Parameter::Organisation | Parameter::Token => *kind == "another organisation",
                Parameter::Nothing => false,
            };
            if !hidden {
                continue;
            }
            let foreign = operation.ask(&client, &fixture.target(operation.parameter), 0).await;
            assert_eq!(foreign.status, 404, "{} for {kind}: {}", operation.name(), foreign.text);
            foreign.expect_error(404);
            let missing = operation.ask(&client, Fixture::unknown(operation.parameter), 0).await;
            missing.expect_error(404);
            assert_eq!(
                without_id(&foreign),
                without_id(&missing),
                "{} reveals which one exists",
                operation.name()
            );
        }
    }
    assert_eq!(fixture.state().await, before, "a foreign token changed something");

    let stranger = fixture.server.anonymous().token(&strangers[0].1);
    let entrypoints = stranger.get("/api/Paypoint").await.expect(200);
    assert!(entrypoints.text.contains("elsewhere"), "its own: {}", entrypoints.text);
    assert!(!entrypoints.text.contains("demo"), "another organisation's: {}", entrypoints.text);
    let tokens = stranger.get("/api/Token").await.expect(200);
    assert!(tokens.text.contains(&jti(&strangers[0].1)), "its own: {}", tokens.text);
    assert!(!tokens.text.contains(&jti(&fixture.token)), "another organisation's: {}", tokens.text);
});

both!(rules_1_checks_run_in_the_documented_order, |db| async {
    let fixture = Fixture::start(db).await;
    let site = fixture.server.site();
    let anonymous = fixture.server.anonymous();
    let master = &fixture.master;
    let reader = anonymous.token(&token_with(site, &["customers:read"]));

    // 401, then 404 and 405 of the route.
    for path in ["/api/Nope", "/api/Customer", "/api/Customer/1/nope", "/api/Customer/links/1/2"] {
        anonymous.get(path).await.expect_error(401);
        reader.get(path).await.expect_error(404);
    }
    for (method, path) in [(Method::PATCH, "/api/Customer/1"), (Method::GET, "/api/Customer/single/demo")] {
        anonymous.send(method.clone(), path, None, &[]).await.expect_error(401);
        // 405 before 403: this token has no scope for any method of the route.
        let answer = anonymous.token(&token_with(site, &["tokens"])).send(method, path, None, &[]).await;
        answer.expect_error(405);
    }

    // 403, 404 of the record, 413 and 415, idempotency key, 400.
    let all_wrong = async |client: &Client, path: &str, media: &str, body: String| {
        let request = client.request(Method::POST, path).header("Content-Type", media).body(body);
        send(request.header("Idempotency-Key", &b"a\xe9"[..])).await
    };
    let here = "/api/Customer/single/demo?nope=1";
    let nowhere = "/api/Customer/single/nowhere?nope=1";
    let broken = || "{broken".to_owned();
    all_wrong(&reader, nowhere, "text/plain", broken()).await.expect_error(403);
    all_wrong(master, nowhere, "text/plain", broken()).await.expect_error(404);
    all_wrong(master, here, "text/plain", broken()).await.expect_error(415);
    all_wrong(master, here, "application/json", "{".repeat(1_100_000)).await.expect_error(413);
    let answer = all_wrong(master, here, "application/json", broken()).await;
    assert_eq!(places(answer.expect_error(400)), set(["@Idempotency-Key"]), "{}", answer.text);

    // 400, 412, 409.
    let deleted = created(master, "demo", &json!({"email": "deleted@example.test"})).await;
    let stale = etag(&read(master, deleted).await);
    master.delete(&path(deleted)).await.expect(200);
    let stale = master.header("If-Match", &stale);
    stale.put(&path(deleted), &json!({"email": "broken"})).await.expect_error(400);
    stale.put(&path(deleted), &json!({"city": "Oakton"})).await.expect_error(412);
    master.put(&path(deleted), &json!({"city": "Oakton"})).await.expect_error(409);
});

both!(rules_1_either_header_carries_a_token, |db| async {
    let server = Server::start(db).await;
    let token = token_with(server.site(), &["customers:read"]);
    let other = token_with(server.site(), &["customers:read"]);
    let list = "/api/Query/customers/demo";
    let bearer = |token: &str| format!("Bearer {token}");
    let anonymous = server.anonymous();
    for (kind, client, status) in [
        ("requestToken", anonymous.header("requestToken", &token), 200),
        ("its name in lower case", anonymous.header("requesttoken", &token), 200),
        ("Bearer", anonymous.header("Authorization", &bearer(&token)), 200),
        ("bearer", anonymous.header("Authorization", &format!("bearer {token}")), 200),
        ("both equal", anonymous.token(&token).header("Authorization", &bearer(&token)), 200),
        ("both, different", anonymous.token(&token).header("Authorization", &bearer(&other)), 401),
        ("both, one garbage", anonymous.token(&token).header("Authorization", "Bearer garbage"), 401),
        ("both, one of another scheme", anonymous.token(&token).header("Authorization", "Basic YTpi"), 401),
        ("requestToken twice, different", anonymous.token(&token).header("requestToken", &other), 401),
        ("no scheme", anonymous.header("Authorization", &token), 401),
    ] {
        assert_eq!(client.get(list).await.status, status, "{kind}");
    }
});
