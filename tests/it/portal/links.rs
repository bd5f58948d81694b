//! Links in mails: what they open, what ends them, and that a dead link reveals nothing.

use super::*;

const SET: [(&str, &str); 2] = [("password", PASSWORD), ("repeat", PASSWORD)];

async fn invited(server: &Server, client: &Client) -> (u64, String) {
    let body = json!({"email": EMAIL, "firstname": "Ada", "lastname": "Roe"});
    let id = client.create("demo", &body, &[], &[]).await.expect(200).id();
    invite(client, id).await.expect(200);
    let link = newest_link(server, client, "demo").await;
    (id, link)
}

both!(an_invitation_becomes_an_account, |db| async {
    let server = start(db).await;
    let client = server.client();
    let (id, link) = invited(&server, &client).await;
    let mut scanner = Browser::new(&server, "demo");
    for _ in 0..3 {
        scanner.get(&link).await.expect(200).says("Choose a password");
    }
    let opened =
        async || client.get(&format!("{}/invite", path(id))).await.expect(200).json["openedAt"].clone();
    assert!(opened().await.is_null(), "a scanner's look is no person's");
    let mut browser = Browser::new(&server, "demo");
    for (weak, why) in [
        ("short", "at least 10"),
        ("password12", "too easy to guess"),
        ("ada.roe@example.test", "your own or our name"),
        ("AdaRoe1985", "your own or our name"),
    ] {
        let form = [("password", weak), ("repeat", weak)];
        let page = browser.submit(&link, &form).await.expect(422).says(why).says("aria-invalid");
        assert!(!page.text.contains(weak), "a password is on the page");
    }
    assert!(opened().await.is_string());
    let page = browser.submit(&link, &SET).await;
    assert_eq!(page.location(), "/portal/demo/sign-in?done=password-set");
    assert!(!browser.is_in().await, "a link alone signs nobody in");
    browser.sign_in(EMAIL, PASSWORD).await.expect(303);
    browser.get("/portal/demo/record").await.expect(200).says("Ada Roe");
    let record = client.get(&path(id)).await.expect(200);
    assert_eq!(record.json["Lifecycle"], "Active", "{}", record.text);

    let again = Browser::new(&server, "demo").get(&link).await.expect(410).says("no longer works");
    assert!(!again.text.contains("Ada"), "a dead link reveals nothing");
});

both!(all_dead_links_look_alike_and_offer_a_new_mail, |db| async {
    let server = start(db).await;
    let client = server.client();
    new_entry(server.site(), "other", &[]);
    let (id, link) = invited(&server, &client).await;
    let token = link.rsplit('/').next().unwrap().to_owned();
    let mut browser = Browser::new(&server, "demo");
    let guessed = "A".repeat(43);
    let mut pages = Vec::new();
    for path in [
        format!("/portal/demo/set-password/{guessed}"),
        "/portal/demo/set-password/x".to_owned(),
        format!("/portal/demo/set-password/{token}x"),
        format!("/portal/demo/consent/{token}"),
        format!("/portal/demo/consent/{guessed}"),
    ] {
        pages.push(browser.get(&path).await.expect(410).text);
        let csrf = browser.get("/portal/demo/sign-in").await.csrf();
        let form = [("csrf", csrf.as_str()), SET[0], SET[1]];
        pages.push(browser.post(&path, &form).await.expect(410).text);
    }
    pages.dedup();
    assert_eq!(pages.len(), 1, "{pages:?}");
    assert!(pages[0].contains("/portal/demo/forgot-password"));
    let elsewhere = format!("/portal/other/set-password/{token}");
    Browser::new(&server, "other").get(&elsewhere).await.expect(410);
    let mut other = Browser::new(&server, "other");
    let csrf = other.get("/portal/other/sign-in").await.csrf();
    other.post(&elsewhere, &[("csrf", &csrf), SET[0], SET[1]]).await.expect(410);
    // None of these requests used up the link.
    browser.get(&link).await.expect(200);

    // A fresh invitation, requested on the dead link's page, ends the earlier one.
    browser.submit("/portal/demo/forgot-password", &[("login", EMAIL)]).await.expect(303);
    let fresh = newest_link(&server, &client, "demo").await;
    assert_ne!(fresh, link);
    browser.get(&link).await.expect(410);
    browser.get(&fresh).await.expect(200);

    // Another e-mail address ends the link, and so does a delete.
    client.put(&path(id), &json!({"email": "new@example.test"})).await.expect(200);
    browser.get(&fresh).await.expect(410);
    invite(&client, id).await.expect(200);
    let newer = newest_link(&server, &client, "demo").await;
    browser.get(&newer).await.expect(200);
    client.delete(&path(id)).await.expect(200);
    browser.get(&newer).await.expect(410);
});

both!(links_expire, |db| async {
    let server = Server::start_on(&site_with(db, &[("CUSTOMARY_LINK_TTL", "1s")])).await;
    let client = server.client();
    let (_, link) = invited(&server, &client).await;
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let mut browser = Browser::new(&server, "demo");
    browser.get(&link).await.expect(410);
    let csrf = browser.get("/portal/demo/sign-in").await.csrf();
    browser.post(&link, &[("csrf", &csrf), SET[0], SET[1]]).await.expect(410);
});

both!(one_of_many_simultaneous_uses_of_a_link_succeeds, |db| async {
    let server = start(db).await;
    let client = server.client();
    let (_, link) = invited(&server, &client).await;
    let statuses = at_once((0..6).map(|number| {
        let mut browser = Browser::new(&server, "demo");
        let link = link.clone();
        async move {
            let password = format!("walnut harbour {number}1");
            browser.submit(&link, &[("password", &password), ("repeat", &password)]).await.status
        }
    }))
    .await;
    assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 1, "{statuses:?}");
});

both!(consent_is_given_by_a_button_and_withdrawn_in_the_portal, |db| async {
    let server = start(db).await;
    let client = server.client();
    let id = with_account(&client).await;
    let consent = async || {
        let record = client.get(&path(id)).await.expect(200).json;
        record["customerConsent"]["eCommunication"]["status"].as_i64()
    };
    client.send(reqwest::Method::POST, &format!("{}/consent", path(id)), None, &[]).await.expect(200);
    let link = newest_link(&server, &client, "demo").await;
    let mut browser = Browser::new(&server, "demo");
    for _ in 0..2 {
        browser.get(&link).await.expect(200).says("I agree");
    }
    assert_eq!(consent().await, Some(-1), "opening a link gives no consent");
    let done = browser.submit(&link, &[]).await;
    browser.get(done.location()).await.expect(200).says("Thank you");
    assert_eq!(consent().await, Some(1));
    browser.get(&link).await.expect(410);
    browser.sign_in("ada", PASSWORD).await.expect(303);
    let page = browser.get("/portal/demo/record").await.expect(200).says("You agreed to receive");
    browser.post("/portal/demo/withdraw-consent", &[("csrf", &page.csrf())]).await.expect(303);
    assert_eq!(consent().await, Some(0));
    browser.get("/portal/demo/record").await.expect(200).says("You receive no messages");
});
