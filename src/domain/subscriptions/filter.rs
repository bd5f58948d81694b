//! Which subscriptions a list is about, in the wire forms of filters (contract 6.3): plain, bracketed under `parameters`, or
//! as its JSON.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::SubscriptionStatus;
use crate::domain::kernel::members::{Given, Members};
use crate::domain::kernel::problem::{Problem, ValueError};
use crate::domain::kernel::text;
use crate::domain::kernel::time::{Micros, SECOND_US};

/// The parameter in which SDKs send filters.
const PARAMETERS: &str = "parameters";
/// The most filters of one request.
const FILTERS_MAX: usize = 100;
const DAY_US: i64 = 24 * 3_600 * SECOND_US;
/// The fields with the operators that they take.
const FIELDS: [(&str, &[&str]); 3] = [
    ("status", &["eq", "ne", "in", "nin"]),
    ("customerId", &["eq", "in"]),
    ("nextDate", &["eq", "gt", "ge", "lt", "le"]),
];
const STATUSES: [SubscriptionStatus; 4] = [
    SubscriptionStatus::Ended,
    SubscriptionStatus::Paused,
    SubscriptionStatus::Trial,
    SubscriptionStatus::Running,
];

/// Which subscriptions to list. All conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubscriptionFilter {
    /// Those with one of these states.
    pub statuses: Option<BTreeSet<SubscriptionStatus>>,
    /// Those of these customers.
    pub customers: Option<BTreeSet<i64>>,
    /// Those that are charged next at this time or later.
    pub next_from: Option<i64>,
    /// Those that are charged next before this time.
    pub next_before: Option<i64>,
}

impl SubscriptionFilter {
    /// Reads the filters among the decoded parameters of a query. `others` are parameters that are no filters.
    ///
    /// # Errors
    /// All problems at once.
    pub fn parse(pairs: &[(String, String)], others: &[&str]) -> Result<SubscriptionFilter, Vec<Problem>> {
        let mut filter = SubscriptionFilter::default();
        let mut problems = Vec::new();
        let mut read = 0_usize;
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
                            problems.extend(filter.one(&key, &value).err().map(|why| problem(given, why)));
                        }
                    }
                    Err(why) => problems.push(problem(PARAMETERS.into(), why)),
                }
                continue;
            }
            read += 1;
            let given = bracketed.map_or_else(|| shown(name), |key| format!("{PARAMETERS}[{}]", shown(key)));
            let done = filter.one(bracketed.unwrap_or(name), value);
            problems.extend(done.err().map(|why| problem(given, why)));
        }
        if read > FILTERS_MAX {
            let message = format!("are more than {FILTERS_MAX} filters");
            problems.push(Problem::parameter(PARAMETERS, "too_many", message));
        }
        if problems.is_empty() { Ok(filter) } else { Err(problems) }
    }

    /// `field(op)=value`.
    fn one(&mut self, key: &str, value: &str) -> Result<(), ValueError> {
        let key = key.trim();
        let (name, op) = match key.split_once('(') {
            None => (key, ""),
            Some((name, rest)) => {
                let op = rest.strip_suffix(')').ok_or_else(|| {
                    (
                        "invalid_filter",
                        "must be written field(operator)=value, such as status(eq)=running".into(),
                    )
                })?;
                (name.trim_end(), op.trim())
            }
        };
        let Some((field, ops)) = FIELDS.into_iter().find(|(field, _)| field.eq_ignore_ascii_case(name))
        else {
            let names: Vec<&str> = FIELDS.iter().map(|(name, _)| *name).collect();
            return Err((
                "unknown_filter",
                format!("is no field to filter by; these are: {}", names.join(", ")),
            ));
        };
        let op = if op.is_empty() { "eq" } else { op };
        let Some(op) = ops.iter().copied().find(|known| known.eq_ignore_ascii_case(op)) else {
            return Err(("invalid_operator", format!("{field} takes {}", ops.join(", "))));
        };
        let items = || if matches!(op, "in" | "nin") { value.split('|').collect() } else { vec![value] };
        match field {
            "status" => {
                let mut among = BTreeSet::new();
                for item in items() {
                    among.extend(statuses(item)?);
                }
                if matches!(op, "ne" | "nin") {
                    among = STATUSES.into_iter().filter(|status| !among.contains(status)).collect();
                }
                narrow(&mut self.statuses, among);
            }
            "customerId" => {
                let mut among = BTreeSet::new();
                for item in items() {
                    let id = item.trim().parse::<i64>().ok().filter(|id| *id > 0);
                    among.insert(
                        id.ok_or_else(|| ("invalid_value", "must be a positive integer".to_owned()))?,
                    );
                }
                narrow(&mut self.customers, among);
            }
            _ => {
                let (first, end) = span(value)?;
                if matches!(op, "eq" | "ge") {
                    self.from(first);
                }
                if op == "gt" {
                    self.from(end);
                }
                if matches!(op, "eq" | "le") {
                    self.before(end);
                }
                if op == "lt" {
                    self.before(first);
                }
            }
        }
        Ok(())
    }

    fn from(&mut self, time: i64) {
        self.next_from = Some(self.next_from.map_or(time, |other| other.max(time)));
    }

    fn before(&mut self, time: i64) {
        self.next_before = Some(self.next_before.map_or(time, |other| other.min(time)));
    }
}

