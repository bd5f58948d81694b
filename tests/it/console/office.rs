//! Imports, settings, tokens, staff, activity, and what stands at `/`.

use serde_json::json;

use crate::harness::*;
use crate::portal::browser::{Browser, Page};
use crate::support::*;

const PASSWORD: &str = "tulip-carbon-94";
const FILE: &str = "Full name,E-mail,Shoe size\nAda Roe,ada.roe@example.test,41\nBo Lind,no address,42\nCy Ng,cy.ng@example.test,43\n";

/// The first owner, signed in.
pub async fn owner(server: &Server) -> Browser {
    let link = std::fs::read_to_string(server.site().data_dir(0).join("first-owner")).unwrap();
    let mut browser = Browser::new(server, "demo");
    let person = [("name", "Olga Owner"), ("email", "olga@example.test")];
    welcome(&mut browser, link.trim(), &person).await;
    browser
}

/// Sets a password by a link, which signs in.
pub async fn welcome(browser: &mut Browser, link: &str, person: &[(&str, &str)]) {
    let path = &link[link.find("/console/").unwrap()..];
    let mut form = person.to_vec();
    form.extend([("password", PASSWORD), ("passwordAgain", PASSWORD)]);
    assert_eq!(browser.submit(path, &form).await.location(), "/console");
}

/// A member of a role, invited by an owner and signed in.
pub async fn member(server: &Server, owner: &mut Browser, role: &str) -> Browser {
    let email = format!("{role}@example.test");
    let form = [("name", role), ("email", email.as_str()), ("role", role), ("entriesMode", "all")];
    let made = send(owner, "/console/staff/new", "/console/staff/new", &form).await.expect(200);
    let link = made.text.split("value=\"").find(|part| part.contains("/console/welcome/")).unwrap();
    let link = link[..link.find('"').unwrap()].to_owned();
    let mut browser = Browser::new(server, "demo");
    welcome(&mut browser, &link, &[]).await;
    browser
}

/// Opens a page and sends one of its forms to an address.
pub async fn send(browser: &mut Browser, page: &str, to: &str, fields: &[(&str, &str)]) -> Page {
    let page = browser.get(page).await.expect(200);
    let (csrf, key) = (page.csrf(), page.field("key").unwrap());
    let mut form = vec![("csrf", csrf.as_str()), ("key", key.as_str())];
    form.extend(fields);
    browser.post(to, &form).await
}

/// Sends a form with a file, as browsers do: the fields first.
async fn upload(server: &Server, browser: &Browser, to: &str, fields: &[(&str, &str)], file: &str) -> Page {
    let mut form = reqwest::multipart::Form::new();
    for (name, value) in fields {
        form = form.text((*name).to_owned(), (*value).to_owned());
    }
    form =
        form.part("file", reqwest::multipart::Part::bytes(file.as_bytes().to_vec()).file_name("people.csv"));
    let cookies: Vec<String> =
        browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
    let request = http.unwrap().post(format!("{}{to}", server.base()));
    let response = request.header("cookie", cookies.join("; ")).multipart(form).send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Page { status, headers, text: response.text().await.unwrap() }
}

