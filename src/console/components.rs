//! Every component with its states on one page, for whoever builds pages.

use actix_web::http::StatusCode;
use actix_web::web::ServiceConfig;
use askama::Template;

use super::fields::Fields;
use super::frame::Frame;
use super::page::{Shown, html};
use super::visit::{SignedIn, Visit};
use super::{resource, shows_own};
use crate::web::qr::{Qr, qr};

/// Registers the page.
pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(resource("/components").route(shows_own(show)));
}

#[derive(Template)]
#[template(path = "console/components.html")]
struct ComponentsPage {
    frame: Frame,
    form: Fields,
    wrong: Fields,
    options: Vec<(String, &'static str)>,
    code: Option<Qr>,
    colors: [&'static str; 15],
}

/// `GET /console/components`. Its words are in English alone: it is for developers.
async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let form = Fields::of([("name", "Ada Roe".to_owned()), ("agreed", "true".to_owned())]);
    let mut wrong = Fields::of([("email", "ada.roe".to_owned())]);
    wrong.add("email", "Give an e-mail address, such as name@example.test.");
    wrong.add("", "A problem of no field.");
    let page = ComponentsPage {
        frame: visit.frame(signed_in, "components", "Components")?,
        form,
        wrong,
        options: vec![("one".to_owned(), "One"), ("two".to_owned(), "Two")],
        code: qr("https://pay.example/pay/shop/link"),
        colors: [
            "ground",
            "face",
            "raised",
            "ink",
            "soft",
            "line",
            "edge",
            "brand",
            "brand-soft",
            "link",
            "good",
            "good-soft",
            "warn",
            "bad",
            "bad-soft",
        ],
    };
    html(StatusCode::OK, &page)
}
