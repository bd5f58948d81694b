//! Begins what a payer sends, and shows what became of it.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use askama::Template;

use super::form::{Chosen, PayForm};
use super::opened::Opened;
use super::{page, paid};
use crate::clock;
use crate::domain::accounts::sight::Sight;
use crate::domain::customers::fields::TextField;
use crate::domain::decide::asking::{AnswerWay, AskProvider, RequestAnswer};
use crate::domain::decide::command::{Action, Command, KeyUse, Outcome};
use crate::domain::decide::paying::CALL_PLACE;
use crate::domain::entrypoints::provider::Provider;
use crate::domain::kernel::money::Money;
use crate::domain::kernel::problem::Rejection;
use crate::domain::provider::{CallId, CallKind, CallState, SessionContent};
use crate::domain::requests::{MethodType, RequestContent, RequestKind};
use crate::domain::transactions::id::TransId;
use crate::portal::visit::Visit;
use crate::store::{FoundCall, StoreError};
use crate::web::form::{Checked, Form};
use crate::web::page::{Frame, MessagePage, guarded, html};
use crate::web::{PageError, PageResult};

/// How long a payer waits for the provider before the page says that it is not over yet.
const PATIENCE: Duration = Duration::from_secs(8);
/// The same for one who comes back from the provider's page.
const PATIENCE_BACK: Duration = Duration::from_secs(4);
/// The parameter of the query that names a call.
const CALL: &str = "call";

/// The page that leads to the provider. A redirect would be stopped by the browser, as forms may lead to this service alone.
#[derive(Template)]
#[template(path = "onward.html")]
struct OnwardPage {
    frame: Frame,
    title: &'static str,
    lead: &'static str,
    label: &'static str,
    url: String,
}

/// Begins the payment of a checked form.
pub(super) async fn pay(visit: &Visit<'_>, opened: &Opened<'_>, form: &PayForm, sent: &Form) -> PageResult {
    let looked = &opened.looked;
    let texts = visit.texts();
    let Some(way) = way(visit, opened, form) else {
        return refused(visit, opened, sent, texts.pay_no_provider).await;
    };
    let elsewhere = (way == AnswerWay::Elsewhere).then(|| payment_url(visit, opened, form));
    let key = key_of(visit, opened, (form, sent)).await?;
    let answer = RequestAnswer { amount: form.amount, payer: form.filled.clone(), way };
    let ask = AskProvider::Answer {
        request_id: looked.request.id,
        answer: Box::new(answer),
        random: uuid::Uuid::new_v4().as_u128(),
    };
    let command = Command {
        entrypoint_id: visit.entrypoint.id,
        actor: opened.actor(),
        sight: Sight::FULL,
        idempotency: Some(key),
        action: Action::Provider(Box::new(ask)),
    };
    let done = match visit.portal.store.customers().write(command).await {
        Ok(answer) => answer.seen_by(Sight::FULL).outcome,
        Err(StoreError::Rejected(Rejection::State(problems))) => {
            let text = match problems.first().map(|problem| problem.code) {
                Some("request_busy") => texts.pay_busy,
                Some("no_provider") => texts.pay_no_provider,
                Some("too_many_methods" | "invalid_method") => texts.pay_not_saved,
                Some("invalid_amount") => texts.pay_bad_amount,
                // It was answered or taken back meanwhile: the page says so.
                _ => return Ok(see_own(visit, opened, None)),
            };
            return refused(visit, opened, sent, text).await;
        }
        Err(StoreError::Rejected(_)) => return Ok(see_own(visit, opened, None)),
        Err(error) => return Err(error.into()),
    };
    match (done, elsewhere) {
        (Outcome::Asked(done), _) => {
            let calls = visit.portal.store.provider();
            calls.wait(visit.entrypoint.id, done.call_id, (PATIENCE, true)).await?;
            let found = calls.find(visit.entrypoint.id, done.call_id).await?;
            match found.as_ref().and_then(page_of_provider) {
                Some(url) => onward(visit, opened, url),
                None => Ok(see_own(visit, opened, Some(done.call_id))),
            }
        }
        (_, Some(url)) => onward(visit, opened, url),
        _ => Ok(see_own(visit, opened, None)),
    }
}

