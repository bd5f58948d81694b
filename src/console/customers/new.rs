//! `/console/at/{place}/customers/new`: a new customer on one page, and who that might be already.

use actix_web::http::{Method, StatusCode};
use askama::Template;
use serde_json::Value;

use super::draft::{self, OWN_FIELDS, REFERENCES, own_names, reference_names};
use super::list::{country_options, labels, with_note};
use super::query::Query;
use super::shown::name_of;
use super::texts::{Texts, texts};
use crate::console::ask::{Ask, No, list, member, part, text};
use crate::console::fields::Fields;
use crate::console::frame::Frame;
use crate::console::page::{Refused, Shown, html};
use crate::console::states::{Of, badge};
use crate::console::visit::{SignedIn, Store, Visit};
use crate::web::form::Form;

/// The most customers that are shown as alike.
const ALIKE_SHOWN: usize = 3;

/// Somebody who is like the one being added.
struct Alike {
    id: String,
    name: String,
    address: String,
    /// E-mail address and phone, as the member may see them.
    contact: String,
    /// What is the same; empty where it is only similar.
    by: String,
}

/// Who is like the one being added.
#[derive(Template)]
#[template(path = "console/customers/alike.html")]
struct AlikePart {
    texts: &'static Texts,
    people: Vec<Alike>,
    is_sure: bool,
}

/// The part alone, for the script.
#[derive(Template)]
#[template(source = "<div id=\"alike\">{{ part|safe }}</div>", ext = "html")]
struct AlikePage {
    part: String,
}

/// A row of two fields with their names.
struct Pair {
    first: String,
    second: String,
}

/// What a create met.
struct Met {
    /// The customer that it would hit; empty where others only stand in the way.
    id: String,
    name: String,
    address: String,
    /// The fields that were sent with other values than stored.
    differs: String,
}

#[derive(Template)]
#[template(path = "console/customers/new.html")]
struct NewPage {
    frame: Frame,
    texts: &'static Texts,
    form: Fields,
    required: Vec<&'static str>,
    countries: Vec<(String, String)>,
    statuses: Vec<(String, String)>,
    labels: Vec<String>,
    own: Vec<Pair>,
    references: Vec<Pair>,
    alike: String,
    met: Option<Met>,
    had_password: bool,
}

impl NewPage {
    /// Whether a field must be filled in, as the macros of forms say it.
    fn must(&self, name: &str) -> &'static str {
        if self.required.contains(&name) { "required" } else { "" }
    }
}

/// `GET /console/at/{place}/customers/new`.
pub(super) async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let store = visit.store(signed_in)?;
    let form = Fields::of([("country", store.country.clone()), ("customerStatus", "1".to_owned())]);
    let answer = Answer { form, status: StatusCode::OK, ..Answer::default() };
    page(visit, signed_in, store, answer).await
}

/// What the page says.
#[derive(Default)]
struct Answer {
    form: Fields,
    status: StatusCode,
    alike: String,
    met: Option<Met>,
    had_password: bool,
}

async fn page(visit: &Visit, signed_in: &SignedIn, store: &Store, answer: Answer) -> Shown {
    let texts = texts(visit.language);
    let frame = visit.frame(signed_in, "customers", texts.new_customer)?;
    if !frame.may("customers:write") {
        return Err(Refused::Forbidden(String::new()));
    }
    let pair = |(first, second)| Pair { first, second };
    let status = |word: &str| (word.to_owned(), badge(visit.language, Of::Status, word).text);
    let page = NewPage {
        texts,
        form: answer.form,
        required: store.required.clone(),
        countries: country_options(visit, "—"),
        statuses: ["1", "0", "85"].map(status).into(),
        labels: labels(visit, signed_in, Some(store)).await?,
        own: (0..OWN_FIELDS).map(own_names).map(pair).collect(),
        references: (0..REFERENCES).map(reference_names).map(pair).collect(),
        alike: answer.alike,
        met: answer.met,
        had_password: answer.had_password,
        frame,
    };
    html(answer.status, &page)
}

/// `POST …/new/match`: who is like what was typed so far. It writes nothing.
pub(super) async fn look_alike(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let store = visit.store(signed_in)?;
    let part = alike(visit, signed_in, store, sent).await?;
    html(StatusCode::OK, &AlikePage { part })
}

