//! The overview, the list of customers with views and work on many, and the page of a new customer.

use serde_json::json;

use crate::harness::*;
use crate::portal::browser::{Browser, Page};
use crate::support::*;

const PASSWORD: &str = "tulip carbon harbour 94";
const LIST: &str = "/console/at/demo/customers";

/// A member who is signed in.
async fn member(server: &Server, role: &str, arguments: &[&str]) -> Browser {
    let email = format!("{role}@staff.test");
    let mut all =
        vec!["staff", "invite", "--org", "1", "--email", &email, "--name", "Sam Staff", "--role", role];
    all.extend(arguments);
    let printed = server.cli(&all).success();
    let at = printed.find("/console/welcome/").unwrap_or_else(|| panic!("no link in {printed}"));
    let link = printed[at..].split_whitespace().next().unwrap().to_owned();
    let mut browser = Browser::new(server, "demo");
    let form = [("password", PASSWORD), ("passwordAgain", PASSWORD)];
    assert_eq!(browser.submit(&link, &form).await.status, 303);
    browser
}

/// Sends a form of the page at `from` to `to`.
async fn send(browser: &mut Browser, from: &str, to: &str, form: &[(&str, &str)]) -> Page {
    let page = browser.get(from).await.expect(200);
    let (csrf, key) = (page.csrf(), page.field("key").unwrap_or_default());
    let mut all = vec![("csrf", csrf.as_str()), ("key", key.as_str())];
    all.extend(form);
    browser.post(to, &all).await
}

async fn ada(client: &Client) -> u64 {
    let body = json!({"email": "ada.roe@example.test", "firstname": "Ada", "lastname": "Roe",
        "phone": "+15555550117", "labels": ["vip"]});
    client.create("demo", &body, &[], &[]).await.expect(200).id()
}

both!(a_new_customer_is_made_once_and_a_known_one_is_recognised, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let mut browser = member(&server, "agent", &[]).await;
    let new = format!("{LIST}/new");
    // What is wrong stands at its field, and what was typed stays.
    let wrong = send(&mut browser, &new, &new, &[("email", "no address"), ("firstname", "Ada")]).await;
    wrong.expect(422).says("id=\"p-email\"").says("value=\"Ada\"");
    let page = browser.get(&new).await.expect(200);
    let (csrf, key) = (page.csrf(), page.field("key").unwrap());
    let form = [
        ("csrf", csrf.as_str()),
        ("key", key.as_str()),
        ("email", "ada.roe@example.test"),
        ("firstname", "Ada"),
        ("lastname", "Roe"),
        ("labels", "vip, new"),
        ("ownName0", "Tier"),
        ("ownValue0", "gold"),
        ("balance", "12.50"),
        ("refSystem0", "shop"),
        ("refId0", "S-1"),
    ];
    let first = browser.post(&new, &form).await.location().to_owned();
    assert_eq!(browser.post(&new, &form).await.location(), first, "a form that is sent twice");
    assert!(first.ends_with("?done=created"), "{first}");
    let all = client.list("demo").await;
    assert_eq!(all.len(), 1);
    assert_eq!(all[0]["Labels"], json!(["vip", "new"]));
    assert_eq!(all[0]["AdditionalFields"], json!({"Tier": "gold"}));
    assert_eq!(all[0]["Balance"], json!(12.5));
    assert_eq!(all[0]["References"][0]["externalId"], "S-1");
    // While somebody types, the matcher says who that is.
    let same = [("email", "ADA.ROE@example.test"), ("lastname", "Lovelace")];
    let part = send(&mut browser, &new, &format!("{new}/match"), &same).await.expect(200);
    part.says("id=\"alike\"").says("Ada Roe");
    // The create meets the customer, changes nothing, and asks what to do.
    let met = send(&mut browser, &new, &new, &same).await.expect(409);
    met.says("value=\"merge\"").says("value=\"force\"").says("value=\"Lovelace\"");
    assert_eq!(client.list("demo").await[0]["Lastname"], "Roe");
    let merge = [same[0], same[1], ("onMatch", "merge")];
    assert!(send(&mut browser, &new, &new, &merge).await.location().ends_with("?done=saved"));
    assert_eq!(client.list("demo").await[0]["Lastname"], "Lovelace");
    let force = [same[0], ("lastname", "Other"), ("onMatch", "force"), ("then", "another")];
    assert_eq!(send(&mut browser, &new, &new, &force).await.location(), format!("{new}?done=created"));
    assert_eq!(client.list("demo").await.len(), 2);
});

