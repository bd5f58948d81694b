//! Reads whose something is, from a body that may name the customer in one of four ways (rules 14 and 16).

pub use super::item::{WHOSE, Whose};

use super::item::{TEXT_CHARS_MAX, customer_id, id, reference, wrong_type};
use crate::domain::customers::draft::{Context, Draft};
use crate::domain::kernel::members::{Given, Members};
use crate::domain::kernel::problem::{Problem, ValueError};

/// Reads the members of a body that name the customer, and no others.
///
/// # Errors
/// All problems at once.
pub fn parse(members: &Members<'_>, context: Context<'_>) -> Result<Whose, Vec<Problem>> {
    let mut whose = Whose::Nobody;
    let mut named: Vec<&str> = Vec::new();
    let mut problems = Vec::new();
    for (name, raw) in &members.0 {
        let Some(known) = WHOSE.into_iter().find(|known| known == name) else { continue };
        // One that stands in the body twice is refused as such.
        if named.contains(&known) {
            continue;
        }
        match member(known, &Given::of(raw), context) {
            Ok(Whose::Nobody) => {}
            Ok(read) => {
                named.push(known);
                whose = read;
            }
            Err(found) => problems.extend(found),
        }
    }
    if named.len() > 1 {
        let message = format!("names the customer in more than one way: {}; send one", named.join(", "));
        problems.push(Problem::field(&[], "several_customers", message));
    }
    if problems.is_empty() { Ok(whose) } else { Err(problems) }
}

fn member(name: &str, given: &Given<'_>, context: Context<'_>) -> Result<Whose, Vec<Problem>> {
    let at = |(code, message): ValueError| vec![Problem::field(&[name], code, message)];
    let read = match name {
        "customerId" => customer_id(given).map(|id| id.map(Whose::Id)),
        "customerNumber" => id(given, TEXT_CHARS_MAX).map(|number| number.map(Whose::Number)),
        "reference" => reference(given).map(|reference| reference.map(Whose::Reference)),
        _ => match given {
            Given::Null => Ok(None),
            Given::Object(members) => {
                let draft = Draft::parse(members, context);
                let within = |problems: Vec<Problem>| {
                    problems.into_iter().map(|problem| problem.within("customer")).collect::<Vec<_>>()
                };
                return draft.map(|draft| Whose::Customer(Box::new(draft))).map_err(within);
            }
            other => Err(wrong_type("an object as a create takes it", other)),
        },
    };
    read.map(Option::unwrap_or_default).map_err(at)
}
