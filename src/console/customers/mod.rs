//! The list of customers with its views and what is done with many of them, and the page of a new customer.

mod bulk;
mod columns;
mod draft;
mod jobs;
mod list;
mod new;
mod query;
pub(super) mod shown;
mod texts;
mod views;

use actix_web::web::ServiceConfig;

use super::{place, shows_own, takes_own};

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(place("/customers").route(shows_own(list::show)).route(takes_own(list::search)))
        .service(place("/customers/views").route(takes_own(views::save)))
        .service(place("/customers/views/delete").route(takes_own(views::delete)))
        .service(place("/customers/bulk").route(takes_own(bulk::send)))
        .service(place("/customers/jobs/{kind}/{jobId}").route(shows_own(jobs::show)))
        .service(place("/customers/jobs/{kind}/{jobId}/events").route(shows_own(jobs::events)))
        .service(place("/customers/jobs/{kind}/{jobId}/cancel").route(takes_own(jobs::cancel)))
        .service(place("/customers/new").route(shows_own(new::show)).route(takes_own(new::send)))
        .service(place("/customers/new/match").route(takes_own(new::look_alike)));
}
