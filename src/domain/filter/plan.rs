//! How columns and blind terms narrow the candidates of a query before they are decrypted (rules 7 and 8).
//!
//! A plan admits every match, and perhaps others (`properties` tests it). The decrypted record decides, unless
//! [`Plan::columns_decide`].

use std::collections::BTreeSet;

use strum::VariantArray as _;

use super::column::{Column, ordinal};
use super::field::{FilterField, Op};
use super::search::Word;
use super::terms::{Group, NEEDLE_GRAMS_MAX, Term};
use super::value::{Span, Value};
use super::{Filter, Predicate, Search, plain};
use crate::domain::customers::fields::TextField;
use crate::domain::customers::record::{Lifecycle, Status, Stored};

/// The most terms of a plan; more terms do not make the index faster.
pub const TERMS_MAX: usize = 2 * NEEDLE_GRAMS_MAX;

/// The condition on a column of whole numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnNeed {
    /// The column; for [`Column::Status`] and [`Column::Lifecycle`] the plan has separate lists.
    pub column: Column,
    /// The smallest number, if there is one.
    pub min: Option<i64>,
    /// The greatest number, if there is one.
    pub max: Option<i64>,
    /// The only numbers that are possible, if they are known.
    pub among: Option<BTreeSet<i64>>,
    /// Spans that the number must not be in, for `ne` and `nin`; they hardly narrow.
    pub except: Vec<Span>,
}

impl ColumnNeed {
    fn new(column: Column) -> ColumnNeed {
        ColumnNeed { column, min: None, max: None, among: None, except: Vec::new() }
    }

    /// Whether a number meets the condition.
    pub fn admits(&self, number: i64) -> bool {
        self.min.is_none_or(|min| min <= number)
            && self.max.is_none_or(|max| number <= max)
            && self.among.as_ref().is_none_or(|among| among.contains(&number))
            && self.except.iter().all(|span| !span.holds(number))
    }

    fn at_least(&mut self, number: i64) {
        self.min = Some(self.min.map_or(number, |min| min.max(number)));
    }

    fn at_most(&mut self, number: i64) {
        self.max = Some(self.max.map_or(number, |max| max.min(number)));
    }

    fn only(&mut self, numbers: &BTreeSet<i64>) {
        self.among = Some(match self.among.take() {
            Some(known) => known.intersection(numbers).copied().collect(),
            None => numbers.clone(),
        });
    }

    /// Adds a condition; false if no number can meet all of them.
    fn add(&mut self, op: Op, value: &Value) -> bool {
        match (value, op) {
            (Value::Among(numbers), Op::Eq | Op::In) => self.only(numbers),
            (Value::Among(numbers), _) => self.except.extend(numbers.iter().copied().map(Span::of)),
            (Value::Span(span), Op::Gt) => match span.last.checked_add(1) {
                Some(min) => self.at_least(min),
                None => return false,
            },
            (Value::Span(span), Op::Ge) => self.at_least(span.first),
            (Value::Span(span), Op::Lt) => match span.first.checked_sub(1) {
                Some(max) => self.at_most(max),
                None => return false,
            },
            (Value::Span(span), Op::Le) => self.at_most(span.last),
            (Value::Span(span), Op::Ne) => {
                if span.first <= span.last {
                    self.except.push(*span);
                }
            }
            (Value::Span(span), _) => {
                self.at_least(span.first);
                self.at_most(span.last);
            }
            (
                Value::Text(_) | Value::Name(_) | Value::Email(_) | Value::Phone(_) | Value::Methods { .. },
                _,
            ) => {}
        }
        true
    }

    /// Keeps only the possible numbers that meet the other conditions; false if none remains.
    fn simplify(&mut self) -> bool {
        if let Some(among) = self.among.take() {
            self.among = Some(among.iter().copied().filter(|number| self.admits(*number)).collect());
        }
        let is_span = match (self.min, self.max) {
            (Some(min), Some(max)) => min <= max,
            _ => true,
        };
        is_span && self.among.as_ref().is_none_or(|among| !among.is_empty())
    }
}

