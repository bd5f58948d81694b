//! Consent, the archive and the lifecycle of a customer (contract 3 and 5.6).

use reqwest::Method;
use serde_json::{Value, json};

use super::*;

async fn ask(client: &Client, id: u64, what: &str) -> Answer {
    client.send(Method::POST, &format!("{}/{what}", path(id)), None, &[]).await
}

async fn lifecycle(client: &Client, id: u64) -> String {
    read(client, id).await.json["Lifecycle"].as_str().expect("a stage").to_owned()
}

#[tokio::test]
async fn a_start_removes_the_unfinished_mails_that_a_killed_one_left() {
    let mut server = Server::start(Db::Sqlite).await;
    let client = server.client();
    let id = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    invite(&client, id).await.expect(200);
    until_all_sent(&client, "demo").await;
    let folder = mail_folder(server.site());
    let mail = std::fs::read_dir(&folder).unwrap().next().expect("a mail").unwrap().file_name();
    let mail = mail.into_string().unwrap();
    let draft = folder.join(format!(".{mail}.{}", server.pid()));
    let other = folder.join(".notes.eml.1");
    for path in [&draft, &other] {
        std::fs::write(path, "To: ada@example.test").unwrap();
    }
    server.restart().await;
    assert!(!draft.exists(), "the draft stays");
    assert!(other.exists() && folder.join(mail).exists(), "other files go");
}

both!(rules_5_the_files_of_mails_to_an_erased_person_go, |db| async {
    let server = Server::start(db).await;
    let site = server.site();
    let client = server.client();
    let mut ids = Vec::new();
    for (name, mails) in [("ada", 2), ("bea", 1), ("cid", 1)] {
        let id = created(&client, "demo", &json!({"email": format!("{name}@example.test")})).await;
        for _ in 0..mails {
            invite(&client, id).await.expect(200);
            until_all_sent(&client, "demo").await;
        }
        ids.push(id);
    }
    assert_eq!(messages(site).len(), 4);
    // A file that is no mail of the service stays.
    std::fs::write(mail_folder(site).join("notes.eml.txt"), "mine").unwrap();
    client.delete(&format!("{}?erase=true", path(ids[0]))).await.expect(200);
    let left = || {
        let mut left: Vec<_> = messages(site).iter().map(|message| message.to().to_owned()).collect();
        left.sort_unstable();
        left
    };
    until("her mails are gone", async || left() == ["bea@example.test", "cid@example.test"]).await;
    // A delete keeps the person, and the files.
    client.delete(&path(ids[1])).await.expect(200);
    client.delete(&format!("{}?erase=true", path(ids[2]))).await.expect(200);
    until("his mail is gone", async || left() == ["bea@example.test"]).await;
    assert!(mail_folder(site).join("notes.eml.txt").exists());
});

both!(consent_is_requested_by_mail, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let id = created(&client, "demo", &json!({"email": "ada.roe@example.test"})).await;
    assert_eq!(read(&client, id).await.json["customerConsent"], Value::Null);
    let answer = ask(&client, id, "consent").await.expect(200);
    assert_eq!(answer.json["responseData"], " ", "contract 4, E2");
    until_all_sent(&client, "demo").await;
    let consent = read(&client, id).await.json["customerConsent"].clone();
    assert_eq!((&consent["eCommunication"]["status"], &consent["sms"]["status"]), (&json!(-1), &json!(0)));
    let messages = messages(server.site());
    assert_eq!(messages.len(), 1);
    let link = messages[0].link().expect("a link");
    assert!(link.contains("/portal/demo/consent/"), "{link}");
    assert_eq!(reqwest::get(&link).await.unwrap().status(), 200);
    assert_eq!(operations(&client, id).await, ["consentAsked", "created"]);
    let without_email = created(&client, "demo", &json!({"customerNumber": "N-1"})).await;
    assert_eq!(code(&ask(&client, without_email, "consent").await), "no_email");
    // A replacement of the record keeps the consent.
    let body = json!({"email": "ada.roe@example.test", "firstname": "Ada"});
    client.create("demo", &body, &[("replaceExisting", "1")], &[]).await.expect(200);
    assert_eq!(read(&client, id).await.json["customerConsent"], consent);
});

both!(a_customer_with_a_password_is_active, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let prospect = created(&client, "demo", &json!({"email": "p@example.test"})).await;
    assert_eq!(lifecycle(&client, prospect).await, "Prospect");
    let psw = "oak-and-elm-1907";
    let by_create = created(&client, "demo", &json!({"email": "c@example.test", "customerPsw": psw})).await;
    assert_eq!(lifecycle(&client, by_create).await, "Active");
    client.put(&path(prospect), &json!({"customerPsw": psw})).await.expect(200);
    assert_eq!(lifecycle(&client, prospect).await, "Active");
    let file = format!("email,customerPsw\ni@example.test,{psw}\n");
    let request = client.request(Method::POST, "/api/Import/customersForm/demo");
    send(request.header("Content-Type", "text/csv").body(file)).await.expect(200);
    let list = client.get("/api/Query/customers/demo?lifecycle(eq)=Active").await.expect(200);
    assert_eq!(list.json["Summary"]["totalRecords"], 3);
    let counts = client.get("/api/Statistic/customers/demo").await.expect(200).json;
    assert_eq!(counts["byLifecycle"]["Active"], 3, "{counts}");
    // A customer who loses the password stays active.
    client.put(&path(prospect), &json!({"customerPsw": null})).await.expect(200);
    assert_eq!(lifecycle(&client, prospect).await, "Active");
});

both!(unarchiving_restores_the_lifecycle, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let id = created(&client, "demo", &json!({"email": "ada.roe@example.test"})).await;
    let before = etag(&read(&client, id).await);
    for _ in 0..2 {
        ask(&client, id, "archive").await.expect(200);
        assert_eq!(lifecycle(&client, id).await, "Archived");
    }
    let list = client.get("/api/Query/customers/demo?lifecycle=Archived").await.expect(200);
    assert_eq!(list.json["Summary"]["totalRecords"], 1);
    let stale =
        client.send(Method::POST, &format!("{}/unarchive", path(id)), None, &[("If-Match", &before)]).await;
    stale.expect_error(412);
    ask(&client, id, "unarchive").await.expect(200);
    assert_eq!(lifecycle(&client, id).await, "Prospect");
    assert_eq!(operations(&client, id).await, ["unarchived", "archived", "created"]);
    // An account created meanwhile counts.
    ask(&client, id, "archive").await.expect(200);
    client.put(&path(id), &json!({"customerPsw": "oak-and-elm-1907"})).await.expect(200);
    assert_eq!(lifecycle(&client, id).await, "Archived");
    ask(&client, id, "unarchive").await.expect(200);
    assert_eq!(lifecycle(&client, id).await, "Active");
    ask(&client, id, "archive").await.expect(200);
    client.delete(&path(id)).await.expect(200);
    assert_eq!(lifecycle(&client, id).await, "Deleted");
    ask(&client, id, "unarchive").await.expect_error(409);
});
