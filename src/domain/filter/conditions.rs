//! The filters of short lists, such as those of subscriptions, in the wire forms of contract 6.3: plain, bracketed under
//! `parameters`, or as its JSON.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use crate::domain::kernel::members::{Given, Members};
use crate::domain::kernel::problem::{Problem, ValueError};
use crate::domain::kernel::text;
use crate::domain::kernel::time::{Micros, SECOND_US};

/// The parameter in which SDKs send filters.
const PARAMETERS: &str = "parameters";
/// The most filters of one request.
const FILTERS_MAX: usize = 100;
const DAY_US: i64 = 24 * 3_600 * SECOND_US;

/// A field with the operators that it takes.
pub type FieldOperators = (&'static str, &'static [&'static str]);

/// A condition that a request sends.
#[derive(Debug, Clone, Copy)]
pub struct Condition<'a> {
    /// The field, as the list spells it.
    pub field: &'static str,
    /// The operator, in lower case.
    pub op: &'static str,
    /// The value.
    pub value: &'a str,
}

impl<'a> Condition<'a> {
    /// The values of `in` and `nin`, which `|` parts, or the one value.
    pub fn items(self) -> impl Iterator<Item = &'a str> {
        let is_list = matches!(self.op, "in" | "nin");
        let (list, one) =
            if is_list { (Some(self.value.split('|')), None) } else { (None, Some(self.value)) };
        list.into_iter().flatten().chain(one)
    }

    /// The values as positive integers.
    ///
    /// # Errors
    /// One of them is none.
    pub fn ids(self) -> Result<BTreeSet<i64>, ValueError> {
        let id = |item: &str| item.trim().parse::<i64>().ok().filter(|id| *id > 0);
        self.items()
            .map(|item| id(item).ok_or_else(|| ("invalid_value", "must be a positive integer".to_owned())))
            .collect()
    }
}

/// Hands each condition among the decoded parameters of a query to `take`. `others` are parameters that are no filters.
///
/// # Errors
/// All problems at once.
pub fn each(
    pairs: &[(String, String)],
    others: &[&str],
    fields: &[FieldOperators],
    mut take: impl FnMut(Condition<'_>) -> Result<(), ValueError>,
) -> Result<(), Vec<Problem>> {
    let mut problems = Vec::new();
    let mut read = 0_usize;
    let mut one = |key: &str, value: &str| {
        let (field, op) = split(key, fields)?;
        take(Condition { field, op, value })
    };
    for (name, value) in pairs {
        if others.contains(&name.as_str()) {
            continue;
        }
        let bracketed =
            name.strip_prefix(PARAMETERS).and_then(|rest| rest.strip_prefix('[')?.strip_suffix(']'));
        if name == PARAMETERS {
            match json(value) {
                Ok(all) => {
                    read += all.len();
                    for (key, value) in all {
                        let given = format!("{PARAMETERS}[{}]", shown(&key));
                        problems.extend(one(&key, &value).err().map(|why| problem(given, why)));
                    }
                }
                Err(why) => problems.push(problem(PARAMETERS.into(), why)),
            }
            continue;
        }
        read += 1;
        let given = bracketed.map_or_else(|| shown(name), |key| format!("{PARAMETERS}[{}]", shown(key)));
        problems.extend(one(bracketed.unwrap_or(name), value).err().map(|why| problem(given, why)));
    }
    if read > FILTERS_MAX {
        let message = format!("are more than {FILTERS_MAX} filters");
        problems.push(Problem::parameter(PARAMETERS, "too_many", message));
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// The field and the operator of `field(op)`; `eq` where there is none.
fn split(key: &str, fields: &[FieldOperators]) -> Result<(&'static str, &'static str), ValueError> {
    let key = key.trim();
    let (name, op) = match key.split_once('(') {
        None => (key, ""),
        Some((name, rest)) => {
            let op = rest.strip_suffix(')').ok_or_else(|| {
                (
                    "invalid_filter",
                    "must be written field(operator)=value, such as status(eq)=open".to_owned(),
                )
            })?;
            (name.trim_end(), op.trim())
        }
    };
    let known = fields.iter().copied().find(|(field, _)| field.eq_ignore_ascii_case(name));
    let Some((field, ops)) = known else {
        let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
        let message = format!("is no field to filter by; these are: {}", names.join(", "));
        return Err(("unknown_filter", message));
    };
    let op = if op.is_empty() { "eq" } else { op };
    let known = ops.iter().copied().find(|known| known.eq_ignore_ascii_case(op));
    known
        .map(|op| (field, op))
        .ok_or_else(|| ("invalid_operator", format!("{field} takes {}", ops.join(", "))))
}

/// Values between two ends, as conditions with `eq`, `gt`, `ge`, `lt` and `le` narrow them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// The first one.
    pub from: Option<i64>,
    /// The first one after the last.
    pub before: Option<i64>,
}

impl Span {
    /// Narrows it to those that an operator leaves. The condition's value is all from `first` to before `end`.
    pub fn narrow(&mut self, op: &str, (first, end): (i64, i64)) {
        let (from, before) = match op {
            "ge" => (Some(first), None),
            "gt" => (Some(end), None),
            "le" => (None, Some(end)),
            "lt" => (None, Some(first)),
            _ => (Some(first), Some(end)),
        };
        self.from = self.from.max(from);
        self.before = [self.before, before].into_iter().flatten().min();
    }
}

/// Leaves those that are in both.
pub fn narrow<T: Ord>(old: &mut Option<BTreeSet<T>>, among: BTreeSet<T>) {
    let both = match old.take() {
        Some(old) => old.into_iter().filter(|item| among.contains(item)).collect(),
        None => among,
    };
    *old = Some(both);
}

/// The first moment of a day or time, and the first one after it, in microseconds.
///
/// # Errors
/// The text is neither.
pub fn moments(text: &str) -> Result<(i64, i64), ValueError> {
    let text = text.trim();
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| text.len() == 10);
    if let Some(midnight) = day.and_then(|day| day.and_hms_opt(0, 0, 0)) {
        let first = Micros(midnight.and_utc().timestamp_micros()).0;
        return Ok((first, first.saturating_add(DAY_US)));
    }
    let moment = chrono::DateTime::parse_from_rfc3339(text).map_err(|_| {
        (
            "invalid_value",
            "must be a day such as 2026-03-01, or a time such as 2026-03-01T10:00:00Z".to_owned(),
        )
    })?;
    let first = moment.timestamp_micros();
    Ok((first, first.saturating_add(1)))
}

fn problem(given: String, (code, message): ValueError) -> Problem {
    Problem::parameter(given, code, message)
}

/// The part of a parameter's name that errors repeat.
fn shown(name: &str) -> String {
    text::shown(name, "_- .()")
}

fn json(text: &str) -> Result<Vec<(String, String)>, ValueError> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let refused =
        || ("invalid_json", r#"must be a JSON object of filters, such as {"status(eq)":"open"}"#.to_owned());
    let members = serde_json::from_str::<Members<'_>>(text).map_err(|_| refused())?;
    members.check()?;
    let mut all = Vec::with_capacity(members.0.len());
    for (name, raw) in &members.0 {
        match Given::of(raw) {
            Given::Null => {}
            Given::Text(value) => all.push((name.to_string(), value.into_owned())),
            Given::Number(value) => all.push((name.to_string(), value.to_owned())),
            _ => return Err(refused()),
        }
    }
    Ok(all)
}
