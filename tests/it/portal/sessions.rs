//! Sessions: how they begin, and everything that ends them.

use super::*;

both!(a_login_created_by_the_api_signs_in_by_user_name_and_by_email, |db| async {
    let server = start(db).await;
    with_account(&server.client()).await;
    for login in ["ada", "ADA", EMAIL, " Ada.Roe@EXAMPLE.test "] {
        let mut browser = Browser::new(&server, "demo");
        assert!(!browser.is_in().await);
        assert_eq!(browser.get("/portal/demo").await.location(), "/portal/demo/sign-in");
        let page = browser.sign_in(login, PASSWORD).await;
        assert_eq!(page.location(), "/portal/demo/record", "{login}");
        let cookie = page.headers["set-cookie"].to_str().unwrap();
        for part in ["HttpOnly", "SameSite=Lax", "Path=/portal/demo"] {
            assert!(cookie.split("; ").any(|it| it == part), "{part} in {cookie}");
        }
        browser.get("/portal/demo/record").await.expect(200).says("Ada Roe").says("+15555550117");
        assert_eq!(browser.get("/portal/demo/sign-in").await.location(), "/portal/demo/record");
    }
});

#[tokio::test]
async fn cookies_are_secure_where_the_address_is_public() {
    let site = site_with(Db::Sqlite, &[("CUSTOMARY_PUBLIC_URL", "https://pay.example.test/shop")]);
    let server = Server::start_on(&site).await;
    let page = Browser::new(&server, "demo").get("/portal/demo/sign-in").await.expect(200);
    let page = page.says("action=\"/shop/portal/demo/sign-in\"");
    // Browsers take `__Host-` only from this host, encrypted and without a path.
    is_of_the_host(&page, "__Host-customary_form-demo");
}

/// Asserts that a page sets one cookie, of this name, bound to its host.
#[track_caller]
fn is_of_the_host(page: &Page, name: &str) {
    let cookie = page.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with(&format!("{name}=")), "{cookie}");
    for part in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/"] {
        assert!(cookie.split("; ").any(|it| it == part), "{part} in {cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
}

both!(sessions_of_two_entrypoints_live_side_by_side_where_the_address_is_public, |db| async {
    let server =
        Server::start_on(&site_with(db, &[("CUSTOMARY_PUBLIC_URL", "https://pay.example.test")])).await;
    let client = server.client();
    with_account(&client).await;
    new_entry(server.site(), "demo-2", &[]);
    let body = json!({"email": EMAIL, "customerPsw": OTHER_PASSWORD, "firstname": "Adah"});
    client.create("demo-2", &body, &[], &[]).await.expect(200);
    let mut browser = Browser::new(&server, "demo");
    let page = browser.sign_in("ada", PASSWORD).await.expect(303);
    is_of_the_host(&page, "__Host-customary_session-demo");
    let mut other = Browser::new(&server, "demo-2");
    other.cookies = browser.cookies.clone();
    assert!(!other.is_in().await, "a session counts for its own entrypoint alone");
    let page = other.sign_in(EMAIL, OTHER_PASSWORD).await.expect(303);
    is_of_the_host(&page, "__Host-customary_session-demo-2");
    browser.cookies = other.cookies.clone();
    assert!(browser.is_in().await && other.is_in().await);
    let csrf = browser.get("/portal/demo/record").await.csrf();
    browser.post("/portal/demo/sign-out", &[("csrf", csrf.as_str())]).await.expect(303);
    assert!(!browser.is_in().await && other.is_in().await, "signing out of one leaves the other");
});

both!(customers_without_access_cannot_sign_in, |db| async {
    let server = start(db).await;
    let client = server.client();
    let id = with_account(&client).await;
    let mut browser = Browser::new(&server, "demo");
    browser.sign_in("ada", PASSWORD).await.expect(303);
    for status in [0, 85] {
        client.put(&path(id), &json!({"customerStatus": status})).await.expect(200);
        assert!(!browser.is_in().await, "{status} ends the session");
        Browser::new(&server, "demo").sign_in("ada", PASSWORD).await.expect(422);
        client.put(&path(id), &json!({"customerStatus": 1})).await.expect(200);
        assert!(!browser.is_in().await, "an ended session does not come back");
        browser.sign_in("ada", PASSWORD).await.expect(303);
    }
    client.delete(&path(id)).await.expect(200);
    assert!(!browser.is_in().await);
    Browser::new(&server, "demo").sign_in("ada", PASSWORD).await.expect(422);
    Browser::new(&server, "demo").sign_in(EMAIL, PASSWORD).await.expect(422);
});

both!(a_new_password_ends_all_sessions_however_it_was_set, |db| async {
    let server = start(db).await;
    let client = server.client();
    let id = with_account(&client).await;
    let mut here = Browser::new(&server, "demo");
    let mut there = Browser::new(&server, "demo");
    here.sign_in("ada", PASSWORD).await.expect(303);
    there.sign_in("ada", PASSWORD).await.expect(303);
    let wrong = [("old", "something else"), ("password", OTHER_PASSWORD), ("repeat", OTHER_PASSWORD)];
    here.submit("/portal/demo/change-password", &wrong).await.expect(422).says("not your current password");
    let weak = [("old", PASSWORD), ("password", "password12"), ("repeat", "password12")];
    here.submit("/portal/demo/change-password", &weak).await.expect(422).says("too easy to guess");
    let unequal = [("old", PASSWORD), ("password", OTHER_PASSWORD), ("repeat", PASSWORD)];
    here.submit("/portal/demo/change-password", &unequal).await.expect(422).says("not the same");
    assert!(there.is_in().await);
    let before = here.cookies.clone();
    let right = [("old", PASSWORD), ("password", OTHER_PASSWORD), ("repeat", OTHER_PASSWORD)];
    here.submit("/portal/demo/change-password", &right).await.expect(303);
    assert!(here.is_in().await && !there.is_in().await);
    there.cookies = before;
    assert!(!there.is_in().await, "the old session ends in this browser too");
    until_all_sent(&client, "demo").await;
    assert!(
        mails(server.site()).pop().is_some_and(|message| message.link().is_none()),
        "the customer gets a mail about the change"
    );
    client.put(&path(id), &json!({"customerPsw": "seven lamps of stone"})).await.expect(200);
    assert!(!here.is_in().await);
    here.sign_in("ada", OTHER_PASSWORD).await.expect(422);
    here.sign_in("ada", "seven lamps of stone").await.expect(303);
    client.delete(&format!("{}?erase=true", path(id))).await.expect(200);
    assert!(!here.is_in().await);
});

both!(sessions_expire, |db| async {
    let site = site_with(db, &[("CUSTOMARY_SESSION_IDLE", "2s"), ("CUSTOMARY_SESSION_MAX", "5s")]);
    let server = Server::start_on(&site).await;
    with_account(&server.client()).await;
    let mut idle = Browser::new(&server, "demo");
    let mut busy = Browser::new(&server, "demo");
    idle.sign_in("ada", PASSWORD).await.expect(303);
    busy.sign_in("ada", PASSWORD).await.expect(303);
    let started = std::time::Instant::now();
    let mut last_in = started;
    while busy.is_in().await {
        last_in = std::time::Instant::now();
        assert!(started.elapsed().as_secs() < 30, "even a session in use must end");
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    }
    assert!(last_in.duration_since(started).as_secs() >= 3, "use extends a session");
    assert!(!idle.is_in().await);
});
