//! What staff did: customers, settings, tokens and staff, as a page and over HTTP.

use serde_json::{Value, json};

use super::office::{member, owner, send};
use crate::harness::*;
use crate::portal::browser::Browser;
use crate::support::*;

/// The operations of an answer with the names of what changed, newest first.
fn told(page: &Value) -> Vec<String> {
    let record = |record: &Value| {
        let changed: Vec<&str> =
            record["changed"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        format!("{} {}", record["operation"].as_str().unwrap(), changed.join(",")).trim_end().to_owned()
    };
    page["Records"].as_array().unwrap().iter().map(record).collect()
}

/// The address of the page of a member.
async fn place_of(owner: &mut Browser, name: &str) -> String {
    let staff = owner.get("/console/staff").await.expect(200);
    let at = staff.text.find(&format!(">{name}</a>")).unwrap();
    let place = staff.text[..at].rfind("/console/staff/").unwrap();
    staff.text[place..at].trim_end_matches('"').to_owned()
}

/// Changes settings, makes and revokes a token, invites, changes and removes a member, and changes a customer.
async fn work(server: &Server, olga: &mut Browser) -> u64 {
    let id = created(&master(server), "demo", &json!({"email": "ada.roe@example.test", "city": "Ys"})).await;
    let edit = format!("/console/at/demo/customers/{id}/edit");
    let page = olga.get(&edit).await.expect(200);
    let hidden: Vec<(&str, String)> = ["etag", "was.email", "was.city"]
        .into_iter()
        .map(|name| (name, page.field(name).unwrap_or_else(|| panic!("no {name}")).replace("&#34;", "\"")))
        .collect();
    let mut form: Vec<(&str, &str)> = hidden.iter().map(|(name, value)| (*name, value.as_str())).collect();
    form.extend([("email", "ada.new@example.test"), ("city", "Oakton")]);
    assert_eq!(send(olga, &edit, &edit, &form).await.status, 303);

    let look = "/console/at/demo/settings/look";
    let form =
        [("storeName", "Roe & Sons"), ("color", "#AA3300"), ("language", "en"), ("editableMode", "default")];
    assert_eq!(send(olga, look, look, &form).await.status, 303);
    // What is as it was changed nothing.
    assert_eq!(send(olga, look, look, &form).await.status, 303);

    let new = "/console/tokens/new";
    let form =
        [("name", "web shop"), ("expiresInDays", "30"), ("scopes", "customers:read"), ("entries", "demo")];
    send(olga, new, new, &form).await.expect(200);
    let list = olga.get("/console/tokens").await.expect(200);
    let revoke = list.text[list.text.find("web shop").unwrap()..].split("action=\"").nth(1).unwrap();
    let revoke = revoke[..revoke.find('"').unwrap()].to_owned();
    assert_eq!(send(olga, new, &revoke, &[]).await.status, 303);
    assert_eq!(send(olga, new, &revoke, &[]).await.status, 303);

    member(server, olga, "viewer").await;
    let place = place_of(olga, "viewer").await;
    let change = [("name", "viewer"), ("role", "agent"), ("entriesMode", "chosen"), ("entries", "demo")];
    assert_eq!(send(olga, &place, &place, &change).await.status, 303);
    assert_eq!(send(olga, &place, &format!("{place}/remove"), &[]).await.status, 303);
    id
}

/// What [`work`] leaves, newest first.
const ALL: [&str; 9] = [
    "member.removed",
    "member.updated role,entries",
    "member.passwordSet",
    "member.invited",
    "token.revoked",
    "token.created",
    "settings.updated storeName,color",
    "updated city,email",
    "member.passwordSet",
];

both!(rules_25_activity_tells_settings_tokens_staff_and_fields, |db| async move {
    let server = Server::start(db).await;
    let mut olga = owner(&server).await;
    work(&server, &mut olga).await;
    let client = master(&server);
    let get = async |query: &str| {
        client.get(&format!("/api/Activity/demo?limitRecord=100{query}")).await.expect(200)
    };

    let all = get("").await;
    let mut operations = told(&all.json);
    for one in &mut operations {
        // The fields of a customer stand in the order of the record.
        if one == "updated email,city" {
            *one = "updated city,email".into();
        }
    }
    assert_eq!(operations, ALL);
    for value in
        ["Roe & Sons", "Roe \\u0026", "#aa3300", "ada.new", "Oakton", "viewer@example.test", "web shop"]
    {
        assert!(!all.text.contains(value), "{value}: {}", all.text);
    }
    let newest = &all.json["Records"][0];
    assert_eq!((&newest["memberName"], &newest["sequence"]), (&json!("Olga Owner"), &json!(null)));
    assert!(newest["subjectId"].as_str().unwrap().starts_with("staff-"));

    // One by one they are the same, none twice and none left out.
    let (mut walked, mut next) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("/api/Activity/demo?limitRecord=1{next}")).await.expect(200).json;
        walked.extend(page["Records"].as_array().unwrap().clone());
        match page["Next"].as_str() {
            Some(before) => next = format!("&before={before}"),
            None => break,
        }
    }
    assert_eq!(&walked, all.json["Records"].as_array().unwrap());
    client.get("/api/Activity/demo?before=7").await.expect_error(400);

    // By subject and by member.
    assert_eq!(told(&get("&kind=settings").await.json), ["settings.updated storeName,color"]);
    assert_eq!(told(&get("&kind=tokens").await.json), ["token.revoked", "token.created"]);
    assert_eq!(get("&kind=staff").await.json["Records"].as_array().unwrap().len(), 5);
    assert_eq!(get("&kind=customers").await.json["Records"].as_array().unwrap().len(), 1);
    assert_eq!(get("&kind=money").await.json["Records"], json!([]));
    client.get("/api/Activity/demo?kind=weather").await.expect_error(400);
    let viewer = all.json["Records"][2]["memberId"].as_str().unwrap();
    assert_eq!(told(&get(&format!("&member={viewer}")).await.json), ["member.passwordSet"]);

    // The page says it in words, and no value.
    let page = olga.get("/console/at/demo/activity").await.expect(200);
    for text in [
        "Member of staff: removed",
        "Member of staff: changed",
        "Token: revoked",
        "Settings: changed",
        "Store name, Colour",
        "Role, Stores",
        "E-mail, City",
    ] {
        let either = text == "E-mail, City" && page.text.contains("City, E-mail");
        assert!(either || page.text.contains(text), "{text}: {}", page.text);
    }
    for value in ["#aa3300", "ada.new", "Oakton", "viewer@example.test"] {
        assert!(!page.text.contains(value), "{value}");
    }
    let staff =
        olga.get("/console/at/demo/activity?kind=staff").await.expect(200).says("Member of staff: removed");
    assert!(!staff.text.contains("Token: revoked") && !staff.text.contains("Settings: changed"));
    olga.get("/console/at/demo/activity?kind=money").await.expect(200).says("Nothing like this was done");
});

