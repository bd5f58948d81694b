//! `POST /console/at/{place}/customers/bulk`: what is done with many customers at once. Labels and invitations are jobs of the API;
//! archiving and deleting go one by one; an export is the API's file.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use serde_json::{Map, Value, json};

use super::columns::{self, NAME};
use super::list::{total, with_note};
use super::query::{Query, target};
use super::shown::{name_of, total_of};
use super::texts::{Texts, texts};
use crate::console::ask::{Ask, No, list, member, part};
use crate::console::fields::{Fields, said};
use crate::console::frame::Frame;
use crate::console::page::{Refused, Shown, html, ours};
use crate::console::visit::{SignedIn, Store, Visit};
use crate::console::written::number;
use crate::domain::entrypoints::theme::Language;
use crate::web::form::Form;

/// The most customers to archive or delete at a time.
const ONE_BY_ONE_MAX: usize = 500;
/// The most customers that a form names.
const IDS_MAX: usize = 100;

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Do {
    Label,
    Unlabel,
    Invite,
    Archive,
    Unarchive,
    Delete,
    Export(&'static str),
}

impl Do {
    fn of(word: &str) -> Option<Do> {
        Some(match word {
            "label" => Do::Label,
            "unlabel" => Do::Unlabel,
            "invite" => Do::Invite,
            "archive" => Do::Archive,
            "unarchive" => Do::Unarchive,
            "delete" => Do::Delete,
            "csv" => Do::Export("csv"),
            "xlsx" => Do::Export("xlsx"),
            _ => return None,
        })
    }

    fn is_of_labels(self) -> bool {
        matches!(self, Do::Label | Do::Unlabel)
    }

    /// Whether it is a job of one store.
    fn is_job(self) -> bool {
        self.is_of_labels() || self == Do::Invite
    }

    fn title(self, texts: &Texts) -> &'static str {
        match self {
            Do::Label => texts.do_label,
            Do::Unlabel => texts.do_unlabel,
            Do::Invite => texts.do_invite,
            Do::Archive => texts.do_archive,
            Do::Unarchive => texts.do_unarchive,
            Do::Delete => texts.yes_delete,
            Do::Export(_) => texts.do_csv,
        }
    }

    fn lead(self, texts: &Texts) -> &'static str {
        match self {
            Do::Label => texts.sure_label,
            Do::Unlabel => texts.sure_unlabel,
            Do::Invite => texts.sure_invite,
            Do::Archive => texts.sure_archive,
            Do::Unarchive => texts.sure_unarchive,
            Do::Delete => texts.sure_delete,
            Do::Export(_) => "",
        }
    }

    /// The word of the page that says that it is done.
    fn done(self) -> &'static str {
        match self {
            Do::Archive => "archived",
            Do::Unarchive => "unarchived",
            Do::Delete => "deleted",
            _ => "started",
        }
    }
}

/// Whom a form means.
struct Chosen {
    query: Query,
    /// None for all that match.
    ids: Option<Vec<i64>>,
}

impl Chosen {
    fn of(sent: &Form, query: Query) -> Chosen {
        if sent.get("every") == "true" {
            return Chosen { query, ids: None };
        }
        let mut ids: Vec<i64> = sent.all("id").filter_map(|id| id.parse().ok()).take(IDS_MAX).collect();
        ids.sort_unstable();
        ids.dedup();
        Chosen { query, ids: Some(ids) }
    }

    /// Adds to a request whom it means.
    fn narrow<'a>(&self, ask: Ask<'a>) -> Ask<'a> {
        match &self.ids {
            None => self.query.narrow(ask),
            // Who is deleted is no less chosen.
            Some(ids) => {
                let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
                ask.with("customerId(in)", ids.join("|")).with("status(in)", "-99|0|1|85")
            }
        }
    }
}

