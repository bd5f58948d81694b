//! Invitations of one customer: what the service sends, what it refuses, and what invalidates a link.

use serde_json::json;

use super::*;

/// The state of an invitation.
async fn state(client: &Client, id: u64) -> serde_json::Value {
    client.get(&format!("{}/invite", path(id))).await.expect(200).json
}

both!(a_written_mail_is_written_again_with_a_fresh_link, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let id = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    invite(&client, id).await.expect(200);
    until_all_sent(&client, "demo").await;
    let link_of = |message: &Message| message.link().expect("a link");
    let first = link_of(&messages(server.site())[0]);
    let mail = outbox(&client, "demo").await[0].clone();
    assert_eq!(mail["state"], "written");
    let retry = format!("/api/Mail/outbox/demo/{}/retry", mail["mailId"]);
    let answer = client.send(reqwest::Method::POST, &retry, None, &[]).await.expect(200);
    assert_eq!(answer.json["state"], "queued", "{}", answer.text);
    until_all_sent(&client, "demo").await;
    let links: Vec<String> = messages(server.site()).iter().map(link_of).collect();
    assert_eq!(links.len(), 2, "{links:?}");
    let second = links.iter().find(|link| **link != first).expect("another link");
    for (link, status) in [(&first, 410), (second, 200)] {
        assert_eq!(reqwest::get(link).await.unwrap().status(), status, "{link}");
    }
    // Nobody is left to write to.
    client.delete(&path(id)).await.expect(200);
    client.send(reqwest::Method::POST, &retry, None, &[]).await.expect_error(409);
});

both!(creating_sends_nothing_and_inviting_sends_one_mail, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let site = server.site();
    let id = created(&client, "demo", &json!({"email": "ada.roe@example.test", "firstname": "Ada"})).await;
    assert_eq!(outbox(&client, "demo").await, Vec::<serde_json::Value>::new());
    assert_eq!(state(&client, id).await["state"], "notInvited");

    let answer = invite(&client, id).await.expect(200);
    assert_eq!(answer.data()["state"], "invited");
    assert_eq!(answer.data()["customerId"], id);
    until_all_sent(&client, "demo").await;
    let shown_state = state(&client, id).await;
    for key in ["invitedAt", "expiresAt"] {
        assert_eq!(shown_state[key], answer.data()[key], "{shown_state}");
    }
    assert_eq!((&shown_state["state"], &shown_state["expired"]), (&json!("invited"), &json!(false)));
    assert!(shown_state["openedAt"].is_null(), "{shown_state}");
    let messages = messages(site);
    assert_eq!(messages.len(), 1);
    let message = &messages[0];
    assert_eq!(message.to(), "ada.roe@example.test");
    assert_eq!(message.header("Auto-Submitted"), "auto-generated");
    let link = message.link().expect("a link");
    assert!(link.starts_with(&format!("{}/portal/demo/set-password/", server.base())), "{link}");
    let token = link.rsplit('/').next().unwrap();
    assert!(
        token.len() == 43 && !link.contains("ada"),
        "the link has 256 random bits and nothing about the person: {link}"
    );
    let sent = &outbox(&client, "demo").await[0];
    assert_eq!(
        (&sent["state"], &sent["kind"], &sent["customerId"]),
        (&json!("written"), &json!("invitation"), &json!(id))
    );
    // It was not sent: there is no mail server. The outbox says where it is.
    assert_eq!(sent["folder"].as_str(), mail_folder(site).to_str(), "{sent}");
    let raw = fs::read_dir(mail_folder(site))
        .unwrap()
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap());
    assert!(
        raw.into_iter().any(|raw| raw.lines().any(|line| line == link)),
        "the link is folded in the file"
    );
    assert!(sent["email"].is_null(), "a sent mail keeps no address: {sent}");
    assert_eq!(operations(&client, id).await, ["invited", "created"]);

    // Opening the page, as mail scanners do, neither uses up the link nor counts as opened.
    for _ in 0..2 {
        assert_eq!(reqwest::get(&link).await.unwrap().status(), 200);
    }
    assert!(state(&client, id).await["openedAt"].is_null());
});

