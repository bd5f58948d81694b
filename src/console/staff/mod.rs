//! Members of staff: the list with what each role may do, invitations, and changes.

mod edit;
mod list;
mod texts;

use actix_web::web::ServiceConfig;

use super::{resource, shows_own, takes_own};

/// Registers the pages.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/staff").route(shows_own(list::show)))
        .service(resource("/staff/second-factor").route(takes_own(list::require_second_factor)))
        .service(resource("/staff/new").route(shows_own(edit::show_new)).route(takes_own(edit::invite)))
        .service(resource("/staff/{memberId}").route(shows_own(edit::show)).route(takes_own(edit::save)))
        .service(resource("/staff/{memberId}/link").route(takes_own(edit::link)))
        .service(resource("/staff/{memberId}/state").route(takes_own(edit::set_state)))
        .service(resource("/staff/{memberId}/remove").route(takes_own(edit::remove)));
}
