//! Which transactions a list is about: Payabli's filters of `Query/transactions` in the grammar of those of customers
//! (contract 6.1, rules 8 and 14).
//!
//! [`Filter::holds`] defines what matches. [`Narrow`] says the same to the database, as far as columns in clear can.

use std::borrow::Cow;
use std::collections::BTreeSet;

use strum::{IntoStaticStr, VariantArray};

use super::id::TransId;
use super::status::{Operation, Status};
use super::{Details, Transaction};
use crate::domain::filter::{ADDITIONAL_PREFIX, Op, Pair, Span, after_prefix, compare, each_pair, moment};
use crate::domain::kernel::money::Money;
use crate::domain::kernel::problem::{PROBLEMS_MAX, Problem, ValueError};
use crate::domain::kernel::text::{fold, hint, typed};
use crate::domain::kernel::time::Micros;

/// The code of every refusal of a value.
const CODE: &str = "invalid_value";

/// What transactions can be filtered by. The words are those of Payabli, and some of our own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// One of the fields with a fixed name.
    Named(Name),
    /// An additional value by its name.
    Additional(String),
}

/// A field with a fixed name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "camelCase")]
#[expect(missing_docs, reason = "each is the field of its name")]
pub enum Name {
    TransId,
    TransactionDate,
    Status,
    Operation,
    Method,
    TotalAmount,
    NetAmount,
    FeeAmount,
    OrderId,
    Source,
    InvoiceNumber,
    PayaccountLastfour,
    CustomerId,
    CustomerNumber,
    ExternalId,
    RefundOf,
    Currency,
}

/// How a field's values are written and compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text after case folding.
    Text,
    /// A word, of which a filter may name several.
    Word,
    /// A whole number.
    Number,
    /// An exact decimal.
    Money,
    /// A moment or a UTC day.
    Moment,
    /// A word or code of [`Status`].
    Status,
    /// A word of [`Operation`].
    Operation,
}

impl Field {
    /// The field of a name, in any case.
    pub fn of_name(name: &str) -> Option<Field> {
        if let Some(key) = after_prefix(name) {
            return (!key.trim().is_empty()).then(|| Field::Additional(key.trim().to_owned()));
        }
        let known = |field: &&Name| <&str>::from(**field).eq_ignore_ascii_case(name);
        Name::VARIANTS.iter().find(known).copied().map(Field::Named)
    }

    /// Its name.
    pub fn name(&self) -> Cow<'static, str> {
        match self {
            Field::Named(name) => Cow::Borrowed((*name).into()),
            Field::Additional(key) => Cow::Owned(format!("{ADDITIONAL_PREFIX}{key}")),
        }
    }

    /// How its values compare.
    pub const fn kind(&self) -> Kind {
        match self {
            Field::Named(Name::TransactionDate) => Kind::Moment,
            Field::Named(Name::Status) => Kind::Status,
            Field::Named(Name::Operation) => Kind::Operation,
            Field::Named(Name::Method | Name::Source | Name::Currency) => Kind::Word,
            Field::Named(Name::TotalAmount | Name::NetAmount | Name::FeeAmount) => Kind::Money,
            Field::Named(Name::CustomerId) => Kind::Number,
            Field::Named(
                Name::TransId
                | Name::OrderId
                | Name::InvoiceNumber
                | Name::PayaccountLastfour
                | Name::CustomerNumber
                | Name::ExternalId
                | Name::RefundOf,
            )
            | Field::Additional(_) => Kind::Text,
        }
    }

    /// The operators it takes.
    pub const fn ops(&self) -> &'static [Op] {
        match self.kind() {
            // A list of customers looks for it, one at a time.
            Kind::Text if matches!(self, Field::Named(Name::CustomerNumber)) => {
                &[Op::Eq, Op::Ne, Op::Ct, Op::Nct]
            }
            Kind::Text | Kind::Word => &[Op::Eq, Op::Ne, Op::Ct, Op::Nct, Op::In, Op::Nin],
            Kind::Status | Kind::Operation => &[Op::In, Op::Nin, Op::Eq, Op::Ne],
            Kind::Money | Kind::Moment => &[Op::Gt, Op::Ge, Op::Lt, Op::Le, Op::Eq, Op::Ne],
            Kind::Number => &[Op::Eq, Op::Ne, Op::In, Op::Nin],
        }
    }

    /// Whether a token without `pii:read` sees a mask instead of its value, and so may not filter by it (rules 1).
    pub const fn is_masked(&self) -> bool {
        matches!(self, Field::Named(Name::PayaccountLastfour) | Field::Additional(_))
    }

    /// Whether its value is sealed.
    const fn is_sealed(&self) -> bool {
        matches!(
            self,
            Field::Named(
                Name::OrderId
                    | Name::InvoiceNumber
                    | Name::PayaccountLastfour
                    | Name::ExternalId
                    | Name::RefundOf
            ) | Field::Additional(_)
        )
    }
}

