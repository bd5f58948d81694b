//! Attacks other than guessing: stolen sessions, forged forms, redirects, markup, headers.

use super::*;

const MARKUP: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>";

both!(signing_out_ends_a_stolen_session, |db| async {
    let server = start(db).await;
    with_account(&server.client()).await;
    let mut browser = Browser::new(&server, "demo");
    browser.sign_in("ada", PASSWORD).await.expect(303);
    let mut thief = browser.clone();
    assert!(thief.is_in().await);
    let page = browser.get("/portal/demo/record").await;
    let out = browser.post("/portal/demo/sign-out", &[("csrf", &page.csrf())]).await;
    assert_eq!(out.location(), "/portal/demo/sign-in?done=signed-out");
    assert!(!browser.cookies.contains_key("customary_session"), "the browser must lose the cookie");
    assert!(!thief.is_in().await);
});

both!(forged_forms_change_nothing, |db| async {
    let server = start(db).await;
    let client = server.client();
    let id = with_account(&client).await;
    let before = client.get(&path(id)).await.expect(200).json;
    let mut browser = Browser::new(&server, "demo");
    browser.sign_in("ada", PASSWORD).await.expect(303);
    let mut other = Browser::new(&server, "demo");
    let foreign = other.get("/portal/demo/sign-in").await.csrf();
    let own = browser.get("/portal/demo/edit").await;
    let (csrf, version) = (own.csrf(), own.field("version").unwrap());
    let fields = [
        ("phone", "+15555550199"),
        ("old", PASSWORD),
        ("password", OTHER_PASSWORD),
        ("repeat", OTHER_PASSWORD),
        ("login", "ada"),
        ("version", version.as_str()),
    ];
    for page in ["edit", "change-password", "withdraw-consent", "sign-out", "sign-in", "forgot-password"] {
        let address = format!("/portal/demo/{page}");
        for token in [None, Some(""), Some(foreign.as_str())] {
            let mut form = fields.to_vec();
            form.extend(token.map(|token| ("csrf", token)));
            browser.post(&address, &form).await.expect(403).says("out of date");
        }
        browser.headers = vec![("sec-fetch-site", "cross-site".into())];
        let mut form = fields.to_vec();
        form.push(("csrf", &csrf));
        browser.post(&address, &form).await.expect(403);
        browser.headers = vec![("content-type", "text/plain".into())];
        browser.post(&address, &form).await.expect(403);
        browser.headers.clear();
        // Opening an address changes nothing either.
        if matches!(page, "sign-out" | "withdraw-consent") {
            browser.get(&address).await.expect(404);
        }
    }
    // Without its cookie, the form of a visitor who is not signed in is invalid.
    other.cookies.clear();
    let form = [("csrf", foreign.as_str()), ("login", "ada"), ("password", PASSWORD)];
    other.post("/portal/demo/sign-in", &form).await.expect(403);
    assert!(browser.is_in().await);
    assert_eq!(client.get(&path(id)).await.expect(200).json, before);
    assert_eq!(before["Phone"], "+15555550117");
});

both!(redirects_stay_within_the_portal, |db| async {
    let server = start(db).await;
    with_account(&server.client()).await;
    for evil in ["https://evil.test", "//evil.test", "/\\evil.test", "javascript:alert(1)"] {
        let mut browser = Browser::new(&server, "demo");
        browser.headers = vec![
            ("host", "evil.test".into()),
            ("x-forwarded-host", "evil.test".into()),
            ("referer", evil.into()),
        ];
        let query = format!("next={evil}&return_to={evil}&done={evil}&url={evil}");
        let csrf = browser.get(&format!("/portal/demo/sign-in?{query}")).await.expect(200).csrf();
        let form = [
            ("csrf", csrf.as_str()),
            ("login", "ada"),
            ("password", PASSWORD),
            ("next", evil),
            ("return_to", evil),
        ];
        let page = browser.post(&format!("/portal/demo/sign-in?{query}"), &form).await;
        assert_eq!(page.location(), "/portal/demo/record");
        let page = browser.get(&format!("/portal/demo/record?{query}")).await.expect(200);
        assert!(!page.text.contains("evil.test"), "{}", page.text);
        assert_eq!(browser.get(&format!("/portal/demo?{query}")).await.location(), "/portal/demo/record");
    }
    // An entrypoint name that looks like an address is no entrypoint.
    for path in
        ["/portal//evil.test", "/portal/%2f%2fevil.test/sign-in", "/portal/demo%2f..%2f/sign-in", "/portal/"]
    {
        let page = Browser::new(&server, "demo").get(path).await;
        assert_eq!(page.status, 404, "{path}: {}", page.text);
        assert!(page.headers.get("location").is_none());
    }
});

both!(links_in_mails_ignore_the_host_header, |db| async {
    let server = start(db).await;
    let client = server.client();
    with_account(&client).await;
    let mut browser = Browser::new(&server, "demo");
    browser.headers = vec![("host", "evil.test".into()), ("x-forwarded-host", "evil.test".into())];
    browser.submit("/portal/demo/forgot-password", &[("login", "ada")]).await.expect(303);
    let link = newest_link(&server, &client, "demo").await;
    assert!(link.starts_with("/portal/demo/set-password/"), "{link}");
});

