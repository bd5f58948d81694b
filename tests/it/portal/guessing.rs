//! Guessing passwords and names: what is counted, slowed down and locked, and what the answers reveal.

use super::*;

/// The text of a page, without its random parts.
fn without_random_parts(page: &Page, login: &str) -> String {
    page.text.replace(&page.csrf(), "").replace(login, "")
}

both!(ten_failures_lock_the_account_and_mail_its_owner, |db| async {
    let server = start(db).await;
    let client = server.client();
    let id = with_account(&client).await;
    let mut owner = Browser::new(&server, "demo");
    owner.sign_in("ada", PASSWORD).await.expect(303);
    let mut guesser = Browser::new(&server, "demo");
    for attempt in 1..10 {
        guesser.sign_in(EMAIL, &format!("guess number {attempt}")).await.expect(422);
    }
    assert_eq!(status_of(&client, id).await, 1);
    guesser.sign_in(EMAIL, "guess number 10").await.expect(429).says("it is locked");
    assert_eq!(status_of(&client, id).await, 85);
    assert!(!owner.is_in().await, "the lock ends the owner's session");
    guesser.sign_in(EMAIL, PASSWORD).await.expect(429);
    guesser.sign_in("ada", PASSWORD).await.expect(422);
    until_all_sent(&client, "demo").await;
    let message = mails(server.site()).pop().expect("a mail");
    assert_eq!((message.to(), message.link()), (EMAIL, None));
    let history = client.get(&format!("{}/history", path(id))).await.expect(200);
    assert_eq!(history.json["Records"][0]["token"]["name"], "portal", "{}", history.text);

    // The merchant unlocks the account, which resets the count of failures.
    client.put(&path(id), &json!({"customerStatus": 1})).await.expect(200);
    guesser.sign_in(EMAIL, PASSWORD).await.expect(303);

    // Locked again, the customer resets the password.
    let mut guesser = Browser::new(&server, "demo");
    for attempt in 0..10 {
        guesser.sign_in("ada", &format!("guess number {attempt}")).await;
    }
    assert_eq!(status_of(&client, id).await, 85);
    let mut owner = Browser::new(&server, "demo");
    owner.submit("/portal/demo/forgot-password", &[("login", EMAIL)]).await.expect(303);
    let link = newest_link(&server, &client, "demo").await;
    let form = [("password", OTHER_PASSWORD), ("repeat", OTHER_PASSWORD)];
    owner.submit(&link, &form).await.expect(303);
    assert_eq!(status_of(&client, id).await, 1);
    owner.sign_in("ada", OTHER_PASSWORD).await.expect(303);
});

both!(a_successful_sign_in_resets_the_failures, |db| async {
    let server = start(db).await;
    let client = server.client();
    let id = with_account(&client).await;
    let mut browser = Browser::new(&server, "demo");
    for _ in 0..2 {
        for attempt in 0..6 {
            browser.sign_in("ada", &format!("guess number {attempt}")).await.expect(422);
        }
        browser.sign_in("ada", PASSWORD).await.expect(303);
        browser = Browser::new(&server, "demo");
    }
    assert_eq!(status_of(&client, id).await, 1);
});

both!(an_unknown_name_looks_like_a_wrong_password, |db| async {
    let server = start(db).await;
    let client = server.client();
    with_account(&client).await;
    let prospect = json!({"email": "prospect@example.test"});
    let prospect = client.create("demo", &prospect, &[], &[]).await.expect(200).id();
    let logins = [EMAIL, "nobody@example.test", "prospect@example.test", "nobody", "a\u{0}b"];
    let mut browsers = logins.map(|_| Browser::new(&server, "demo"));
    let verified = argon2_runs(&server).await;
    for attempt in 0..12 {
        let mut pages = Vec::new();
        for (login, browser) in logins.iter().zip(&mut browsers) {
            pages.push(browser.sign_in(login, &format!("guess number {attempt}")).await);
        }
        let first = &pages[0];
        assert_eq!(first.status, if attempt < 9 { 422 } else { 429 }, "{attempt}");
        for (page, login) in pages.iter().zip(logins) {
            assert_eq!(page.status, first.status, "{login} at {attempt}");
            assert_eq!(
                without_random_parts(page, login),
                without_random_parts(first, EMAIL),
                "{login} at {attempt}"
            );
        }
    }
    // The service did the same work for all: ten verifications each, with or without an account.
    assert_eq!(argon2_runs(&server).await - verified, 10 * logins.len() as u64);
    assert_eq!(status_of(&client, prospect).await, 1, "only an account is locked");
});

