//! Payabli's payment links: the same requests by other calls (contract 15).

use reqwest::Method;
use serde_json::{Value, json};

use super::mails;
use crate::harness::*;
use crate::invoices::{ada, code, issued};
use crate::support::*;

both!(rules_20_a_payment_link_of_an_invoice_is_a_payment_request, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = ada(&client).await;
    let (invoice, _) = issued(&client, ada, json!(20)).await;
    let own = client.get(&path(ada)).await.json["Email"].as_str().expect("an address").to_owned();
    let place = format!("/api/PaymentLink/{invoice}");
    let page = json!({"page": {"header": "Your bill"}, "logo": null});
    let made = client.post(&format!("{place}?amountFixed=true&mail2={own}"), &page).await.expect(200).json;
    let id = made["responseData"].as_str().expect("an id");
    assert!(made["paymentUrl"].as_str().unwrap().contains("/pay/demo/"), "{made}");
    assert_eq!(mails(&client, ada).await, ["paymentRequest"]);
    let request = client.get(&format!("/api/PaymentRequest/{id}")).await.expect(200).json;
    assert_eq!((&request["invoiceId"], &request["amount"]), (&json!(invoice), &json!(20)));
    let loaded = client.get(&format!("/api/PaymentLink/load/{id}")).await.expect(200).json;
    assert_eq!(loaded["responseData"]["PageIdentifier"], id);
    let send = format!("/api/PaymentLink/send/{id}");
    assert_eq!(client.send(Method::HEAD, &send, None, &[]).await.status, 200);
    assert_eq!(mails(&client, ada).await.len(), 1, "HEAD sends nothing");
    client.send(Method::GET, &send, None, &[("Sec-Purpose", "prefetch")]).await.expect_error(400);
    client.get(&send).await.expect(200);
    let push = format!("/api/PaymentLink/push/{id}");
    client.post(&push, &json!({"channel": "email"})).await.expect(200);
    assert_eq!(mails(&client, ada).await.len(), 3);
    for (path, body, status, wanted) in [
        (&*push, json!({"channel": "sms"}), 409, "no_sms"),
        (&*push, json!({"channel": "email", "additionalEmails": ["b@example.test"]}), 400, "other_address"),
        (&*push, json!({}), 400, "required"),
        (&*format!("{place}?mail2=b@example.test"), json!({}), 400, "other_address"),
        (&*format!("{place}?amountFixed=false"), json!({}), 400, "invalid_value"),
        (&*place, json!({"pages": {}}), 400, "unknown_field"),
    ] {
        assert_eq!(code(&client.post(path, &body).await, status), wanted, "{path} {body}");
    }
    client.delete(&format!("/api/PaymentLink/{id}")).await.expect(200);
    assert_eq!(client.get(&format!("/api/PaymentRequest/{id}")).await.json["status"], "CAN");
    assert_eq!(code(&client.get(&send).await, 409), "request_cancelled");
    client.post("/api/PaymentLink/999999", &json!({})).await.expect_error(404);
    client.post(&format!("/api/Invoice/{invoice}/payments"), &json!({})).await.expect(200);
    assert_eq!(code(&client.post(&place, &Value::Null).await, 400), "wrong_type");
    assert_eq!(code(&client.post(&place, &json!({})).await, 409), "invoice_not_open");
});