/// The customers to whom identifiers lead, else who is found by name, phone or company; empty without any.
async fn alike(visit: &Visit, signed_in: &SignedIn, store: &Store, sent: &Form) -> Result<String, Refused> {
    let address = format!("/Customer/match/{}", part(&store.entry));
    let ask = Ask::new(visit, signed_in, Method::POST, &address).json(&draft::body(sent));
    let mut people = Vec::new();
    let matched = match ask.tried().await {
        Ok(Ok(answer)) => answer,
        // What was typed so far is not whole.
        Ok(Err(_)) | Err(Refused::Forbidden(_)) => Value::Null,
        Err(refused) => return Err(refused),
    };
    for candidate in list(member(&matched, "responseData"), "candidates") {
        for id in list(candidate, "customerIds").iter().filter_map(Value::as_i64) {
            let is_known = people.iter().any(|one: &Alike| one.id == id.to_string());
            if is_known || people.len() >= ALIKE_SHOWN {
                continue;
            }
            let found = visit.get(signed_in, &format!("/Customer/{id}")).if_any().await?;
            let by = words(visit, text(candidate, "identifier"));
            people.extend(found.map(|record| one(visit, &record, by)));
        }
    }
    let is_sure = !people.is_empty();
    if people.is_empty()
        && let Some(search) = similar(sent)
    {
        let address = format!("/Query/customers/{}", part(&store.entry));
        let ask = visit.get(signed_in, &address).with("limitRecord", ALIKE_SHOWN.to_string());
        if let Ok(Ok(found)) = ask.with("search", search).tried().await {
            people.extend(list(&found, "Records").iter().map(|record| one(visit, record, String::new())));
        }
    }
    if people.is_empty() {
        return Ok(String::new());
    }
    Ok(AlikePart { texts: texts(visit.language), people, is_sure }.render()?)
}

/// What to search for: both names, else the phone, else the company; none while they are short.
fn similar(sent: &Form) -> Option<String> {
    let value = |name: &str| sent.get(name).trim().to_owned();
    let names = [value("firstname"), value("lastname")];
    let is_long = |text: &String, least: usize| text.chars().count() >= least;
    if names.iter().all(|name| is_long(name, 3)) {
        return Some(names.join(" "));
    }
    let phone: String = value("phone").chars().filter(char::is_ascii_digit).collect();
    let others = [value("fullname"), phone.trim_start_matches('0').to_owned(), value("company")];
    others.into_iter().find(|text| is_long(text, 6))
}

fn one(visit: &Visit, record: &Value, by: String) -> Alike {
    let id = member(record, "customerId").as_i64().unwrap_or_default();
    let entry = text(record, "PaypointEntryname");
    let contact: Vec<&str> =
        ["Email", "Phone"].iter().map(|name| text(record, name)).filter(|text| !text.is_empty()).collect();
    Alike {
        id: id.to_string(),
        name: name_of(record),
        address: format!("{}/at/{}/customers/{id}", visit.root, part(entry)),
        contact: contact.join(" · "),
        by,
    }
}

/// The name of a field of a request, in words.
fn word<'f>(visit: &Visit, field: &'f str) -> &'f str {
    let texts = texts(visit.language);
    match field {
        "email" => texts.email,
        "phone" => texts.phone,
        "firstname" => texts.firstname,
        "lastname" => texts.lastname,
        "fullname" => texts.fullname,
        "company" => texts.company,
        "birthday" => texts.birthday,
        "customerNumber" => texts.number,
        "customerUsername" => texts.username,
        "address" | "shippingAddress" => texts.address,
        "city" | "shippingCity" => texts.city,
        "zip" | "shippingZip" => texts.zip,
        "country" | "shippingCountry" => texts.country,
        "labels" => texts.labels,
        "balance" => texts.balance,
        "address1" | "shippingAddress1" => texts.address1,
        "state" | "shippingState" => texts.state,
        "timeZone" => texts.time_zone,
        "createdAt" => texts.created_at,
        "customerPsw" => texts.password,
        other if other.starts_with("own") => texts.g_own,
        other if other.starts_with("ref") => texts.system,
        other => other,
    }
}