both!(rules_25_activity_hides_what_a_token_may_not_see, |db| async move {
    let server = Server::start(db).await;
    let mut olga = owner(&server).await;
    let site = server.site();
    new_entry(site, "other", &[]);
    let token = |arguments: &[&str]| {
        server.anonymous().token(&site.new_token(&[&["--org", "1"], arguments].concat()))
    };
    let settings = token(&["--all-entries", "--scope", "settings"]);
    let one_store =
        token(&["--entry", "demo", "--scope", "settings", "--scope", "tokens", "--scope", "staff"]);
    let masked = token(&["--all-entries", "--scope", "settings", "--scope", "customers:read"]);
    let path = "/api/Activity/demo?limitRecord=100";
    // The owner's password is hidden from all of them, before and after.
    for client in [&settings, &one_store, &masked] {
        assert_eq!(client.get(path).await.expect(200).json, json!({"Next": null, "Records": []}));
    }
    work(&server, &mut olga).await;
    assert_eq!(told(&settings.get(path).await.json), ["settings.updated storeName,color", "updated"]);
    assert_eq!(told(&masked.get(path).await.json), ["settings.updated storeName,color", "updated city"]);
    for kind in ["tokens", "staff"] {
        let page = settings.get(&format!("{path}&kind={kind}")).await.expect(200);
        assert_eq!(page.json, json!({"Next": null, "Records": []}));
    }
    // Next does not tell that others stand between.
    let first = settings.get("/api/Activity/demo?limitRecord=1").await.expect(200).json;
    let next = first["Next"].as_str().unwrap();
    let second =
        settings.get(&format!("/api/Activity/demo?limitRecord=1&before={next}")).await.expect(200).json;
    assert_eq!((told(&second), &second["Next"]), (vec!["updated".to_owned()], &json!(null)));
    // A token for one store learns of a member only what was done while the member saw no other.
    let seen = told(&one_store.get(path).await.json);
    let of_demo =
        ["member.removed", "token.revoked", "token.created", "settings.updated storeName,color", "updated"];
    assert_eq!(seen, of_demo);
    // Another store has its own activity, and what concerns all of them.
    let elsewhere = told(&master(&server).get("/api/Activity/other?limitRecord=100").await.expect(200).json);
    let of_all = ["member.removed", "member.updated role,entries", "member.passwordSet", "member.invited"];
    assert_eq!(elsewhere[0..3], of_all[1..]);
    assert_eq!(elsewhere.len(), 4, "{elsewhere:?}");
    let requires = json!({"general": [{"key": "requiresTotp", "value": "true"}]});
    // A program is no member of staff.
    master(&server).put("/api/Organization/settings/1", &requires).await.expect(200);
    assert_eq!(told(&settings.get(path).await.json).len(), 2);
    let off = json!({"general": [{"key": "requiresTotp", "value": "false"}]});
    master(&server).put("/api/Organization/settings/1", &off).await.expect(200);
    let factor = "/console/staff/second-factor";
    assert_eq!(send(&mut olga, "/console/staff", factor, &[("requires", "true")]).await.status, 303);
    for entry in ["demo", "other"] {
        let path = format!("/api/Activity/{entry}?kind=settings");
        let told = told(&settings.get(&path).await.expect(200).json);
        assert_eq!(told[0], "settings.updated requiresTotp");
    }
});
