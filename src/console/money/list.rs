//! Lists: the filters of their addresses, their pages, and their files.

use actix_web::HttpResponse;
use actix_web::body::to_bytes;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use serde_json::Value;

use crate::console::ask::{Ask, No, member, text};
use crate::console::fields::Fields;
use crate::console::page::{Refused, Shown, ours};
use crate::console::visit::Visit;
use crate::domain::entrypoints::theme::Language;
use crate::domain::numbers;

/// How many records a page has.
pub(in crate::console) const LIMIT: &str = "25";

/// The filters of a list, as its address has them: words, days, ids.
#[derive(Debug, Clone, Default)]
pub(in crate::console) struct Filters {
    pairs: Vec<(&'static str, String)>,
    /// The token of the page.
    pub(in crate::console) page: String,
}

impl Filters {
    /// What the address says.
    pub(in crate::console) fn asked(visit: &Visit, names: &[&'static str]) -> Filters {
        let pairs = names.iter().map(|name| (*name, visit.asked(name).trim().to_owned())).collect();
        Filters { pairs, page: visit.asked("page") }
    }

    /// The value of a filter; empty without one.
    pub(in crate::console) fn get(&self, name: &str) -> &str {
        self.pairs.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }

    /// Whether there is none.
    pub(in crate::console) fn is_empty(&self) -> bool {
        self.pairs.iter().all(|(name, value)| *name == "sort" || value.is_empty())
    }

    /// The same as a form.
    pub(in crate::console) fn fields(&self) -> Fields {
        Fields::of(self.pairs.iter().map(|(name, value)| (*name, value.clone())))
    }

    /// The address of the list with these filters, another value of one of them, and no page.
    pub(in crate::console) fn address(&self, base: &str, other: (&str, &str)) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let kept = self.pairs.iter().filter(|(name, value)| *name != other.0 && !value.is_empty());
        query.extend_pairs(kept);
        if !other.1.is_empty() {
            query.append_pair(other.0, other.1);
        }
        let query = query.finish();
        if query.is_empty() { base.to_owned() } else { format!("{base}?{query}") }
    }

    /// The head of a column that sorts.
    pub(in crate::console) fn sort(&self, base: &str, field: &str, is_default: bool) -> Sort {
        let now = self.get("sort");
        let (ascending, descending) = (format!("asc({field})"), format!("desc({field})"));
        let is_descending = now == descending || (now.is_empty() && is_default);
        let state = match now == ascending {
            true => "ascending",
            false if is_descending => "descending",
            false => "none",
        };
        let next = if is_descending { &ascending } else { &descending };
        Sort { address: self.address(base, ("sort", next)), state }
    }

    /// The pages of what the API answered.
    pub(in crate::console) fn pager(&self, language: Language, base: &str, answer: &Value) -> Pager {
        let summary = member(answer, "Summary");
        let total = member(summary, "totalRecords").as_i64().unwrap_or_default();
        let next = text(summary, "pageIdentifier");
        Pager {
            total,
            count: numbers::quantity(language, total.into()),
            first: if self.page.is_empty() { String::new() } else { self.address(base, ("", "")) },
            next: if next.is_empty() { String::new() } else { self.address(base, ("page", next)) },
        }
    }
}

/// The head of a column that sorts.
#[derive(Debug, Clone)]
pub(in crate::console) struct Sort {
    pub(in crate::console) address: String,
    /// `ascending`, `descending` or `none`.
    pub(in crate::console) state: &'static str,
}

/// Where a page stands in its list.
#[derive(Debug, Clone, Default)]
pub(in crate::console) struct Pager {
    pub(in crate::console) total: i64,
    /// The same for people.
    pub(in crate::console) count: String,
    /// The address of the first page; empty on it.
    pub(in crate::console) first: String,
    /// The address of the next page; empty on the last.
    pub(in crate::console) next: String,
}

/// The file that the API answers, as it comes.
///
/// # Errors
/// What the API refuses, as a page.
pub(in crate::console) async fn file(ask: Ask<'_>) -> Shown {
    let answer = ask.raw().await?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    if !status.is_success() {
        let bytes = to_bytes(answer.into_body()).await.unwrap_or_default();
        let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let message = text(&body, "message").to_owned();
        return Err(Refused::from(No { status: status.as_u16(), message, ..No::default() }));
    }
    let mut response = HttpResponse::build(status);
    for name in [CONTENT_TYPE, CONTENT_DISPOSITION] {
        if let Some(value) = headers.get(&name) {
            response.insert_header((name, value.clone()));
        }
    }
    Ok(ours(response.body(answer.into_body())))
}