/// A filter's value, ready to be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A folded text.
    Text(String),
    /// A number or the span of a day, in the field's unit.
    Span(Span),
    /// Several numbers.
    Among(BTreeSet<i64>),
    /// Several folded words.
    Words(BTreeSet<String>),
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predicate {
    /// What is compared.
    pub field: Field,
    /// The operator; the field takes it.
    pub op: Op,
    /// The value that the field is compared with.
    pub value: Value,
    /// The value as sent.
    pub text: String,
    /// The parameter's name in errors.
    given: String,
}

/// Conditions that must all hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    predicates: Vec<Predicate>,
}

/// The columns of a transaction that are in clear.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "each is the field of its name")]
pub struct Light<'a> {
    pub entrypoint_id: i64,
    pub id: TransId,
    pub source: &'a str,
    pub customer_id: Option<i64>,
    pub operation: Operation,
    pub status: Status,
    pub amount: i64,
    pub fee: Option<i64>,
    pub net: Option<i64>,
    pub currency: &'a str,
    pub method: Option<&'a str>,
    pub occurred_at: Micros,
}

impl<'a> Light<'a> {
    /// Those of a transaction.
    pub fn of(entrypoint_id: i64, transaction: &'a Transaction) -> Light<'a> {
        Light {
            entrypoint_id,
            id: transaction.id,
            source: &transaction.source,
            customer_id: transaction.customer_id,
            operation: transaction.operation,
            status: transaction.status,
            amount: transaction.amount.units(),
            fee: transaction.fee.map(Money::units),
            net: transaction.net.map(Money::units),
            currency: transaction.currency.code(),
            method: transaction.method.as_deref(),
            occurred_at: transaction.occurred_at,
        }
    }

    /// The amount less what the provider keeps, in ten-thousandths.
    pub fn net_units(&self) -> i64 {
        self.net.unwrap_or(self.amount.saturating_sub(self.fee.unwrap_or(0)))
    }
}

impl Filter {
    /// Reads the filters among the parameters of a query, in all three forms of those of customers.
    ///
    /// # Errors
    /// All problems at once.
    pub fn parse<N: AsRef<str>, V: AsRef<str>>(pairs: &[(N, V)]) -> Result<Filter, Vec<Problem>> {
        let mut predicates = Vec::new();
        let mut problems = Vec::new();
        each_pair(pairs, &mut problems, |pair, problems| {
            let Pair { name, op, value, given } = pair;
            let mut refuse =
                |code, message: String| problems.push(Problem::parameter(given.clone(), code, message));
            let Some(field) = Field::of_name(name) else {
                let names = Name::VARIANTS.iter().map(|name| <&str>::from(*name));
                return refuse(
                    "unknown_filter",
                    format!("is no filter of transactions{}", hint(name, names)),
                );
            };
            let Some(op) = op.parse().ok().filter(|op| field.ops().contains(op)) else {
                let names: Vec<&str> = field.ops().iter().map(|op| op.name()).collect();
                return refuse("invalid_operator", format!("{} takes {}", field.name(), names.join(", ")));
            };
            match read(&field, op, value) {
                Ok(read) => {
                    predicates.push(Predicate { field, op, value: read, text: value.to_owned(), given });
                }
                Err((code, message)) => refuse(code, message),
            }
        });
        problems.truncate(PROBLEMS_MAX);
        if problems.is_empty() { Ok(Filter { predicates }) } else { Err(problems) }
    }

