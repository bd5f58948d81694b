//! The progress of work on many: a change of labels, or an invitation.

use std::rc::Rc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::Bytes;
use askama::Template;
use serde_json::Value;

use super::texts::{Texts, texts};
use crate::console::ask::{list, member, part, text};
use crate::console::frame::Frame;
use crate::console::page::{Refused, Shown, html, ours};
use crate::console::states::Badge;
use crate::console::visit::{SignedIn, Visit};
use crate::console::written::{count, minute};
use crate::domain::entrypoints::theme::Language;
use crate::web::form::Form;

/// How often progress is looked at.
const PAUSE: Duration = Duration::from_millis(500);
/// How often at most, until the browser asks again.
const LOOKS_MAX: usize = 600;

/// An outcome and how many came to it.
struct Outcome {
    name: String,
    number: String,
}

/// A customer who was left out.
struct Left {
    id: String,
    address: String,
    why: String,
}

/// What changes while the job runs.
#[derive(Template)]
#[template(path = "console/customers/job_part.html")]
struct Progress {
    texts: &'static Texts,
    state: Badge,
    is_over: bool,
    done: i64,
    /// 0 while nobody counted.
    total: i64,
    done_shown: String,
    total_shown: String,
    outcomes: Vec<Outcome>,
    failure: String,
    begun: String,
    ended: String,
}

#[derive(Template)]
#[template(path = "console/customers/job.html")]
struct JobPage {
    frame: Frame,
    texts: &'static Texts,
    title: &'static str,
    /// The address of this page.
    here: String,
    part: String,
    is_over: bool,
    may_stop: bool,
    left: Vec<Left>,
}

/// The address of the job in the API.
fn address(visit: &Visit, signed_in: &SignedIn) -> Result<String, Refused> {
    let kind = visit.part("kind");
    if !matches!(kind, "labels" | "invite") {
        return Err(Refused::NotFound);
    }
    let id: i64 = visit.part("jobId").parse().map_err(|_| Refused::NotFound)?;
    Ok(format!("/Customer/{kind}/{}/{id}", part(&visit.store(signed_in)?.entry)))
}

fn state(texts: &Texts, word: &str) -> Badge {
    let (kind, text) = match word {
        "queued" => ("", texts.job_queued),
        "running" => ("warn", texts.job_running),
        "finished" => ("good", texts.job_finished),
        "cancelled" => ("warn", texts.job_cancelled),
        _ => ("bad", texts.job_failed),
    };
    Badge { kind, text: text.to_owned() }
}

fn outcome<'t>(texts: &'t Texts, word: &'t str) -> &'t str {
    match word {
        "changed" => texts.outcome_changed,
        "unchanged" => texts.outcome_unchanged,
        "tooMany" => texts.outcome_too_many,
        "deleted" => texts.outcome_deleted,
        "notFound" => texts.outcome_not_found,
        "failed" => texts.outcome_failed,
        "invited" => texts.outcome_invited,
        "alreadyInvited" => texts.outcome_already,
        "active" => texts.outcome_active,
        "noEmail" => texts.outcome_no_email,
        "sameEmail" => texts.outcome_same_email,
        "inactive" => texts.outcome_inactive,
        "archived" => texts.outcome_archived,
        other => other,
    }
}

fn progress(language: Language, job: &Value) -> Progress {
    let texts = texts(language);
    let word = text(job, "state");
    let (done, total) =
        (member(job, "done").as_i64().unwrap_or_default(), member(job, "total").as_i64().unwrap_or_default());
    let outcomes = member(job, "outcomes").as_object().into_iter().flatten();
    let outcomes = outcomes.filter_map(|(word, number)| Some((word, number.as_i64()?)));
    let outcomes = outcomes.filter(|(_, number)| *number > 0).map(|(word, number)| Outcome {
        name: outcome(texts, word).to_owned(),
        number: count(language, number),
    });
    Progress {
        texts,
        state: state(texts, word),
        is_over: !matches!(word, "queued" | "running"),
        done,
        total,
        done_shown: count(language, done),
        total_shown: count(language, total),
        outcomes: outcomes.collect(),
        failure: text(job, "failure").to_owned(),
        begun: minute(language, text(job, "queuedAt")),
        ended: minute(language, text(job, "endedAt")),
    }
}

/// `GET /console/at/{place}/customers/jobs/{kind}/{jobId}`.
pub(super) async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let texts = texts(visit.language);
    let title = if visit.part("kind") == "invite" { texts.job_invite } else { texts.job_labels };
    let frame = visit.frame(signed_in, "customers", title)?;
    let address = address(visit, signed_in)?;
    let job = visit.get(signed_in, &address).sent().await?;
    let now = progress(visit.language, &job);
    let mut left = Vec::new();
    if now.is_over {
        let report =
            visit.get(signed_in, &format!("{address}/report")).with("limitRecord", "100").sent().await?;
        left.extend(list(&report, "Records").iter().map(|one| {
            let id = member(one, "customerId").as_i64().unwrap_or_default().to_string();
            let address = format!("{}/customers/{id}", frame.base);
            Left { address, id, why: outcome(texts, text(one, "outcome")).to_owned() }
        }));
    }
    let page = JobPage {
        texts,
        title,
        here: format!("{}/customers/jobs/{}/{}", frame.base, visit.part("kind"), visit.part("jobId")),
        part: now.render()?,
        is_over: now.is_over,
        may_stop: !now.is_over && frame.may("customers:write"),
        left,
        frame,
    };
    html(StatusCode::OK, &page)
}

/// `GET …/events`: the progress as it goes on, and that it is over.
pub(super) async fn events(visit: &Visit, signed_in: &SignedIn) -> Shown {
    // Who may not see the job is told so at once.
    visit.get(signed_in, &address(visit, signed_in)?).sent().await?;
    let own = Visit::new(visit.console.clone(), Rc::clone(&visit.api), visit.request.clone());
    let stream = async_stream::stream! {
        for _ in 0..LOOKS_MAX {
            let Ok(Ok(signed_in)) = own.must_be_signed_in().await else { break };
            let Ok(address) = address(&own, &signed_in) else { break };
            let Ok(job) = own.get(&signed_in, &address).sent().await else { break };
            let now = progress(own.language, &job);
            let Ok(part) = now.render() else { break };
            let part = part.replace(['\n', '\r'], " ");
            yield Ok::<_, actix_web::Error>(Bytes::from(format!("event: part\ndata: {part}\n\n")));
            if now.is_over {
                yield Ok(Bytes::from_static(b"event: end\ndata: over\n\n"));
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, "text/event-stream")).insert_header((CACHE_CONTROL, "no-store"));
    Ok(ours(response.streaming(stream)))
}

/// `POST …/cancel`.
pub(super) async fn cancel(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let frame = visit.frame(signed_in, "customers", "")?;
    let address = address(visit, signed_in)?;
    visit.post(signed_in, &format!("{address}/cancel"), sent).sent().await?;
    let (kind, id) = (visit.part("kind"), visit.part("jobId"));
    Ok(visit.go(&format!("{}/customers/jobs/{kind}/{id}?done=cancelled", frame.base)))
}
