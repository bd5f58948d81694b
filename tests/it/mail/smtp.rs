//! A real mail server, with TLS and sign-in, and one that refuses, hangs, drops connections and disappears. Every
//! recipient gets a mail in the end, and the service sends none twice.

use serde_json::{Value, json};

use super::server::MailServer;
use super::*;

async fn invited(client: &Client, name: &str) -> (u64, String) {
    let address = format!("{name}@example.test");
    let id = created(client, "demo", &json!({"email": address, "firstname": "Ada"})).await;
    invite(client, id).await.expect(200);
    (id, address)
}

async fn mail_of(client: &Client, id: u64) -> Value {
    outbox(client, "demo").await.into_iter().find(|mail| mail["customerId"] == id).expect("its mail")
}

async fn arrives_protected(db: Db, security: &'static str) {
    let mails = MailServer::start(security, true).await;
    let site = mails.site(db);
    let server = Server::start_on(&site).await;
    let client = master(&server);
    for number in 0..3 {
        invited(&client, &format!("ada{number}")).await;
    }
    until_all_sent(&client, "demo").await;
    let taken = mails.mails();
    assert_eq!(taken.len(), 3, "{taken:?}");
    for mail in taken {
        assert_eq!(mail["user"], "shop", "{mail}");
        assert_eq!(mail["from"], "shop@pay.example", "{mail}");
        if security == "starttls" {
            assert_eq!(mail["tls"], true, "{mail}");
        }
        let message = Message::read(mail["message"].as_str().unwrap());
        assert_eq!(mail["to"], json!([message.to()]));
        assert_eq!(message.header("From"), "demo <shop@pay.example>");
        assert_eq!(message.header("Auto-Submitted"), "auto-generated");
        let message_id = message.header("Message-ID");
        assert!(message_id.ends_with("@pay.example>"), "{message_id}");
        assert!(
            outbox(&client, "demo")
                .await
                .iter()
                .any(|own| { message_id == format!("<{}@pay.example>", own["messageId"].as_str().unwrap()) })
        );
        let link = message.link().expect("a link");
        assert_eq!(reqwest::get(&link).await.unwrap().status(), 200, "{link}");
    }
}

both!(mails_arrive_over_starttls_with_sign_in, |db| arrives_protected(db, "starttls"));
both!(mails_arrive_over_tls_with_sign_in, |db| arrives_protected(db, "tls"));

#[tokio::test]
async fn no_mail_is_sent_without_the_configured_security() {
    // A certificate of an untrusted authority; a server without TLS; a wrong password.
    for (security, change) in [
        ("starttls", ("CUSTOMARY_SMTP_CA_FILE", "")),
        ("none", ("CUSTOMARY_SMTP_URL", "?tls=required")),
        ("tls", ("CUSTOMARY_SMTP_URL", "wrong")),
    ] {
        let mails = MailServer::start(security, security == "tls").await;
        let mut environment = mails.environment();
        environment.retain_mut(|(name, value)| match change {
            (changed, "") if changed == *name => false,
            (changed, "?tls=required") if changed == *name => {
                *value = value.replace("?tls=none", "");
                true
            }
            (changed, "wrong") if changed == *name => {
                *value = value.replace("elm@", "ash@");
                true
            }
            _ => true,
        });
        let environment: Vec<(&str, &str)> =
            environment.iter().map(|(name, value)| (*name, &**value)).collect();
        let site = Site::with_environment(Db::Sqlite, &environment);
        let server = Server::start_on(&site).await;
        let client = master(&server);
        let (id, _) = invited(&client, "ada").await;
        until("the outbox shows the problem", async || !mail_of(&client, id).await["problem"].is_null())
            .await;
        let mail = mail_of(&client, id).await;
        assert_eq!((&mail["state"], &mail["attempts"]), (&json!("queued"), &json!(0)), "{security}: {mail}");
        assert_eq!(mails.mails(), Vec::<Value>::new());
        assert!(!server.logs().contains("ada@example.test"), "{}", server.logs());
    }
}

