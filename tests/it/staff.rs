//! Members of staff (rules 25): invitations, roles, sessions, the second factor, lockout, over HTTP, the command line and the
//! store itself, on which the console stands.

use std::sync::Arc;

use customary::clock;
use customary::domain::accounts::second_factor::totp_code;
use customary::domain::accounts::staff::{Member, MemberChanges, NewMember, Role};
use customary::domain::accounts::token::Entries;
use customary::domain::decide::command::Actor;
use customary::domain::kernel::problem::Rejection;
use customary::domain::kernel::time::{Micros, SECOND_US};
use customary::domain::mail::MailKind;
use customary::store::{
    Confirmed, DatabaseUrl, Mark, SessionLimits, StaffAccount, Store, StoreError, StoreOptions, TheirTokens,
};
use customary::vault::MasterKey;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;

const LIMITS: SessionLimits = SessionLimits { idle_secs: 3600, max_secs: 12 * 3600 };
const WEEK: i64 = 7 * 24 * 3600;
/// What stands for the hash of a password; the store does not look into it.
const HASH: &str = "$argon2id$one";

fn open(site: &Site) -> Store {
    let url = match site.database_url() {
        Some(url) => url.parse().unwrap(),
        None => DatabaseUrl::Sqlite(site.database_file()),
    };
    if let DatabaseUrl::Sqlite(file) = &url {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    }
    let options = StoreOptions {
        url,
        master: MasterKey::parse(MASTER_KEY).unwrap(),
        may_begin: true,
        may_create: true,
        idempotency_secs: 3600,
        batch_max: 16,
        writers: 1,
        readers: 1,
        record_cache_bytes: 0,
    };
    Store::open(options).unwrap()
}

fn new_member(email: &str, role: Role) -> NewMember {
    NewMember { org_id: 1, name: "Ada Roe".into(), email: email.into(), role, entries: Entries::All }
}

fn by() -> Actor {
    Actor { name: "test".into(), jti: "test".into() }
}

async fn invite(store: &Store, email: &str, role: Role) -> (Member, String) {
    store.staff().invite(new_member(email, role), by(), WEEK).await.unwrap()
}

/// A member with a password, and a session of it.
async fn joined(store: &Store, email: &str, role: Role) -> (Member, String) {
    let (member, link) = invite(store, email, role).await;
    let session = store.staff().use_link(link, None, HASH.into()).await.unwrap().expect("a session");
    (member, session)
}

async fn is_in(store: &Store, session: &str) -> bool {
    store.staff().session(session.to_owned(), LIMITS).await.unwrap().is_some()
}

/// The code of a refusal.
fn code<T: std::fmt::Debug>(result: Result<T, StoreError>) -> &'static str {
    match result {
        Err(StoreError::Rejected(Rejection::State(problems) | Rejection::Invalid(problems))) => {
            problems[0].code
        }
        Err(StoreError::Rejected(Rejection::NotFound)) => "not_found",
        Err(StoreError::Rejected(Rejection::Stale)) => "stale",
        other => panic!("not refused: {other:?}"),
    }
}