both!(a_list_is_searched_filtered_ordered_and_kept_as_a_view, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let mut browser = member(&server, "manager", &[]).await;
    browser.get(LIST).await.expect(200).says("No customers yet");
    ada(&client).await;
    for number in 0..25 {
        let body =
            json!({"email": format!("c{number:02}@example.test"), "lastname": format!("Person{number:02}")});
        client.create("demo", &body, &[], &[]).await.expect(200);
    }
    let page = browser.get(LIST).await.expect(200).says("26 customers");
    // The next page by the API's own token.
    let at = page.text.rfind("name=\"page\" value=\"").unwrap() + 19;
    let token = page.text[at..].split('"').next().unwrap().to_owned();
    let next =
        send(&mut browser, LIST, LIST, &[("page", &token)]).await.expect(200).says("ada.roe@example.test");
    assert_eq!(next.text.matches("<tr data-row").count(), 6);
    let found = send(&mut browser, LIST, LIST, &[("search", "ada roe")]).await.expect(200);
    assert_eq!(found.clone().says("1 customer").text.matches("<tr data-row").count(), 1);
    assert_eq!(found.headers["cache-control"], "no-store");
    let ordered = [("to", "asc(email)"), ("columned", "true"), ("column", "labels"), ("size", "50")];
    let ordered = send(&mut browser, LIST, LIST, &ordered).await.expect(200);
    assert_eq!(ordered.text.matches("<tr data-row").count(), 26);
    let first = ordered.text.find("Ada Roe").unwrap();
    assert!(first < ordered.text.find("Person00").unwrap() && ordered.text.contains(">vip<"));
    assert!(!ordered.text.contains("ada.roe@"), "the e-mail column was not chosen");
    // A wrong filter is said, and a list of nobody.
    send(&mut browser, LIST, LIST, &[("createdFrom", "yesterday")]).await.expect(200).says("role=\"alert\"");
    // A view keeps the filter, and not the search.
    let keep =
        [("label", "vip"), ("search", "secret words"), ("viewName", "Important"), ("columned", "true")];
    let kept = send(&mut browser, LIST, &format!("{LIST}/views"), &keep).await.location().to_owned();
    let view = browser.get(&kept).await.expect(200).says("Important").says("1 customer");
    assert!(!view.text.contains("secret words") && !kept.contains("vip"));
    let id = view.field("view").unwrap();
    send(&mut browser, LIST, &format!("{LIST}/views"), &[("viewName", "")]).await.expect(422);
    // Nobody else sees it.
    let mut other = member(&server, "owner", &[]).await;
    assert!(!other.get(LIST).await.expect(200).text.contains("Important"));
    other.get(&kept).await.expect(200).says("26 customers");
    send(&mut other, LIST, &format!("{LIST}/views/delete"), &[("view", &id)]).await.location();
    browser.get(&kept).await.expect(200).says("Important");
    send(&mut browser, LIST, &format!("{LIST}/views/delete"), &[("view", &id)]).await.location();
    assert!(!browser.get(LIST).await.expect(200).text.contains("Important"));
});

both!(who_sees_masks_sees_them_in_every_page, |db| async {
    let server = Server::start(db).await;
    ada(&server.client()).await;
    let mut browser = member(&server, "viewer", &[]).await;
    let columns = [("columned", "true"), ("column", "email"), ("column", "phone"), ("search", "ada")];
    let list = send(&mut browser, LIST, LIST, &columns).await.expect(200).says("Ada Roe");
    let all = send(&mut browser, LIST, "/console/at/~/customers", &columns).await.expect(200).says("Ada Roe");
    let overview = browser.get("/console/at/demo").await.expect(200);
    for page in [list, all, overview] {
        assert!(!page.text.contains("ada.roe@example.test") && !page.text.contains("5555550117"));
    }
    // A search for what is masked finds nobody.
    send(&mut browser, LIST, LIST, &[("search", "5555550117")]).await.expect(200).says("Nobody matches");
    browser.get(&format!("{LIST}/new")).await.expect(403);
    let csv = [("every", "true"), ("do", "csv")];
    send(&mut browser, LIST, &format!("{LIST}/bulk"), &csv).await.expect(403);
});

