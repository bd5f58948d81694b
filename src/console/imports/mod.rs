//! Imports of a store: the list, the sheet that begins one, and the page of each with its progress and report.

mod job;
mod list;
mod look;
mod sheet;
mod texts;

use actix_web::web::ServiceConfig;

use super::page::Shown;
use super::visit::{SignedIn, Visit};
use super::{place, shows_own, takes_file, takes_own};

/// Registers the pages.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(place("/imports").route(shows_own(list::show)))
        .service(place("/imports/template.csv").route(shows_own(template)))
        .service(place("/imports/new").route(shows_own(sheet::show)).route(takes_file(sheet::send)))
        .service(place("/imports/look").route(takes_file(sheet::look)))
        .service(place("/imports/{jobId}").route(shows_own(job::show)))
        .service(place("/imports/{jobId}/events").route(job::events()))
        .service(place("/imports/{jobId}/rows").route(shows_own(job::rows)))
        .service(place("/imports/{jobId}/rejected.csv").route(shows_own(job::rejected)))
        .service(place("/imports/{jobId}/cancel").route(takes_own(job::cancel)))
        .service(place("/imports/{jobId}/commit").route(takes_own(job::commit)));
}

/// `GET …/imports/template.csv`.
async fn template(visit: &Visit, signed_in: &SignedIn) -> Shown {
    visit.store(signed_in)?;
    visit.get(signed_in, "/Import/template/customers.csv").file().await
}

/// The name of a system that files come from; empty if it is not known.
fn preset_name(word: &str) -> &'static str {
    match word {
        "customary" => "Customary",
        "doku" => "DOKU",
        "stripe" => "Stripe",
        "matrixify" => "Matrixify",
        "shopify" => "Shopify",
        "quickbooksdesktop" => "QuickBooks Desktop",
        "quickbooksonline" => "QuickBooks Online",
        "xero" => "Xero",
        "hubspot" => "HubSpot",
        "mailchimp" => "Mailchimp",
        "recurly" => "Recurly",
        "chargebee" => "Chargebee",
        "woocommerce" => "WooCommerce",
        "square" => "Square",
        _ => "",
    }
}
