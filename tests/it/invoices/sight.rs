//! Who sees invoices, and what an erase and a rotation leave of them.

use reqwest::Method;
use serde_json::json;

use super::{MONEY, ada, issued, make, shown, simple};
use crate::harness::*;
use crate::support::*;

both!(rules_1_what_a_token_may_not_see_no_invoice_tells, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = ada(&client).await;
    let mut body = simple(ada, &json!(10));
    body["invoiceData"]["shippingEmail"] = json!("ship@example.test");
    body["invoiceData"]["notes"] = json!("call Ada");
    body["invoiceData"]["invoiceStatus"] = json!(1);
    let id = make(&client, &body).await;
    let with = |scopes: &[&str]| server.anonymous().token(&token_with(server.site(), scopes));
    for scopes in [&["customers:read"][..], &["money:read"], &["money:write", "customers:read"]] {
        with(scopes).get(&format!("/api/Invoice/{id}")).await.expect_error(403);
        with(scopes).get("/api/Query/invoices/demo").await.expect_error(403);
    }
    let blind = with(&["customers:read", "money:read", "money:write"]);
    let seen = blind.get(&format!("/api/Invoice/{id}")).await.expect(200);
    for secret in ["ada@example.test", "ship@example.test", "1 Main St", "call Ada", "VAT-7"] {
        assert!(!seen.text.contains(secret), "{secret} in {}", seen.text);
    }
    assert_eq!(seen.json["invoiceAmount"], 10);
    blind.get(&format!("/api/Invoice/{id}/pdf")).await.expect_error(403);
    let own =
        blind.send(Method::POST, &format!("/api/Invoice/send/{id}?mail2=ada@example.test"), None, &[]).await;
    own.expect_error(400);

    // Another organisation, and a token of another entrypoint, learn nothing.
    let stranger_org = new_org(server.site(), "Strangers");
    new_entry_of(server.site(), stranger_org, "strange", &[]);
    let org = stranger_org.to_string();
    let stranger =
        server.anonymous().token(&token_of(server.site(), &["--org", &org, "--all-entries"], &MONEY));
    new_entry(server.site(), "other", &[]);
    let neighbour =
        server.anonymous().token(&token_of(server.site(), &["--org", "1", "--entry", "other"], &MONEY));
    for outsider in [stranger, neighbour] {
        let known = outsider.get(&format!("/api/Invoice/{id}")).await;
        let unknown = outsider.get("/api/Invoice/987654").await;
        known.expect_error(404);
        assert_eq!(known.json["responseText"], unknown.json["responseText"]);
        for (method, path) in [("finalize", id), ("void", id), ("payments", id), ("creditNote", id)] {
            let answer = outsider.post(&format!("/api/Invoice/{path}/{method}"), &json!({})).await;
            assert!(
                [404, 400].contains(&answer.status) && !answer.text.contains("invoice_"),
                "{}",
                answer.text
            );
        }
        outsider.get(&format!("/api/Invoice/{id}/pdf")).await.expect_error(404);
        outsider.delete(&format!("/api/Invoice/{id}")).await.expect_error(404);
    }
});

both!(rules_24_an_erase_keeps_what_was_issued_for_the_law_alone, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = ada(&client).await;
    let (id, number) = issued(&client, ada, json!(10)).await;
    let pdf = client.get(&format!("/api/Invoice/{id}/pdf")).await.text;
    client.post(&format!("/api/Invoice/{id}/payments"), &json!({})).await.expect(200);
    let draft = make(&client, &simple(ada, &json!(1))).await;
    client.delete(&format!("/api/Customer/{ada}?erase=true")).await.expect(200);
    client.get(&format!("/api/Invoice/{draft}")).await.expect_error(404);
    let kept = client.get(&format!("/api/Invoice/{id}")).await.expect(200);
    for secret in ["Ada", "Roe", "ada@example.test", "Main St", "VAT-7", "Tea"] {
        assert!(!kept.text.contains(secret), "{secret} in {}", kept.text);
    }
    assert_eq!((&kept.json["invoiceNumber"], &kept.json["invoicePaidAmount"]), (&json!(number), &json!(10)));
    client.get(&format!("/api/Invoice/{id}/pdf")).await.expect_error(403);
    let scopes = [&MONEY[..], &["money:legal"]].concat();
    let law = server.anonymous().token(&token_with(server.site(), &scopes));
    let seen = shown(&law, id).await;
    assert_eq!(seen["buyer"]["name"], "Ada Roe");
    assert_eq!(law.get(&format!("/api/Invoice/{id}/pdf")).await.text, pdf);
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_7_a_rotation_takes_invoices_along, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = ada(&client).await;
    let (id, number) = issued(&client, ada, json!(10)).await;
    let draft = make(&client, &simple(ada, &json!(1))).await;
    let pdf = client.get(&format!("/api/Invoice/{id}/pdf")).await.text;
    let before = (shown(&client, id).await, shown(&client, draft).await);
    server.cli(&["keys", "rotate", "--entry", "demo"]).success();
    server.cli(&["doctor", "--deep"]).success();
    assert_eq!((shown(&client, id).await, shown(&client, draft).await), before);
    assert_eq!(client.get(&format!("/api/Invoice/{id}/pdf")).await.text, pdf);
    let found = client.get(&format!("/api/Query/invoices/demo?invoiceNumber={number}")).await.expect(200);
    assert_eq!(found.json["Records"][0]["invoiceId"], id);
    let (_, next) = issued(&client, ada, json!(1)).await;
    assert!(next.ends_with("0002"), "{next}");
});
