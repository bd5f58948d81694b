//! The page of an import: its progress while it runs, then its report.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Bytes, Data, get};
use actix_web::{HttpRequest, HttpResponse, Route};
use askama::Template;
use serde_json::Value;

use super::preset_name;
use super::texts::{Texts, texts};
use crate::console::ask::{list, member, part, shown, text};
use crate::console::field_names::field_name;
use crate::console::fields::said;
use crate::console::frame::Frame;
use crate::console::page::{Refused, Shown, html, ours};
use crate::console::visit::{SignedIn, Visit};
use crate::console::written::{count, minute, number};
use crate::console::{Console, answer};
use crate::domain::entrypoints::theme::Language;
use crate::web::form::Form;

/// How long to wait between two looks at a running import.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How many rows of the report a page shows.
const ROWS: i64 = 50;
/// How many of the first rejected rows the page shows; the report has all.
const REJECTED_SHOWN: &str = "10";

/// A state's kind of badge and its name.
pub(super) fn state_of(texts: &'static Texts, word: &str) -> (&'static str, &'static str) {
    match word {
        "finished" => ("good", texts.state_finished),
        "running" => ("warn", texts.state_running),
        "cancelled" => ("", texts.state_cancelled),
        "failed" => ("bad", texts.state_failed),
        _ => ("", texts.state_queued),
    }
}

/// How far an import is; the part of the page that lives.
#[derive(Template)]
#[template(path = "console/imports/progress.html")]
struct Progress {
    texts: &'static Texts,
    state: (&'static str, &'static str),
    is_over: bool,
    percent: i64,
    figures: Vec<(&'static str, String)>,
    rate: String,
    left: String,
    failure: String,
}

impl Progress {
    fn new(language: Language, job: &Value) -> Progress {
        let texts = texts(language);
        let state = text(job, "state");
        let is_over = is_over(job);
        let total = number(job, "bytesTotal").max(1);
        let known = number(job, "matched") + number(job, "merged") + number(job, "replaced");
        let is_payments = text(job, "kind") == "transactions";
        let figures = [
            (texts.rows_read, number(job, "rowsRead")),
            (
                if is_payments { texts.transactions_added } else { texts.customers_added },
                number(job, "added"),
            ),
            (texts.rows_known, known),
            (texts.rows_rejected, number(job, "rejected")),
            (texts.warnings, number(job, "warnings")),
        ];
        let per_second = member(job, "rowsPerSecond").as_i64().filter(|rate| *rate > 0);
        let seconds = member(job, "secondsLeft").as_i64().filter(|_| !is_over);
        Progress {
            texts,
            state: state_of(texts, state),
            is_over,
            percent: (number(job, "bytesRead").saturating_mul(100) / total).clamp(0, 100),
            figures: figures.map(|(name, number)| (name, count(language, number))).into(),
            rate: per_second
                .map(|rate| format!("{} {}", count(language, rate), texts.rows_per_second))
                .unwrap_or_default(),
            left: seconds
                .map(|left| format!("{} {}", count(language, left), texts.seconds_left))
                .unwrap_or_default(),
            failure: shown(job, "failure"),
        }
    }
}

fn is_over(job: &Value) -> bool {
    matches!(text(job, "state"), "finished" | "cancelled" | "failed")
}

struct Reason {
    rows: String,
    field: String,
    message: String,
}

#[derive(Template)]
#[template(path = "console/imports/job.html")]
#[expect(clippy::struct_excessive_bools, reason = "what the page shows, one by one")]
struct JobPage {
    frame: Frame,
    texts: &'static Texts,
    id: String,
    progress: Progress,
    kind: &'static str,
    source: &'static str,
    is_dry_run: bool,
    may_commit: bool,
    may_cancel: bool,
    has_rejected: bool,
    /// The dry run that it does for real; empty if none.
    commits: String,
    left_out: Vec<String>,
    reasons: Vec<Reason>,
    /// The first rejected rows: their lines, and why.
    rejected: Vec<(String, Vec<String>)>,
    queued_at: String,
    started_at: String,
    ended_at: String,
}

/// The import in the address, as the API tells it.
async fn job_of(visit: &Visit, signed_in: &SignedIn) -> Result<Value, Refused> {
    visit.get(signed_in, &path(visit, signed_in, "")?).sent().await
}

/// The path of the import in the API.
fn path(visit: &Visit, signed_in: &SignedIn, more: &str) -> Result<String, Refused> {
    let store = visit.store(signed_in)?;
    let id: i64 = visit.part("jobId").parse().map_err(|_| Refused::NotFound)?;
    Ok(format!("/Import/jobs/{}/{id}{more}", part(&store.entry)))
}

/// `GET …/imports/{jobId}`.
pub(super) async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let language = visit.language;
    let texts = texts(language);
    let job = job_of(visit, signed_in).await?;
    let id = shown(&job, "jobId");
    let is_dry_run = member(&job, "dryRun") == true;
    let reason = |reason: &Value| Reason {
        rows: count(language, number(reason, "rows")),
        field: field_name(language, text(reason, "field")).to_owned(),
        message: said(language, text(reason, "code"), text(reason, "message")),
    };
    let left_out = list(&job, "columnsLeftOut").iter().filter_map(Value::as_str).map(str::to_owned);
    let page = JobPage {
        frame: visit.frame(signed_in, "imports", format!("{} {id}", texts.import_one))?,
        texts,
        progress: Progress::new(language, &job),
        kind: if text(&job, "kind") == "transactions" { texts.transactions } else { texts.customers },
        source: preset_name(text(&job, "preset")),
        is_dry_run,
        may_commit: is_dry_run && text(&job, "state") == "finished",
        may_cancel: !is_over(&job),
        has_rejected: number(&job, "rejected") > 0,
        commits: shown(&job, "commits"),
        left_out: left_out.collect(),
        reasons: list(&job, "reasons").iter().map(reason).collect(),
        rejected: if number(&job, "rejected") > 0 {
            rejected_rows(visit, signed_in).await?
        } else {
            Vec::new()
        },
        queued_at: minute(language, text(&job, "queuedAt")),
        started_at: minute(language, text(&job, "startedAt")),
        ended_at: minute(language, text(&job, "endedAt")),
        id,
    };
    html(StatusCode::OK, &page)
}