fn problem(given: String, (code, message): ValueError) -> Problem {
    Problem::parameter(given, code, message)
}

/// The part of a parameter's name that errors repeat.
fn shown(name: &str) -> String {
    text::shown(name, "_- .()")
}

fn narrow<T: Ord>(old: &mut Option<BTreeSet<T>>, among: BTreeSet<T>) {
    let both = match old.take() {
        Some(old) => old.into_iter().filter(|item| among.contains(item)).collect(),
        None => among,
    };
    *old = Some(both);
}

/// A word, or one of Payabli's codes: 1 for what runs, 0 for the others.
fn statuses(text: &str) -> Result<Vec<SubscriptionStatus>, ValueError> {
    let text = text.trim();
    if let Ok(code @ 0..=1) = text.parse::<i32>() {
        return Ok(STATUSES.into_iter().filter(|status| status.code() == code).collect());
    }
    SubscriptionStatus::parse(text).map(|status| vec![status])
}

/// The first moment of a day or time, and the first one after it.
fn span(text: &str) -> Result<(i64, i64), ValueError> {
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

fn json(text: &str) -> Result<Vec<(String, String)>, ValueError> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let refused = || {
        ("invalid_json", r#"must be a JSON object of filters, such as {"status(eq)":"running"}"#.to_owned())
    };
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(pairs: &[(&str, &str)]) -> Result<SubscriptionFilter, Vec<Problem>> {
        let pairs: Vec<(String, String)> =
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        SubscriptionFilter::parse(&pairs, &["limitRecord"])
    }

    #[test]
    fn contract_6_3_all_three_forms_mean_the_same() {
        let plain =
            parse(&[("status(in)", "running|paused"), ("customerId", "7"), ("limitRecord", "5")]).unwrap();
        assert_eq!(plain.customers, Some(BTreeSet::from([7])));
        let bracketed =
            parse(&[("parameters[Status(IN)]", "paused|Running"), ("parameters[customerid]", "7")]);
        assert_eq!(bracketed.unwrap(), plain);
        let json = r#"{"status(in)":"running|paused","customerId(eq)":7,"nextDate":null}"#;
        assert_eq!(parse(&[("parameters", json)]).unwrap(), plain);
        assert_eq!(parse(&[("parameters", "")]).unwrap(), SubscriptionFilter::default());
    }

    #[test]
    fn rules_16_codes_words_and_days_narrow_a_list() {
        use SubscriptionStatus::{Ended, Paused, Running, Trial};
        let of = |name: &str, value: &str| parse(&[(name, value)]).unwrap().statuses.unwrap();
        assert_eq!(of("status", "1"), BTreeSet::from([Running, Trial]));
        assert_eq!(of("status", "0"), BTreeSet::from([Ended, Paused]));
        assert_eq!(of("status(ne)", "ended"), BTreeSet::from([Paused, Running, Trial]));
        assert_eq!(
            parse(&[("status", "1"), ("status(ne)", "trial")]).unwrap().statuses.unwrap(),
            BTreeSet::from([Running])
        );
        let day = 1_772_323_200_000_000; // 2026-03-01
        for (op, from, before) in [
            ("eq", Some(day), Some(day + DAY_US)),
            ("ge", Some(day), None),
            ("gt", Some(day + DAY_US), None),
            ("le", None, Some(day + DAY_US)),
            ("lt", None, Some(day)),
        ] {
            let filter = parse(&[(&format!("nextDate({op})"), "2026-03-01")]).unwrap();
            assert_eq!((filter.next_from, filter.next_before), (from, before), "{op}");
        }
        let moment = parse(&[("nextDate(gt)", "2026-03-01T00:00:00Z")]).unwrap();
        assert_eq!(moment.next_from, Some(day + 1));
    }

    #[test]
    fn rules_8_all_problems_are_told_at_once() {
        let found = parse(&[
            ("plan", "x"),
            ("status(ct)", "x"),
            ("status", "on"),
            ("customerId", "x"),
            ("nextDate", "soon"),
            ("status(eq", "1"),
            ("parameters", "[1]"),
        ]);
        let codes: Vec<&str> = found.unwrap_err().iter().map(|problem| problem.code).collect();
        let wanted = [
            "unknown_filter",
            "invalid_operator",
            "invalid_value",
            "invalid_value",
            "invalid_value",
            "invalid_filter",
            "invalid_json",
        ];
        assert_eq!(codes, wanted);
    }
}
