//! The style sheet, the script and the icon of the console. They hold nothing personal.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::{ServiceConfig, get};
use actix_web::{HttpRequest, HttpResponse};

use super::page::ours;
use super::resource;

const STYLE: &str = include_str!("templates/console/style.css");
const SCRIPT: &str = include_str!("templates/console/script.js");
const ICON: &str = include_str!("templates/console/icon.svg");
/// A new version of the service has new addresses.
pub(super) const CACHED: &str = "public, max-age=3600";

pub(super) fn routes(config: &mut ServiceConfig) {
    let file = |media: &'static str, text: &'static str| {
        get().to(move |_: HttpRequest| async move {
            let mut response = HttpResponse::Ok();
            response.insert_header((CONTENT_TYPE, media)).insert_header((CACHE_CONTROL, CACHED));
            ours(response.body(text))
        })
    };
    config
        .service(resource("/style.css").route(file("text/css; charset=utf-8", STYLE)))
        .service(resource("/script.js").route(file("text/javascript; charset=utf-8", SCRIPT)))
        .service(resource("/icon.svg").route(file("image/svg+xml", ICON)));
}
