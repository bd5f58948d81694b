//! The page of a request, where whoever has its link pays, or saves a payment method. To look at it changes nothing, so mail
//! scanners do no harm. A link that nobody has gets one answer, at whichever entrypoint it is tried. The portal shows the same page
//! to the customer whose request it is; the link stays as it is.

mod begin;
mod form;
pub(super) mod limits;
mod opened;

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderValue;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use self::begin::{asked_call, outcome, pay};
use self::form::{fields, parse, tests};
use self::limits::Counted;
use self::opened::{Opened, Place};
use super::Portal;
use super::fields::{Item, item};
use super::texts::{Texts, texts};
use super::visit::{SignedIn, Visit};
use crate::clock;
use crate::domain::customers::fields::TextField;
use crate::domain::entrypoints::provider::Provider;
use crate::domain::entrypoints::theme::Language;
use crate::domain::invoices::{Invoice, InvoiceState, language_of};
use crate::domain::kernel::card;
use crate::domain::kernel::money::Money;
use crate::domain::numbers;
use crate::domain::provider::sandbox::TestMethod;
use crate::domain::requests::{MethodType, Request, RequestKind, RequestState};
use crate::domain::transactions::currency::Currency;
use crate::domain::transactions::id::TransId;
use crate::store::LookedRequest;
use crate::web::form::{Checked, Form, is_secret};
use crate::web::page::{Frame, MessagePage, form_page, html, plain_refusal};
use crate::web::qr::{Qr, qr};
use crate::web::texts::asked_language;
use crate::web::{PageError, PageResult};

