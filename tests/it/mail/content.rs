//! The contents of mails: the entrypoint's language and names, the operator's templates, and nothing that a name could
//! inject.

use serde_json::json;

use super::*;

const MARKUP: &str = "<script>alert(1)</script> \"Q\" & <b>";

both!(mails_use_the_language_and_names_of_the_entrypoint, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let settings = json!({"general": [
        {"key": "storeName", "value": "Épicerie du Chêne"},
        {"key": "senderName", "value": "Service clients, Chêne"},
        {"key": "language", "value": "fr"},
        {"key": "color", "value": "#A03020"},
    ]});
    client.put("/api/Paypoint/settings/demo", &settings).await.expect(200);
    let stored = client.get("/api/Paypoint/settings/demo").await.expect(200);
    assert!(stored.text.contains("#a03020") && stored.text.contains("Épicerie"), "{}", stored.text);
    let wrong = json!({"general": [{"key": "language", "value": "de"}, {"key": "color", "value": "red"},
        {"key": "storeName", "value": "Shop\u{1}Bcc: a@b.test"}, {"key": "editableFields", "value": "email"}]});
    let refused = client.put("/api/Paypoint/settings/demo", &wrong).await;
    refused.expect_error(400);
    assert_eq!(places(&refused), set(["/language", "/color", "/storeName", "/editableFields"]));

    let id = created(&client, "demo", &json!({"email": "ada.roe@example.test", "firstname": "Adèle"})).await;
    invite(&client, id).await.expect(200);
    until_all_sent(&client, "demo").await;
    let message = messages(server.site()).pop().expect("a mail");
    assert!(message.text.starts_with("Bonjour Adèle,"), "{}", message.text);
    assert!(message.html.contains("lang=\"fr\"") && message.html.contains("#a03020"), "{}", message.html);
    // RFC 2047 encodes words, so headers contain only ASCII.
    assert!(message.headers.iter().all(|(_, value)| value.is_ascii()), "{:?}", message.headers);
    assert!(message.header("From").ends_with("<no-reply@localhost>"), "{:?}", message.headers);
});

both!(names_cannot_inject_markup_or_headers, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let settings =
        json!({"general": [{"key": "storeName", "value": MARKUP}, {"key": "senderName", "value": MARKUP}]});
    client.put("/api/Paypoint/settings/demo", &settings).await.expect(200);
    let mut made = Vec::new();
    for (number, names) in [
        json!({"fullname": MARKUP}),
        json!({"firstname": MARKUP, "lastname": MARKUP}),
        json!({"company": MARKUP}),
    ]
    .into_iter()
    .enumerate()
    {
        let mut body = names.clone();
        body["email"] = json!(format!("attack{number}@example.test"));
        made.push(created(&client, "demo", &body).await);
        // No name keeps what could break a header line.
        for (field, value) in names.as_object().unwrap() {
            let broken = json!({field: format!("{}\r\nBcc: victim@example.test", value.as_str().unwrap()),
                "email": "broken@example.test"});
            let answer = client.create("demo", &broken, &[], &[]).await.expect(200);
            assert!(!answer.text.contains("\\n"), "{}", answer.text);
        }
    }
    for email in [
        "a@example.test\r\nBcc: b@example.test",
        "\"a\\r\\n\"@example.test,b@example.test",
        "a@example.test, b@example.test",
    ] {
        client.create("demo", &json!({"email": email}), &[], &[]).await.expect_error(400);
    }
    for id in made {
        invite(&client, id).await.expect(200);
        client.send(reqwest::Method::POST, &format!("{}/consent", path(id)), None, &[]).await.expect(200);
    }
    until_all_sent(&client, "demo").await;
    let messages = messages(server.site());
    assert_eq!(messages.len(), 6);
    for message in messages {
        let html = &message.html;
        assert!(!html.contains("<script") && !html.contains("<b>"), "{html}");
        assert!(html.contains("&lt;script&gt;"), "{html}");
        let names: Vec<&str> = message.headers.iter().map(|(name, _)| name.as_str()).collect();
        let known =
            ["Date", "From", "To", "Subject", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"];
        assert!(names.iter().all(|name| known.contains(name)), "{names:?}");
        assert!(message.to().starts_with("attack"), "{}", message.to());
    }
});

#[tokio::test]
async fn operator_templates_replace_the_built_in_ones_and_are_checked_at_start() {
    let templates = tempfile::TempDir::new().unwrap();
    let write = |name: &str, text: &str| std::fs::write(templates.path().join(name), text).unwrap();
    write("invitation.en.txt", "Subject: Welcome to {{ store }}\n\nDear {{ name }}, go to {{ link }}\n");
    let folder = templates.path().to_str().unwrap().to_owned();
    let site = Site::with_environment(Db::Sqlite, &[("CUSTOMARY_MAIL_TEMPLATES", &folder)]);
    let server = Server::start_on(&site).await;
    let client = master(&server);
    let id = created(&client, "demo", &json!({"email": "ada.roe@example.test", "firstname": "Ada"})).await;
    invite(&client, id).await.expect(200);
    until_all_sent(&client, "demo").await;
    let message = messages(&site).pop().expect("a mail");
    assert_eq!(message.header("Subject"), "Welcome to demo");
    assert!(message.text.starts_with("Dear Ada, go to http"), "{}", message.text);
    assert!(message.html.contains("Set your password"), "the built-in HTML template stays");
    for (name, text) in [
        ("invitation.en.txt", "no subject"),
        ("invitation.en.txt", "Subject: x\n\n{{ nothing_of_that_name }}"),
        ("invitation.en.html", "{% if %}"),
        ("invitaton.en.html", "a name with a slip"),
    ] {
        write(name, text);
        let output = site.cli(&["serve", "--listen", "127.0.0.1:0"]);
        assert!(!output.status.success() && output.stderr.contains("--mail-templates"), "{output:?}");
        std::fs::remove_file(templates.path().join(name)).unwrap();
    }
}