both!(mail_goes_to_the_ascii_form_of_a_domain, |db| async {
    let mut mails = MailServer::start("none", false).await;
    mails.set_mode("ascii").await;
    let site = mails.site(db);
    let server = Server::start_on(&site).await;
    let client = master(&server);
    let body = |email: &str| json!({"email": email});
    for email in ["lea@käse.example", "Jörg@käse.example"] {
        let id = created(&client, "demo", &body(email)).await;
        invite(&client, id).await.expect(200);
    }
    until_all_sent(&client, "demo").await;
    assert_eq!(mails.mails_to("lea@xn--kse-qla.example"), 1);
    // Letters beyond ASCII before the @ need a server with SMTPUTF8.
    let failed: Vec<Value> =
        outbox(&client, "demo").await.into_iter().filter(|mail| mail["state"] == "failed").collect();
    assert_eq!(failed.len(), 1, "{failed:?}");
    let problem = failed[0]["problem"].as_str().expect("a problem");
    assert!(problem.contains("SMTPUTF8") && !problem.contains('@'), "{problem}");
    mails.set_mode("ok").await;
    let retry = format!("/api/Mail/outbox/demo/{}/retry", failed[0]["mailId"]);
    client.send(reqwest::Method::POST, &retry, None, &[]).await.expect(200);
    until_all_sent(&client, "demo").await;
    assert_eq!(mails.mails_to("Jörg@xn--kse-qla.example"), 1);
    let taken = mails.mails();
    let message = Message::read(taken[1]["message"].as_str().unwrap());
    assert_eq!(message.to(), "Jörg@xn--kse-qla.example");
});

both!(every_recipient_gets_one_mail_despite_server_failures, |db| async {
    let mut mails = MailServer::start("none", false).await;
    let site = mails.site(db);
    let server = Server::start_on(&site).await;
    let client = master(&server);
    let mut addresses = Vec::new();
    for mode in [
        "later-sender",
        "later",
        "later-message",
        "hang-sender",
        "hang-address",
        "hang-message",
        "drop-address",
        "drop-message",
        "drop-after",
    ] {
        mails.set_mode(mode).await;
        for number in 0..2 {
            let (id, address) = invited(&client, &format!("{mode}-{number}")).await;
            addresses.push(address.clone());
            if mode != "drop-after" {
                until("the outbox shows the problem", async || {
                    !mail_of(&client, id).await["problem"].is_null()
                })
                .await;
                assert_eq!(mails.mails_to(&address), 0, "{mode}");
            }
        }
        mails.set_mode("ok").await;
        until_all_sent(&client, "demo").await;
    }
    mails.set_mode("away").await;
    for number in 0..3 {
        addresses.push(invited(&client, &format!("away-{number}")).await.1);
    }
    until("the outbox shows the problem", async || {
        let mails_shown = outbox(&client, "demo").await;
        mails_shown
            .iter()
            .any(|mail| mail["problem"].as_str().is_some_and(|problem| problem.contains("connection")))
    })
    .await;
    mails.set_mode("back").await;
    until_all_sent(&client, "demo").await;
    assert_eq!(count_of(&client, "demo", "sent").await, addresses.len() as u64);
    for address in &addresses {
        assert_eq!(mails.mails_to(address), 1, "{address}");
    }
});

both!(a_permanently_refused_mail_fails_and_can_be_sent_again, |db| async {
    let mut mails = MailServer::start("none", false).await;
    let site = mails.site(db);
    let server = Server::start_on(&site).await;
    let client = master(&server);
    for mode in ["never", "never-message"] {
        mails.set_mode(mode).await;
        let (id, address) = invited(&client, mode).await;
        until("the mail failed", async || mail_of(&client, id).await["state"] == "failed").await;
        let failed = mail_of(&client, id).await;
        let problem = failed["problem"].as_str().expect("a problem");
        assert!(problem.contains("55"), "{problem}");
        assert!(!problem.contains('@') && failed["email"].is_null(), "{failed}");
        mails.set_mode("ok").await;
        let retry = format!("/api/Mail/outbox/demo/{}/retry", failed["mailId"]);
        let keyed = [("idempotencyKey", mode)];
        client.send(reqwest::Method::POST, &retry, None, &keyed).await.expect(200);
        assert!(client.send(reqwest::Method::POST, &retry, None, &keyed).await.expect(200).replayed());
        until_all_sent(&client, "demo").await;
        assert_eq!(mails.mails_to(&address), 1);
        let again = client.send(reqwest::Method::POST, &retry, None, &[]).await;
        again.expect_error(409);
        let taken = mails.mails();
        let message = Message::read(taken.last().unwrap()["message"].as_str().unwrap());
        assert_eq!(
            reqwest::get(message.link().expect("a link")).await.unwrap().status(),
            200,
            "the mail sent again carries a valid link"
        );
    }
});