#[derive(Template)]
#[template(path = "console/customers/sure.html")]
struct SurePage {
    frame: Frame,
    texts: &'static Texts,
    total: String,
    word: String,
    title: &'static str,
    lead: &'static str,
    label: String,
    is_bad: bool,
    /// Whom it is about, as far as they are few.
    names: Vec<String>,
    hidden: Vec<(&'static str, String)>,
}

/// A customer with whom it did not go through.
struct Failure {
    name: String,
    address: String,
    why: String,
}

#[derive(Template)]
#[template(path = "console/customers/result.html")]
struct ResultPage {
    frame: Frame,
    texts: &'static Texts,
    done: String,
    not: String,
    failures: Vec<Failure>,
}

/// The names that a question lists.
const NAMES_SHOWN: usize = 10;

pub(super) async fn send(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let texts = texts(visit.language);
    let place = visit.place(signed_in)?;
    let frame = visit.frame(signed_in, "customers", texts.sure_title)?;
    let what = Do::of(sent.get("do")).ok_or(Refused::NotFound)?;
    let chosen = Chosen::of(sent, Query::of_form(sent).allowed(&frame));
    let refuse = |note: &str| with_note(visit, signed_in, chosen.query.clone(), note.to_owned());
    if chosen.ids.as_ref().is_some_and(Vec::is_empty) {
        return refuse(texts.choose_first).await;
    }
    if let Do::Export(format) = what {
        return export(visit, signed_in, place, &chosen, format).await;
    }
    if chosen.ids.is_none() && !chosen.query.is_narrow() {
        return refuse(texts.need_narrow).await;
    }
    if what.is_of_labels() && sent.get("bulkLabel").trim().is_empty() {
        return refuse(texts.need_label).await;
    }
    let asks_first = what == Do::Delete || chosen.ids.is_none();
    if asks_first && sent.get("sure") != "true" {
        return sure(visit, signed_in, place, frame, what, &chosen, sent).await;
    }
    if what.is_job() {
        let store = place.ok_or(Refused::NotFound)?;
        return begin_job(visit, signed_in, store, &frame, what, &chosen, sent).await;
    }
    one_by_one(visit, signed_in, place, frame, what, &chosen, sent).await
}

/// The customers whom a form means and the place has, and how many they are.
async fn records(
    visit: &Visit,
    signed_in: &SignedIn,
    place: Option<&Store>,
    chosen: &Chosen,
    limit: usize,
) -> Result<(Vec<Value>, i64), Refused> {
    let address = format!("/Query/customers/{}", target(signed_in, place));
    let ask = visit.get(signed_in, &address).with("limitRecord", limit.to_string());
    let body = chosen.narrow(ask).sent().await?;
    let total = total_of(&body);
    Ok((list(&body, "Records").to_vec(), total))
}

/// Asks before it is done.
async fn sure(
    visit: &Visit,
    signed_in: &SignedIn,
    place: Option<&Store>,
    frame: Frame,
    what: Do,
    chosen: &Chosen,
    sent: &Form,
) -> Shown {
    let texts = texts(visit.language);
    let (found, number) = records(visit, signed_in, place, chosen, NAMES_SHOWN).await?;
    let is_too_many = !what.is_job() && usize::try_from(number).is_ok_and(|number| number > ONE_BY_ONE_MAX);
    if number == 0 || is_too_many {
        let note = if is_too_many { texts.too_many } else { texts.choose_first };
        return with_note(visit, signed_in, chosen.query.clone(), note.to_owned()).await;
    }
    let mut hidden = chosen.query.hidden();
    match &chosen.ids {
        None => hidden.push(("every", "true".to_owned())),
        Some(ids) => hidden.extend(ids.iter().map(|id| ("id", id.to_string()))),
    }
    let label = if what.is_of_labels() { sent.get("bulkLabel").trim().to_owned() } else { String::new() };
    hidden.push(("bulkLabel", label.clone()));
    let is_few = usize::try_from(number).is_ok_and(|number| number <= NAMES_SHOWN);
    let page = SurePage {
        texts,
        total: total(visit, number, false),
        word: sent.get("do").to_owned(),
        title: what.title(texts),
        lead: what.lead(texts),
        label,
        is_bad: what == Do::Delete,
        names: if is_few { found.iter().map(name_of).collect() } else { Vec::new() },
        hidden,
        frame,
    };
    html(StatusCode::OK, &page)
}

/// Queues a job, and leads to its progress.
async fn begin_job(
    visit: &Visit,
    signed_in: &SignedIn,
    store: &Store,
    frame: &Frame,
    what: Do,
    chosen: &Chosen,
    sent: &Form,
) -> Shown {
    let kind = if what == Do::Invite { "invite" } else { "labels" };
    let mut body = Map::new();
    if what.is_of_labels() {
        let member = if what == Do::Label { "add" } else { "remove" };
        body.insert(member.to_owned(), json!([sent.get("bulkLabel").trim()]));
    }
    let mut ask = visit.post(signed_in, &format!("/Customer/{kind}/{}", part(&store.entry)), sent);
    match &chosen.ids {
        Some(ids) => {
            body.insert("customerIds".to_owned(), json!(ids));
        }
        None => ask = chosen.query.narrow(ask),
    }
    match ask.json(&Value::Object(body)).tried().await? {
        Ok(job) => {
            let id = number(&job, "jobId");
            Ok(visit.go(&format!("{}/customers/jobs/{kind}/{id}?done=started", frame.base)))
        }
        Err(no) => {
            let refused = Fields::default().refused(&no).in_language(visit.language);
            let note =
                refused.problems.into_iter().map(|problem| problem.message).collect::<Vec<_>>().join(" ");
            with_note(visit, signed_in, chosen.query.clone(), note).await
        }
    }
}

/// Archives or deletes each. A form that is sent twice does it once: each customer has its own key, from that of the form.
async fn one_by_one(
    visit: &Visit,
    signed_in: &SignedIn,
    place: Option<&Store>,
    frame: Frame,
    what: Do,
    chosen: &Chosen,
    sent: &Form,
) -> Shown {
    let texts = texts(visit.language);
    let (found, number) = records(visit, signed_in, place, chosen, ONE_BY_ONE_MAX).await?;
    if usize::try_from(number).is_ok_and(|number| number > ONE_BY_ONE_MAX) {
        return with_note(visit, signed_in, chosen.query.clone(), texts.too_many.to_owned()).await;
    }
    let mut failures = Vec::new();
    for record in &found {
        let id = member(record, "customerId").as_i64().unwrap_or_default();
        let address = format!("/Customer/{id}");
        let ask = match what {
            Do::Delete => Ask::new(visit, signed_in, actix_web::http::Method::DELETE, &address),
            Do::Archive => {
                Ask::new(visit, signed_in, actix_web::http::Method::POST, &format!("{address}/archive"))
            }
            _ => Ask::new(visit, signed_in, actix_web::http::Method::POST, &format!("{address}/unarchive")),
        };
        let key = sent.get("key");
        let ask = if key.is_empty() { ask } else { ask.key(&format!("{key}-{id}")) };
        if let Err(no) = ask.tried().await? {
            let entry = crate::console::ask::text(record, "PaypointEntryname");
            failures.push(Failure {
                name: name_of(record),
                address: format!("{}/at/{}/customers/{id}", visit.root, part(entry)),
                why: why(visit.language, &no),
            });
        }
    }
    if failures.is_empty() {
        return Ok(visit.go(&format!("{}/customers?done={}", frame.base, what.done())));
    }
    let count = |number: usize| total(visit, i64::try_from(number).unwrap_or_default(), false);
    let page = ResultPage {
        texts,
        done: count(found.len() - failures.len()),
        not: count(failures.len()),
        failures,
        frame,
    };
    html(StatusCode::CONFLICT, &page)
}

/// Why the API refused something, in sentences.
fn why(language: Language, no: &No) -> String {
    let words = no.problems.iter().map(|problem| said(language, &problem.code, &problem.message));
    let words: Vec<String> = words.collect();
    if words.is_empty() { no.message.clone() } else { words.join(" ") }
}

/// The API's file with the columns of the list.
async fn export(
    visit: &Visit,
    signed_in: &SignedIn,
    place: Option<&Store>,
    chosen: &Chosen,
    format: &str,
) -> Shown {
    let texts = texts(visit.language);
    let mut names: Vec<&str> = chosen.query.columns.clone();
    if place.is_none() && !names.contains(&"store") {
        names.insert(0, "store");
    }
    let specs = std::iter::once(&NAME).chain(names.into_iter().filter_map(columns::of_name));
    // Under the API's names, so that an import knows them again.
    let columns: Vec<&str> = std::iter::once("customerId").chain(specs.map(|spec| spec.export)).collect();
    let address = format!("/Export/customers/{format}/{}", target(signed_in, place));
    let ask = visit
        .get(signed_in, &address)
        .with("columnsExport", columns.join(","))
        .with("sortBy", &chosen.query.sort);
    let response = chosen.narrow(ask).raw().await?;
    match response.status() {
        StatusCode::OK => Ok(ours(HttpResponse::from(response))),
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => Err(Refused::Forbidden(String::new())),
        StatusCode::SERVICE_UNAVAILABLE => Err(Refused::Unavailable),
        StatusCode::TOO_MANY_REQUESTS => Err(Refused::Busy),
        _ => with_note(visit, signed_in, chosen.query.clone(), texts.no_match_lead.to_owned()).await,
    }
}