both!(rules_25_an_invitation_leads_to_a_session_that_a_change_of_role_ends, |db| async move {
    let site = Site::new(db);
    let store = open(&site);
    let (member, link) = invite(&store, " Ada.Roe@Example.test", Role::Agent).await;
    assert!(member.id.starts_with("staff-") && !member.has_password, "{member:?}");
    let found = store.staff().look_link(link.clone()).await.unwrap().expect("a link");
    assert_eq!((found.org_id, found.member.as_ref()), (1, Some(&member)));
    let begun = store.staff().begin_sign_in("ada.roe@example.test".into()).await.unwrap().unwrap();
    assert_eq!((begun.failures, begun.account), (0, None), "there is no password yet");

    let session = store.staff().use_link(link.clone(), None, HASH.into()).await.unwrap().expect("a session");
    assert_eq!(
        store.staff().use_link(link.clone(), None, HASH.into()).await.unwrap(),
        None,
        "a link works once"
    );
    assert_eq!(store.staff().look_link(link).await.unwrap(), None);
    let found = store.staff().session(session.clone(), LIMITS).await.unwrap().expect("a session");
    assert!(!found.is_half && !found.must_set_totp && found.member.has_password, "{found:?}");
    assert_eq!(found.member.claims(clock::now()).scopes, Role::Agent.scopes());
    assert_eq!(
        store.staff().session(session.clone(), SessionLimits { idle_secs: 0, ..LIMITS }).await.unwrap(),
        None
    );

    // The attempt is forgotten once it succeeds.
    let begun = store.staff().begin_sign_in("ADA.ROE@example.test".into()).await.unwrap().unwrap();
    let account = begun.account.expect("an account");
    let wrong = StaffAccount { password_hash: "another".into(), ..account.clone() };
    assert_eq!(store.staff().sign_in("ada.roe@example.test".into(), wrong).await.unwrap(), None);
    let (second, is_half) =
        store.staff().sign_in("ada.roe@example.test".into(), account).await.unwrap().expect("a session");
    assert!(!is_half && second != session);
    assert_eq!(
        store.staff().begin_sign_in("ada.roe@example.test".into()).await.unwrap().unwrap().failures,
        0
    );

    let now = store.staff().member(1, member.id.clone()).await.unwrap().expect("a member");
    let rename = MemberChanges { name: Some("Ada Low".into()), ..MemberChanges::default() };
    let renamed = store.staff().change(1, member.id.clone(), rename, Some(now.version)).await.unwrap();
    assert!(renamed.version > now.version && is_in(&store, &session).await, "a name changes no right");
    let lower = MemberChanges { role: Some(Role::Viewer), ..MemberChanges::default() };
    let stale = store.staff().change(1, member.id.clone(), lower.clone(), Some(now.version)).await;
    assert_eq!(code(stale), "stale");
    assert_eq!(code(store.staff().change(2, member.id.clone(), lower.clone(), None).await), "not_found");
    store.staff().change(1, member.id.clone(), lower, None).await.unwrap();
    assert!(!is_in(&store, &session).await && !is_in(&store, &second).await);

    // Of two sessions, the one that changes the password stays.
    let mut sessions = Vec::new();
    for _ in 0..2 {
        let begun = store.staff().begin_sign_in("ada.roe@example.test".into()).await.unwrap().unwrap();
        let account = begun.account.expect("an account");
        sessions
            .push(store.staff().sign_in("ada.roe@example.test".into(), account).await.unwrap().unwrap().0);
    }
    store.staff().begin_password_change(member.id.clone()).await.unwrap().expect("not locked");
    store.staff().change_password(member.id.clone(), "new".into(), sessions[0].clone()).await.unwrap();
    assert!(is_in(&store, &sessions[0]).await && !is_in(&store, &sessions[1]).await);
    store.staff().sign_out(sessions[0].clone()).await.unwrap();
    assert!(!is_in(&store, &sessions[0]).await);

    // A reset ends what is there, and only the newest link works.
    let (_, first) =
        store.staff().reset_link("ada.roe@example.test".into(), None).await.unwrap().expect("a link");
    let (_, newest) = store.staff().link_of(member.id.clone()).await.unwrap();
    assert_eq!(store.staff().use_link(first, None, HASH.into()).await.unwrap(), None);
    assert!(store.staff().use_link(newest, None, HASH.into()).await.unwrap().is_some());
    assert_eq!(store.staff().reset_link("nobody@example.test".into(), None).await.unwrap(), None);

    let again = store.staff().invite(new_member("ADA.roe@EXAMPLE.test", Role::Viewer), by(), WEEK).await;
    assert_eq!(code(again), "email_taken");
    assert_eq!(
        code(store.staff().invite(new_member("ada", Role::Viewer), by(), WEEK).await),
        "invalid_email"
    );
    let elsewhere = NewMember { org_id: 9, ..new_member("bea@example.test", Role::Viewer) };
    assert_eq!(code(store.staff().invite(elsewhere, by(), WEEK).await), "not_found");
    let entries = Entries::Listed(vec!["nowhere".into()]);
    let unknown = NewMember { entries, ..new_member("bea@example.test", Role::Viewer) };
    assert_eq!(code(store.staff().invite(unknown, by(), WEEK).await), "unknown_entrypoint");
    store.close();
    let said = site.cli(&["doctor", "--deep"]).success();
    assert!(said.contains("all 1 members open"), "{said}");
});

