//! Coupons: what takes something off, and who used it.

mod form;
mod list;
mod page;
mod texts;

use actix_web::web::ServiceConfig;

use super::{place, shows_own, takes_own};

/// The pages about coupons.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(place("/coupons").route(shows_own(list::show)))
        .service(place("/coupons/new").route(shows_own(form::new)).route(takes_own(form::create)))
        .service(place("/coupons/{code}").route(shows_own(page::show)))
        .service(place("/coupons/{code}/edit").route(shows_own(form::edit)).route(takes_own(form::change)))
        .service(place("/coupons/{code}/delete").route(takes_own(page::delete)))
        .service(place("/coupons/{code}/release").route(takes_own(page::release)));
}

/// The part of an address that names a coupon. Codes compare without case, and in capitals none is `new`.
fn code_part(code: &str) -> String {
    super::ask::part(&code.to_uppercase())
}
