//! Payment requests: links by which somebody pays, for one customer or for whoever has the link.

mod form;
mod list;
mod page;
mod texts;

use actix_web::web::ServiceConfig;

use super::{place, shows_own, takes_own};

/// The pages about payment requests.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(place("/requests").route(shows_own(list::show)))
        .service(place("/requests/new").route(shows_own(form::new)).route(takes_own(form::create)))
        .service(place("/requests/{requestId}").route(shows_own(page::show)))
        .service(place("/requests/{requestId}/cancel").route(takes_own(page::cancel)))
        .service(place("/requests/{requestId}/resend").route(takes_own(page::resend)));
}