    /// The conditions, in the order of the request.
    pub fn predicates(&self) -> &[Predicate] {
        &self.predicates
    }

    /// A problem for each condition on a masked field. They refuse the request of a token without `pii:read` (rules 1).
    pub fn masked_fields(&self) -> Vec<Problem> {
        let masked = self.predicates.iter().filter(|predicate| predicate.field.is_masked());
        let problem = |predicate: &Predicate| {
            let name = predicate.field.name();
            let message =
                format!("{name} is masked for this token; a token with the scope pii:read may use it");
            Problem::parameter(predicate.given.clone(), "masked_field", message)
        };
        masked.map(problem).collect()
    }

    /// A problem for each condition on whose a transaction is. They refuse the request of a token without `customers:read`
    /// (rules 1).
    pub fn fields_of_customers(&self) -> Vec<Problem> {
        let of_customers =
            |field: &Field| matches!(field, Field::Named(Name::CustomerId | Name::CustomerNumber));
        let found = self.predicates.iter().filter(|predicate| of_customers(&predicate.field));
        let problem = |predicate: &Predicate| {
            let name = predicate.field.name();
            let message =
                format!("{name} tells who is a customer; a token with the scope customers:read may use it");
            Problem::parameter(predicate.given.clone(), "masked_field", message)
        };
        found.map(problem).collect()
    }

    /// A text that is equal for filters that mean the same. It holds the values, so it must leave the process only as a hash.
    pub fn canonical(&self) -> String {
        let item = |it: &Predicate| format!("{}({})={:?}", it.field.name(), it.op.name(), it.value);
        let mut items: Vec<String> = self.predicates.iter().map(item).collect();
        items.sort_unstable();
        items.dedup();
        items.iter().fold(String::new(), |canonical, item| format!("{canonical}{}:{item}", item.len()))
    }

    /// Whether a condition needs what is sealed.
    pub fn needs_texts(&self) -> bool {
        self.predicates.iter().any(|predicate| predicate.field.is_sealed())
    }

    /// Whether every condition holds, save those on `customerNumber`, for which the caller finds the customers. Without the
    /// opened transaction, conditions on what is sealed count as met.
    pub fn holds(&self, light: &Light<'_>, opened: Option<&Transaction>) -> bool {
        self.predicates.iter().all(|predicate| predicate.holds(light, opened))
    }

    /// What columns in clear can say of it.
    pub fn narrow(&self) -> Narrow {
        let mut narrow = Narrow::default();
        for predicate in &self.predicates {
            narrow.decides &= narrow.add(predicate);
        }
        narrow
    }
}

impl Predicate {
    fn holds(&self, light: &Light<'_>, opened: Option<&Transaction>) -> bool {
        let Field::Named(name) = &self.field else {
            let Field::Additional(key) = &self.field else { return true };
            let value = opened.map(|opened| additional(&opened.details, key));
            return value.is_none_or(|value| self.text_holds(value));
        };
        let sealed = |read: fn(&Transaction) -> Option<&str>| {
            opened.is_none_or(|opened| self.text_holds(read(opened).unwrap_or_default()))
        };
        match name {
            Name::TransId => self.text_holds(&light.id.show(light.entrypoint_id)),
            Name::TransactionDate => self.number_holds(light.occurred_at.0),
            Name::Status => self.number_holds(light.status.rank().into()),
            Name::Operation => self.number_holds(light.operation.number().into()),
            Name::Method => self.text_holds(light.method.unwrap_or_default()),
            Name::Source => self.text_holds(light.source),
            Name::Currency => self.text_holds(light.currency),
            Name::TotalAmount => self.number_holds(light.amount),
            Name::NetAmount => self.number_holds(light.net_units()),
            Name::FeeAmount => self.number_holds(light.fee.unwrap_or(0)),
            // Nobody has the number 0.
            Name::CustomerId => self.number_holds(light.customer_id.unwrap_or(0)),
            Name::CustomerNumber => true,
            Name::OrderId => sealed(|opened| opened.details.order_id.as_deref()),
            Name::InvoiceNumber => sealed(|opened| opened.details.invoice_number.as_deref()),
            Name::PayaccountLastfour => {
                let digits = |details: &Details| {
                    let shown = details.masked_account.as_deref().unwrap_or_default();
                    shown.chars().filter(char::is_ascii_digit).collect::<String>()
                };
                opened.is_none_or(|opened| self.text_holds(&digits(&opened.details)))
            }
            Name::ExternalId => sealed(|opened| Some(&opened.external_id)),
            Name::RefundOf => sealed(|opened| opened.refund_of.as_deref()),
        }
    }