/// The first rejected rows: their lines, and what is wrong with them.
async fn rejected_rows(visit: &Visit, signed_in: &SignedIn) -> Result<Vec<(String, Vec<String>)>, Refused> {
    let ask = visit.get(signed_in, &path(visit, signed_in, "/rows")?).with("outcome", "rejected");
    let page = ask.with("limitRecord", REJECTED_SHOWN).if_any().await?.unwrap_or_default();
    let row = |row: &Value| (shown(row, "line"), notes(visit.language, row));
    Ok(list(&page, "Records").iter().map(row).collect())
}

/// What is wrong with a row, in sentences.
fn notes(language: Language, row: &Value) -> Vec<String> {
    let note = |note: &Value| {
        let words = said(language, text(note, "code"), text(note, "message"));
        match field_name(language, text(note, "field")) {
            "" => words,
            field => format!("{field}{}{words}", crate::console::texts::texts(language).colon),
        }
    };
    list(row, "problems").iter().chain(list(row, "warnings")).map(note).collect()
}

/// `GET …/imports/{jobId}/events`: the progress as server-sent events, until the import ends. Each look asks for the session again, so
/// that a member who is signed out sees no more.
pub(super) fn events() -> Route {
    get().to(async |request: HttpRequest, console: Data<Console>| -> HttpResponse {
        answer(console, request, async |visit: &Visit| {
            if visit.must_be_signed_in().await?.is_err() {
                return Err(Refused::NotFound);
            }
            let own = Visit::new(visit.console.clone(), visit.api.clone(), visit.request.clone());
            let stream = async_stream::stream! {
                while let Ok(Some((part, is_last))) = look(&own).await {
                    yield Ok::<Bytes, actix_web::Error>(event("part", &part));
                    if is_last {
                        yield Ok(event("end", ""));
                        break;
                    }
                    tokio::time::sleep(LOOK_EVERY).await;
                }
            };
            let mut response = HttpResponse::Ok();
            response.insert_header((CONTENT_TYPE, "text/event-stream"));
            Ok(ours(response.streaming(stream)))
        })
        .await
    })
}

/// The progress as HTML, and whether it is the last; none for who may not see it any more.
async fn look(visit: &Visit) -> Result<Option<(String, bool)>, Refused> {
    let Ok(signed_in) = visit.must_be_signed_in().await? else { return Ok(None) };
    let job = job_of(visit, &signed_in).await?;
    let part = Progress::new(visit.language, &job).render()?;
    Ok(Some((part, is_over(&job))))
}

fn event(name: &str, data: &str) -> Bytes {
    let mut text = format!("event: {name}\n");
    for line in data.lines() {
        text.push_str("data: ");
        text.push_str(line);
        text.push('\n');
    }
    if data.is_empty() {
        text.push_str("data:\n");
    }
    text.push('\n');
    Bytes::from(text)
}

