//! Payments: what moved money, from wherever it comes, and what can be done about one.

mod list;
mod page;
mod texts;

use actix_web::web::ServiceConfig;

use super::{place, shows_own, takes_own};

/// The pages about payments.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(place("/payments").route(shows_own(list::show)))
        .service(place("/payments/export/{format}").route(shows_own(list::export)))
        .service(place("/payments/{transId}").route(shows_own(page::show)).route(takes_own(page::find)))
        .service(place("/payments/{transId}/refund").route(takes_own(page::refund)))
        .service(place("/payments/{transId}/void").route(takes_own(page::void)))
        .service(place("/payments/{transId}/receipt").route(takes_own(page::receipt)))
        .service(place("/payments/{transId}/link").route(takes_own(page::link)));
}
