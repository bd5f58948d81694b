//! Makes, sends and takes back requests for money and for payment methods (rules 13 and 20).

use std::sync::Arc;

use super::Undecided;
use super::command::{Actor, Outcome};
use super::effects::{Effects, MailOrder};
use super::events::{Event, EventKind};
use super::issue::refused;
use super::requesting::{ChangeRequest, NamedRequest, RequestDone};
use super::working_set::WorkingSet;
use crate::domain::customers::fields::TextField;
use crate::domain::customers::record::Stored;
use crate::domain::invoices::{Invoice, InvoiceKind, language_of};
use crate::domain::kernel::money::Money;
use crate::domain::kernel::problem::{Problem, Rejection, ValueError};
use crate::domain::kernel::time::Micros;
use crate::domain::mail::{MailKind, RequestEnclosed};
use crate::domain::numbers;
use crate::domain::requests::draft::RequestDraft;
use crate::domain::requests::{NewLink, Request, RequestKind, RequestState};
use crate::domain::transactions::currency::Currency;
use crate::domain::transactions::id::TransId;

pub(super) fn decide_request(
    working_set: &mut WorkingSet,
    change: &ChangeRequest,
    actor: &Actor,
) -> Result<Effects, Undecided> {
    match change {
        ChangeRequest::Make { customer_id, draft, link, random } => {
            make(working_set, *customer_id, draft, (link, *random), actor)
        }
        ChangeRequest::Cancel(named) => cancel(working_set, *named, actor),
        ChangeRequest::Resend { named, link, notify } => resend(working_set, *named, link, *notify, actor),
    }
}

fn done(request: &Request, link: Option<&NewLink>) -> Outcome {
    Outcome::Requested(RequestDone {
        customer_id: request.customer_id,
        request_id: request.id,
        version: request.version,
        token: link.map(|link| link.token.expose().to_owned()),
    })
}

/// A refusal that the state of the world is the reason of, told of a member of the body.
fn told(name: &str, code: &'static str, message: impl Into<String>) -> Undecided {
    Rejection::State(vec![Problem::field(&[name], code, message)]).into()
}

fn make(
    working_set: &mut WorkingSet,
    customer_id: Option<i64>,
    draft: &RequestDraft,
    (link, random): (&NewLink, u128),
    actor: &Actor,
) -> Result<Effects, Undecided> {
    let stored = customer_id.map(|id| somebody(working_set, id)).transpose()?;
    let invoice = match draft.invoice_id {
        None => None,
        Some(id) => Some(payable(working_set, id, customer_id)?),
    };
    let (currency, amount) = asked(working_set, draft, invoice.as_deref())?;
    let expires_at = draft.expires_at(working_set.now);
    let expires_at = expires_at.map_err(|problem| Rejection::Invalid(vec![problem]))?;
    if draft.notify && !stored.as_deref().is_some_and(has_address) {
        return Err(told("notify", "no_email", "the customer has no e-mail address"));
    }
    let (min, max) = draft.open.unwrap_or_default();
    let asked = (currency, amount, expires_at);
    if let Some(effects) = own_again(working_set, customer_id, draft, asked, (link, actor))? {
        return Ok(effects);
    }
    let request = Request {
        id: TransId::new(working_set.entrypoint.id, working_set.now, random),
        version: 1,
        kind: draft.kind,
        customer_id,
        state: RequestState::New,
        currency,
        amount,
        min,
        max,
        uses: 0,
        max_uses: customer_id.map_or(draft.max_uses, |_| Some(1)),
        invoice_id: draft.invoice_id,
        order_id: None,
        link_hash: link.hash,
        expires_at,
        created_at: working_set.now,
        updated_at: working_set.now,
        last_trans_id: None,
        content: Some(draft.content.clone()),
    };
    let mut effects = Effects::new(done(&request, Some(link)), None);
    effects.events.push(request_event(EventKind::RequestCreated, working_set, &request, actor));
    if let Some(stored) = stored.filter(|_| draft.notify) {
        effects.mails.push(mail_of(working_set, &stored, &request, link));
    }
    working_set.requests.put(request);
    Ok(effects)
}