/// How to ask the database for candidates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Nothing can match: the list is empty.
    pub never: bool,
    /// The statuses that may match. Every query needs them, since they exclude deleted customers.
    pub statuses: Vec<Status>,
    /// The stages that may match, if not all may.
    pub lifecycles: Option<Vec<Lifecycle>>,
    /// The conditions on other columns, each column at most once.
    pub columns: Vec<ColumnNeed>,
    /// The terms that every match has. If there are none, only columns narrow.
    pub terms: Vec<Term>,
    /// Whether columns (with [`Filter::admits_entrypoint`]) decide alone, so that counting needs no decryption.
    pub columns_decide: bool,
}

impl Plan {
    /// The plan of a filter and a search.
    pub fn of(filter: &Filter, search: &Search) -> Plan {
        let mut never = false;
        let mut columns: Vec<ColumnNeed> = Vec::new();
        let mut columns_decide = search.is_empty();
        let wants_deleted = filter.wants_deleted();
        let mut statuses = Status::VARIANTS.to_vec();
        statuses.retain(|status| wants_deleted || *status != Status::Deleted);
        let mut stages = Lifecycle::VARIANTS.to_vec();
        for Predicate { field, op, value, .. } in filter.predicates() {
            let column = match (field, value) {
                (FilterField::Status, Value::Among(codes)) => {
                    statuses.retain(|status| codes.contains(&i64::from(status.code())) != op.is_negative());
                    continue;
                }
                (FilterField::Lifecycle, Value::Among(places)) => {
                    stages.retain(|stage| places.contains(&ordinal(*stage)) != op.is_negative());
                    continue;
                }
                _ => field.column(),
            };
            let Some(column) = column else {
                columns_decide &= field.is_of_entrypoint();
                continue;
            };
            let place = columns.iter().position(|need| need.column == column).unwrap_or(columns.len());
            if place == columns.len() {
                columns.push(ColumnNeed::new(column));
            }
            never |= columns.get_mut(place).is_some_and(|need| !need.add(*op, value));
        }
        for need in &mut columns {
            never |= !need.simplify();
        }
        never |= statuses.is_empty() || stages.is_empty();
        let lifecycles = (stages.len() < Lifecycle::VARIANTS.len()).then_some(stages);
        // Deleted customers have left the term index.
        let terms = if wants_deleted { Vec::new() } else { terms(filter, search) };
        Plan { never, statuses, lifecycles, columns, terms, columns_decide }
    }

    /// Whether a customer's columns meet the plan. The database is asked the same in SQL.
    pub fn admits(&self, stored: &Stored) -> bool {
        let customer = &stored.customer;
        !self.never
            && self.statuses.contains(&customer.status)
            && self.lifecycles.as_ref().is_none_or(|stages| stages.contains(&customer.lifecycle))
            && self.columns.iter().all(|need| need.admits(need.column.number(stored)))
    }

    /// Whether every customer that the columns admit must be decrypted, because no term narrows and the columns do not
    /// decide.
    pub fn scans(&self) -> bool {
        !self.never && !self.columns_decide && self.terms.is_empty()
    }
}

