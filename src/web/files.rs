//! The style sheet and the icon of an entrypoint. The style sheet contains the colour, so that no page needs inline
//! styles.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use askama::Template;

use super::PageResult;
use super::page::guarded;
use super::theme::{Color, initial};

const STYLE: &str = include_str!("templates/style.css");
/// The files hold no personal data; a new colour shows within minutes.
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

/// The style sheet with a colour.
pub(crate) fn style(color: &str) -> HttpResponse {
    let brand = Color::of(color);
    let (on_brand, text) = (brand.text_on().css(), brand.as_text().css());
    let colors = format!(
        ":root {{ --brand: {}; --on-brand: {on_brand}; --brand-text: {text}; --brand-edge: {text}; }}\n\n",
        brand.css()
    );
    file("text/css; charset=utf-8", colors + STYLE)
}

/// The icon: the first letter of a name on a colour.
///
/// # Errors
/// A template error, which never occurs.
pub(crate) fn icon(color: &str, name: &str) -> PageResult {
    let brand = Color::of(color);
    let icon = Icon { color: brand.css(), ink: brand.text_on().css(), initial: initial(name) };
    Ok(file("image/svg+xml", icon.render()?))
}
