//! A page with one form about a customer: rows of fields, a button, and what to know before.

use actix_web::http::StatusCode;
use askama::Template;

use super::Customer;
use crate::console::fields::Fields;
use crate::console::frame::Frame;
use crate::console::page::{Shown, html};
use crate::console::visit::{SignedIn, Visit};

/// A row of a form.
#[derive(Debug, Clone, Default)]
pub(super) struct Row {
    /// `field`, `area`, `select`, `check`, `heading`, `open` and `close` of a pair, or `note`.
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) label: String,
    pub(super) hint: String,
    /// The type of the input.
    pub(super) input: &'static str,
    pub(super) autocomplete: &'static str,
    /// `required`, or nothing.
    pub(super) more: &'static str,
    pub(super) options: Vec<(String, String)>,
}

impl Row {
    fn of(kind: &'static str, name: &str, label: &str) -> Row {
        let (name, label) = (name.to_owned(), label.to_owned());
        Row { kind, name, label, input: "text", autocomplete: "off", ..Row::default() }
    }

    pub(super) fn field(name: &str, label: &str) -> Row {
        Row::of("field", name, label)
    }

    pub(super) fn area(name: &str, label: &str) -> Row {
        Row::of("area", name, label)
    }

    pub(super) fn check(name: &str, label: &str) -> Row {
        Row::of("check", name, label)
    }

    pub(super) fn select(name: &str, label: &str, options: Vec<(String, String)>) -> Row {
        Row { options, ..Row::of("select", name, label) }
    }

    pub(super) fn heading(label: &str) -> Row {
        Row::of("heading", "", label)
    }

    /// A text between the fields.
    pub(super) fn note(label: &str) -> Row {
        Row::of("note", "", label)
    }

    pub(super) fn hint(self, hint: &str) -> Row {
        Row { hint: hint.to_owned(), ..self }
    }

    pub(super) fn input(self, input: &'static str) -> Row {
        Row { input, ..self }
    }

    pub(super) fn must(self) -> Row {
        Row { more: "required", ..self }
    }
}

/// Rows beside each other where there is room.
pub(super) fn pair(rows: impl IntoIterator<Item = Row>) -> Vec<Row> {
    let mut all = vec![Row::of("open", "", "")];
    all.extend(rows);
    all.push(Row::of("close", "", ""));
    all
}

/// A button of a form.
#[derive(Debug, Clone, Default)]
pub(super) struct Button {
    pub(super) label: String,
    /// `bad` for what cannot be taken back.
    pub(super) kind: &'static str,
    /// What the script asks before.
    pub(super) sure: String,
}

/// What a page with a form shows.
#[derive(Debug, Default)]
pub(super) struct FormParts {
    pub(super) title: String,
    pub(super) lead: String,
    /// What was done, above the form; empty for nothing.
    pub(super) good: String,
    /// What to heed, above the form, line by line.
    pub(super) warnings: Vec<String>,
    pub(super) form: Fields,
    pub(super) rows: Vec<Row>,
    pub(super) hidden: Vec<(String, String)>,
    pub(super) button: Button,
    /// Another form below, with a button alone: its path after the customer's, and the button.
    pub(super) second: Option<(String, Button)>,
}

#[derive(Template)]
#[template(path = "console/customer/form.html")]
struct FormPage<'a> {
    frame: Frame,
    customer: &'a Customer,
    parts: FormParts,
}

/// The page of a form; 422 if the form is wrong.
pub(super) fn page(visit: &Visit, signed_in: &SignedIn, customer: &Customer, mut parts: FormParts) -> Shown {
    for problem in &mut parts.form.problems {
        let row = parts.rows.iter().find(|row| !row.name.is_empty() && row.name == problem.field);
        problem.label = row.map(|row| row.label.clone()).unwrap_or_default();
    }
    let status = if parts.form.is_wrong() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let frame = visit.frame(signed_in, "customers", format!("{} · {}", parts.title, customer.name))?;
    html(status, &FormPage { frame, customer, parts })
}