/// The terms that every live match has. Whole values come first, since they narrow most.
fn terms(filter: &Filter, search: &Search) -> Vec<Term> {
    let mut exact = Vec::new();
    let mut grams: Vec<String> = Vec::new();
    for predicate in filter.predicates() {
        match (&predicate.value, predicate.op) {
            (Value::Text(needle) | Value::Name(needle), Op::Eq) => {
                let group = exact_group(&predicate.field);
                exact.extend(group.and_then(|group| Term::exact(group, needle)));
            }
            (Value::Text(needle), Op::Ct) if has_trigrams(&predicate.field) => {
                // Folding it again might produce another text than the one that is compared.
                grams.extend(plain::grams(&plain::bare(needle.as_str().into())));
            }
            (Value::Name(needle), Op::Ct) if has_trigrams(&predicate.field) => {
                grams.extend(plain::grams(needle));
            }
            (Value::Email(needle), Op::Eq) => {
                exact.extend(
                    exact_group(&predicate.field).and_then(|group| Term::exact(group, &needle.whole)),
                );
            }
            (Value::Email(needle), Op::Ct) => {
                grams.extend(plain::grams(&plain::plain(&needle.part)));
            }
            // The index has the trigrams of each form of a phone's digits as one run.
            (Value::Phone(needle), Op::Eq | Op::Ct) => grams.extend(needle.grams()),
            _ => {}
        }
    }
    grams.extend(search.words().iter().flat_map(Word::grams));
    let mut seen = BTreeSet::new();
    let grams: Vec<String> = grams.into_iter().filter(|gram| seen.insert(gram.clone())).collect();
    exact.sort_unstable();
    exact.dedup();
    exact.truncate(TERMS_MAX - NEEDLE_GRAMS_MAX);
    let grams = plain::spread(grams, NEEDLE_GRAMS_MAX);
    exact.extend(grams.into_iter().map(|text| Term { group: Group::Trigram, text }));
    exact
}

fn exact_group(field: &FilterField) -> Option<Group> {
    match field {
        FilterField::Text(field) => Some(Group::Text(*field)),
        FilterField::Additional(name) => Some(Group::Additional(name.to_ascii_lowercase())),
        FilterField::Reference(system) => Some(Group::Reference(system.clone())),
        FilterField::Label => Some(Group::Label),
        _ => None,
    }
}