both!(inviting_again_ends_the_earlier_link, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let id = created(&client, "demo", &json!({"email": "ada.roe@example.test"})).await;
    for _ in 0..2 {
        invite(&client, id).await.expect(200);
        until_all_sent(&client, "demo").await;
    }
    let links: Vec<String> = messages(server.site()).iter().filter_map(Message::link).collect();
    assert_eq!(links.len(), 2);
    let mut alive = Vec::new();
    for link in &links {
        alive.push(reqwest::get(link).await.unwrap().status() == 200);
    }
    alive.sort_unstable();
    assert_eq!(alive, [false, true], "one of {links:?} is valid");
});

both!(another_spelling_of_the_address_keeps_the_invitation, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let id = created(&client, "demo", &json!({"email": "ada.roe@bücher.example"})).await;
    invite(&client, id).await.expect(200);
    until_all_sent(&client, "demo").await;
    let link = messages(server.site())[0].link().expect("a link");
    for spelling in
        ["Ada.Roe@Bücher.example", "ada.roe@xn--bcher-kva.EXAMPLE", "ada.roe@\u{ad}bücher.example"]
    {
        client.put(&path(id), &json!({"email": spelling})).await.expect(200);
        assert_eq!(state(&client, id).await["state"], "invited", "{spelling}");
        assert_eq!(reqwest::get(&link).await.unwrap().status(), 200, "{spelling}");
    }
    client.put(&path(id), &json!({"email": "ada.roe@buecher.example"})).await.expect(200);
    assert_eq!(state(&client, id).await["state"], "notInvited");
    assert_eq!(reqwest::get(&link).await.unwrap().status(), 410);
});

both!(a_refused_invitation_names_the_reason, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let make = async |body: serde_json::Value| created(&client, "demo", &body).await;
    let without_email = make(json!({"customerNumber": "N-1"})).await;
    let active = make(json!({"email": "active@example.test", "customerPsw": "oak-and-elm-1907"})).await;
    let inactive = make(json!({"email": "inactive@example.test", "customerStatus": 0})).await;
    let archived = make(json!({"email": "archived@example.test"})).await;
    client.send(reqwest::Method::POST, &format!("{}/archive", path(archived)), None, &[]).await.expect(200);
    let first = make(json!({"email": "twice@example.test"})).await;
    let second = forced(&client, "demo", &json!({"email": "Twice@example.test"})).await;
    let deleted = make(json!({"email": "deleted@example.test"})).await;
    client.delete(&path(deleted)).await.expect(200);
    for (id, expected) in [
        (without_email, "no_email"),
        (active, "active"),
        (inactive, "inactive"),
        (archived, "archived"),
        (second, "same_email"),
    ] {
        let answer = invite(&client, id).await;
        answer.expect_error(409);
        assert_eq!(code(&answer), expected, "{}", answer.text);
    }
    assert!(names(&invite(&client, second).await, first), "the refusal names the first customer");
    invite(&client, deleted).await.expect_error(409);
    assert_eq!(state(&client, active).await["state"], "active");
    assert_eq!(outbox(&client, "demo").await.len(), 0);

    // The first of two may be invited; the second may not, even after the first has an account.
    invite(&client, first).await.expect(200);
    assert_eq!(code(&invite(&client, second).await), "same_email");
    until_all_sent(&client, "demo").await;
    assert_eq!(messages(server.site()).len(), 1);
});

both!(rules_4_an_invitation_with_a_key_is_sent_once, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let id = created(&client, "demo", &json!({"email": "ada.roe@example.test"})).await;
    let ask = async || {
        let headers = [("idempotencyKey", "invite-1")];
        client.send(reqwest::Method::POST, &format!("{}/invite", path(id)), None, &headers).await.expect(200)
    };
    let (first, again) = (ask().await, ask().await);
    assert!(!first.replayed() && again.replayed());
    assert_eq!(first.data(), again.data());
    until_all_sent(&client, "demo").await;
    assert_eq!(messages(server.site()).len(), 1);
});

