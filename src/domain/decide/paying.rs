//! Answers requests for money and for payment methods by calls of a payment provider (rules 13 and 20): begins them, and does what
//! follows once it is known what became of them.

use std::sync::Arc;

use super::Undecided;
use super::asking::{AnswerWay, RequestAnswer};
use super::calls::{done, item, new_call, open_of};
use super::command::{Actor, Outcome};
use super::delivery::OnUnknown;
use super::effects::Effects;
use super::events::{Event, EventKind};
use super::issue::refused;
use super::payer::complete;
use super::request::request_event;
use super::transaction::record_as;
use super::working_set::WorkingSet;
use crate::domain::accounts::sight::Sight;
use crate::domain::customers::draft::{Change, Context, Draft};
use crate::domain::customers::record::{Customer, Stored};
use crate::domain::entrypoints::provider::Provider;
use crate::domain::invoices::Invoice;
use crate::domain::kernel::members::Members;
use crate::domain::kernel::problem::Rejection;
use crate::domain::kernel::time::{Micros, SECOND_US};
use crate::domain::methods::method::masked_account;
use crate::domain::methods::{self, MethodDraft};
use crate::domain::provider::answer::AnsweredMethod;
use crate::domain::provider::sandbox::test_method;
use crate::domain::provider::{CallContent, CallKind, CallState, ChargedMethod, ProviderCall};
use crate::domain::requests::{Request, RequestId, RequestKind, RequestState};
use crate::domain::transactions::id::TransId;
use crate::domain::transactions::item::{Item, Whose};

/// How long a page of the provider's may take a payment.
const PAGE_US: i64 = 3_600 * SECOND_US;
/// What stands for the id of the call in the address where a payer comes back.
pub const CALL_PLACE: &str = "{call}";
const GONE: &str = "it cannot be answered any more";

/// Begins to answer a request. One that can be answered once has one call at a time: whoever sends the form again gets that one.
pub(super) fn answer(
    working_set: &mut WorkingSet,
    request_id: RequestId,
    answer: &RequestAnswer,
    random: u128,
    actor: &Actor,
) -> Result<Effects, Undecided> {
    let request = working_set.requests.get(request_id)?.map(Arc::clone).ok_or(Rejection::NotFound)?;
    if let Some(most) = request.max_uses {
        let running = working_set.calls.running_of(request_id)?;
        if let Some(first) = running.first().filter(|_| !request.is_reusable()) {
            return Ok(Effects::new(done(first), None));
        }
        let begun = i64::try_from(running.len()).unwrap_or(i64::MAX);
        if request.uses.saturating_add(begun) >= most {
            return Err(refused("request_busy", "others are paying right now; try again in some minutes"));
        }
    }
    let begun = request.begin(working_set.now).ok_or_else(|| refused("request_done", GONE))?;
    let stored = match request.customer_id {
        None => None,
        Some(id) => Some(working_set.customer(id).map(Arc::clone).ok_or(Rejection::NotFound)?),
    };
    if stored.as_ref().is_some_and(|stored| stored.customer.is_deleted()) {
        return Err(Rejection::Deleted.into());
    }
    let invoice = match request.invoice_id {
        None => None,
        Some(id) => working_set.invoices.get(id)?.map(Arc::clone),
    };
    if let Some(invoice) = &invoice {
        open_of(working_set, invoice)?;
    }
    if request.kind == RequestKind::Payment
        && !answer.amount.is_some_and(|amount| request.takes(amount, invoice.as_deref()))
    {
        return Err(refused("invalid_amount", "it asks for another amount"));
    }
    if let Some(invoice) = &invoice
        && answer
            .amount
            .is_some_and(|amount| matches!(open_of(working_set, invoice), Ok(open) if amount > open))
    {
        return Err(refused("request_busy", "the invoice is being paid already"));
    }
    let Some(content) = content(working_set, &request, (stored.as_deref(), invoice.as_deref()), answer)?
    else {
        // The money moves elsewhere, and its transaction comes from there.
        let mut effects = Effects::new(Outcome::Linked { id: request.customer_id.unwrap_or(0) }, None);
        effects.events.push(request_event(EventKind::RequestBegun, working_set, &begun, actor));
        working_set.requests.put(begun);
        return Ok(effects);
    };
    let kind = match request.kind {
        RequestKind::Payment => CallKind::Session,
        RequestKind::Method => CallKind::Setup,
    };
    let id = TransId::new(working_set.entrypoint.id, working_set.now, random);
    let fresh = new_call(working_set, working_set.entrypoint.provider, kind, id);
    let until = working_set.now.0.saturating_add(PAGE_US).min(request.expires_at.0);
    let content = with_id(content, &id.show(working_set.entrypoint.id));
    let call = ProviderCall {
        customer_id: request.customer_id,
        request_id: Some(request_id),
        currency: request.currency,
        amount: answer.amount.unwrap_or_default(),
        // A page that a payer reads takes longer than a call.
        valid_until: Micros(until.max(fresh.valid_until.0)),
        content: Some(content),
        ..fresh
    };
    if kind == CallKind::Session {
        let mut item = item(working_set, &call);
        if let Some(draft) = payer(working_set, &call).filter(|_| call.customer_id.is_none()) {
            item.whose = Whose::Customer(Box::new(draft));
        }
        record_as(working_set, &item, (OnUnknown::Create, random), actor)?;
    }
    let mut effects = Effects::new(done(&call), None);
    effects.events.push(request_event(EventKind::RequestBegun, working_set, &begun, actor));
    working_set.requests.put(begun);
    working_set.calls.put(call);
    Ok(effects)
}

