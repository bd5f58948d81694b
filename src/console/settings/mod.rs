//! Settings of a store, by subject: each is a tab with its form.

mod forms;
mod keys;
mod labels;
mod texts;
mod webhooks;

use actix_web::web::ServiceConfig;

use self::texts::{Texts, texts};
use super::visit::Visit;
use super::{place, shows_own, takes_own};

/// Registers the pages.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(place("/settings").route(shows_own(forms::show)).route(takes_own(forms::save)))
        .service(
            place("/settings/webhooks").route(shows_own(webhooks::show)).route(takes_own(webhooks::create)),
        )
        .service(place("/settings/webhooks/{secretId}/delete").route(takes_own(webhooks::delete)))
        .service(place("/settings/labels").route(shows_own(labels::show)).route(takes_own(labels::rename)))
        .service(place("/settings/keys").route(shows_own(keys::show)).route(takes_own(keys::rotate)))
        .service(place("/settings/look/preview").route(takes_own(forms::preview)))
        .service(place("/settings/{tab}").route(shows_own(forms::show)).route(takes_own(forms::save)));
}

/// A tab of the settings.
struct Tab {
    address: String,
    name: &'static str,
    is_here: bool,
}

/// The tabs, with the one that is shown.
fn tabs(visit: &Visit, base: &str, here: &str) -> Vec<Tab> {
    let texts = texts(visit.language);
    let tab = |(word, name): (&str, &'static str)| Tab {
        address: if word.is_empty() { format!("{base}/settings") } else { format!("{base}/settings/{word}") },
        name,
        is_here: word == here,
    };
    [
        ("", texts.tab_general),
        ("identifiers", texts.tab_identifiers),
        ("look", texts.tab_look),
        ("payments", texts.tab_payments),
        ("invoices", texts.tab_invoices),
        ("labels", texts.tab_labels),
        ("webhooks", texts.tab_webhooks),
        ("keys", texts.tab_keys),
        ("organisation", texts.tab_organisation),
    ]
    .map(tab)
    .into()
}