both!(a_link_ends_when_its_purpose_is_gone, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let mut links = Vec::new();
    for (name, change) in [
        ("moved", json!({"email": "elsewhere@example.test"})),
        ("set", json!({"customerPsw": "oak-and-elm-1907"})),
        ("deleted", json!(null)),
        ("erased", json!(true)),
    ] {
        let id = created(&client, "demo", &json!({"email": format!("{name}@example.test")})).await;
        invite(&client, id).await.expect(200);
        until_all_sent(&client, "demo").await;
        let of = |message: &&Message| message.to().starts_with(name);
        let link = messages(server.site()).iter().find(of).and_then(Message::link).expect("a link");
        assert_eq!(reqwest::get(&link).await.unwrap().status(), 200, "{name}");
        match change {
            serde_json::Value::Null => client.delete(&path(id)).await.expect(200),
            serde_json::Value::Bool(_) => {
                client.delete(&format!("{}?erase=true", path(id))).await.expect(200)
            }
            body => client.put(&path(id), &body).await.expect(200),
        };
        links.push((name, id, link));
    }
    for (name, id, link) in links {
        assert_ne!(reqwest::get(&link).await.unwrap().status(), 200, "{name}");
        let expected = if name == "set" { "active" } else { "notInvited" };
        assert_eq!(state(&client, id).await["state"], expected, "{name}");
    }
});

/// Whether any file below a folder contains a text.
fn any_file_contains(folder: &std::path::Path, text: &str) -> bool {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if std::fs::read(&path)
                .unwrap()
                .windows(text.len())
                .any(|window| window == text.as_bytes())
            {
                return true;
            }
        }
    }
    false
}

both!(waiting_mails_to_deleted_customers_are_dropped, |db| async {
    // Nothing listens on that port, so every mail waits.
    let environment =
        [("CUSTOMARY_SMTP_URL", "smtp://127.0.0.1:9?tls=none"), ("CUSTOMARY_MAIL_FROM", "shop@pay.example")];
    let site = Site::with_environment(db, &environment);
    let server = Server::start_on(&site).await;
    let client = master(&server);
    let reader = server.anonymous().token(&token_with(&site, &["customers:read"]));
    let mut ids = Vec::new();
    for name in ["erased", "deleted", "stays"] {
        let id = created(&client, "demo", &json!({"email": format!("{name}.away@example.test")})).await;
        invite(&client, id).await.expect(200);
        ids.push(id);
    }
    let shown = |mails: &[serde_json::Value], id: u64| {
        mails
            .iter()
            .find(|mail| mail["customerId"] == id)
            .map(|mail| mail["email"].clone())
            .expect("its mail")
    };
    assert_eq!(shown(&outbox(&client, "demo").await, ids[0]), "erased.away@example.test");
    assert_eq!(shown(&outbox(&reader, "demo").await, ids[0]), "e***@e***.test");
    assert!(
        !any_file_contains(site.folder(), "away@example.test"),
        "waiting mails are sealed and no log contains them"
    );
    client.delete(&format!("{}?erase=true", path(ids[0]))).await.expect(200);
    client.delete(&path(ids[1])).await.expect(200);
    let mails = outbox(&client, "demo").await;
    let states: Vec<_> =
        mails.iter().map(|mail| (mail["customerId"].clone(), mail["state"].clone())).collect();
    assert!(states.contains(&(json!(ids[0]), json!("dropped"))), "{states:?}");
    assert!(states.contains(&(json!(ids[1]), json!("dropped"))), "{states:?}");
    assert_eq!(shown(&mails, ids[0]), json!(null));
    let mut sql = Sql::open(&site);
    assert_eq!(sql.number(sql::KEPT_MAILS), 1, "only the mail to the remaining customer is kept");
    assert_eq!(sql.number(sql::PORTAL_LINKS), 1);
});