both!(rules_25_an_unsent_mail_goes_with_its_link, |db| async move {
    let site = Site::new(db);
    let store = open(&site);
    let waiting = async || {
        let leases = store.mail().take(10).await.unwrap();
        let back = leases.iter().map(|lease| (lease.id, lease.number, Mark::Back { problem: "test".into() }));
        store.mail().mark(back.collect()).await.unwrap();
        leases.into_iter().map(|lease| lease.letter).collect::<Vec<_>>()
    };
    let (member, first) = invite(&store, "ada.roe@example.test", Role::Agent).await;
    let letters = waiting().await;
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].kind, letters[0].link.as_deref()), (MailKind::StaffInvitation, Some(&*first)));
    assert_eq!(letters[0].address, "ada.roe@example.test");
    let (_, second) = store.staff().reinvite(1, member.id.clone(), WEEK).await.unwrap();
    let letters = waiting().await;
    assert_eq!(letters.iter().map(|letter| letter.link.as_deref()).collect::<Vec<_>>(), [Some(&*second)]);
    // A used link, and one of a member who is gone.
    store.staff().use_link(second, None, HASH.into()).await.unwrap().expect("a session");
    assert!(waiting().await.is_empty());
    store.staff().link_of(member.id.clone()).await.unwrap();
    assert_eq!(waiting().await[0].kind, MailKind::StaffReset);
    store.staff().remove(1, member.id, TheirTokens::default()).await.unwrap();
    assert!(waiting().await.is_empty());
});

both!(rules_25_ten_failures_lock_an_address_for_a_while, |db| async move {
    let site = Site::new(db);
    let store = open(&site);
    let (_, session) = joined(&store, "ada@example.test", Role::Viewer).await;
    for email in ["ada@example.test", "nobody@example.test"] {
        for failures in 0..10 {
            let begun = store.staff().begin_sign_in(email.into()).await.unwrap().expect("not locked");
            assert_eq!(begun.failures, failures, "{email}");
        }
        assert_eq!(store.staff().begin_sign_in(email.to_uppercase()).await.unwrap(), None, "{email}");
    }
    assert!(is_in(&store, &session).await, "whoever is signed in stays");
    // A reset shows who has the address.
    let (_, link) = store.staff().reset_link("ada@example.test".into(), None).await.unwrap().expect("a link");
    store.staff().use_link(link, None, HASH.into()).await.unwrap().expect("a session");
    assert!(store.staff().begin_sign_in("ada@example.test".into()).await.unwrap().is_some());
    for _ in 0..5 {
        store.staff().reset_link("nobody@example.test".into(), None).await.unwrap();
    }
    for _ in 0..2 {
        assert!(store.staff().reset_link("ada@example.test".into(), None).await.unwrap().is_some());
    }
    assert_eq!(
        store.staff().reset_link("ada@example.test".into(), None).await.unwrap(),
        None,
        "three in ten minutes"
    );
});

both!(rules_25_the_second_factor_takes_each_code_once, |db| async move {
    let site = Site::new(db);
    let store = open(&site);
    let staff = || store.staff();
    let (member, session) = joined(&store, "ada@example.test", Role::Owner).await;
    staff().set_requires_totp(1, true).await.unwrap();
    assert!(staff().session(session.clone(), LIMITS).await.unwrap().expect("a session").must_set_totp);
    let secret = staff().new_totp_secret().unwrap();
    let at = |steps: i64| totp_code(&secret, Micros(clock::now().0 + steps * 30 * SECOND_US)).unwrap();
    let turn_on = |code: String| staff().turn_on_totp(member.id.clone(), secret.clone(), code);
    assert_eq!(turn_on(at(50)).await.unwrap(), None, "a wrong code");
    let codes = turn_on(at(-1)).await.unwrap().expect("recovery codes");
    assert_eq!(codes.iter().collect::<std::collections::BTreeSet<_>>().len(), 10, "{codes:?}");
    assert!(!staff().session(session, LIMITS).await.unwrap().expect("a session").must_set_totp);

    let begin = async || {
        let begun = staff().begin_sign_in("ada@example.test".into()).await.unwrap().unwrap();
        let account = begun.account.expect("an account");
        let (session, is_half) = staff().sign_in("ada@example.test".into(), account).await.unwrap().unwrap();
        assert!(
            is_half && staff().session(session.clone(), LIMITS).await.unwrap().expect("it waits").is_half
        );
        session
    };
    let half = begin().await;
    let good = at(0);
    assert_eq!(staff().confirm(half.clone(), at(50)).await.unwrap(), Confirmed::Wrong);
    assert_eq!(staff().confirm(half.clone(), good.clone()).await.unwrap(), Confirmed::Yes);
    assert!(!staff().session(half, LIMITS).await.unwrap().expect("a session").is_half);
    let other = begin().await;
    assert_eq!(staff().confirm(other.clone(), good).await.unwrap(), Confirmed::Wrong, "a replay");
    let typed = codes[3].to_uppercase().replace('-', " ");
    assert_eq!(staff().confirm(other, typed.clone()).await.unwrap(), Confirmed::Yes);
    let third = begin().await;
    assert_eq!(
        staff().confirm(third.clone(), typed).await.unwrap(),
        Confirmed::Wrong,
        "a recovery code works once"
    );
    assert_eq!(staff().recovery_codes_left(member.id.clone()).await.unwrap(), 9);
    let renewed = staff().new_recovery_codes(member.id.clone()).await.unwrap();
    assert_eq!(staff().confirm(third.clone(), codes[4].clone()).await.unwrap(), Confirmed::Wrong);
    // A password that was reset does not do without the second factor.
    let (_, link) = staff().link_of(member.id.clone()).await.unwrap();
    let reset = staff().use_link(link, None, "new".into()).await.unwrap().expect("a session");
    assert!(staff().session(reset.clone(), LIMITS).await.unwrap().expect("a session").is_half);
    assert_eq!(
        staff().confirm(third, renewed[0].clone()).await.unwrap(),
        Confirmed::Wrong,
        "the reset ended it"
    );
    for _ in 0..10 {
        staff().confirm(reset.clone(), "000000".into()).await.unwrap();
    }
    assert_eq!(staff().confirm(reset, renewed[0].clone()).await.unwrap(), Confirmed::Locked);
    staff().turn_off_totp(member.id.clone()).await.unwrap();
    assert_eq!(code(staff().new_recovery_codes(member.id.clone()).await), "no_totp");
});