/// The content with the id of its call in the addresses where the payer comes back.
fn with_id(mut content: CallContent, shown: &str) -> CallContent {
    if let Some(session) = &mut content.session {
        session.return_url = session.return_url.replace(CALL_PLACE, shown);
    }
    content
}

/// What the call says; `None` if the money moves elsewhere.
fn content(
    working_set: &WorkingSet,
    request: &Request,
    (stored, invoice): (Option<&Stored>, Option<&Invoice>),
    answer: &RequestAnswer,
) -> Result<Option<CallContent>, Undecided> {
    let of_request = request.content.as_ref().ok_or(Rejection::NotFound)?;
    let no_provider = || refused("no_provider", "the store takes no online payments");
    let mut content = CallContent {
        payer: answer.payer.clone(),
        description: of_request.description.clone(),
        invoice_number: invoice.map(|invoice| invoice.number().to_owned()),
        order_id: request.order_id.map(|id| id.show(working_set.entrypoint.id)),
        replaces: of_request.replaces.clone(),
        link_hash: Some(request.link_hash),
        ..CallContent::default()
    };
    match (&answer.way, working_set.entrypoint.provider) {
        (AnswerWay::Elsewhere, Provider::None) if working_set.entrypoint.payment_url.is_some() => {
            return Ok(None);
        }
        (AnswerWay::Test(id), Provider::Sandbox) => {
            let test = test_method(id).ok_or_else(no_provider)?;
            if !of_request.method_types.iter().any(|allowed| allowed.takes(test.kind)) {
                return Err(refused("invalid_method", "the request takes no such method"));
            }
            content.method = Some(ChargedMethod {
                method_id: None,
                provider: None,
                provider_method_id: test.id.to_owned(),
                provider_customer_id: None,
                network_transaction_id: None,
                kind: test.kind,
                masked_account: Some(masked_account(test.last4)),
            });
        }
        (AnswerWay::Page(session), Provider::Http) => content.session = Some(session.clone()),
        _ => return Err(no_provider()),
    }
    if request.kind == RequestKind::Method
        && let Some(stored) = stored
    {
        let most = usize::from(working_set.entrypoint.max_methods.0);
        if of_request.replaces.is_none() && stored.customer.methods.len() >= most {
            return Err(refused("too_many_methods", format!("{most} payment methods are stored already")));
        }
    }
    Ok(Some(content))
}