both!(a_kill_during_sending_doubles_no_mail, |db| async {
    let mut mails = MailServer::start("none", false).await;
    let mut environment = mails.environment();
    environment.retain(|(name, _)| *name != "CUSTOMARY_SMTP_TIMEOUT");
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, &**value)).collect();
    let site = Site::with_environment(db, &environment);
    let mut server = Server::start_on(&site).await;
    let client = master(&server);
    // One delivery hangs before the server has the message, the other after it: then nobody knows whether the server
    // took it.
    mails.set_mode("hang-address").await;
    let (before, before_address) = invited(&client, "before").await;
    until("the delivery hangs", async || mails.reached("hang-address") == 1).await;
    mails.set_mode("hang-message").await;
    let (after, after_address) = invited(&client, "after").await;
    until("the delivery hangs", async || mails.reached("hang-message") == 1).await;
    assert_eq!(mail_of(&client, before).await["state"], "sending");
    assert_eq!(mail_of(&client, after).await["state"], "handingOver");
    server.kill9();
    mails.set_mode("ok").await;
    server.restart().await;
    until("both deliveries are over", async || {
        let states =
            (mail_of(&client, before).await["state"].clone(), mail_of(&client, after).await["state"].clone());
        states == (json!("sent"), json!("uncertain"))
    })
    .await;
    assert_eq!((mails.mails_to(&before_address), mails.mails_to(&after_address)), (1, 0));
    // A merchant who knows better sends it again.
    let retry = format!("/api/Mail/outbox/demo/{}/retry", mail_of(&client, after).await["mailId"]);
    client.send(reqwest::Method::POST, &retry, None, &[]).await.expect(200);
    until_all_sent(&client, "demo").await;
    assert_eq!(mails.mails_to(&after_address), 1);
});

#[tokio::test]
async fn three_instances_send_each_mail_once() {
    let mails = MailServer::start("none", false).await;
    let site = mails.site(Db::Postgres);
    let mut servers: Vec<Server> = (0..3).map(|number| Server::new(&site, number)).collect();
    servers.iter_mut().for_each(Server::spawn);
    for server in &mut servers {
        server.ready().await;
    }
    let client = master(&servers[0]);
    let rows = (0..60).map(|number| format!("one{number}@example.test"));
    let file = std::iter::once("email".to_owned()).chain(rows).collect::<Vec<_>>().join("\n");
    let request = client.request(reqwest::Method::POST, "/api/Import/customersForm/demo");
    send(request.header("Content-Type", "text/csv").body(file)).await.expect(200);
    client
        .send(reqwest::Method::POST, "/api/Customer/invite/demo?lifecycle=Prospect", None, &[])
        .await
        .expect(202);
    until("all were sent", async || count_of(&client, "demo", "sent").await == 60).await;
    let mut addresses: Vec<String> = mails.mails().iter().map(|mail| mail["to"][0].to_string()).collect();
    addresses.sort();
    addresses.dedup();
    assert_eq!((mails.mails().len(), addresses.len()), (60, 60));
}

#[tokio::test]
async fn doubtful_mail_settings_are_refused() {
    let site = Site::new(Db::Sqlite);
    for (arguments, names) in [
        (vec!["--smtp-url", "smtp://u:hush@mail.example?tls=none", "--mail-from", "a@b.test"], "clear"),
        (vec!["--smtp-url", "smtps://mail.example"], "--mail-from"),
        (vec!["--smtp-url", "mail.example", "--mail-from", "a@b.test"], "--smtp-url"),
        (vec!["--mail-from", "nobody"], "--mail-from"),
        (vec!["--mail-templates", "/nowhere"], "--mail-templates"),
        (
            vec![
                "--smtp-url",
                "smtps://mail.example",
                "--mail-from",
                "a@b.test",
                "--smtp-ca-file",
                "/nowhere",
            ],
            "--smtp-ca-file",
        ),
    ] {
        let output = site.cli(&[&["serve", "--listen", "127.0.0.1:0"], &*arguments].concat());
        assert!(!output.status.success() && output.stderr.contains(names), "{arguments:?}: {output:?}");
        assert!(!output.stderr.contains("hush"), "{output:?}");
    }
}
