//! Everything about one customer: its page with a card for each thing that hangs on it, its timeline, and a form for each thing
//! that may be done.

mod addresses;
mod cards;
mod changes;
mod charge;
mod comments;
mod coupons;
mod edit;
mod form;
mod life;
mod links;
mod methods;
mod orders;
mod payments;
mod requests;
mod shared;
mod show;
mod texts;
mod timeline;
mod wording;
mod words;

use actix_web::web::ServiceConfig;
use actix_web::{HttpResponse, Resource};
use serde_json::Value;

use super::ask::{member, shown, text};
use super::fields::Fields;
use super::page::{Refused, Shown};
use super::visit::{SignedIn, Store, Visit};
use super::{place, shows_own, takes_own};
use crate::domain::entrypoints::theme::Language;
use crate::web::form::Form;

/// The name of a field of a customer, for people.
pub(super) fn field_in_words(language: Language, name: &str) -> String {
    wording::field(language, name)
}

/// Registers the pages.
pub(super) fn routes(config: &mut ServiceConfig) {
    let page = |tail: &str| -> Resource { place(&format!("/customers/{{customerId:[0-9]+}}{tail}")) };
    config
        .service(page("").route(shows_own(show::show)))
        .service(page("/history").route(shows_own(timeline::show)))
        .service(page("/edit").route(shows_own(edit::show)).route(takes_own(edit::save)))
        .service(
            page("/addresses/new").route(shows_own(addresses::show_new)).route(takes_own(addresses::add)),
        )
        .service(
            page("/addresses/{addressId:[0-9]+}")
                .route(shows_own(addresses::show))
                .route(takes_own(addresses::save)),
        )
        .service(page("/addresses/{addressId:[0-9]+}/delete").route(takes_own(addresses::delete)))
        .service(page("/addresses/{addressId:[0-9]+}/default").route(takes_own(addresses::make_default)))
        .service(page("/labels").route(takes_own(edit::label)))
        .service(page("/references").route(takes_own(edit::refer)))
        .service(page("/references/delete").route(takes_own(edit::forget_reference)))
        .service(page("/comments").route(shows_own(comments::list)).route(takes_own(comments::write)))
        .service(
            page("/comments/{commentId:[0-9]+}")
                .route(shows_own(comments::show))
                .route(takes_own(comments::save)),
        )
        .service(page("/comments/{commentId:[0-9]+}/pin").route(takes_own(comments::pin)))
        .service(page("/comments/{commentId:[0-9]+}/delete").route(takes_own(comments::delete)))
        .service(page("/do/{action}").route(takes_own(life::act)))
        .service(page("/delete").route(shows_own(life::show_delete)).route(takes_own(life::delete)))
        .service(page("/erase").route(shows_own(life::show_erase)).route(takes_own(life::erase)));
    money_routes(config);
}

/// Registers the pages about payment methods and money.
fn money_routes(config: &mut ServiceConfig) {
    let page = |tail: &str| -> Resource { place(&format!("/customers/{{customerId:[0-9]+}}{tail}")) };
    config
        .service(page("/method-links").route(shows_own(links::list)))
        .service(page("/method-links/new").route(shows_own(links::show_new)).route(takes_own(links::make)))
        .service(page("/method-links/{linkId}/resend").route(takes_own(links::resend)))
        .service(page("/method-links/{linkId}/cancel").route(takes_own(links::cancel)))
        .service(page("/methods/{methodId}").route(shows_own(methods::show)).route(takes_own(methods::save)))
        .service(page("/methods/{methodId}/default").route(takes_own(methods::make_default)))
        .service(page("/methods/{methodId}/delete").route(takes_own(methods::delete)))
        .service(page("/request-payment").route(shows_own(requests::show)).route(takes_own(requests::make)))
        .service(page("/requests/{requestId}/resend").route(takes_own(requests::resend)))
        .service(page("/requests/{requestId}/cancel").route(takes_own(requests::cancel)))
        .service(page("/charge").route(shows_own(charge::show)).route(takes_own(charge::make)))
        .service(page("/charge/{transId}").route(shows_own(charge::result)))
        .service(page("/orders/new").route(shows_own(orders::show)).route(takes_own(orders::make)))
        .service(page("/coupons/new").route(shows_own(coupons::show_new)).route(takes_own(coupons::make)))
        .service(
            page("/coupons/assign").route(shows_own(coupons::show_assign)).route(takes_own(coupons::assign)),
        )
        .service(
            page("/coupons/redeem").route(shows_own(coupons::show_redeem)).route(takes_own(coupons::redeem)),
        )
        .service(page("/payments/new").route(shows_own(payments::show)).route(takes_own(payments::make)));
}