/// `POST …/imports/{jobId}/cancel`.
pub(super) async fn cancel(visit: &Visit, signed_in: &SignedIn, form: &Form) -> Shown {
    visit.post(signed_in, &path(visit, signed_in, "/cancel")?, form).sent().await?;
    back(visit, signed_in, "cancelled")
}

/// `POST …/imports/{jobId}/commit`: goes to the import that does the dry run for real.
pub(super) async fn commit(visit: &Visit, signed_in: &SignedIn, form: &Form) -> Shown {
    let job = visit.post(signed_in, &path(visit, signed_in, "/commit")?, form).sent().await?;
    let place = &visit.store(signed_in)?.entry;
    Ok(visit.go_to(&format!("/at/{place}/imports/{}?done=started", shown(&job, "jobId"))))
}

fn back(visit: &Visit, signed_in: &SignedIn, done: &str) -> Shown {
    let place = &visit.store(signed_in)?.entry;
    Ok(visit.go_to(&format!("/at/{place}/imports/{}?done={done}", visit.part("jobId"))))
}

/// `GET …/imports/{jobId}/rejected.csv`.
pub(super) async fn rejected(visit: &Visit, signed_in: &SignedIn) -> Shown {
    visit.get(signed_in, &path(visit, signed_in, "/rejected.csv")?).file().await
}

struct ReportRow {
    line: String,
    outcome: (&'static str, &'static str),
    customer: String,
    fields: String,
    notes: Vec<String>,
    is_changed: bool,
}

#[derive(Template)]
#[template(path = "console/imports/rows.html")]
struct RowsPage {
    frame: Frame,
    texts: &'static Texts,
    id: String,
    outcome: String,
    outcomes: Vec<(&'static str, &'static str)>,
    rows: Vec<ReportRow>,
    from: i64,
    last: i64,
    total: String,
    newer: Option<i64>,
    older: Option<i64>,
}

const OUTCOMES: [&str; 6] = ["created", "matched", "merged", "replaced", "forced", "rejected"];

fn outcome_of(texts: &'static Texts, word: &str) -> (&'static str, &'static str) {
    match word {
        "created" => ("good", texts.row_created),
        "matched" => ("", texts.row_matched),
        "merged" => ("good", texts.row_merged),
        "replaced" => ("warn", texts.row_replaced),
        "forced" => ("warn", texts.row_forced),
        _ => ("bad", texts.row_rejected),
    }
}

/// `GET …/imports/{jobId}/rows`: what became of each row.
pub(super) async fn rows(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let texts = texts(visit.language);
    let from = visit.asked("from").parse::<i64>().unwrap_or_default().max(0);
    let outcome =
        Some(visit.asked("outcome")).filter(|word| OUTCOMES.contains(&word.as_str())).unwrap_or_default();
    let page = visit
        .get(signed_in, &path(visit, signed_in, "/rows")?)
        .with("fromRecord", from.to_string())
        .with("limitRecord", ROWS.to_string())
        .with_if("outcome", &outcome)
        .sent()
        .await?;
    let total = number(member(&page, "Summary"), "totalRecords");
    let rows: Vec<ReportRow> =
        list(&page, "Records").iter().map(|row| report_row(visit.language, row)).collect();
    let page = RowsPage {
        frame: visit.frame(signed_in, "imports", texts.report)?,
        texts,
        id: visit.part("jobId").to_owned(),
        outcome,
        outcomes: OUTCOMES.map(|word| (word, outcome_of(texts, word).1)).into(),
        last: (from + ROWS).min(total),
        from,
        total: count(visit.language, total),
        newer: (from > 0).then_some((from - ROWS).max(0)),
        older: (from + ROWS < total).then_some(from + ROWS),
        rows,
    };
    html(StatusCode::OK, &page)
}

fn report_row(language: Language, row: &Value) -> ReportRow {
    let texts = texts(language);
    let names = |name: &str| -> Vec<&str> {
        list(row, name).iter().filter_map(Value::as_str).map(|name| field_name(language, name)).collect()
    };
    let mut fields = names("changed").join(", ");
    if fields.is_empty() && !names("differs").is_empty() {
        fields = format!("{} {}", texts.differs, names("differs").join(", "));
    }
    ReportRow {
        line: shown(row, "line"),
        outcome: outcome_of(texts, text(row, "outcome")),
        customer: shown(row, "customerId"),
        fields,
        notes: notes(language, row),
        is_changed: member(row, "changedSinceDryRun") == true,
    }
}