/// How many passwords the service has verified so far.
async fn argon2_runs(server: &Server) -> u64 {
    let text = server.anonymous().get("/metrics").await.expect(200).text;
    let line = text.lines().find(|line| line.starts_with("customary_password_verifications_total "));
    line.and_then(|line| line.rsplit(' ').next()).map_or(0, |number| number.parse().unwrap())
}

both!(parallel_attempts_all_count, |db| async {
    let server = start(db).await;
    let client = server.client();
    let id = with_account(&client).await;
    let before = argon2_runs(&server).await;
    let pages = at_once((0..30).map(|attempt| {
        let mut browser = Browser::new(&server, "demo");
        async move { browser.sign_in("ada", &format!("guess number {attempt}")).await.status }
    }))
    .await;
    assert_eq!(pages.iter().filter(|status| **status == 422).count(), 9, "{pages:?}");
    assert_eq!(argon2_runs(&server).await - before, 10, "the service must verify ten guesses only");
    assert_eq!(status_of(&client, id).await, 85);
});

both!(guesses_in_the_portal_do_not_hold_up_passwords_of_the_api, |db| async {
    const GUESSES: usize = 200;
    let server = start(db).await;
    let client = server.client();
    with_account(&client).await;
    let before = argon2_runs(&server).await;
    let guesses = at_once((0..GUESSES).map(|number| {
        let mut browser = Browser::new(&server, "demo");
        async move { browser.sign_in(&format!("nobody{number}@example.test"), "guess number 1").await }
    }));
    let creates = at_once((0..8).map(|number| {
        let client = client.clone();
        let body = json!({"email": format!("p{number}@example.test"), "customerPsw": OTHER_PASSWORD});
        async move { client.create("demo", &body, &[], &[]).await.status }
    }));
    let (pages, created) = tokio::join!(guesses, creates);
    assert_eq!(created, [200; 8]);
    let refused: Vec<&Page> = pages.iter().filter(|page| page.status == 429).collect();
    let wrong = pages.iter().filter(|page| page.status == 422).count();
    assert_eq!(
        refused.len() + wrong,
        GUESSES,
        "{:?}",
        pages.iter().map(|page| page.status).collect::<Vec<_>>()
    );
    assert!(!refused.is_empty(), "the queue of guesses has no end");
    assert!(refused.iter().all(|page| page.headers.contains_key("retry-after")));
    assert_eq!(argon2_runs(&server).await - before, wrong as u64, "a refused guess costs no hash");
    // Who was refused may try again at once.
    Browser::new(&server, "demo").sign_in("ada", PASSWORD).await.expect(303);
});

both!(requests_for_a_mail_reveal_nothing_and_send_few_mails, |db| async {
    let server = start(db).await;
    let client = server.client();
    with_account(&client).await;
    client.create("demo", &json!({"email": "prospect@example.test"}), &[], &[]).await.expect(200);
    let mut answers = Vec::new();
    for login in [EMAIL, "ada", "nobody@example.test", "prospect@example.test", "nobody", "\u{7}"] {
        let mut browser = Browser::new(&server, "demo");
        for _ in 0..5 {
            let page = browser.submit("/portal/demo/forgot-password", &[("login", login)]).await;
            answers.push((page.status, page.location().to_owned(), page.text.clone()));
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    until_all_sent(&client, "demo").await;
    let messages = mails(server.site());
    assert!(messages.iter().all(|message| message.to() == EMAIL), "only the account's owner gets mails");
    assert!((1..=6).contains(&messages.len()), "at most three mails for each name: {}", messages.len());
});

both!(the_api_refuses_easily_guessed_passwords_too, |db| async {
    let server = start(db).await;
    let client = server.client();
    let id = with_account(&client).await;
    for (password, problem) in [
        ("password12", "common_password"),
        ("Passw0rd123", "common_password"),
        ("ada.roe-2024", "personal_password"),
        ("too short", "too_short"),
    ] {
        let body = json!({"email": "ada.roe@example.test", "customerNumber": "N-2", "customerPsw": password});
        let refused = client.create("demo", &body, &[], &[]).await;
        refused.expect_error(400);
        assert_eq!(places(&refused), set(["/customerPsw"]));
        assert_eq!(refused.json["errors"][0]["code"], problem, "{}", refused.text);
        assert!(!refused.text.contains(password), "{}", refused.text);
    }
    client.put(&path(id), &json!({"customerPsw": "qwertyuiop"})).await.expect_error(400);
    Browser::new(&server, "demo").sign_in("ada", PASSWORD).await.expect(303);
});