    fn text_holds(&self, text: &str) -> bool {
        let text = fold(text);
        let found = match (&self.value, self.op) {
            (Value::Text(needle), Op::Ct | Op::Nct) => text.contains(needle.as_str()),
            (Value::Text(needle), _) => text == *needle,
            (Value::Words(words), _) => words.contains(&*text),
            (Value::Span(_) | Value::Among(_), _) => return false,
        };
        found != self.op.is_negative()
    }

    fn number_holds(&self, number: i64) -> bool {
        match &self.value {
            Value::Span(span) => compare(self.op, number, *span),
            Value::Among(numbers) => numbers.contains(&number) != self.op.is_negative(),
            Value::Text(_) | Value::Words(_) => false,
        }
    }
}

/// The additional value of exactly this name, else of the first that differs in case only.
fn additional<'a>(details: &'a Details, key: &str) -> &'a str {
    let any_case =
        || details.additional.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value);
    details.additional.get(key).or_else(any_case).map_or("", |value| value.as_str())
}

fn read(field: &Field, op: Op, text: &str) -> Result<Value, ValueError> {
    let text = &*typed(text);
    let is_list = matches!(op, Op::In | Op::Nin);
    let items = || if is_list { text.split('|').collect() } else { vec![text] };
    match field.kind() {
        Kind::Text | Kind::Word if matches!(op, Op::Ct | Op::Nct) => Ok(Value::Text(fold(text).into())),
        Kind::Text if !is_list => Ok(Value::Text(fold(text.trim()).into())),
        Kind::Text | Kind::Word => {
            Ok(Value::Words(items().into_iter().map(|word| fold(word.trim()).into()).collect()))
        }
        Kind::Number => {
            let number =
                |item: &str| item.trim().parse().map_err(|_| (CODE, "must be a whole number".to_owned()));
            items().into_iter().map(number).collect::<Result<_, _>>().map(Value::Among)
        }
        Kind::Status => {
            let number = |item: &str| Status::parse(item).map(|status| status.rank().into());
            items().into_iter().map(number).collect::<Result<_, _>>().map(Value::Among)
        }
        Kind::Operation => {
            let number = |item: &str| Operation::parse(item).map(|operation| operation.number().into());
            items().into_iter().map(number).collect::<Result<_, _>>().map(Value::Among)
        }
        Kind::Money => {
            let money = Money::parse(text.trim()).map_err(|error| (CODE, error.to_string()))?;
            Ok(Value::Span(Span::of(money.units())))
        }
        Kind::Moment => moment(text.trim()).map(Value::Span).ok_or_else(|| {
            let message = "must be a day such as 2026-03-01 (in UTC) or a time such as 2026-03-01T10:00:00 \
                           (UTC unless it ends in an offset)";
            (CODE, message.to_owned())
        }),
    }
}

/// What the columns in clear must have. Whatever it admits is checked again by [`Filter::holds`], unless it decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Narrow {
    /// The times, in microseconds.
    pub occurred: Span,
    /// The amounts, in ten-thousandths.
    pub amount: Span,
    /// The numbers of the states, if not all.
    pub statuses: Option<BTreeSet<i64>>,
    /// The numbers of the operations, if not all.
    pub operations: Option<BTreeSet<i64>>,
    /// The customers, if not all; 0 for nobody.
    pub customers: Option<BTreeSet<i64>>,
    /// The ids, if not all: those of [`TransId::show`].
    pub ids: Option<BTreeSet<String>>,
    /// Whether it says the same as the whole filter.
    pub decides: bool,
}