const fn has_trigrams(field: &FilterField) -> bool {
    matches!(
        field,
        FilterField::Name
            | FilterField::Text(
                TextField::Firstname
                    | TextField::Lastname
                    | TextField::Fullname
                    | TextField::Company
                    | TextField::Email
                    | TextField::CustomerNumber
            )
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(pairs: &[(&str, &str)], search: &str) -> Plan {
        Plan::of(&Filter::parse(pairs).unwrap(), &Search::parse(search).unwrap())
    }

    fn texts(plan: &Plan) -> Vec<String> {
        plan.terms.iter().map(|term| format!("{}:{}", term.group.key().concat(), term.text)).collect()
    }

    #[test]
    fn terms_narrow_eq_ct_and_search() {
        for (pairs, search, wanted) in [
            (&[("email", "Ada@X.test")][..], "", &["=email:ada@x.test"][..]),
            (&[("customerNumber", "ACC-1")], "", &["=customerNumber:acc-1"]),
            (&[("additional-Tier", "GOLD  one")], "", &["=additional:tier:gold one"]),
            (&[("label", "VIP")], "", &["=label:vip"]),
            (&[("country", "Canada")], "", &["=country:ca"]),
            (&[("name(ct)", "Zoë")], "", &["~search:zoe"]),
            (&[("phone", "+1-23 4")], "", &["~search:123", "~search:234"]),
            (&[("phone(ct)", "1 23")], "", &["~search:123"]),
            (&[("phone(ct)", "004 123")], "", &["~search:412", "~search:123"]),
            (&[("email", "ada@Bücher.test")], "", &["=email:ada@xn--bcher-kva.test"]),
            (&[("email(ct)", "@Büch")], "", &["~search:@bu", "~search:buc", "~search:uch"]),
            (&[("lastname", "O’Neil")], "", &["=lastname:o'neil"]),
            (&[("company", "Æro  Ltd")], "", &["=company:aero ltd"]),
            (&[("lastname(ct)", "Œé’")], "", &["~search:oee", "~search:ee'"]),
            (
                &[],
                "O’Neil Æsa",
                &["~search:o'n", "~search:'ne", "~search:nei", "~search:eil", "~search:aes", "~search:esa"],
            ),
            (&[], "jose 0-117", &["~search:jos", "~search:ose", "~search:011", "~search:117"]),
            (&[("city", "Oakton")], "roe", &["=city:oakton", "~search:roe"]),
        ] {
            let plan = plan(pairs, search);
            assert_eq!(texts(&plan), wanted);
            assert!(!plan.columns_decide && !plan.scans());
        }
    }

    #[test]
    fn negations_short_words_and_unindexed_parts_scan() {
        for (name, value) in [
            ("email(ne)", "ada"),
            ("email(nct)", "ada"),
            ("email(ct)", "ad"),
            ("email", ""),
            ("city(ct)", "oakton"),
            ("additional-tier(ct)", "gold"),
            ("label(ct)", "newsletter"),
            ("phone(ct)", "12"),
            ("phone(ne)", "12345"),
        ] {
            let plan = plan(&[(name, value)], "");
            assert!(plan.terms.is_empty() && plan.scans(), "{name}");
        }
        assert!(plan(&[], "jo 12").scans());
    }

    #[test]
    fn columns_narrow_and_decide() {
        let all = plan(&[], "");
        assert!(all.columns_decide && !all.scans());
        assert_eq!(all.statuses, [Status::Inactive, Status::Active, Status::Locked]);
        let pairs = [
            ("createdDate(ge)", "2026-03-01"),
            ("createdDate(lt)", "2026-04-01"),
            ("balance(ne)", "0"),
            ("orgId", "12"),
        ];
        let some = plan(&pairs, "");
        assert!(some.columns_decide);
        let march = 1_772_323_200_000_000;
        assert_eq!(some.columns[0].min, Some(march));
        assert_eq!(some.columns[0].max, Some(march + 31 * 86_400_000_000 - 1));
        assert_eq!(some.columns[1].except, [Span::of(0)]);
        assert!(!plan(&[("createdDate(ge)", "2026-03-01")], "ada").columns_decide);
        assert!(!plan(&[("city(ne)", "x")], "").columns_decide);
        let staged = plan(&[("status(ne)", "1"), ("lifecycle(in)", "idle|churned")], "");
        assert_eq!(staged.statuses, [Status::Inactive, Status::Locked]);
        assert_eq!(staged.lifecycles, Some(vec![Lifecycle::Idle, Lifecycle::Churned]));
        let ids = plan(&[("customerId(in)", "3|5|9"), ("customerId(gt)", "3"), ("customerId(ne)", "9")], "");
        assert_eq!(ids.columns[0].among, Some(BTreeSet::from([5])));
    }

    #[test]
    fn contradictions_match_nothing() {
        for pairs in [
            [("status", "1"), ("status", "0")],
            [("balance(gt)", "1"), ("balance(lt)", "1")],
            [("customerId(in)", "1|2"), ("customerId(gt)", "2")],
            [("lifecycle", "idle"), ("lifecycle(ne)", "Idle")],
            [("customerId(gt)", "9223372036854775807"), ("customerId(ne)", "1")],
            [("createdDate", "2026-03-01T00:00:00.0000001"), ("status", "1")],
        ] {
            assert!(plan(&pairs, "").never, "{pairs:?}");
        }
    }

    #[test]
    fn deleted_customers_are_not_looked_for_by_terms() {
        let plan = plan(&[("status(in)", "1|-99"), ("email", "ada@x.test")], "ada");
        assert!(plan.terms.is_empty() && plan.scans());
        assert_eq!(plan.statuses, [Status::Deleted, Status::Active]);
    }

    #[test]
    fn a_plan_has_a_bounded_number_of_terms() {
        let pairs: Vec<(String, String)> =
            (0..50).map(|n| (format!("additional-a{n}"), format!("{n}"))).collect();
        let filter = Filter::parse(&pairs).unwrap();
        let search = Search::parse("abcdefghijklmnopqrstuvwxyz 0123456789").unwrap();
        assert_eq!(Plan::of(&filter, &search).terms.len(), TERMS_MAX);
    }
}