/// The key by which the same form, sent twice, begins one payment. Whoever goes back and fills it in otherwise begins another one.
async fn key_of(
    visit: &Visit<'_>,
    opened: &Opened<'_>,
    (form, sent): (&PayForm, &Form),
) -> Result<KeyUse, PageError> {
    let chosen = match &form.chosen {
        Chosen::Test(id) => (*id).to_owned(),
        Chosen::Type(method_type) => method_type.name().to_owned(),
    };
    let filled = format!("{:?} {:?}", form.amount.map(Money::units), form.filled);
    let request = opened.looked.request.id.0.to_vec();
    let scope = [b"pay".to_vec(), request, sent.get("key").into(), chosen.into(), filled.into()];
    let keys = visit.portal.store.idempotency();
    Ok(keys.key_use(visit.entrypoint.id, scope.into(), Vec::new()).await?)
}

/// By what the form is answered; `None` if the store takes no payments.
fn way(visit: &Visit<'_>, opened: &Opened<'_>, form: &PayForm) -> Option<AnswerWay> {
    let looked = &opened.looked;
    match (visit.entrypoint.provider, &form.chosen) {
        (Provider::Sandbox, Chosen::Test(id)) => Some(AnswerWay::Test((*id).to_owned())),
        (Provider::Http, Chosen::Type(method_type)) if visit.portal.settings.has_provider => {
            let own = opened.url(visit);
            let customer = looked.found.as_ref().map(|found| &found.record.stored.customer);
            let known = |field: TextField| {
                let stored = customer.and_then(|customer| customer.text(field)).map(str::to_owned);
                stored.or_else(|| form.filled.get(field.name()).cloned())
            };
            Some(AnswerWay::Page(SessionContent {
                method_types: first_of(*method_type, looked.request.content.as_ref()),
                return_url: format!("{own}?{CALL}={CALL_PLACE}"),
                cancel_url: own,
                language: visit.language,
                email: known(TextField::Email),
                name: known(TextField::Fullname),
            }))
        }
        (Provider::None, _)
            if visit.entrypoint.payment_url.is_some() && looked.request.kind == RequestKind::Payment =>
        {
            Some(AnswerWay::Elsewhere)
        }
        _ => None,
    }
}

/// The ways that a request takes, the chosen one first: on the provider's page the payer may still think otherwise.
fn first_of(chosen: MethodType, content: Option<&RequestContent>) -> Vec<MethodType> {
    let allowed = content.map_or(&[][..], |content| &content.method_types);
    let others = allowed.iter().copied().filter(|method_type| *method_type != chosen);
    std::iter::once(chosen).chain(others).collect()
}

/// The operator's own address for a payment.
fn payment_url(visit: &Visit<'_>, opened: &Opened<'_>, form: &PayForm) -> String {
    let request = &opened.looked.request;
    let amount = form.amount.map(|amount| request.currency.written(amount)).unwrap_or_default();
    let template = visit.entrypoint.payment_url.clone().unwrap_or_default();
    template
        .replace("{requestId}", &request.id.show(visit.entrypoint.id))
        .replace("{amount}", &amount)
        .replace("{currency}", request.currency.code())
}

/// The page of the form again, with what stands in the way.
async fn refused(visit: &Visit<'_>, opened: &Opened<'_>, sent: &Form, text: &'static str) -> PageResult {
    let mut checked = Checked::default();
    checked.add("", "", text);
    let mut response = page(visit, opened, checked, Some(sent)).await?;
    *response.status_mut() = StatusCode::CONFLICT;
    Ok(response)
}