both!(no_address_reaches_another_entrypoint, |db| async {
    let server = Server::start(db).await;
    new_entry(server.site(), "other", &[]);
    let client = server.client();
    let body = json!({"email": "bob@example.test", "lastname": "Roe"});
    let bob = client.create("other", &body, &[], &[]).await.expect(200).id().to_string();
    let mut browser = member(&server, "manager", &["--entry", "demo"]).await;
    for page in ["", "/customers", "/customers/new", "/customers/jobs/labels/1"] {
        browser.get(&format!("/console/at/other{page}")).await.expect(404);
    }
    let both = browser.get("/console/at/~/customers").await.expect(200);
    assert!(!both.text.contains("bob@example.test"));
    // Also not by an id in a form of the own store.
    for what in ["delete", "archive", "unarchive"] {
        let form = [("id", bob.as_str()), ("do", what), ("sure", "true")];
        send(&mut browser, LIST, &format!("{LIST}/bulk"), &form).await;
    }
    let record = client.get(&path(bob.parse().unwrap())).await.expect(200).json;
    assert_eq!(
        (record["customerStatus"].clone(), record["Lifecycle"].clone()),
        (json!(1), json!("Prospect"))
    );
    // Of a member who sees both, a form of one store still reaches only that.
    let mut owner = member(&server, "owner", &[]).await;
    let form = [("id", bob.as_str()), ("do", "archive")];
    send(&mut owner, LIST, &format!("{LIST}/bulk"), &form).await;
    assert_eq!(client.get(&path(bob.parse().unwrap())).await.json["Lifecycle"], "Prospect");
    owner.get("/console/at/~").await.expect(200).says("/console/at/other");
    owner
        .get("/console/at/~/customers")
        .await
        .expect(200)
        .says("bob@example.test")
        .says("/at/other/customers/");
});

both!(work_on_many_is_asked_about_and_done_once, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let mut ids = Vec::new();
    for number in 0..5 {
        let body = json!({"email": format!("c{number}@example.test"), "lastname": "Roe", "city": "Bath"});
        ids.push(client.create("demo", &body, &[], &[]).await.expect(200).id().to_string());
    }
    let mut browser = member(&server, "manager", &[]).await;
    let bulk = format!("{LIST}/bulk");
    for form in [
        &[("do", "archive")][..],
        &[("do", "delete"), ("every", "true")],
        &[("do", "label"), ("id", &ids[0])],
    ] {
        send(&mut browser, LIST, &bulk, form).await.expect(422).says("role=\"alert\"");
    }
    // A label for two, as a job with its own page.
    let form = [("do", "label"), ("bulkLabel", "vip"), ("id", ids[0].as_str()), ("id", ids[1].as_str())];
    let job = send(&mut browser, LIST, &bulk, &form).await.location().to_owned();
    wait_until("the labels are there", std::time::Duration::from_secs(20), async || {
        browser.get(&job).await.expect(200).text.contains("Finished")
    })
    .await;
    assert_eq!(client.get(&path(ids[1].parse().unwrap())).await.json["Labels"], json!(["vip"]));
    let events = job.split('?').next().unwrap().to_owned() + "/events";
    browser.get(&events).await.expect(200).says("event: part").says("event: end");
    // All that match the label go to the archive, after a question that says how many.
    let archive = [("do", "archive"), ("every", "true"), ("label", "vip")];
    let sure = send(&mut browser, LIST, &bulk, &archive).await.expect(200).says("2 customers");
    assert_eq!(client.get(&path(ids[0].parse().unwrap())).await.json["Lifecycle"], "Prospect");
    assert_eq!(sure.field("do").as_deref(), Some("archive"));
    let confirmed = [archive[0], archive[1], archive[2], ("sure", "true")];
    assert_eq!(send(&mut browser, LIST, &bulk, &confirmed).await.location(), format!("{LIST}?done=archived"));
    assert_eq!(client.get(&path(ids[0].parse().unwrap())).await.json["Lifecycle"], "Archived");
    // Deleting names them, and a form that is sent twice deletes once.
    let delete = [("do", "delete"), ("id", ids[2].as_str()), ("id", ids[3].as_str())];
    send(&mut browser, LIST, &bulk, &delete).await.expect(200).says("2 customers");
    let page = browser.get(LIST).await;
    let (csrf, key) = (page.csrf(), page.field("key").unwrap());
    let mut form = vec![("csrf", csrf.as_str()), ("key", key.as_str()), ("sure", "true")];
    form.extend(delete);
    for _ in 0..2 {
        assert_eq!(browser.post(&bulk, &form).await.location(), format!("{LIST}?done=deleted"));
    }
    assert_eq!(client.list("demo").await.len(), 3);
    // The file has the columns of the list.
    let export = [("do", "csv"), ("every", "true"), ("columned", "true"), ("column", "email")];
    let file = send(&mut browser, LIST, &bulk, &export).await.expect(200);
    assert!(file.headers["content-disposition"].to_str().unwrap().starts_with("attachment"));
    assert!(
        file.text.trim_start_matches('\u{feff}').starts_with("customerId,name,Email\r\n"),
        "{}",
        file.text
    );
    assert_eq!(file.text.lines().count(), 4);
    // An agent may not delete, whatever is sent.
    let mut agent = member(&server, "agent", &[]).await;
    let form = [("do", "delete"), ("id", ids[4].as_str()), ("sure", "true")];
    send(&mut agent, LIST, &bulk, &form).await.expect(403);
    assert_eq!(client.list("demo").await.len(), 3);
});

