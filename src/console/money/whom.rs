//! The page that finds the customer whom something new is for.

use actix_web::http::StatusCode;
use askama::Template;

use super::people::Choice;
use super::texts::{Texts as Words, texts as words};
use crate::console::frame::Frame;
use crate::console::page::{Shown, html};
use crate::console::visit::{SignedIn, Visit};

/// What is to be made, and where that is done.
pub(in crate::console) struct Whom {
    /// The entry of the menu.
    pub(in crate::console) here: &'static str,
    /// The title of the list before it.
    pub(in crate::console) list: &'static str,
    pub(in crate::console) title: &'static str,
    /// What comes before and after the customer's id in the address where it is made, after that of the place.
    pub(in crate::console) target: (&'static str, &'static str),
}

/// A customer to go on with.
struct Found {
    address: String,
    name: String,
    more: String,
}

#[derive(Template)]
#[template(path = "console/money/whom.html")]
struct WhomPage {
    frame: Frame,
    words: &'static Words,
    whom: Whom,
    search: String,
    found: Vec<Found>,
}

/// The page with what a search found.
///
/// # Errors
/// As pages.
pub(in crate::console) fn page(visit: &Visit, signed_in: &SignedIn, whom: Whom, choice: Choice) -> Shown {
    let frame = visit.frame(signed_in, whom.here, whom.title)?;
    let (before, after) = whom.target;
    let found = choice.found.into_iter().map(|one| Found {
        address: format!("{}{before}{}{after}", frame.base, one.id),
        name: one.name,
        more: one.more,
    });
    let found = found.collect();
    html(
        StatusCode::OK,
        &WhomPage { frame, words: words(visit.language), whom, search: choice.search, found },
    )
}