/// The customer that the address names.
pub(super) struct Customer {
    id: String,
    /// As the API answers it: with masks where the member's role has them.
    record: Value,
    /// What to send as `If-Match`.
    etag: String,
    store: Store,
    /// What people call it.
    name: String,
    /// The path of its page.
    home: String,
}

impl Customer {
    /// Reads the customer.
    ///
    /// # Errors
    /// [`Refused::NotFound`] if there is none, or if it is of another place.
    async fn read(visit: &Visit, signed_in: &SignedIn) -> Result<Customer, Refused> {
        let (record, etag) =
            visit.get(signed_in, &format!("/Customer/{}", visit.part("customerId"))).tagged().await?;
        Customer::of(visit, signed_in, record, etag)
    }

    fn of(visit: &Visit, signed_in: &SignedIn, record: Value, etag: String) -> Result<Customer, Refused> {
        let store = visit.store(signed_in)?.clone();
        if text(&record, "PaypointEntryname") != store.entry {
            return Err(Refused::NotFound);
        }
        let id = shown(&record, "customerId");
        let home = format!("{}/at/{}/customers/{id}", visit.root, store.entry);
        Ok(Customer { name: name(&record), id, record, etag, store, home })
    }

    /// The path of its part of the API.
    fn api(&self, tail: &str) -> String {
        format!("/Customer/{}{tail}", self.id)
    }

    fn is_deleted(&self) -> bool {
        shown(&self.record, "customerStatus") == "-99"
    }

    /// Whether its personal values are gone for good.
    fn is_erased(&self) -> bool {
        text(&self.record, "Lifecycle") == "Anonymised"
    }

    fn is_archived(&self) -> bool {
        text(&self.record, "Lifecycle") == "Archived"
    }

    /// Back to its page, with a word that says what was done.
    fn done(&self, visit: &Visit, word: &str) -> HttpResponse {
        visit.go(&format!("{}?done={word}", self.home))
    }
}

/// How many records there are in all, by the summary of a list.
fn total(page: &Value) -> u64 {
    member(member(page, "Summary"), "totalRecords").as_u64().unwrap_or_default()
}

/// What people call a customer; its number where it has no name.
fn name(record: &Value) -> String {
    let whole = format!("{} {}", text(record, "Firstname"), text(record, "Lastname"));
    let names =
        [whole.trim(), text(record, "Fullname"), text(record, "Company"), text(record, "customerNumber")];
    let found = names.into_iter().find(|name| !name.is_empty()).map(str::to_owned);
    found.unwrap_or_else(|| format!("#{}", shown(record, "customerId")))
}

/// The members of a body that a form fills in; those that are empty are left out.
fn filled(form: &Form, names: &[&str]) -> serde_json::Map<String, Value> {
    let given =
        names.iter().map(|name| (*name, form.get(name).trim())).filter(|(_, value)| !value.is_empty());
    given.map(|(name, value)| (name.to_owned(), Value::from(value))).collect()
}

/// A whole number as JSON; other text stays as it is, and the API says what is wrong with it.
fn whole(text: &str) -> Value {
    text.trim().parse::<i64>().map_or_else(|_| Value::from(text.trim()), Value::from)
}

/// An amount or a rate as people type it: with a comma for the point, and blanks between the thousands.
fn decimal(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if text.contains('.') { text.replace(',', "") } else { text.replace(',', ".") }
}

/// The form with what the API refused.
fn refused(fields: Fields, no: &super::ask::No, language: Language) -> Fields {
    let mut fields = fields.refused(no).in_language(language);
    let known: Vec<bool> = fields.problems.iter().map(|problem| fields.has(&problem.field)).collect();
    for (problem, is_known) in fields.problems.iter_mut().zip(known) {
        if !is_known {
            // What is of no field here stands above the form, with the name that the API gives it.
            let field = std::mem::take(&mut problem.field);
            if !field.is_empty() && field != "customerId" {
                problem.message = format!("{field}: {}", problem.message);
            }
        }
        let code = if no.status == 412 { "precondition_failed" } else { problem.code.as_str() };
        if let Some(words) = wording::problem(language, code) {
            words.clone_into(&mut problem.message);
        }
    }
    fields
}

/// Sends an action of a button, and goes back to the customer's page. What the API refuses stands on a page of its own.
async fn pressed(visit: &Visit, customer: &Customer, ask: super::ask::Ask<'_>, word: &str) -> Shown {
    match ask.tried().await? {
        Ok(_) => Ok(customer.done(visit, word)),
        Err(no) => Err(Refused::Other(wording::why(visit.language, &no))),
    }
}