fn words(visit: &Visit, identifier: &str) -> String {
    identifier.split('+').map(|field| word(visit, field)).collect::<Vec<_>>().join(" + ")
}

/// `POST /console/at/{place}/customers/new`.
pub(super) async fn send(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let (store, texts) = (visit.store(signed_in)?, texts(visit.language));
    let wants_mail = ["invite", "consent"].iter().any(|name| sent.get(name) == "true");
    if wants_mail && sent.get("email").trim().is_empty() {
        let mut form = draft::fields(sent);
        form.add("email", visit.texts().required.to_owned());
        let answer = Answer { form, status: StatusCode::UNPROCESSABLE_ENTITY, ..Answer::default() };
        return page(visit, signed_in, store, answer).await;
    }
    let mut body = draft::body(sent);
    let password = sent.get("customerPsw");
    if let (false, Some(members)) = (password.is_empty(), body.as_object_mut()) {
        members.insert("customerPsw".to_owned(), Value::from(password));
    }
    let ask = visit.post(signed_in, &format!("/Customer/single/{}", part(&store.entry)), sent);
    let ask = match sent.get("onMatch") {
        "merge" => ask.with("mergeExisting", "1"),
        "replace" => ask.with("replaceExisting", "1"),
        "force" => ask.with("forceCustomerCreation", "true"),
        _ => ask,
    };
    let made = match ask.json(&body).tried().await? {
        Ok(answer) => answer,
        Err(no) => return refused(visit, signed_in, store, sent, &no).await,
    };
    let record = member(&made, "responseData");
    let id = member(record, "customerId").as_i64().unwrap_or_default();
    let address = format!("{}/at/{}/customers/{id}", visit.root, part(&store.entry));
    let done = match text(record, "outcome") {
        "matched" => {
            let differs = list(record, "differs").iter().filter_map(Value::as_str);
            let differs: Vec<&str> = differs.map(|field| word(visit, field)).collect();
            let met = Met { id: id.to_string(), name: name_of(record), address, differs: differs.join(", ") };
            let answer = Answer {
                form: draft::fields(sent),
                status: StatusCode::CONFLICT,
                met: Some(met),
                had_password: !password.is_empty(),
                ..Answer::default()
            };
            return page(visit, signed_in, store, answer).await;
        }
        "created" | "forced" => "created",
        _ => "saved",
    };
    if done == "created"
        && let Some(why) = mails(visit, signed_in, sent, id).await?
    {
        let note = format!("{}{why}", texts.mail_failed);
        return with_note(visit, signed_in, Query::of_address(visit), note).await;
    }
    if sent.get("then") == "another" {
        return Ok(visit.go_to(&format!("/at/{}/customers/new?done={done}", part(&store.entry))));
    }
    Ok(visit.go(&format!("{address}?done={done}")))
}

/// Sends the mails that the form asks for; why one could not be sent.
async fn mails(visit: &Visit, signed_in: &SignedIn, sent: &Form, id: i64) -> Result<Option<String>, Refused> {
    for what in ["invite", "consent"] {
        if sent.get(what) != "true" {
            continue;
        }
        let ask = Ask::new(visit, signed_in, Method::POST, &format!("/Customer/{id}/{what}"));
        if let Err(no) = ask.key(&format!("{}-{what}", sent.get("key"))).tried().await? {
            return Ok(Some(no.message));
        }
    }
    Ok(None)
}

/// The form again, with who stands in the way of a conflict.
async fn refused(visit: &Visit, signed_in: &SignedIn, store: &Store, sent: &Form, no: &No) -> Shown {
    let label = |field: &str| Some(word(visit, field)).filter(|label| *label != field).map(str::to_owned);
    let form = draft::refused(sent, no).labelled(visit.language, label);
    let is_conflict = no.status == 409;
    let answer = Answer {
        form,
        status: if is_conflict { StatusCode::CONFLICT } else { StatusCode::UNPROCESSABLE_ENTITY },
        alike: if is_conflict { alike(visit, signed_in, store, sent).await? } else { String::new() },
        had_password: !sent.get("customerPsw").is_empty(),
        ..Answer::default()
    };
    page(visit, signed_in, store, answer).await
}