both!(names_cannot_inject_markup_into_a_page, |db| async {
    let server = start(db).await;
    let client = master(&server);
    let settings = json!({"general": [{"key": "storeName", "value": MARKUP},
        {"key": "editableFields", "value": "firstname,lastname,fullname,company,city,address,country"}]});
    client.put("/api/Paypoint/settings/demo", &settings).await.expect(200);
    let body = json!({"customerUsername": "ada", "customerPsw": PASSWORD, "firstname": MARKUP,
        "lastname": MARKUP, "fullname": MARKUP, "company": MARKUP, "customerNumber": MARKUP,
        "address": MARKUP, "city": MARKUP, "state": MARKUP, "zip": "<i>", "shippingCity": MARKUP});
    client.create("demo", &body, &[], &[]).await.expect(200);
    let mut browser = Browser::new(&server, "demo");
    let mut pages = vec![
        browser.get("/portal/demo/icon.svg").await,
        browser.get("/portal/demo/forgot-password").await,
        browser.get("/portal/demo/set-password/x").await,
        browser.sign_in(MARKUP, MARKUP).await,
    ];
    browser.sign_in("ada", PASSWORD).await.expect(303);
    for page in ["record", "edit", "change-password", "nothing"] {
        pages.push(browser.get(&format!("/portal/demo/{page}")).await);
    }
    let form = [("phone", "x"), ("city", MARKUP), ("version", "1")];
    pages.push(browser.submit("/portal/demo/edit", &form).await);
    for page in pages {
        for element in ["<script", "<img", "<i>", "onerror=alert(2)>\""] {
            assert!(!page.text.contains(element), "{element} in {}", page.text);
        }
        // A quote in a value does not end an attribute.
        assert!(!page.text.contains("\"'>"), "{}", page.text);
    }
});

both!(every_page_sends_security_headers_and_forbids_caching, |db| async {
    let server = start(db).await;
    with_account(&server.client()).await;
    let mut browser = Browser::new(&server, "demo");
    let mut pages = Vec::new();
    for page in ["", "/sign-in", "/forgot-password", "/set-password/x", "/consent/x", "/record"] {
        pages.push(browser.get(&format!("/portal/demo{page}")).await);
    }
    for path in ["/portal/none/sign-in", "/portal/demo/none", "/portal/demo/a/b/c"] {
        pages.push(browser.get(path).await.expect(404));
    }
    pages.push(browser.post("/portal/demo/sign-in", &[]).await.expect(403));
    pages.push(browser.sign_in("ada", "not the password").await);
    pages.push(browser.sign_in("ada", PASSWORD).await);
    for page in ["", "/record", "/edit", "/change-password"] {
        pages.push(browser.get(&format!("/portal/demo{page}")).await);
    }
    for page in pages {
        let header = |name: &str| page.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        let policy = header("content-security-policy").unwrap_or_else(|| panic!("{page:?}"));
        for part in [
            "default-src 'none'",
            "style-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        ] {
            assert!(policy.contains(part), "{part} in {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains("script-src"), "{policy}");
        assert_eq!(header("referrer-policy").as_deref(), Some("no-referrer"));
        assert_eq!(header("x-content-type-options").as_deref(), Some("nosniff"));
        assert_eq!(header("cache-control").as_deref(), Some("no-store"));
        assert!(!page.text.contains("<script") && !page.text.contains("style="), "{}", page.text);
    }
});

both!(logs_and_metrics_contain_no_link_and_no_name, |db| async {
    let site = site_with(db, &[("CUSTOMARY_LOG", "debug")]);
    let server = Server::start_on(&site).await;
    let client = server.client();
    with_account(&client).await;
    let mut browser = Browser::new(&server, "demo");
    browser.submit("/portal/demo/forgot-password", &[("login", EMAIL)]).await.expect(303);
    let link = newest_link(&server, &client, "demo").await;
    let token = link.rsplit('/').next().unwrap();
    browser.get(&link).await.expect(200);
    browser.sign_in("ada", "not the password").await.expect(422);
    browser.sign_in("ada", PASSWORD).await.expect(303);
    let session = browser.cookies["customary_session"].clone();
    let metrics = server.anonymous().get("/metrics").await.expect(200).text;
    // The greeting of a first start contains an example with an e-mail address.
    let logs: String = server.logs().lines().filter(|line| !line.starts_with("curl ")).collect();
    assert!(logs.contains("/portal/{entry}/set-password/{token}"), "{logs}");
    for text in [&logs, &metrics] {
        for secret in [token, &session, PASSWORD, "not the password", EMAIL] {
            assert!(!text.contains(secret), "{secret} is in a log or a metric");
        }
    }
});

#[tokio::test]
async fn a_large_form_is_refused_with_a_page() {
    let server = start(Db::Sqlite).await;
    let mut browser = Browser::new(&server, "demo");
    let long = "x".repeat(100_000);
    browser.post("/portal/demo/sign-in", &[("login", &long)]).await.expect(413).says("too large");
}

#[tokio::test]
async fn the_database_files_contain_no_name_link_or_session() {
    let server = start(Db::Sqlite).await;
    let client = server.client();
    with_account(&client).await;
    let mut browser = Browser::new(&server, "demo");
    browser.sign_in("ada", PASSWORD).await.expect(303);
    Browser::new(&server, "demo").sign_in(EMAIL, "not the password").await.expect(422);
    browser.submit("/portal/demo/forgot-password", &[("login", EMAIL)]).await.expect(303);
    let link = newest_link(&server, &client, "demo").await;
    let session = browser.cookies["customary_session"].clone();
    let folder = server.site().database_file().parent().unwrap().to_owned();
    let files =
        ["customary.db", "customary.db-wal"].map(|name| fs::read(folder.join(name)).unwrap_or_default());
    assert!(files.iter().any(|bytes| !bytes.is_empty()));
    for secret in [EMAIL, PASSWORD, "not the password", &session, link.rsplit('/').next().unwrap()] {
        for bytes in &files {
            let is_there = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!is_there, "{secret} is in the database");
        }
    }
}