/// The page of an import once it has ended.
async fn ended(browser: &mut Browser, path: &str) -> Page {
    for _ in 0..200 {
        let page = browser.get(path).await.expect(200);
        if !page.text.contains("data-events=") {
            return page;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the import does not end");
}

const IMPORTS: &str = "/console/at/demo/imports";

both!(rules_25_a_sheet_is_mapped_rehearsed_and_imported, |db| async move {
    let server = Server::start(db).await;
    let mut olga = owner(&server).await;
    olga.get(IMPORTS).await.expect(200).says("Nothing was imported yet");
    let template = olga.get(&format!("{IMPORTS}/template.csv")).await.expect(200);
    assert!(template.headers["content-type"].to_str().unwrap().starts_with("text/csv"));
    assert_eq!(template.headers["cache-control"], "no-store");

    let new = format!("{IMPORTS}/new");
    let page = olga.get(&new).await.expect(200);
    let (csrf, key) = (page.csrf(), page.field("key").unwrap());
    let head = [("csrf", csrf.as_str()), ("key", key.as_str()), ("kind", "customers")];
    let look = format!("{IMPORTS}/look");
    let sheet = upload(&server, &olga, &look, &head, FILE).await.expect(200);
    for text in ["Shoe size", "Ada Roe · Bo Lind", "value=\"fullname\"", "value=\"email\""] {
        assert!(sheet.text.contains(text), "{text}: {}", sheet.text);
    }
    // Nobody else's form is taken.
    let foreign = [("csrf", "x"), ("kind", "customers")];
    upload(&server, &olga, &look, &foreign, FILE).await.expect(403);

    let key = sheet.field("key").unwrap();
    let mut fields =
        vec![("csrf", csrf.as_str()), ("key", key.as_str()), ("kind", "customers"), ("columns", "3")];
    fields.extend([("header-0", "Full name"), ("was-0", "fullname"), ("target-0", "fullname")]);
    fields.extend([("header-1", "E-mail"), ("was-1", "email"), ("target-1", "email")]);
    fields.extend([("header-2", "Shoe size"), ("was-2", ""), ("target-2", "additional-shoe")]);
    fields.extend([("onMatch", "get"), ("dryRun", "true")]);
    let sent = upload(&server, &olga, &new, &fields, FILE).await;
    let job = sent.location().split('?').next().unwrap().to_owned();
    // A form that is sent twice acts once.
    let again = upload(&server, &olga, &new, &fields, FILE).await;
    assert_eq!(again.location().split('?').next(), Some(job.as_str()));
    let page = ended(&mut olga, &job).await.says("Dry run").says("Line 3").says("Import for real");
    let events = olga.get(&format!("{job}/events")).await.expect(200);
    assert_eq!(events.headers["content-type"], "text/event-stream");
    assert!(
        events.text.contains("event: part\ndata: ") && events.text.contains("event: end\n"),
        "{}",
        events.text
    );
    assert!(page.text.contains("rejected.csv"));
    olga.get(&format!("{job}/rejected.csv")).await.expect(200).says("no address");
    olga.get(&format!("{job}/rows?outcome=rejected")).await.expect(200).says("Rejected");

    let done = send(&mut olga, &job, &format!("{job}/commit"), &[]).await;
    let real = done.location().split('?').next().unwrap().to_owned();
    assert_ne!(real, job);
    ended(&mut olga, &real).await.says("Finished");
    let list = master(&server).get("/api/Query/customers/demo?sortBy=asc(customerId)").await.expect(200).json;
    assert_eq!(list["Summary"]["totalRecords"], 2);
    assert_eq!(list["Records"][0]["AdditionalFields"], json!({"shoe": "41"}));

    // What is wrong comes back with the columns; the mapping is kept.
    fields.retain(|(name, _)| *name != "target-2" && *name != "key");
    fields.extend([("key", "another"), ("target-2", "shoesize")]);
    let refused = upload(&server, &olga, &new, &fields, FILE).await.expect(422);
    assert!(refused.text.contains("value=\"shoesize\"") && refused.text.contains("role=\"alert\""));

    // The member stands in what staff did, with ids and names of fields alone.
    let activity = olga.get("/console/at/demo/activity").await.expect(200);
    let activity = activity.says("Customer added").says("Olga Owner");
    assert!(!activity.text.contains("ada.roe") && !activity.text.contains("Ada Roe"));
    let client = master(&server);
    created(&client, "demo", &json!({"email": "di@example.test"})).await;
    let page = client.get("/api/Activity/demo?limitRecord=1").await.expect(200).json;
    assert_eq!(page["Records"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        (&page["Records"][0]["operation"], &page["Records"][0]["memberName"]),
        (&json!("created"), &json!("Olga Owner"))
    );
    let next = page["Next"].as_str().expect("an older change");
    let older = client.get(&format!("/api/Activity/demo?before={next}")).await.expect(200).json;
    // The other customer, and the password that the member set.
    assert_eq!(older["Records"].as_array().map(Vec::len), Some(2));
    let customers = client.get("/api/Activity/demo?kind=customers").await.expect(200).json;
    assert_eq!((customers["Records"].as_array().map(Vec::len), &customers["Next"]), (Some(2), &json!(null)));
    let nobody = client.get("/api/Activity/demo?member=staff-x").await.expect(200).json;
    assert_eq!(nobody["Records"], json!([]));

    // Another entrypoint is not reachable by a changed address.
    for path in ["nowhere/imports", "nowhere/settings", "nowhere/activity", "~/imports", "~/settings"] {
        olga.get(&format!("/console/at/{path}")).await.expect(404);
    }
    new_entry(server.site(), "other", &[]);
    let foreign = job.replace("/demo/", "/other/");
    olga.get(&foreign).await.expect(404);
    olga.get(&format!("{foreign}/events")).await.expect(200);
});

both!(rules_25_settings_are_forms_with_problems_at_their_fields, |db| async move {
    let server = Server::start(db).await;
    let mut olga = owner(&server).await;
    let settings = "/console/at/demo/settings";
    for tab in [
        "",
        "/identifiers",
        "/look",
        "/payments",
        "/invoices",
        "/labels",
        "/webhooks",
        "/keys",
        "/organisation",
    ] {
        olga.get(&format!("{settings}{tab}")).await.expect(200);
    }
    let look = format!("{settings}/look");
    let wrong =
        [("storeName", "Roe & Sons"), ("color", "reddish"), ("language", "fr"), ("editableMode", "default")];
    let refused = send(&mut olga, &look, &look, &wrong).await.expect(422);
    assert!(
        refused.text.contains("id=\"p-color\"") && refused.text.contains("value=\"Roe &#38; Sons\""),
        "{}",
        refused.text
    );
    let right = [
        ("storeName", "Roe & Sons"),
        ("color", "#AA3300"),
        ("language", "fr"),
        ("editableMode", "chosen"),
        ("editableFields", "phone"),
        ("editableFields", "city"),
    ];
    let saved = send(&mut olga, &look, &look, &right).await;
    assert_eq!(saved.location(), format!("{look}?done=saved"));
    olga.get(&look).await.expect(200).says("fill=\"#aa3300\"");
    let shown = master(&server).get("/api/Paypoint/settings/demo").await.expect(200).text;
    assert!(shown.contains(r#"{"key":"editableFields","readOnly":false,"value":"phone,city"}"#), "{shown}");

    let identifiers = format!("{settings}/identifiers");
    let rules = [
        ("identifiers", "email\nfirstname+lastname"),
        ("requiredFields", "email"),
        ("requiredFields", "fullname"),
    ];
    assert_eq!(send(&mut olga, &identifiers, &identifiers, &rules).await.status, 303);
    let shown = master(&server).get("/api/Paypoint/settings/demo").await.expect(200).json;
    assert_eq!(shown["identifiers"].as_array().map(Vec::len), Some(2));

    // A secret is shown once; the same form again shows the same one and makes no other.
    let webhooks = format!("{settings}/webhooks");
    let page = olga.get(&webhooks).await.expect(200);
    let (csrf, key) = (page.csrf(), page.field("key").unwrap());
    let form =
        [("csrf", csrf.as_str()), ("key", &key), ("dialect", "standard"), ("onUnknownCustomer", "refuse")];
    let first = olga.post(&webhooks, &form).await.expect(200).says("The secret is made");
    let second = olga.post(&webhooks, &form).await.expect(200);
    let secret =
        |page: &Page| page.text.split("id=\"new-secret\" value=\"").nth(1).map(|rest| rest[..20].to_owned());
    assert!(secret(&first).is_some());
    assert_eq!(secret(&first), secret(&second));
    let kept = master(&server).get("/api/Paypoint/ingest/demo").await.expect(200).json;
    assert_eq!(kept["Records"].as_array().map(Vec::len), Some(1));
    assert!(!olga.get(&webhooks).await.text.contains("new-secret"));
    send(&mut olga, &webhooks, &format!("{webhooks}/1/delete"), &[]).await.location();

    let body = json!({"email": "ada.roe@example.test", "fullname": "Ada Roe", "labels": ["vip"]});
    created(&master(&server), "demo", &body).await;
    let labels = format!("{settings}/labels");
    olga.get(&labels).await.expect(200).says("vip");
    let renamed = send(&mut olga, &labels, &labels, &[("from", "vip"), ("to", "gold")]).await;
    assert_eq!(renamed.location(), format!("{labels}?done=started"));
    let keys = format!("{settings}/keys");
    assert_eq!(send(&mut olga, &keys, &keys, &[]).await.location(), format!("{keys}?done=started"));
});

both!(rules_25_owners_make_tokens_and_look_after_staff, |db| async move {
    let server = Server::start(db).await;
    let mut olga = owner(&server).await;
    let new = "/console/tokens/new";
    send(&mut olga, new, new, &[("name", "")]).await.expect(422).says("Give it a name.");
    let form =
        [("name", "web shop"), ("expiresInDays", "30"), ("scopes", "customers:read"), ("entries", "demo")];
    // The same form again shows the same token and makes no other.
    let page = olga.get(new).await.expect(200);
    let (csrf, key) = (page.csrf(), page.field("key").unwrap());
    let twice = [&[("csrf", csrf.as_str()), ("key", key.as_str())], form.as_slice()].concat();
    let made = olga.post(new, &twice).await.expect(200).says("it is not shown again");
    let same = olga.post(new, &twice).await.expect(200);
    let shown = |page: &Page| {
        page.text.split("id=\"token\" value=\"").nth(1).map(|rest| rest[..rest.find('"').unwrap()].to_owned())
    };
    assert!(shown(&made).is_some());
    assert_eq!(shown(&made), shown(&same));
    assert_eq!(made.headers["cache-control"], "no-store");
    let token = made.text.split("id=\"token\" value=\"").nth(1).unwrap();
    let token = &token[..token.find('"').unwrap()];
    let shop = server.anonymous().token(token);
    shop.get("/api/Query/customers/demo").await.expect(200);
    let kept = master(&server).get("/api/Token").await.expect(200).json;
    let mut own = kept["Records"].as_array().unwrap().iter().filter(|token| token["name"] == "web shop");
    let own = own.next().filter(|_| own.next().is_none()).expect("one token");
    let lives = |name: &str| own[name].as_str().unwrap()[..10].to_owned();
    assert_ne!(lives("issuedAt"), lives("expiresAt"), "it does not end with the session");
    let list = olga.get("/console/tokens").await.expect(200).says("web shop");
    assert!(!list.text.contains(token));
    let at = list.text.find("web shop").unwrap();
    let revoke = list.text[at..].split("action=\"").nth(1).unwrap();
    let revoke = revoke[..revoke.find('"').unwrap()].to_owned();
    assert_eq!(send(&mut olga, new, &revoke, &[]).await.location(), "/console/tokens?done=revoked");
    shop.get("/api/Query/customers/demo").await.expect_error(401);

    // Roles: a viewer finds none of these pages, an agent neither.
    let mut viewer = member(&server, &mut olga, "viewer").await;
    let mut agent = member(&server, &mut olga, "agent").await;
    for browser in [&mut viewer, &mut agent] {
        for path in [
            IMPORTS,
            "/console/at/demo/settings",
            "/console/at/demo/activity",
            "/console/tokens",
            "/console/staff",
        ] {
            assert_eq!(browser.get(path).await.status, 403, "{path}");
        }
    }
    let staff = olga
        .get("/console/staff")
        .await
        .expect(200)
        .says("viewer@example.test")
        .says("What each role may do");
    let own = staff.text.split("/console/staff/staff-").nth(1).unwrap();
    let own = format!("/console/staff/staff-{}", &own[..36]);
    let lower = [("name", "Olga Owner"), ("role", "viewer"), ("entriesMode", "all")];
    send(&mut olga, &own, &own, &lower).await.expect(422).says("role=\"alert\"");
    send(&mut olga, &own, &format!("{own}/remove"), &[]).await.expect(422).says("role=\"alert\"");

    let at = staff.text.find(">viewer</a>").unwrap();
    let place = staff.text[..at].rfind("/console/staff/").unwrap();
    let place = staff.text[place..at].trim_end_matches('"').to_owned();
    let change = [("name", "Vera"), ("role", "manager"), ("entriesMode", "chosen"), ("entries", "demo")];
    assert_eq!(send(&mut olga, &place, &place, &change).await.location(), format!("{place}?done=saved"));
    assert_eq!(viewer.get(IMPORTS).await.location(), "/console/sign-in", "the sessions ended");
    let state = format!("{place}/state");
    assert_eq!(send(&mut olga, &place, &state, &[("isDisabled", "true")]).await.status, 303);
    olga.get(&place).await.expect(200).says("Disabled");
    assert_eq!(send(&mut olga, &place, &state, &[("isDisabled", "false")]).await.status, 303);
    send(&mut olga, &place, &format!("{place}/link"), &[]).await.expect(200).says("/console/welcome/");
    assert_eq!(
        send(&mut olga, &place, &format!("{place}/remove"), &[]).await.location(),
        "/console/staff?done=deleted"
    );
    olga.get(&place).await.expect(404);

    let factor = "/console/staff/second-factor";
    assert_eq!(send(&mut olga, "/console/staff", factor, &[("requires", "true")]).await.status, 303);
    assert_eq!(olga.get("/console/staff").await.location(), "/console/account/second-factor");
});

#[tokio::test]
async fn rules_25_the_root_says_what_runs_here() {
    let contact = [("CUSTOMARY_SECURITY_CONTACT", "mailto:security@example.test")];
    let server = Server::start_on(&Site::with_environment(Db::Sqlite, &contact)).await;
    let mut browser = Browser::new(&server, "demo");
    let page = browser.get("/").await.expect(200);
    for link in ["href=\"/console\"", "href=\"/swagger-ui/\"", "href=\"/openapi.json\""] {
        assert!(page.text.contains(link), "{link}: {}", page.text);
    }
    browser.headers.push(("accept-language", "fr".into()));
    browser.get("/").await.expect(200).says("lang=\"fr\"");
    let icon = browser.get("/favicon.ico").await.expect(200);
    assert_eq!(icon.headers["content-type"], "image/x-icon");
    let security = browser.get("/.well-known/security.txt").await.expect(200);
    assert!(security.headers["content-type"].to_str().unwrap().starts_with("text/plain"));
    let security = security.says("Contact: mailto:security@example.test\n").says("Expires: ");
    assert!(security.text.contains(&format!("Canonical: {}/.well-known/security.txt", server.base())));
    browser.post("/", &[]).await.expect(405);

    let server = Server::start(Db::Sqlite).await;
    let mut browser = Browser::new(&server, "demo");
    browser.get("/.well-known/security.txt").await.expect(404);
    let mut olga = owner(&server).await;
    let page = olga.get("/console/components").await.expect(200);
    assert!(page.text.len() < 100_000 && !page.text.contains("style="));
}