/// What a customer asks for once more in the portal is the same request with a new link, so that they do not pile up. While
/// somebody pays, it keeps the link to which the payer comes back.
fn own_again(
    working_set: &mut WorkingSet,
    customer_id: Option<i64>,
    draft: &RequestDraft,
    (currency, amount, expires_at): (Currency, Option<Money>, Micros),
    (link, actor): (&NewLink, &Actor),
) -> Result<Option<Effects>, Undecided> {
    let Some(customer_id) = customer_id.filter(|_| draft.content.is_own) else { return Ok(None) };
    let now = working_set.now;
    let open = working_set.requests.open_of(customer_id)?;
    let Some(same) = open.iter().rev().find(|request| draft.is_again(request, now)) else {
        return Ok(None);
    };
    if !working_set.calls.running_of(same.id)?.is_empty() {
        return Ok(Some(Effects::new(done(same, None), None)));
    }
    let content = Some(draft.content.clone());
    let after = Request { currency, amount, expires_at, content, ..same.relink(link.hash, now) };
    let mut effects = Effects::new(done(&after, Some(link)), None);
    effects.events.push(request_event(EventKind::RequestSent, working_set, &after, actor));
    working_set.requests.put(after);
    Ok(Some(effects))
}

/// A customer who is not deleted.
fn somebody(working_set: &WorkingSet, id: i64) -> Result<Arc<Stored>, Undecided> {
    let stored = working_set.customer(id).ok_or(Rejection::NotFound)?;
    if stored.customer.is_deleted() { Err(Rejection::Deleted.into()) } else { Ok(Arc::clone(stored)) }
}

/// The invoice that a request asks to be paid: an open one of its customer.
fn payable(working_set: &WorkingSet, id: i64, customer_id: Option<i64>) -> Result<Arc<Invoice>, Undecided> {
    let invoice = working_set.invoices.get(id)?;
    let own = |invoice: &&Arc<Invoice>| {
        invoice.kind == InvoiceKind::Invoice && Some(invoice.customer_id) == customer_id
    };
    let invoice = invoice
        .filter(own)
        .ok_or_else(|| told("invoiceId", "unknown_invoice", "is no invoice of this customer"))?;
    if invoice.open_amount() == Money::default() {
        let message = "nothing of it is to be paid; name an open invoice";
        return Err(told("invoiceId", "invoice_not_open", message));
    }
    Ok(Arc::clone(invoice))
}

/// The currency and the amount of a request.
fn asked(
    working_set: &WorkingSet,
    draft: &RequestDraft,
    invoice: Option<&Invoice>,
) -> Result<(Currency, Option<Money>), Undecided> {
    let of_invoice = invoice.map(|invoice| invoice.currency);
    let currency = draft.currency.or(of_invoice).unwrap_or(working_set.entrypoint.currency);
    if let Some(other) = of_invoice.filter(|other| *other != currency) {
        let message = format!("must be that of the invoice, {other}");
        return Err(told("currency", "currency_mismatch", message));
    }
    let (min, max) = draft.open.unwrap_or_default();
    let named: [(&[&str], Option<Money>); 3] =
        [(&["amount"], draft.amount), (&["open", "min"], min), (&["open", "max"], max)];
    let wrong = |(path, amount): (&[&str], Option<Money>)| {
        let (code, message): ValueError = currency.check(amount?).err()?;
        Some(Problem::field(path, code, message))
    };
    let problems: Vec<Problem> = named.into_iter().filter_map(wrong).collect();
    if !problems.is_empty() {
        return Err(Rejection::Invalid(problems).into());
    }
    let open = invoice.map(Invoice::open_amount);
    if let (Some(amount), Some(open)) = (draft.amount, open)
        && amount > open
    {
        let message = format!("is more than what is open of the invoice, {open}");
        return Err(told("amount", "more_than_open", message));
    }
    Ok((currency, draft.amount.or(open)))
}

/// The request that a path names.
fn found(working_set: &WorkingSet, named: NamedRequest) -> Result<Arc<Request>, Undecided> {
    let request = working_set.requests.get(named.id)?;
    let is_named = |request: &&Arc<Request>| {
        request.kind == named.kind
            && named.customer_id.is_none_or(|customer| request.customer_id == Some(customer))
    };
    Ok(request.filter(is_named).map(Arc::clone).ok_or(Rejection::NotFound)?)
}