impl Default for Narrow {
    /// Everything.
    fn default() -> Narrow {
        let all = Span { first: i64::MIN, last: i64::MAX };
        Narrow {
            occurred: all,
            amount: all,
            statuses: None,
            operations: None,
            customers: None,
            ids: None,
            decides: true,
        }
    }
}

impl Narrow {
    /// Adds a condition; false if the columns cannot say it all.
    fn add(&mut self, predicate: &Predicate) -> bool {
        let Field::Named(name) = predicate.field else { return false };
        let op = predicate.op;
        match (name, &predicate.value) {
            (Name::TransactionDate, Value::Span(span)) => within(&mut self.occurred, op, *span),
            (Name::TotalAmount, Value::Span(span)) => within(&mut self.amount, op, *span),
            (Name::Status, Value::Among(numbers)) => {
                let all = (1..=i16::MAX).filter(|number| Status::from_repr(*number).is_some()).map(i64::from);
                among(&mut self.statuses, op, numbers, all)
            }
            (Name::Operation, Value::Among(numbers)) => {
                let all =
                    (0..=i16::MAX).filter(|number| Operation::from_repr(*number).is_some()).map(i64::from);
                among(&mut self.operations, op, numbers, all)
            }
            (Name::CustomerId, Value::Among(numbers)) if !op.is_negative() => {
                narrowed(&mut self.customers, numbers.clone());
                true
            }
            (Name::TransId, Value::Text(text)) if op == Op::Eq => {
                narrowed(&mut self.ids, BTreeSet::from([text.clone()]));
                true
            }
            (Name::TransId, Value::Words(words)) if op == Op::In => {
                narrowed(&mut self.ids, words.clone());
                true
            }
            _ => false,
        }
    }

    /// Keeps only the transactions of some customers; 0 for nobody.
    pub fn only_of(&mut self, customers: BTreeSet<i64>) {
        narrowed(&mut self.customers, customers);
    }
}

fn narrowed<T: Ord>(known: &mut Option<BTreeSet<T>>, mut new: BTreeSet<T>) {
    if let Some(known) = known.take() {
        new.retain(|item| known.contains(item));
    }
    *known = Some(new);
}

fn among(
    known: &mut Option<BTreeSet<i64>>,
    op: Op,
    numbers: &BTreeSet<i64>,
    all: impl Iterator<Item = i64>,
) -> bool {
    narrowed(known, all.filter(|number| numbers.contains(number) != op.is_negative()).collect());
    true
}

