//! What stands around every page: the bar, the menu, and what the page may offer.

use super::texts::Texts;
use crate::domain::accounts::token::Scope;

/// An entry of the menu.
#[derive(Debug, Clone)]
pub(super) struct MenuItem {
    pub(super) label: &'static str,
    pub(super) address: String,
    pub(super) is_here: bool,
}

/// A place to switch to.
#[derive(Debug, Clone)]
pub(super) struct PlaceItem {
    pub(super) name: String,
    pub(super) address: String,
    pub(super) is_here: bool,
    pub(super) is_test: bool,
}

/// The member in the bar.
#[derive(Debug, Clone)]
pub(super) struct Who {
    pub(super) name: String,
    pub(super) role: &'static str,
}

/// What stands around every page.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) texts: &'static Texts,
    /// The path of the console, `/console`.
    pub(super) root: String,
    /// The path of the place, such as `/console/at/shop`; empty outside a place.
    pub(super) base: String,
    /// The title of the page, for the window.
    pub(super) title: String,
    /// `light`, `dark` or `auto`.
    pub(super) mode: &'static str,
    pub(super) menu: Vec<MenuItem>,
    pub(super) places: Vec<PlaceItem>,
    /// The name of the place; empty outside one.
    pub(super) place: String,
    pub(super) is_test: bool,
    pub(super) who: Option<Who>,
    /// The token for the forms of the session, or of a visitor who is not signed in.
    pub(super) csrf: String,
    /// An idempotency key for the forms of this page.
    pub(super) key: String,
    /// What was done, to be said once.
    pub(super) toast: &'static str,
    /// The rights of the member.
    pub(super) scopes: Vec<Scope>,
    /// Whether one store is shown; else all that the member sees.
    pub(super) is_one: bool,
    /// The version of our files, in their addresses.
    pub(super) version: &'static str,
}

impl Frame {
    /// Whether the member has a right, by its name: `customers:write`.
    pub(super) fn may(&self, scope: &str) -> bool {
        self.scopes.iter().any(|own| own.name() == scope)
    }
}