/// A way to pay, to choose from.
struct Choice {
    word: &'static str,
    name: &'static str,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "pay.html")]
struct PayPage {
    frame: Frame,
    texts: &'static Texts,
    title: &'static str,
    lead: String,
    button: &'static str,
    until_label: &'static str,
    csrf: String,
    form: Checked,
    /// A word of this very form: who sends it twice pays once.
    key: String,
    /// Whether it can be answered here.
    can_pay: bool,
    /// The path of the page.
    action: String,
    /// How much is asked for; `None` if the payer says how much, or a method is to be saved.
    amount: Option<String>,
    /// The label, the value and the hint of the amount that the payer says.
    own_amount: Option<(String, String, String)>,
    description: Option<String>,
    /// What is to be chosen.
    choose: &'static str,
    until: String,
    choices: Vec<Choice>,
    /// What is to be said of the choices.
    safe: &'static str,
    items: Vec<(Item, bool)>,
    /// What is to be said before the form.
    note: Option<&'static str>,
    give_up: Option<String>,
    qr: Option<Qr>,
}

/// What the page of a link shows.
enum Seen {
    /// It was paid; the last payment.
    Done(Option<TransId>),
    /// As many payers as could have answered it.
    UsedUp,
    Expired,
    Cancelled,
    /// It has another link.
    Replaced,
    Open,
}

/// `GET /pay/{entry}/{token}`.
pub(super) async fn show(visit: &Visit<'_>) -> PageResult {
    let Some(looked) = look(visit, false).await? else { return back(visit).await };
    let visit = &visit.in_language(language(visit, &looked));
    let place = Place::Link(visit.request.match_info().query("token"));
    shown(visit, &Opened { looked, place }).await
}

/// `GET /portal/{entry}/requests/{requestId}`.
pub(super) async fn show_own(visit: &Visit<'_>, signed_in: &SignedIn) -> PageResult {
    let looked = look_own(visit, signed_in, false).await?;
    shown(visit, &Opened { looked, place: Place::Portal(signed_in) }).await
}

/// What became of a payment whose payer comes back by a link that was replaced meanwhile.
async fn back(visit: &Visit<'_>) -> PageResult {
    let token = visit.request.match_info().query("token");
    let Some(id) = asked_call(visit).filter(|_| is_secret(token)) else { return Ok(nothing(visit)) };
    let found = visit.portal.store.requests().look_back(visit.entrypoint.id, token.to_owned(), id).await?;
    let Some(looked) = found else { return Ok(nothing(visit)) };
    let visit = &visit.in_language(language(visit, &looked));
    let opened = Opened { looked, place: Place::Link(token) };
    match outcome(visit, &opened).await? {
        Some(answer) => Ok(answer),
        None => over(visit, &opened, &Seen::Replaced).await,
    }
}

async fn shown(visit: &Visit<'_>, opened: &Opened<'_>) -> PageResult {
    if let Some(answer) = outcome(visit, opened).await? {
        return Ok(answer);
    }
    match seen(&opened.looked) {
        Seen::Open => page(visit, opened, Checked::default(), None).await,
        other => over(visit, opened, &other).await,
    }
}

/// `POST /pay/{entry}/{token}`.
pub(super) async fn send(visit: &Visit<'_>, sent: &Form) -> PageResult {
    let Some(looked) = look(visit, true).await? else { return Ok(nothing(visit)) };
    let visit = &visit.in_language(language(visit, &looked));
    let place = Place::Link(visit.request.match_info().query("token"));
    taken(visit, &Opened { looked, place }, sent).await
}

/// `POST /portal/{entry}/requests/{requestId}`.
pub(super) async fn send_own(visit: &Visit<'_>, signed_in: &SignedIn, sent: &Form) -> PageResult {
    let looked = look_own(visit, signed_in, true).await?;
    taken(visit, &Opened { looked, place: Place::Portal(signed_in) }, sent).await
}

async fn taken(visit: &Visit<'_>, opened: &Opened<'_>, sent: &Form) -> PageResult {
    match seen(&opened.looked) {
        Seen::Open => {}
        other => return over(visit, opened, &other).await,
    }
    match parse(visit, &opened.looked, sent)? {
        Ok(form) => pay(visit, opened, &form, sent).await,
        Err(checked) => page(visit, opened, checked, Some(sent)).await,
    }
}

/// The request of the customer that the path names, within the limit of its page. A foreign one and an unknown one are alike.
async fn look_own(visit: &Visit<'_>, signed_in: &SignedIn, sends: bool) -> Result<LookedRequest, PageError> {
    let named = TransId::parse(visit.request.match_info().query("requestId"));
    let (_, id) = named.filter(|(place, _)| *place == visit.entrypoint.id).ok_or(PageError::NotFound)?;
    let (place, customer_id) = (visit.entrypoint.id, signed_in.found.record.stored.id);
    let found = visit.portal.store.requests().look_own(place, customer_id, id).await?;
    let looked = found.ok_or(PageError::NotFound)?;
    let hash = *blake3::hash(id.show(place).as_bytes()).as_bytes();
    if visit.portal.pay_limits.allows_page(hash, &address(visit), sends) {
        Ok(looked)
    } else {
        Err(PageError::Busy)
    }
}

/// The request of the link in the path, within the limits of links and addresses.
async fn look(visit: &Visit<'_>, sends: bool) -> Result<Option<LookedRequest>, PageError> {
    let token = visit.request.match_info().query("token");
    let limits = &visit.portal.pay_limits;
    if is_secret(token) {
        let hash = *blake3::hash(token.as_bytes()).as_bytes();
        if !limits.allows_page(hash, &address(visit), sends) {
            return Err(PageError::Busy);
        }
        let found = visit.portal.store.requests().look(visit.entrypoint.id, token.to_owned()).await?;
        if found.is_some() {
            return Ok(found);
        }
    }
    if limits.allows(&Counted::Miss(address(visit))) { Ok(None) } else { Err(PageError::Busy) }
}

/// The address that asks.
fn address(visit: &Visit<'_>) -> String {
    visit.request.peer_addr().map(|peer| peer.ip().to_string()).unwrap_or_default()
}

/// The answer to a link that nobody has: the same one as to an unknown entrypoint.
fn nothing(visit: &Visit<'_>) -> HttpResponse {
    dead_link(visit.portal, visit.request)
}

/// The page of a link to pay that leads nowhere, in the language of the browser. It does not tell whether the store exists.
pub(super) fn dead_link(portal: &Portal, request: &HttpRequest) -> HttpResponse {
    let language = asked_language(request).unwrap_or_default();
    let texts = texts(language);
    let style = format!("{}/pay/style.css", portal.settings.base_path);
    plain_refusal(StatusCode::NOT_FOUND, language, &style, (texts.pay_dead, texts.pay_dead_lead))
}

/// The language of the page: the one that was set, else that of the browser, else that of the customer or the store.
fn language(visit: &Visit<'_>, looked: &LookedRequest) -> Language {
    let set = looked.request.content.as_ref().and_then(|content| content.language);
    let customer = looked.found.as_ref().map(|found| &found.record.stored.customer);
    let own = || customer.map_or(visit.language, |customer| language_of(customer, &visit.entrypoint));
    set.or_else(|| asked_language(visit.request)).unwrap_or_else(own)
}

fn seen(looked: &LookedRequest) -> Seen {
    let request = &looked.request;
    let reference = || request.last_trans_id;
    let is_gone = looked.found.as_ref().is_some_and(|found| found.record.stored.customer.is_deleted());
    match request.state_at(clock::now()) {
        // Nobody learns who paid by a link for many.
        RequestState::Done if request.is_reusable() => return Seen::UsedUp,
        RequestState::Done => return Seen::Done(reference()),
        RequestState::Cancelled => return Seen::Cancelled,
        _ if is_gone => return Seen::Cancelled,
        RequestState::Expired => return Seen::Expired,
        RequestState::New | RequestState::InProgress | RequestState::Declined => {}
    }
    // The invoice may be paid in another way, or taken back, meanwhile.
    match (request.invoice_id, &looked.invoice) {
        (None, _) => Seen::Open,
        (Some(_), Some(invoice)) if invoice.state().is_open() => Seen::Open,
        (Some(_), Some(invoice)) if invoice.state() == InvoiceState::Paid => Seen::Done(reference()),
        (Some(_), _) => Seen::Cancelled,
    }
}

/// What was paid, and under which id.
fn paid(visit: &Visit<'_>, amount: Option<(Currency, Money)>, id: TransId) -> String {
    let texts = visit.texts();
    let lead = match amount {
        Some((currency, amount)) => {
            format!("{} {}.", texts.pay_done_amount, numbers::price(visit.language, currency, amount))
        }
        None => texts.pay_done_lead.to_owned(),
    };
    format!("{lead} {} {}", texts.pay_reference, id.show(visit.entrypoint.id))
}

/// The page of a request that cannot be answered.
async fn over(visit: &Visit<'_>, opened: &Opened<'_>, seen: &Seen) -> PageResult {
    let texts = visit.texts();
    let is_payment = opened.looked.request.kind == RequestKind::Payment;
    let (status, title, lead) = match seen {
        Seen::Open => return Ok(nothing(visit)),
        Seen::Done(reference) => {
            let lead = match reference {
                _ if !is_payment => texts.save_done_lead.to_owned(),
                Some(id) => {
                    let found = visit.portal.store.provider().find(visit.entrypoint.id, *id).await?;
                    paid(visit, found.as_ref().map(|found| (found.call.currency, found.call.amount)), *id)
                }
                None => texts.pay_done_lead.to_owned(),
            };
            (StatusCode::OK, texts.pay_done, lead)
        }
        Seen::UsedUp => (StatusCode::GONE, texts.pay_used_up, texts.pay_used_up_lead.to_owned()),
        Seen::Expired => (StatusCode::GONE, texts.pay_expired, texts.pay_expired_lead.to_owned()),
        Seen::Replaced => (StatusCode::GONE, texts.pay_replaced, texts.pay_replaced_lead.to_owned()),
        Seen::Cancelled => {
            let lead = if is_payment { texts.pay_cancelled_lead } else { texts.save_cancelled_lead };
            (StatusCode::GONE, texts.pay_cancelled, lead.to_owned())
        }
    };
    let frame = visit.frame(opened.signed_in()).wrong(status == StatusCode::GONE);
    // In the portal there is always a way back.
    let goes_on = matches!(seen, Seen::Done(_)) || opened.signed_in().is_some();
    let next = opened.next(visit).filter(|_| goes_on);
    html(status, &MessagePage { frame, title, lead: &lead, next, else_to: None })
}

/// The page with its form; `sent` is the form as it was sent.
async fn page(visit: &Visit<'_>, opened: &Opened<'_>, form: Checked, sent: Option<&Form>) -> PageResult {
    let (request, texts) = (&opened.looked.request, visit.texts());
    let content = request.content.clone().unwrap_or_default();
    let (csrf, cookie) = match opened.signed_in() {
        Some(signed_in) => (signed_in.csrf.clone(), None),
        None => visit.form_token().await?,
    };
    let is_wrong = form.is_wrong();
    let is_sandbox = visit.entrypoint.provider == Provider::Sandbox;
    let is_payment = request.kind == RequestKind::Payment;
    let written = |amount: Money| numbers::price(visit.language, request.currency, amount);
    let asked = request.asked(opened.looked.invoice.as_ref());
    let typed = sent.map(|sent| sent.get("amount")).filter(|text| !card::holds(text)).unwrap_or_default();
    let own_amount = (is_payment && asked.is_none()).then(|| {
        let label = format!("{} ({})", texts.pay_amount, request.currency);
        (label, typed.to_owned(), limits_hint(texts, request, written))
    });
    let can_be_answered = if is_payment { visit.takes_payments() } else { visit.takes_methods() };
    let number = opened.looked.invoice.as_ref().map(Invoice::number);
    let bill = number.map(|number| format!("{} {number}", texts.pay_invoice));
    let chosen = sent.map(|sent| sent.get("methodType")).unwrap_or_default();
    let page = PayPage {
        frame: visit.frame(opened.signed_in()).wrong(is_wrong),
        texts,
        title: if is_payment { texts.pay_title } else { texts.save_title },
        lead: lead(visit, is_payment, opened.is_own()),
        button: if is_payment { texts.pay_button } else { texts.save_button },
        until_label: if is_payment { texts.pay_until } else { texts.save_until },
        csrf,
        key: uuid::Uuid::new_v4().to_string(),
        can_pay: can_be_answered,
        action: opened.path(visit),
        amount: asked.filter(|_| is_payment).map(written),
        own_amount,
        description: content.description.or(bill),
        choose: if is_payment { texts.pay_method } else { texts.save_method },
        until: until(visit, request),
        choices: if is_sandbox {
            test_choices(texts, &content.method_types, chosen)
        } else {
            choices(texts, &content.method_types, chosen)
        },
        safe: if is_sandbox { texts.pay_test } else { texts.pay_safe },
        items: items(visit, &opened.looked, sent),
        note: if can_be_answered {
            (!is_wrong).then(|| note(texts, request.state)).flatten()
        } else {
            (!is_wrong).then_some(texts.pay_no_provider)
        },
        give_up: opened.give_up(visit),
        // On another device nobody is signed in.
        qr: opened.signed_in().is_none().then(|| qr(&opened.url(visit))).flatten(),
        form,
    };
    let mut response = form_page(&page, is_wrong, cookie)?;
    response.headers_mut().insert(
        actix_web::http::header::HeaderName::from_static("x-robots-tag"),
        HeaderValue::from_static("noindex"),
    );
    Ok(response)
}

/// Who asks for what, or what the customer came for itself.
fn lead(visit: &Visit<'_>, is_payment: bool, is_own: bool) -> String {
    let (texts, store) = (visit.texts(), visit.entrypoint.store_name());
    match (is_own, is_payment) {
        (false, true) => format!("{store} {}", texts.pay_asks),
        (false, false) => format!("{store} {}", texts.save_asks),
        (true, true) => format!("{} {store}.", texts.pay_own),
        (true, false) => format!("{} {store}.", texts.save_own),
    }
}

/// Until when it can be answered, in UTC.
pub(super) fn until(visit: &Visit<'_>, request: &Request) -> String {
    numbers::minute(visit.language, request.expires_at)
}

fn note(texts: &Texts, state: RequestState) -> Option<&'static str> {
    match state {
        RequestState::Declined => Some(texts.pay_declined),
        RequestState::InProgress => Some(texts.pay_in_progress),
        _ => None,
    }
}

