//! Customers by name in pages about money, and the choice of one.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::console::ask::{list, member, part, shown, text};
use crate::console::page::Refused;
use crate::console::visit::{SignedIn, Store, Visit};

/// How many customers a choice shows.
const FOUND_MAX: &str = "8";

/// A customer to choose.
#[derive(Debug, Clone)]
pub(in crate::console) struct Person {
    pub(in crate::console) id: i64,
    pub(in crate::console) name: String,
    /// What tells this one from others: an e-mail address, or a number.
    pub(in crate::console) more: String,
}

/// A search for a customer.
#[derive(Debug, Clone, Default)]
pub(in crate::console) struct Choice {
    /// What was typed.
    pub(in crate::console) search: String,
    pub(in crate::console) found: Vec<Person>,
}

/// The name of a customer in an answer: of the person, else of the company, else its number, else its id.
pub(in crate::console) fn name_of(value: &Value) -> String {
    let either = |one: &str, other: &str| {
        let first = text(value, one);
        if first.is_empty() { text(value, other).to_owned() } else { first.to_owned() }
    };
    let (first, last) = (either("Firstname", "FirstName"), either("Lastname", "LastName"));
    let whole = format!("{first} {last}");
    let number = text(value, "customerNumber");
    let id = member(value, "customerId").as_i64().map(|id| format!("#{id}")).unwrap_or_default();
    let number = if number.is_empty() { text(value, "CustomerNumber") } else { number };
    [whole.trim(), text(value, "Fullname"), &either("Company", "CompanyName"), number, &id]
        .into_iter()
        .find(|name| !name.is_empty())
        .unwrap_or_default()
        .to_owned()
}

fn person(value: &Value) -> Person {
    let email = text(value, "Email");
    let more = if email.is_empty() { text(value, "customerNumber") } else { email };
    Person {
        id: member(value, "customerId").as_i64().unwrap_or_default(),
        name: name_of(value),
        more: more.to_owned(),
    }
}

/// The customers of a store that match what was typed.
///
/// # Errors
/// As pages.
pub(in crate::console) async fn search(
    visit: &Visit,
    signed_in: &SignedIn,
    store: &Store,
    typed: &str,
) -> Result<Choice, Refused> {
    let typed = typed.trim();
    let mut choice = Choice { search: typed.to_owned(), found: Vec::new() };
    if typed.is_empty() {
        return Ok(choice);
    }
    let path = format!("/Query/customers/{}", part(&store.entry));
    let asked = visit.get(signed_in, &path).with("search", typed).with("limitRecord", FOUND_MAX);
    if let Ok(answer) = asked.tried().await? {
        choice.found = list(&answer, "Records").iter().map(person).collect();
    }
    Ok(choice)
}

/// A customer of a store, if the member sees it there.
///
/// # Errors
/// As pages; [`Refused::NotFound`] also for the customer of another store.
pub(in crate::console) async fn customer(
    visit: &Visit,
    signed_in: &SignedIn,
    store: &Store,
    id: &str,
) -> Result<Person, Refused> {
    if id.parse::<i64>().is_err() {
        return Err(Refused::NotFound);
    }
    let answer = visit.get(signed_in, &format!("/Customer/{id}")).sent().await?;
    if text(&answer, "PaypointEntryname") != store.entry {
        return Err(Refused::NotFound);
    }
    Ok(person(&answer))
}

/// The customer of a record by its id; without a name if the member does not see it, or if it is gone.
///
/// # Errors
/// As pages.
pub(in crate::console) async fn owner(
    visit: &Visit,
    signed_in: &SignedIn,
    store: &Store,
    id: &str,
) -> Result<Person, Refused> {
    match customer(visit, signed_in, store, id).await {
        Err(Refused::NotFound | Refused::Forbidden(_)) => {
            Ok(Person { id: id.parse().unwrap_or_default(), name: format!("#{id}"), more: String::new() })
        }
        found => found,
    }
}

/// The names of the customers that records of a list belong to, by id.
///
/// # Errors
/// As pages.
pub(in crate::console) async fn names(
    visit: &Visit,
    signed_in: &SignedIn,
    store: &Store,
    records: &[Value],
) -> Result<BTreeMap<String, String>, Refused> {
    let mut ids: Vec<String> = records.iter().map(|one| shown(one, "customerId")).collect();
    ids.retain(|id| !id.is_empty());
    ids.sort();
    ids.dedup();
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let path = format!("/Query/customers/{}", part(&store.entry));
    let limit = ids.len().to_string();
    let asked = visit.get(signed_in, &path).with("customerId(in)", ids.join("|")).with("limitRecord", limit);
    let Ok(answer) = asked.tried().await? else { return Ok(BTreeMap::new()) };
    let known = list(&answer, "Records").iter().map(|one| (shown(one, "customerId"), name_of(one)));
    Ok(known.collect())
}