both!(rules_25_a_link_works_once_whoever_uses_it_at_the_same_time, |db| async move {
    let site = Site::new(db);
    let stores = match db {
        Db::Sqlite => vec![Arc::new(open(&site))],
        Db::Postgres => vec![Arc::new(open(&site)), Arc::new(open(&site))],
    };
    let store = |number: usize| Arc::clone(&stores[number % stores.len()]);
    let link = store(0).staff().first_owner_link(1).await.unwrap().expect("a link");
    let owner = |number: usize| Some((format!("Owner {number}"), format!("owner{number}@example.test")));
    let found = store(0).staff().look_link(link.clone()).await.unwrap().expect("a link");
    assert_eq!((found.org_id, found.member), (1, None));
    let wrong = store(0).staff().use_link(link.clone(), Some(("A".into(), "a".into())), HASH.into()).await;
    assert_eq!(code(wrong), "invalid_email");
    let begin = |number: usize| {
        let (store, link) = (store(number), link.clone());
        async move { store.staff().use_link(link, owner(number), HASH.into()).await.unwrap() }
    };
    let sessions: Vec<_> = join_all((0..8).map(begin)).await.into_iter().flatten().collect();
    assert_eq!(sessions.len(), 1);
    let members = store(1).staff().members(1).await.unwrap();
    assert_eq!((members.len(), members[0].role), (1, Role::Owner));
    assert_eq!(store(0).staff().first_owner_link(1).await.unwrap(), None, "there is an owner");
    assert_eq!(store(0).staff().first_owner_link(77).await.unwrap(), None, "no such organisation");

    let (member, link) = invite(&store(0), "bea@example.test", Role::Viewer).await;
    let use_it = |number: usize| {
        let (store, link) = (store(number), link.clone());
        async move { store.staff().use_link(link, None, format!("hash {number}")).await.unwrap() }
    };
    assert_eq!(join_all((0..8).map(use_it)).await.into_iter().flatten().count(), 1);
    // One address has one member, and no failure is missed.
    let taken = |number: usize| {
        let store = store(number);
        async move { store.staff().invite(new_member("eve@example.test", Role::Viewer), by(), WEEK).await.is_ok() }
    };
    assert_eq!(join_all((0..6).map(taken)).await.into_iter().filter(|made| *made).count(), 1);
    let fail = |number: usize| {
        let store = store(number);
        async move { store.staff().begin_sign_in("bea@example.test".into()).await.unwrap().map(|it| it.failures) }
    };
    let mut failures: Vec<_> = join_all((0..14).map(fail)).await;
    failures.sort_unstable();
    let counted: Vec<_> = [None; 4].into_iter().chain((0..10).map(Some)).collect();
    assert_eq!(failures, counted);
    // Two owners who remove each other leave one.
    let second = joined(&store(0), "second@example.test", Role::Owner).await.0;
    let first = members[0].id.clone();
    let remove = |(number, id): (usize, String)| {
        let store = store(number);
        async move { store.staff().remove(1, id, TheirTokens::default()).await.is_ok() }
    };
    let done = join_all([(0, first), (1, second.id)].map(remove)).await;
    assert_eq!(done.iter().filter(|done| **done).count(), 1, "{done:?}");
    store(1).staff().remove(1, member.id, TheirTokens::default()).await.unwrap();
});

