//! Orders: what customers bought, and how its money is collected. A new one is taken on the page of its customer.

mod list;
mod page;
mod texts;

use actix_web::web::ServiceConfig;

use super::{place, shows_own, takes_own};

/// The pages about orders.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(place("/orders").route(shows_own(list::show)))
        .service(place("/orders/new").route(shows_own(list::new)).route(takes_own(list::find)))
        .service(place("/orders/{orderId}").route(shows_own(page::show)))
        .service(place("/orders/{orderId}/cancel").route(takes_own(page::cancel)))
        .service(place("/orders/{orderId}/resend").route(takes_own(page::resend)));
}