/// Redirects to the page of the same request, which shows what became of a call.
fn see_own(visit: &Visit<'_>, opened: &Opened<'_>, call: Option<CallId>) -> HttpResponse {
    let own = opened.path(visit);
    let own = match call {
        Some(id) => format!("{own}?{CALL}={}", id.show(visit.entrypoint.id)),
        None => own,
    };
    guarded(HttpResponse::SeeOther().insert_header((LOCATION, own)).finish())
}

fn onward(visit: &Visit<'_>, opened: &Opened<'_>, url: String) -> PageResult {
    let texts = visit.texts();
    let (title, lead, label) = (texts.pay_onward, texts.pay_onward_lead, texts.pay_continue);
    html(StatusCode::OK, &OnwardPage { frame: visit.frame(opened.signed_in()), title, lead, label, url })
}

/// Where the payer has to go on, if the provider waits for that.
fn page_of_provider(found: &FoundCall) -> Option<String> {
    let content = found.call.content.as_ref()?;
    content.url.clone().filter(|_| found.call.state == CallState::RequiresAction)
}

/// The call that the query names.
pub(super) fn asked_call(visit: &Visit<'_>) -> Option<CallId> {
    let asked = visit.asked(CALL).and_then(|text| TransId::parse(&text));
    asked.filter(|(place, _)| *place == visit.entrypoint.id).map(|(_, id)| id)
}

/// What became of the call that the query names, or of the one under way of a request that can be answered once. `None` if the
/// page of the request tells it.
pub(super) async fn outcome(
    visit: &Visit<'_>,
    opened: &Opened<'_>,
) -> Result<Option<HttpResponse>, PageError> {
    let looked = &opened.looked;
    let (place, calls) = (visit.entrypoint.id, visit.portal.store.provider());
    let id = match asked_call(visit) {
        Some(id) => {
            if calls.waits_for_payer(place, (id, looked.request.id)).await? {
                // The payer is back, so the provider may know more by now.
                calls.hint(place, id).await?;
            }
            calls.wait(place, id, (PATIENCE_BACK, false)).await?;
            Some(id)
        }
        None if looked.request.is_reusable() || !looked.request.is_open_at(clock::now()) => None,
        None => calls.running_of(place, looked.request.id).await?,
    };
    let Some(id) = id else { return Ok(None) };
    let found = calls.find(place, id).await?;
    // A request shows its own calls alone.
    let Some(found) = found.filter(|found| found.call.request_id == Some(looked.request.id)) else {
        return Ok(None);
    };
    let texts = visit.texts();
    let has_error = found.call.content.as_ref().is_some_and(|content| content.error.is_some());
    let frame = visit.frame(opened.signed_in());
    let (title, lead, next) = match found.call.state {
        // The page of the request says that it was declined, and offers to try again.
        CallState::Declined => return Ok(None),
        CallState::Succeeded if has_error => return Ok(None),
        CallState::Succeeded => {
            let lead = match found.call.kind {
                CallKind::Setup => texts.save_done_lead.to_owned(),
                _ => paid(visit, Some((found.call.currency, found.call.amount)), id),
            };
            (texts.pay_done, lead, opened.next(visit))
        }
        CallState::RequiresAction => {
            let url = page_of_provider(&found);
            let label = texts.pay_continue;
            (texts.pay_unfinished, texts.pay_unfinished_lead.to_owned(), url.map(|url| (url, label)))
        }
        CallState::Requested | CallState::Pending => {
            let own = format!("{}?{CALL}={}", opened.path(visit), id.show(place));
            (texts.pay_running, texts.pay_running_lead.to_owned(), Some((own, texts.pay_look_again)))
        }
    };
    let gives_up = found.call.state == CallState::RequiresAction;
    let else_to = opened.give_up(visit).filter(|_| gives_up).map(|url| (url, texts.pay_give_up));
    html(StatusCode::OK, &MessagePage { frame, title, lead: &lead, next, else_to }).map(Some)
}