fn within(known: &mut Span, op: Op, span: Span) -> bool {
    let (first, last) = match op {
        Op::Gt => (span.last.saturating_add(1), i64::MAX),
        Op::Ge => (span.first, i64::MAX),
        Op::Lt => (i64::MIN, span.first.saturating_sub(1)),
        Op::Le => (i64::MIN, span.last),
        Op::Eq => (span.first, span.last),
        _ => return false,
    };
    *known = Span { first: known.first.max(first), last: known.last.min(last) };
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::transactions::currency::Currency;
    use crate::domain::transactions::item::Item;

    fn sale() -> Transaction {
        let mut item = Item::bare("stripe", "ch_1");
        item.amount = Money::parse("19.99").unwrap();
        item.optional.fee = Some(Money::parse("0.99").unwrap());
        item.optional.method = Some("card".into());
        item.optional.order_id = Some("O-7".into());
        item.optional.masked_account = Some("•••• 4242".into());
        item.optional.additional = Some([("Seat".into(), "Row 12".into())].into());
        item.occurred_at = Some(Micros(1_772_359_200_000_000)); // 2026-03-01T10:00:00Z
        let mut sale = Transaction::new(&item, None, TransId([7; 16]), (Currency::default(), Micros(0)));
        sale.customer_id = Some(42);
        sale
    }

    fn filter(name: &str, value: &str) -> Filter {
        Filter::parse(&[(name, value)]).unwrap_or_else(|problems| panic!("{name}={value}: {problems:?}"))
    }

    #[test]
    fn rules_14_filters_of_payabli_hold_for_what_they_say() {
        let sale = sale();
        let light = Light::of(31, &sale);
        for (name, value, wanted) in [
            ("transId", "31-07070707070707070707070707070707", true),
            ("transId(ne)", "31-07070707070707070707070707070707", false),
            ("transId(ct)", "0707", true),
            ("transactionDate(ge)", "2026-03-01", true),
            ("transactionDate(gt)", "2026-03-01", false),
            ("transactionDate", "2026-03-01", true),
            ("transactionDate(ne)", "2026-03-01", false),
            ("status(in)", "1|5", true),
            ("status", "approved", true),
            ("status(nin)", "declined|1", false),
            ("operation", "Sale", true),
            ("operation(in)", "refund|credit", false),
            ("method(in)", "ach|CARD", true),
            ("method(ne)", "card", false),
            ("totalAmount(ge)", "19.99", true),
            ("totalAmount(gt)", "19.99", false),
            ("netAmount", "19", true),
            ("netAmount(lt)", "19", false),
            ("feeAmount(gt)", "0.5", true),
            ("orderId", "o-7", true),
            ("orderId(nct)", "7", false),
            ("invoiceNumber", "", true),
            ("source(nin)", "shop|pos", true),
            ("payaccountLastfour(ct)", "4242", true),
            ("payaccountLastfour(nct)", "424", false),
            ("customerId", "42", true),
            ("customerId(in)", "0|7", false),
            ("customerId(ne)", "0", true),
            ("externalId", "CH_1", true),
            ("externalId(in)", "ch_0| CH_1 ", true),
            ("orderId(nin)", "o-7|o-8", false),
            ("currency(ct)", "us", true),
            ("currency(nct)", "US", false),
            ("transId(in)", "1-00|2-00", false),
            ("refundOf", "ch_0", false),
            ("refundOf(ne)", "ch_0", true),
            ("refundOf", "", true),
            ("currency", "usd", true),
            ("additional-seat(ct)", "row", true),
            ("additional-seat(ne)", "row 12", false),
            ("additional-other", "", true),
        ] {
            let filter = filter(name, value);
            assert_eq!(filter.holds(&light, Some(&sale)), wanted, "{name}={value}");
            // What the columns say admits every match, and decides where it says so.
            let narrow = filter.narrow();
            let admits = narrow.occurred.holds(light.occurred_at.0)
                && narrow.amount.holds(light.amount)
                && narrow.statuses.is_none_or(|it| it.contains(&(light.status.rank().into())))
                && narrow.operations.is_none_or(|it| it.contains(&(light.operation.number().into())))
                && narrow.customers.is_none_or(|it| it.contains(&42))
                && narrow.ids.is_none_or(|it| it.contains(&light.id.show(31)));
            assert!(admits || !wanted, "{name}={value}");
            assert!(!narrow.decides || admits == wanted, "{name}={value}");
            assert!(filter.needs_texts() || filter.holds(&light, None) == wanted, "{name}={value}");
        }
    }

    #[test]
    fn rules_14_unknown_filters_and_wrong_values_are_refused() {
        for (name, value, code) in [
            ("amount", "1", "unknown_filter"),
            ("transid(gt)", "1", "invalid_operator"),
            ("totalAmount(in)", "1|2", "invalid_operator"),
            ("totalAmount", "much", "invalid_value"),
            ("status", "paid", "invalid_value"),
            ("operation(in)", "sale|sell", "invalid_value"),
            ("customerId", "x", "invalid_value"),
            ("transactionDate", "yesterday", "invalid_value"),
            ("status(in", "1", "invalid_filter"),
        ] {
            let problems = Filter::parse(&[(name, value)]).unwrap_err();
            assert_eq!((problems.len(), problems[0].code), (1, code), "{name}={value}");
        }
        let typed = Filter::parse(&[("parameters[status(in)]", "1|2"), ("parameters", r#"{"orderId":"x"}"#)]);
        assert_eq!(typed.unwrap().predicates().len(), 2);
        assert_eq!(filter("additional-x", "1").masked_fields().len(), 1);
        assert!(filter("orderId", "1").masked_fields().is_empty());
    }
}