fn limits_hint(texts: &Texts, request: &Request, written: impl Fn(Money) -> String) -> String {
    match (request.min, request.max) {
        (Some(min), Some(max)) => {
            format!("{} {} {} {}", texts.pay_between, written(min), texts.pay_and, written(max))
        }
        (Some(min), None) => format!("{} {}", texts.pay_at_least, written(min)),
        (None, Some(max)) => format!("{} {}", texts.pay_at_most, written(max)),
        (None, None) => String::new(),
    }
}

fn choices(texts: &Texts, allowed: &[MethodType], chosen: &str) -> Vec<Choice> {
    let name = |method: MethodType| match method {
        MethodType::Card => texts.pay_card,
        MethodType::Ach => texts.pay_ach,
        MethodType::Wallet => texts.pay_wallet,
    };
    let first = allowed.first().map(|method| method.name()).unwrap_or_default();
    let chosen = if allowed.iter().any(|method| method.name() == chosen) { chosen } else { first };
    let choice = |method: &MethodType| Choice {
        word: method.name(),
        name: name(*method),
        is_chosen: method.name() == chosen,
    };
    allowed.iter().map(choice).collect()
}

/// The methods of the sandbox.
fn test_choices(texts: &Texts, allowed: &[MethodType], chosen: &str) -> Vec<Choice> {
    let name = |id: &str| match id {
        "test-visa" => texts.pay_test_visa,
        "test-mastercard" => texts.pay_test_mastercard,
        "test-ach" => texts.pay_test_ach,
        "test-wallet" => texts.pay_test_wallet,
        "test-pending" => texts.pay_test_pending,
        "test-declined" => texts.pay_test_declined,
        "test-insufficient" => texts.pay_test_insufficient,
        _ => texts.pay_test_expired,
    };
    let chosen = tests(allowed).find(|method| method.id == chosen).or_else(|| tests(allowed).next());
    let choice = |method: &TestMethod| Choice {
        word: method.id,
        name: name(method.id),
        is_chosen: chosen.is_some_and(|chosen| chosen.id == method.id),
    };
    tests(allowed).map(choice).collect()
}

/// The fields that the record lacks, as they were sent.
fn items(visit: &Visit<'_>, looked: &LookedRequest, sent: Option<&Form>) -> Vec<(Item, bool)> {
    let customer = looked.found.as_ref().map(|found| &found.record.stored.customer);
    let value = |field: TextField| {
        let typed = sent.map(|sent| sent.get(field.name())).unwrap_or_default();
        // A card number is not even repeated to whoever typed it.
        if card::holds(typed) { String::new() } else { typed.to_owned() }
    };
    let wanted = fields(&looked.request, customer).into_iter();
    wanted.map(|(field, must)| (item(visit, field, value(field)), must)).collect()
}
