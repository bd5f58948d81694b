//! Which customers a request about many means: those whose ids the body names, or those that the query's filters and
//! `search` let through.

use actix_web::web::Bytes;

use super::http::body::{self, Params};
use super::http::call::Call;
use super::http::error::Error;
use crate::domain::accounts::token::Scope;
use crate::domain::bulk::{IDS_MAX, Selection};
use crate::domain::customers::record::CUSTOMER_ID_MAX;
use crate::domain::filter::{Filter, RESERVED, Search};
use crate::domain::kernel::problem::Problem;
use crate::domain::kernel::text::hint;

/// The member of the body that names customers.
const IDS: &str = "customerIds";

/// What the query says of the customers.
pub(crate) struct Asked {
    selection: Selection,
    /// Whether the caller sees what transactions come to.
    sees_money: bool,
    problems: Vec<Problem>,
}

/// What the body says.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    ids: Option<Vec<i64>>,
    /// The other members that the route knows, by name: their JSON.
    pub(crate) others: Vec<(&'static str, String)>,
    problems: Vec<Problem>,
}

impl Asked {
    /// Reads the filters and the search. `known` are the parameters that the route has read itself.
    pub(crate) fn of(call: &Call, mut params: Params, known: &[&str]) -> Asked {
        let search = params.text("search").unwrap_or_default();
        let (pairs, mut problems) = params.rest();
        let filters: Vec<(String, String)> = pairs
            .into_iter()
            .filter(|(name, _)| name != "search" && !known.contains(&name.as_str()))
            .collect();
        for (name, _) in &filters {
            if RESERVED.contains(&name.as_str()) && name != "parameters" {
                let message = "is no parameter of this route";
                problems.push(Problem::parameter(name.clone(), "unknown_parameter", message));
            }
        }
        let masked = !call.caller.sees_pii();
        let sees_money = call.caller.claims().allows(Scope::MoneyRead);
        Asked { selection: Selection { ids: None, filters, search, masked }, sees_money, problems }
    }

    /// The customers that query and body mean, and all problems.
    pub(crate) fn selection(self, sent: Sent) -> (Selection, Vec<Problem>) {
        let Asked { mut selection, sees_money, mut problems } = self;
        problems.extend(sent.problems);
        selection.ids = sent.ids;
        let is_filtered = !selection.filters.is_empty() || !selection.search.trim().is_empty();
        if selection.ids.is_some() == is_filtered {
            let message = if is_filtered {
                "cannot stand beside filters; send one of the two"
            } else {
                "is missing; name customers, or send a filter such as ?lifecycle=Prospect"
            };
            problems.push(Problem::field(&[IDS], "required", message));
        }
        match Filter::parse(&selection.filters) {
            Ok(filter) => {
                if selection.masked {
                    problems.extend(filter.masked_fields());
                }
                let totals = filter.predicates().iter().filter(|it| it.field.standing().is_some());
                for predicate in totals.filter(|_| !sees_money) {
                    let name = predicate.field.name().into_owned();
                    let message = "is for tokens with the scope money:read";
                    problems.push(Problem::parameter(name, "masked_field", message));
                }
            }
            Err(found) => problems.extend(found),
        }
        if let Err(problem) = Search::parse(&selection.search) {
            problems.push(problem);
        }
        (selection, problems)
    }
}

/// Reads the members of a body, which may be empty. `what` is its name in messages, and `known` its other members.
///
/// # Errors
/// 400 if it is no JSON object.
pub(crate) fn read_members(bytes: &Bytes, what: &str, known: &[&'static str]) -> Result<Sent, Error> {
    let mut sent = Sent::default();
    if matches!(bytes.trim_ascii(), b"" | b"null") {
        return Ok(sent);
    }
    let mut seen: Vec<&str> = Vec::new();
    for (name, raw) in &body::members(bytes)?.0 {
        let mut refuse = |code, message: String| sent.problems.push(Problem::field(&[name], code, message));
        if seen.contains(&name.as_ref()) {
            refuse("duplicate_field", "stands in the body twice".into());
            continue;
        }
        seen.push(name);
        if name.as_ref() == IDS {
            match serde_json::from_str::<Option<Vec<i64>>>(raw.get()) {
                Ok(found) => sent.ids = found,
                Err(_) => refuse("wrong_type", "must be an array of customers' ids".into()),
            }
        } else if let Some(known) = known.iter().find(|known| **known == name.as_ref()) {
            sent.others.push((known, raw.get().to_owned()));
        } else {
            let hint = hint(name, known.iter().copied().chain([IDS]));
            refuse("unknown_field", format!("is no field of {what}{hint}"));
        }
    }
    let Some(ids) = &mut sent.ids else { return Ok(sent) };
    let mut problems = Vec::new();
    if ids.is_empty() || ids.len() > IDS_MAX {
        let message = format!("must name 1 to {IDS_MAX} customers");
        problems.push(Problem::field(&[IDS], "invalid_value", message));
    }
    ids.sort_unstable();
    ids.dedup();
    if ids.iter().any(|id| !(1..=CUSTOMER_ID_MAX).contains(id)) {
        problems.push(Problem::field(&[IDS], "invalid_value", "holds a number that is no customer's id"));
    }
    sent.problems.extend(problems);
    Ok(sent)
}