fn cancel(working_set: &mut WorkingSet, named: NamedRequest, actor: &Actor) -> Result<Effects, Undecided> {
    let request = found(working_set, named)?;
    if request.order_id.is_some() && request.state.is_open() {
        return Err(refused("request_of_order", "an order made it; cancel the order"));
    }
    match request.state {
        RequestState::Cancelled => return Ok(Effects::new(done(&request, None), None)),
        RequestState::Done => return Err(refused("request_done", DONE)),
        _ => {}
    }
    let after = request.cancel(working_set.now).ok_or(Rejection::Defect)?;
    let mut effects = Effects::new(done(&after, None), None);
    effects.events.push(request_event(EventKind::RequestCancelled, working_set, &after, actor));
    working_set.requests.put(after);
    Ok(effects)
}

const DONE: &str = "it was answered already";

fn resend(
    working_set: &mut WorkingSet,
    named: NamedRequest,
    link: &NewLink,
    notify: Option<bool>,
    actor: &Actor,
) -> Result<Effects, Undecided> {
    let request = found(working_set, named)?;
    match request.state_at(working_set.now) {
        RequestState::Done => return Err(refused("request_done", DONE)),
        RequestState::Cancelled => {
            return Err(refused("request_cancelled", "it was taken back; make another one"));
        }
        RequestState::Expired => {
            return Err(refused("request_expired", "its time is over; make another one"));
        }
        RequestState::New | RequestState::InProgress | RequestState::Declined => {}
    }
    let stored = request.customer_id.map(|id| somebody(working_set, id)).transpose()?;
    let tells = notify.unwrap_or(stored.is_some());
    if tells && !stored.as_deref().is_some_and(has_address) {
        let message = match stored {
            Some(_) => "the customer has no e-mail address; send notify: false",
            None => "a reusable request has nobody to tell; send notify: false",
        };
        return Err(told("notify", "no_email", message));
    }
    let after = request.relink(link.hash, working_set.now);
    let mut effects = Effects::new(done(&after, Some(link)), None);
    effects.events.push(request_event(EventKind::RequestSent, working_set, &after, actor));
    if let Some(stored) = stored.filter(|_| tells) {
        effects.mails.push(mail_of(working_set, &stored, &after, link));
    }
    working_set.requests.put(after);
    Ok(effects)
}

fn has_address(stored: &Stored) -> bool {
    stored.customer.text(TextField::Email).is_some()
}

/// Takes back what was asked of a customer, before somebody deletes the customer. `None` of it is missing: the book knows what is
/// open.
pub(super) fn cancel_all(
    working_set: &mut WorkingSet,
    open: &[Arc<Request>],
    actor: &Actor,
) -> Result<Vec<Event>, Undecided> {
    let mut events = Vec::new();
    for request in open {
        // The order of a request may have taken it back meanwhile.
        let Some(request) = working_set.requests.get(request.id)?.map(Arc::clone) else { continue };
        let Some(after) = request.cancel(working_set.now) else { continue };
        events.push(request_event(EventKind::RequestCancelled, working_set, &after, actor));
        working_set.requests.put(after);
    }
    Ok(events)
}

/// The event of a change of a request.
pub(super) fn request_event(
    kind: EventKind,
    working_set: &WorkingSet,
    request: &Request,
    actor: &Actor,
) -> Event {
    Event {
        kind,
        customer_id: request.customer_id,
        subject_id: Some(request.id.show(working_set.entrypoint.id)),
        changed: Vec::new(),
        actor: actor.clone(),
    }
}

/// The mail that brings the link of a request to its customer.
fn mail_of(working_set: &WorkingSet, stored: &Stored, request: &Request, link: &NewLink) -> MailOrder {
    let content = request.content.clone().unwrap_or_default();
    let own = || language_of(&stored.customer, &working_set.entrypoint);
    let language = content.language.unwrap_or_else(own);
    let written = |amount: Money| numbers::price(language, request.currency, amount);
    let enclosed = RequestEnclosed {
        amount: request.amount.map(written).unwrap_or_default(),
        description: content.description.unwrap_or_default(),
        until: numbers::day_of(language, request.expires_at),
        language,
    };
    let kind = match request.kind {
        RequestKind::Payment => MailKind::PaymentRequest,
        RequestKind::Method => MailKind::MethodLink,
    };
    MailOrder {
        link: Some(link.token.clone()),
        request: Some(Box::new(enclosed)),
        ..MailOrder::of(stored.id, kind)
    }
}
