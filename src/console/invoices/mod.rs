//! Invoices: drafts, what is issued, payments of it, and credit notes.

mod credit;
mod form;
mod lines;
mod list;
mod page;
mod steps;
mod texts;

use actix_web::web::ServiceConfig;

use super::{place, shows_own, takes_own};

/// The pages about invoices.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(place("/invoices").route(shows_own(list::show)).route(takes_own(list::search)))
        .service(place("/invoices/export/{format}").route(shows_own(list::export)))
        .service(place("/invoices/new").route(shows_own(form::new)).route(takes_own(form::create)))
        .service(place("/invoices/{invoiceId}").route(shows_own(page::show)))
        .service(place("/invoices/{invoiceId}/pdf").route(shows_own(page::pdf)))
        .service(
            place("/invoices/{invoiceId}/edit").route(shows_own(form::edit)).route(takes_own(form::change)),
        )
        .service(
            place("/invoices/{invoiceId}/credit")
                .route(shows_own(credit::show))
                .route(takes_own(credit::make)),
        )
        .service(place("/invoices/{invoiceId}/issue").route(takes_own(steps::issue)))
        .service(place("/invoices/{invoiceId}/send").route(takes_own(steps::send)))
        .service(place("/invoices/{invoiceId}/pay").route(takes_own(steps::pay)))
        .service(place("/invoices/{invoiceId}/void").route(takes_own(steps::void)))
        .service(place("/invoices/{invoiceId}/delete").route(takes_own(steps::delete)))
        .service(place("/invoices/{invoiceId}/request").route(takes_own(steps::request)));
}