async fn staff(client: &Client) -> Vec<Value> {
    client.get("/api/Staff").await.expect(200).json["Records"].as_array().unwrap().clone()
}

both!(rules_25_staff_is_managed_over_http, |db| async move {
    let server = Server::start(db).await;
    let client = master(&server);
    let body = json!({"name": "Ada Roe", "email": "ada.roe@example.test", "role": "owner"});
    let keyed = client.header("Idempotency-Key", "one");
    let made = keyed.post("/api/Staff", &body).await.expect(200);
    assert_eq!(made.header("Cache-Control"), Some("no-store"));
    let link = made.data()["link"].as_str().unwrap();
    assert!(link.starts_with(&format!("{}/console/welcome/", server.base())), "{link}");
    let again = keyed.post("/api/Staff", &body).await.expect(200);
    assert!(again.replayed() && again.data() == made.data());
    let taken = client.post("/api/Staff", &body).await;
    assert_eq!(taken.expect_error(409).json["errors"][0]["code"], "email_taken", "{}", taken.text);
    let id = made.data()["memberId"].as_str().unwrap().to_owned();
    let place = format!("/api/Staff/{id}");
    let member = client.get(&place).await.expect(200);
    assert_eq!(member.json["entries"], "*");
    let fresh = client.header("If-None-Match", member.header("ETag").unwrap()).get(&place).await;
    fresh.expect(304);

    // The last owner stays.
    for change in [json!({"role": "agent"}), json!({"isDisabled": true}), json!({"entries": ["demo"]})] {
        let answer = client.put(&place, &change).await;
        assert_eq!(answer.expect_error(409).json["errors"][0]["code"], "last_owner", "{}", answer.text);
    }
    client.delete(&place).await.expect_error(409);
    let second = json!({"name": "Bea Low", "email": "bea.low@example.test", "role": "owner", "entries": "*"});
    client.post("/api/Staff", &second).await.expect(200);
    let stale =
        client.header("If-Match", "\"99-0123456789abcdef\"").put(&place, &json!({"role": "agent"})).await;
    stale.expect_error(412);
    let etag = member.json["etag"].as_str().unwrap();
    let lower =
        client.header("If-Match", etag).put(&place, &json!({"role": "agent", "entries": ["demo"]})).await;
    assert_eq!(lower.expect(200).json["role"], "agent");
    let another = client.send(reqwest::Method::POST, &format!("{place}/invite"), None, &[]).await.expect(200);
    assert_ne!(another.data()["link"].as_str().unwrap(), link);

    // Wrong bodies name every field.
    for (body, code) in [
        (json!({"name": "Eve", "email": "eve", "role": "agent"}), "invalid_email"),
        (json!({"name": "", "email": "eve@example.test", "role": "agent"}), "required"),
        (json!({"name": "Eve", "email": "eve@example.test", "role": "king"}), "invalid_value"),
        (json!({"name": "Eve", "email": "eve@example.test"}), "required"),
        (
            json!({"name": "Eve", "email": "eve@example.test", "role": "agent", "entries": ["nowhere"]}),
            "unknown_entrypoint",
        ),
        (json!({"name": "Eve", "email": "eve@example.test", "role": "agent", "phone": "1"}), "unknown_field"),
        (
            json!({"name": "4111 1111 1111 1111", "email": "eve@example.test", "role": "agent"}),
            "raw_card_data",
        ),
    ] {
        let answer = client.post("/api/Staff", &body).await;
        assert_eq!(answer.expect_error(400).json["errors"][0]["code"], code, "{}", answer.text);
    }

    // Nobody gives or takes what it has not.
    let site = server.site();
    let narrow = server.anonymous().token(&token_of(site, &["--org", "1", "--entry", "demo"], &SCOPES));
    let wide = json!({"name": "Eve", "email": "eve@example.test", "role": "viewer"});
    narrow.post("/api/Staff", &wide).await.expect_error(403);
    assert_eq!(staff(&narrow).await.len(), 1, "it sees whoever sees no more than it");
    let weak = server.anonymous().token(&token_with(site, &["staff", "customers:read", "money:read"]));
    let agent = json!({"name": "Eve", "email": "eve@example.test", "role": "agent"});
    weak.post("/api/Staff", &agent).await.expect_error(403);
    weak.put(&place, &json!({"name": "Mine"})).await.expect_error(403);
    weak.delete(&place).await.expect_error(403);
    weak.send(reqwest::Method::POST, &format!("{place}/invite"), None, &[]).await.expect_error(403);
    weak.put(&place, &json!({"role": "owner"})).await.expect_error(403);

    // Without `pii:read` it sees masks.
    let masked = weak.post("/api/Staff", &wide).await.expect(200);
    assert_eq!(masked.data()["email"], "e***@e***.test");
    assert_eq!(weak.get(&place).await.expect(200).json["email"], "a***@e***.test");
    assert!(!weak.get("/api/Staff").await.expect(200).text.contains("@example.test"));

    // Another organisation learns nothing.
    let org = new_org(site, "Another").to_string();
    let stranger = server.anonymous().token(&token_of(site, &["--org", &org, "--all-entries"], &SCOPES));
    assert_eq!(staff(&stranger).await, Vec::<Value>::new());
    let unknown = "/api/Staff/staff-00000000-0000-4000-8000-000000000000";
    for (method, body) in [("GET", None), ("PUT", Some(json!({"name": "X"}))), ("DELETE", None)] {
        let ask = async |path: &str| {
            let answer = stranger.send(method.parse().unwrap(), path, body.as_ref(), &[]).await;
            let mut told = answer.expect_error(404).json.clone();
            told.as_object_mut().unwrap().remove("requestId");
            told
        };
        assert_eq!(ask(&place).await, ask(unknown).await, "{method}");
    }

    client.delete(&place).await.expect(200);
    client.get(&place).await.expect_error(404);
    assert_eq!(staff(&client).await.len(), 2);

    // The organisation's setting.
    let settings = "/api/Organization/settings/1";
    let required = json!({"general": [{"key": "requiresTotp", "value": "true"}]});
    client.put(settings, &required).await.expect(200);
    let text = client.get(settings).await.expect(200).text;
    assert!(text.contains(r#"{"key":"requiresTotp","readOnly":false,"value":"true"}"#), "{text}");
    let wrong = json!({"general": [{"key": "requiresTotp", "value": "perhaps"}]});
    client.put(settings, &wrong).await.expect_error(400);
});

both!(rules_25_staff_is_managed_by_the_command_line, |db| async move {
    let server = Server::start(db).await;
    let owner = server.site().data_dir(0).join("first-owner");
    let link = std::fs::read_to_string(&owner).expect("the link of the first owner");
    assert!(link.starts_with(&format!("{}/console/begin/", server.base())), "{link}");
    assert!(server.stdout().contains(owner.to_str().unwrap()), "{}", server.stdout());
    assert!(!server.stdout().contains("/console/begin/"), "no log holds the link");
    let invite = |email: &str, role: &str| {
        server.cli(&[
            "staff",
            "invite",
            "--org",
            "1",
            "--email",
            email,
            "--name",
            "Ada Roe",
            "--role",
            role,
            "--public-url",
            "https://pay.example/",
        ])
    };
    let link = invite("ada@example.test", "owner").success();
    assert!(link.starts_with("https://pay.example/console/welcome/"), "{link}");
    let taken = invite("ada@example.test", "viewer");
    assert!(!taken.status.success() && taken.stderr.contains("e-mail address"), "{}", taken.stderr);
    assert!(!invite("bea@example.test", "king").status.success());
    let listed = server.cli(&["staff", "list", "--org", "1"]).success();
    assert!(listed.contains("Ada Roe  ada@example.test  org 1  owner  *  invited"), "{listed}");
    let id = listed.split_whitespace().next().unwrap();
    let last = server.cli(&["staff", "remove", id]);
    assert!(!last.status.success() && last.stderr.contains("owner"), "{}", last.stderr);
    invite("bea@example.test", "owner").success();
    let reset = server.cli(&["staff", "reset", id]).success();
    assert!(reset.starts_with("http://127.0.0.1:8080/console/welcome/"), "{reset}");
    server.cli(&["staff", "remove", id]).success();
    let unknown = server.cli(&["staff", "remove", id]);
    assert!(!unknown.status.success() && unknown.stderr.contains("nothing with that"), "{}", unknown.stderr);
});