both!(an_overview_counts_customers_and_says_what_waits, |db| async {
    let server = Server::start(db).await;
    let mut browser = member(&server, "owner", &[]).await;
    browser.get("/console/at/demo").await.expect(200).says("Begin here").says("Nothing waits");
    ada(&server.client()).await;
    let page = browser.get("/console/at/demo").await.expect(200).says("customers?stage=Prospect");
    assert!(!page.text.contains("Begin here") && !page.text.contains("style="));
    browser.get(&format!("{LIST}?stage=Prospect")).await.expect(200).says("1 customer");
    browser.get(&format!("{LIST}?stage=Archived")).await.expect(200).says("Nobody matches");
    browser.headers.push(("accept-language", "fr".into()));
    browser.get("/console/at/demo").await.expect(200).says("À traiter").says("lang=\"fr\"");
});

both!(a_long_list_says_what_it_neither_counts_nor_orders, |db| async {
    const MANY: usize = 3_010;
    const FEW: usize = 5;
    let server = Server::start(db).await;
    let client = server.client();
    let mut file = String::from("firstname,lastname\n");
    for number in 0..MANY {
        // The last of the few comes first by name.
        let row =
            if number < FEW { format!("Bea,Zed{}\n", FEW - number) } else { format!("Ada,Roe{number}\n") };
        file.push_str(&row);
    }
    let request = client.request(reqwest::Method::POST, "/api/Import/customersForm/demo");
    let request = request.timeout(std::time::Duration::from_mins(5));
    let answer =
        crate::support::send(request.header("Content-Type", "text/csv").body(file)).await.expect(200);
    assert_eq!(answer.data()["added"], MANY, "{}", answer.text);
    let mut browser = member(&server, "agent", &[]).await;
    // Every customer is in the total, and the newest come first where an order would need them all.
    let page = send(&mut browser, LIST, LIST, &[("sort", "asc(name)")]).await.expect(200);
    let page = page.says("3,010 customers").says("Only a list of at most 3,000 customers").says("Roe3009");
    let newest_first = |page: &Page| page.text.contains("aria-sort=\"descending\"");
    assert!(newest_first(&page) && !page.text.contains("Zed"), "{}", page.text);
    // The next page is that of the list that is shown.
    let next =
        page.text.split("name=\"page\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let next = send(&mut browser, LIST, LIST, &[("sort", "asc(name)"), ("page", next)]).await.expect(200);
    assert!(next.text.contains("Roe2989<") && !next.text.contains("Roe3009<"), "{}", next.text);
    // A frequent word is not counted to the end.
    send(&mut browser, LIST, LIST, &[("search", "ada")]).await.expect(200).says("more than 1,000 customers");
    // A search makes the list short enough for any order.
    let sorted = [("search", "bea"), ("sort", "asc(name)")];
    let page =
        send(&mut browser, LIST, LIST, &sorted).await.expect(200).says("5 customers").says("ascending");
    let at =
        |page: &Page, name: &str| page.text.find(name).unwrap_or_else(|| panic!("{name}: {}", page.text));
    assert!(
        !page.text.contains("Only a list of") && at(&page, "Zed1<") < at(&page, "Zed5<"),
        "{}",
        page.text
    );
    // While somebody types, a short word alone waits, and one beside a longer word counts.
    browser.headers.push(("x-part", "list".to_owned()));
    let waits = send(&mut browser, LIST, LIST, &[("search", "ze")]).await.expect(200);
    waits.says("Type a third letter").says("3,010 customers");
    let beside = send(&mut browser, LIST, LIST, &[("search", "bea 5")]).await.expect(200).says("1 customer<");
    assert!(beside.text.contains("Zed5<") && !beside.text.contains("Type a third letter"), "{}", beside.text);
    browser.headers.clear();
    send(&mut browser, LIST, LIST, &[("search", "ze")]).await.expect(200).says("5 customers");
});