/// What the payer filled in, as the draft of a create or of an update; `None` if there is nothing, or nothing that holds.
fn payer(working_set: &WorkingSet, call: &ProviderCall) -> Option<Draft> {
    let filled = &call.content.as_ref()?.payer;
    if filled.is_empty() {
        return None;
    }
    let json = serde_json::to_string(filled).ok()?;
    let members: Members<'_> = serde_json::from_str(&json).ok()?;
    let country = working_set.entrypoint.country.as_deref();
    Draft::parse(&members, Context { now: working_set.now, country, entrypoint_country: country }).ok()
}

/// The delivery of a payment that is through, with whoever paid it.
pub(super) fn paid_by(working_set: &WorkingSet, before: &ProviderCall, mut item: Item) -> Item {
    if before.customer_id.is_none()
        && let Some(draft) = payer(working_set, before)
    {
        item.whose = Whose::Customer(Box::new(draft));
    }
    item
}

/// Fills in what the customer of an answered request lacks, by what the payer filled in.
///
/// # Errors
/// Missing facts.
pub(super) fn fill_in(
    working_set: &mut WorkingSet,
    before: &ProviderCall,
    actor: &Actor,
) -> Result<(), Undecided> {
    let Some(customer_id) = before.customer_id else { return Ok(()) };
    let is_live = working_set.customer(customer_id).is_some_and(|stored| !stored.customer.is_deleted());
    match payer(working_set, before) {
        Some(draft) if is_live => complete(working_set, &draft, customer_id, actor),
        _ => Ok(()),
    }
}

/// Loads what [`settle_request`] needs.
///
/// # Errors
/// Missing facts.
pub(super) fn load_request(working_set: &WorkingSet, call: &ProviderCall) -> Result<(), Undecided> {
    if let Some(id) = call.request_id {
        working_set.requests.get(id)?;
    }
    Ok(())
}

/// Moves the request that a call answered, once the call is through.
///
/// # Errors
/// Missing facts; nothing is changed then.
pub(super) fn settle_request(
    working_set: &mut WorkingSet,
    call: &ProviderCall,
    actor: &Actor,
) -> Result<(), Undecided> {
    let Some(id) = call.request_id else { return Ok(()) };
    let Some(request) = working_set.requests.get(id)?.map(Arc::clone) else { return Ok(()) };
    let has_error = call.content.as_ref().is_some_and(|content| content.error.is_some());
    let is_paid = call.state == CallState::Succeeded && !has_error;
    // The order of the request may have settled it, by the same payment.
    if is_paid && request.last_trans_id == Some(call.id) {
        return Ok(());
    }
    let after = request.settle(is_paid, call.id, working_set.now);
    let kind = if is_paid { EventKind::RequestPaid } else { EventKind::RequestDeclined };
    let note = request_event(kind, working_set, &after, actor);
    working_set.note(note);
    working_set.requests.put(after);
    Ok(())
}

