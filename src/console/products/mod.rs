//! Products: the small catalogue from which lines of orders and invoices copy.

mod form;
mod list;
mod texts;

use actix_web::web::ServiceConfig;

use super::{place, shows_own, takes_own};

/// The pages about products.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(place("/products").route(shows_own(list::show)))
        .service(place("/products/new").route(shows_own(form::new)).route(takes_own(form::create)))
        .service(place("/products/{productId}").route(shows_own(form::edit)).route(takes_own(form::change)))
        .service(place("/products/{productId}/delete").route(takes_own(form::delete)));
}
