//! The style sheet and the mark of an entrypoint. The colour stands in the style sheet, so that no page needs a style
//! inside.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use askama::Template;

use super::PageError;
use super::page::guarded;
use super::theme::{Color, initial};

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

/// The style sheet in a colour.
pub(crate) fn style(color: &str) -> HttpResponse {
    let brand = Color::of(color);
    let (on_brand, text) = (brand.text_on().css(), brand.as_text().css());
    let colors = format!(
        ":root {{ --brand: {}; --on-brand: {on_brand}; --brand-text: {text}; --brand-edge: {text}; }}\n\n",
        brand.css()
    );
    file("text/css; charset=utf-8", colors + STYLE)
}

/// The mark: the first letter of a name on a colour.
///
/// # Errors
/// A template that fails, which none does.
pub(crate) fn icon(color: &str, name: &str) -> Result<HttpResponse, PageError> {
    let brand = Color::of(color);
    let icon = Icon { color: brand.css(), ink: brand.text_on().css(), initial: initial(name) };
    Ok(file("image/svg+xml", icon.render()?))
}
