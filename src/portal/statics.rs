//! The style sheet and the mark of an entrypoint: its colour comes in by an address of its own, so that no page needs a
//! style inside.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::page::{Visit, guarded};
use super::theme::{Color, initial};
use super::{PageError, Portal, answer};

const STYLE: &str = include_str!("templates/style.css");
/// Nothing in them is of a person; a changed colour shows within minutes.
const CACHED: &str = "public, max-age=300";

#[derive(Template)]
#[template(path = "icon.svg", escape = "html")]
struct Icon {
    color: String,
    ink: String,
    initial: String,
}

fn file(media: &str, text: String) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, media));
    response.insert_header((CACHE_CONTROL, CACHED));
    guarded(response.body(text))
}

/// `GET /portal/{entry}/style.css`.
pub(super) async fn style(request: HttpRequest, portal: Data<Portal>) -> HttpResponse {
    answer(&portal, &request, async |visit: &Visit<'_>| {
        let brand = Color::of(visit.entrypoint.color());
        let (on_brand, text) = (brand.text_on().css(), brand.as_text().css());
        let colors = format!(
            ":root {{ --brand: {}; --on-brand: {on_brand}; --brand-text: {text}; --brand-edge: {text}; }}\n\n",
            brand.css()
        );
        Ok(file("text/css; charset=utf-8", colors + STYLE))
    })
    .await
}

/// `GET /portal/{entry}/icon.svg`.
pub(super) async fn icon(request: HttpRequest, portal: Data<Portal>) -> HttpResponse {
    answer(&portal, &request, async |visit: &Visit<'_>| {
        let brand = Color::of(visit.entrypoint.color());
        let icon = Icon {
            color: brand.css(),
            ink: brand.text_on().css(),
            initial: initial(visit.entrypoint.store_name()),
        };
        let text = icon.render().map_err(|error| PageError::Defect(error.to_string()))?;
        Ok(file("image/svg+xml", text))
    })
    .await
}
