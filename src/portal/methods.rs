//! The stored payment methods of the signed-in customer, who adds, replaces and removes them, and says which one comes first.

use actix_web::http::StatusCode;
use askama::Template;

use super::own;
use super::texts::Texts;
use super::visit::{SignedIn, Visit};
use crate::clock;
use crate::domain::customers::record::Customer;
use crate::domain::decide::command::{Action, ChangeMethod, Holder, MethodChange, Precondition};
use crate::domain::kernel::problem::Rejection;
use crate::domain::methods::MethodDraft;
use crate::domain::methods::method::{Kind, Method, MethodStatus};
use crate::domain::requests::RequestKind;
use crate::domain::requests::draft::RequestDraft;
use crate::store::StoreError;
use crate::web::form::Form;
use crate::web::page::{Frame, html};
use crate::web::{PageError, PageResult};

/// The page below the portal's.
const PAGE: &str = "/methods";

/// A stored method as its customer sees it.
pub(super) struct MethodRow {
    pub(super) id: String,
    /// Its brand and its last digits.
    pub(super) name: String,
    /// Its last month.
    pub(super) ends: Option<String>,
    pub(super) status: &'static str,
    pub(super) is_default: bool,
    /// Whether the customer may remove it as things are.
    pub(super) may_go: bool,
}

#[derive(Template)]
#[template(path = "methods.html")]
struct MethodsPage {
    frame: Frame,
    texts: &'static Texts,
    csrf: String,
    methods: Vec<MethodRow>,
    /// Whether somebody takes another method.
    takes: bool,
    /// Whether there is no room for another one.
    is_full: bool,
    done: Option<&'static str>,
    refused: Option<&'static str>,
}

/// The method that the customer pays by.
pub(super) fn first(texts: &'static Texts, customer: &Customer) -> Option<MethodRow> {
    customer.methods.iter().find(|method| method.is_default).map(|method| row(texts, method, true))
}

fn row(texts: &'static Texts, method: &Method, is_only: bool) -> MethodRow {
    let status = match method.status(clock::now()) {
        MethodStatus::Active | MethodStatus::Manual => texts.method_good,
        MethodStatus::InsufficientFunds => texts.method_insufficient,
        MethodStatus::Invalid => texts.method_invalid,
        MethodStatus::ExpiringSoon => texts.method_expiring,
        MethodStatus::Expired => texts.method_expired,
    };
    MethodRow {
        id: method.id.clone(),
        name: name(texts, method),
        ends: method.expiry.map(|expiry| format!("{:02}/{}", expiry.month, expiry.year)),
        status,
        is_default: method.is_default,
        may_go: !method.is_default || is_only,
    }
}

/// Such as `Visa •••• 0001`.
fn name(texts: &Texts, method: &Method) -> String {
    let of_kind = || match method.kind {
        Kind::Ach => texts.pay_ach.to_owned(),
        Kind::Wallet => texts.method_wallet.to_owned(),
        Kind::Card | Kind::Other => texts.payment_method.to_owned(),
    };
    let brand = method.brand.as_deref().map_or_else(of_kind, with_capital);
    let digits = method.last4.as_ref().map(|last4| format!("•••• {last4}"));
    [Some(brand), digits].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Providers write brands small.
fn with_capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// `GET /portal/{entry}/methods`.
pub(super) async fn show(visit: &Visit<'_>, signed_in: &SignedIn) -> PageResult {
    page(visit, signed_in, StatusCode::OK, None)
}

fn page(
    visit: &Visit<'_>,
    signed_in: &SignedIn,
    status: StatusCode,
    refused: Option<&'static str>,
) -> PageResult {
    let texts = visit.texts();
    let stored = &signed_in.found.record.stored.customer.methods;
    let is_only = stored.len() == 1;
    let mut sorted: Vec<&Method> = stored.iter().collect();
    sorted.sort_by_key(|method| !method.is_default);
    let done = match visit.request.query_string() {
        "done=removed" => Some(texts.done_method_removed),
        "done=first" => Some(texts.done_method_first),
        _ => None,
    };
    let page = MethodsPage {
        frame: visit.frame(Some(signed_in)).wrong(refused.is_some()),
        texts,
        csrf: signed_in.csrf.clone(),
        methods: sorted.into_iter().map(|method| row(texts, method, is_only)).collect(),
        takes: visit.takes_methods(),
        is_full: stored.len() >= usize::from(visit.entrypoint.max_methods.0),
        done,
        refused,
    };
    html(status, &page)
}

/// The customer's method that the path names. A foreign one and an unknown one are alike.
fn named<'a>(visit: &Visit<'_>, signed_in: &'a SignedIn) -> Result<&'a Method, PageError> {
    let id = visit.request.match_info().query("methodId");
    let own = &signed_in.found.record.stored.customer.methods;
    own.iter().find(|method| method.id == id).ok_or(PageError::NotFound)
}

/// `POST /portal/{entry}/methods/add`: to the page where the customer leaves another method.
pub(super) async fn add(visit: &Visit<'_>, signed_in: &SignedIn, _: &Form) -> PageResult {
    let stored = &signed_in.found.record.stored.customer.methods;
    if stored.len() >= usize::from(visit.entrypoint.max_methods.0) {
        return Ok(visit.go_to(PAGE));
    }
    ask(visit, signed_in, None).await
}

/// `POST /portal/{entry}/methods/{methodId}/replace`: to the page where the customer leaves another one in its place.
pub(super) async fn replace(visit: &Visit<'_>, signed_in: &SignedIn, _: &Form) -> PageResult {
    ask(visit, signed_in, Some(named(visit, signed_in)?)).await
}

async fn ask(visit: &Visit<'_>, signed_in: &SignedIn, replaced: Option<&Method>) -> PageResult {
    if !visit.takes_methods() {
        return Err(PageError::NotFound);
    }
    let texts = visit.texts();
    let mut draft = RequestDraft::own(RequestKind::Method, visit.address(PAGE), clock::now());
    draft.content.description =
        replaced.map(|method| format!("{} {}", texts.method_in_place, name(texts, method)));
    draft.content.replaces = replaced.map(|method| method.id.clone());
    own::ask(visit, signed_in, draft, PAGE).await
}

/// `POST /portal/{entry}/methods/{methodId}/remove`.
pub(super) async fn remove(visit: &Visit<'_>, signed_in: &SignedIn, _: &Form) -> PageResult {
    let id = named(visit, signed_in)?.id.clone();
    let change = MethodChange::Delete { id };
    changed(visit, signed_in, change, "/methods?done=removed").await
}

/// `POST /portal/{entry}/methods/{methodId}/first`: makes it the default.
pub(super) async fn use_first(visit: &Visit<'_>, signed_in: &SignedIn, _: &Form) -> PageResult {
    let id = named(visit, signed_in)?.id.clone();
    let draft = MethodDraft { is_default: Some(true), ..MethodDraft::default() };
    changed(visit, signed_in, MethodChange::Update { id, draft }, "/methods?done=first").await
}

async fn changed(
    visit: &Visit<'_>,
    signed_in: &SignedIn,
    change: MethodChange,
    done: &'static str,
) -> PageResult {
    let owner = Holder::Customer(signed_in.found.record.stored.id);
    let change = ChangeMethod { owner, change, precondition: Precondition::None };
    match visit.act(Action::Method(Box::new(change))).await {
        Ok(_) => Ok(visit.go_to(done)),
        Err(StoreError::Rejected(Rejection::State(_))) => {
            page(visit, signed_in, StatusCode::CONFLICT, Some(visit.texts().method_keep_first))
        }
        Err(error) => Err(error.into()),
    }
}