/// Stores the method that a payer left. What stands in the way becomes the error of the call: the payer is told to try again.
pub(super) fn keep_method(
    working_set: &WorkingSet,
    call: &mut ProviderCall,
    method: &AnsweredMethod,
    actor: &Actor,
) -> Option<(Arc<Stored>, Vec<Event>)> {
    let stored = working_set.customer(call.customer_id?).filter(|stored| !stored.customer.is_deleted())?;
    let request = call.request_id.and_then(|id| working_set.requests.get(id).ok().flatten());
    if request.is_some_and(|request| request.state == RequestState::Cancelled) {
        // Somebody took the request back meanwhile; no money moved, so nothing is to be kept.
        if let Some(content) = &mut call.content {
            content.error = Some("request_cancelled".to_owned());
        }
        return None;
    }
    let replaces = call.content.as_ref().and_then(|content| content.replaces.clone());
    match kept(working_set, (stored, call), method, replaces.as_deref()) {
        Ok((id, kind, all)) => {
            let event = |kind, id: String| Event {
                kind,
                customer_id: Some(stored.id),
                subject_id: Some(id),
                changed: Vec::new(),
                actor: actor.clone(),
            };
            let mut events = vec![event(kind, id.clone())];
            let is_gone = |old: &String| !all.iter().any(|method| method.id == *old);
            events.extend(replaces.filter(is_gone).map(|old| event(EventKind::MethodDeleted, old)));
            if let Some(content) = &mut call.content
                && let Some(charged) = &mut content.method
            {
                charged.method_id = Some(id);
            }
            let customer = Customer { methods: all, ..stored.customer.clone() };
            Some((Arc::new(Stored { customer, ..Stored::clone(stored) }), events))
        }
        Err(rejection) => {
            if let Some(content) = &mut call.content {
                let problem = match &rejection {
                    Rejection::State(problems) | Rejection::Invalid(problems) => problems.first(),
                    _ => None,
                };
                content.error = Some(problem.map_or("not_saved", |problem| problem.code).to_owned());
                content.message = problem.map(|problem| problem.message.clone());
            }
            None
        }
    }
}

type Kept = (String, EventKind, Vec<methods::method::Method>);

fn kept(
    working_set: &WorkingSet,
    (stored, call): (&Stored, &ProviderCall),
    method: &AnsweredMethod,
    replaces: Option<&str>,
) -> Result<Kept, Rejection> {
    let old = &stored.customer.methods;
    let now = methods::time_after(old, working_set.now);
    let replaced = replaces.and_then(|id| old.iter().find(|method| method.id == id));
    let of = |text: &Option<String>| text.clone().map_or(Change::Keep, Change::Set);
    let draft = MethodDraft {
        provider: Some(call.provider.name().to_owned()),
        provider_method_id: Some(method.provider_method_id.clone()),
        provider_customer_id: of(&method.provider_customer_id),
        network_transaction_id: of(&method.network_transaction_id),
        kind: Some(method.kind),
        brand: of(&method.brand),
        last4: of(&method.last4),
        exp_month: method.expiry.map_or(Change::Keep, |expiry| Change::Set(expiry.month)),
        exp_year: method.expiry.map_or(Change::Keep, |expiry| Change::Set(expiry.year)),
        fingerprint: of(&method.fingerprint),
        holder_name: of(&method.holder_name),
        is_default: replaced.and_then(|replaced| replaced.is_default.then_some(true)),
        ..MethodDraft::default()
    };
    let is_same = |one: &&methods::method::Method| {
        one.provider == call.provider.name()
            && (one.provider_method_id == method.provider_method_id
                || (one.fingerprint.is_some() && one.fingerprint == method.fingerprint))
    };
    // The same account again gets its new token.
    let (id, kind, all) = match old.iter().find(is_same) {
        Some(same) => {
            let (all, _) = methods::update(old, &same.id, &draft, now, Sight::FULL)?;
            (same.id.clone(), EventKind::MethodUpdated, all)
        }
        None => {
            let place = (working_set.entrypoint.id, stored.id);
            let bits = u128::from_be_bytes(call.id.0);
            let random = u32::try_from(bits & u128::from(u32::MAX)).unwrap_or_default();
            let id = methods::new_id(place, now, random, |id| old.iter().any(|method| method.id == id));
            // The one that it replaces makes room.
            let most = usize::from(working_set.entrypoint.max_methods.0) + usize::from(replaced.is_some());
            (id.clone(), EventKind::MethodCreated, methods::add(old, &draft, id, now, most)?)
        }
    };
    let all = match replaced.filter(|replaced| replaced.id != id) {
        Some(replaced) => methods::remove(&all, &replaced.id)?,
        None => all,
    };
    Ok((id, kind, all))
}
