//! What a payer sends: the amount where the payer says how much, the fields that the record lacks, and the way to pay.

use std::collections::BTreeMap;

use super::super::fields::{checked_draft, problems_of};
use super::super::texts::label;
use super::super::visit::Visit;
use crate::clock;
use crate::domain::customers::apply;
use crate::domain::customers::fields::TextField;
use crate::domain::customers::record::Customer;
use crate::domain::entrypoints::provider::Provider;
use crate::domain::entrypoints::theme::Language;
use crate::domain::kernel::money::Money;
use crate::domain::provider::sandbox::{TEST_METHODS, TestMethod};
use crate::domain::requests::{CollectField, MethodType, Request, RequestKind};
use crate::domain::transactions::currency::Currency;
use crate::store::LookedRequest;
use crate::web::PageError;
use crate::web::form::{Checked, Form};

/// The fields of an address that a page asks for.
const ADDRESS: [TextField; 4] = [TextField::Address, TextField::Zip, TextField::City, TextField::Country];

/// A checked form of a payer.
#[derive(Debug, Clone)]
pub(super) struct PayForm {
    /// How much to pay; `None` if a payment method is to be saved.
    pub(super) amount: Option<Money>,
    /// The fields that the payer filled in, checked.
    pub(super) filled: BTreeMap<String, String>,
    /// How the payer wants to pay.
    pub(super) chosen: Chosen,
}

/// How a payer wants to pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Chosen {
    /// By a method of the sandbox.
    Test(&'static str),
    /// On a page of the provider's, in this way.
    Type(MethodType),
}

/// The test methods that a request takes, in the order in which a page shows them.
pub(super) fn tests(allowed: &[MethodType]) -> impl Iterator<Item = &'static TestMethod> {
    TEST_METHODS.iter().filter(|method| allowed.iter().any(|one| one.takes(method.kind)))
}

/// The fields that the page of a request asks for, each with whether it must be filled in: those to collect that the record lacks.
/// Of a reusable request nobody is known yet.
pub(super) fn fields(request: &Request, customer: Option<&Customer>) -> Vec<(TextField, bool)> {
    let collect = request.content.as_ref().map_or(&[][..], |content| &content.collect);
    let mut fields = Vec::new();
    if request.is_reusable() {
        fields.extend([(TextField::Email, true), (TextField::Fullname, true)]);
    }
    let lacks = |field: TextField| customer.is_none_or(|customer| customer.text(field).is_none());
    for wanted in collect {
        match wanted {
            CollectField::Email => fields.push((TextField::Email, true)),
            CollectField::Phone => fields.push((TextField::Phone, true)),
            CollectField::Address if lacks(TextField::Address) => {
                fields.extend(ADDRESS.map(|field| (field, field != TextField::Zip)));
            }
            CollectField::Address => {}
        }
    }
    let mut seen = Vec::new();
    fields.retain(|(field, _)| {
        let is_new = !seen.contains(field);
        seen.push(*field);
        is_new && lacks(*field)
    });
    fields
}

/// The amount that a payer typed: digits with a point or a comma before the fraction, and spaces before three digits each. In
/// English, commas make such groups too: `1,500` is not one and a half. What can be read in two ways is no amount, such as `1.500`
/// in a currency with two digits.
fn typed_amount((language, currency): (Language, Currency), text: &str) -> Option<Money> {
    let plain = text.trim().replace(char::is_whitespace, " ");
    let plain = match plain.contains(' ') {
        true if has_groups(&plain, ' ') => plain.replace(' ', ""),
        true => return None,
        false => plain,
    };
    let plain = match language {
        Language::English if has_groups(&plain, ',') => plain.replace(',', ""),
        _ if plain.contains('.') => plain,
        _ => plain.replace(',', "."),
    };
    if plain.split_once('.').is_some_and(|(_, fraction)| fraction.len() > currency.digits()) {
        return None;
    }
    let is_plain = plain.chars().all(|c| c.is_ascii_digit() || c == '.');
    is_plain.then(|| Money::parse(&plain).ok()).flatten()
}

/// Whether every separator in the whole part of a number stands before three digits.
fn has_groups(text: &str, separator: char) -> bool {
    let is_point = |c: char| c == '.' || (c == ',' && separator != ',');
    let whole = text.split(is_point).next().unwrap_or_default();
    let mut groups = whole.split(separator);
    let first = groups.next().unwrap_or_default();
    let mut rest = groups.peekable();
    (1..=3).contains(&first.len()) && rest.peek().is_some() && rest.all(|group| group.len() == 3)
}

/// Checks the form of a payer.
///
/// # Errors
/// The problems, in the words of the page; a defect.
pub(super) fn parse(
    visit: &Visit<'_>,
    looked: &LookedRequest,
    form: &Form,
) -> Result<Result<PayForm, Checked>, PageError> {
    let (request, texts) = (&looked.request, visit.texts());
    let customer = looked.found.as_ref().map(|found| &found.record.stored.customer);
    let mut checked = Checked::default();
    let amount = match (request.kind, request.asked(looked.invoice.as_ref())) {
        (RequestKind::Method, _) => None,
        (RequestKind::Payment, Some(asked)) => Some(asked),
        (RequestKind::Payment, None) => typed_amount((visit.language, request.currency), form.get("amount")),
    };
    let fits = amount.is_some_and(|amount| request.takes(amount, looked.invoice.as_ref()));
    if request.kind == RequestKind::Payment && !fits {
        checked.add("amount", texts.pay_amount, texts.pay_bad_amount);
    }
    let allowed = request.content.as_ref().map_or(&[][..], |content| &content.method_types);
    let chosen = if visit.entrypoint.provider == Provider::Sandbox {
        let sent = form.get("methodType");
        tests(allowed).find(|method| method.id == sent).map(|method| Chosen::Test(method.id))
    } else {
        let chosen: Option<MethodType> = match (form.get("methodType"), allowed) {
            ("", [only]) => Some(*only),
            (word, _) => word.parse().ok(),
        };
        chosen.filter(|chosen| allowed.contains(chosen)).map(Chosen::Type)
    };
    if chosen.is_none() {
        checked.add("methodType", texts.pay_method, texts.pay_no_choice);
    }
    let mut sent: BTreeMap<&str, &str> = BTreeMap::new();
    for (field, must) in fields(request, customer) {
        let value = form.get(field.name()).trim();
        if !value.is_empty() {
            sent.insert(field.name(), value);
        } else if must {
            checked.add(field.name(), label(visit.language, field), texts.missing);
        }
    }
    let country = customer.and_then(|customer| customer.text(TextField::Country));
    let own = visit.entrypoint.country.as_deref();
    let problems = match checked_draft(visit, country, &sent)? {
        Ok(draft) => match customer {
            Some(customer) => apply::update(customer, &draft, own).1,
            None => apply::create(&draft, own, clock::now()).1,
        },
        Err(problems) => problems,
    };
    checked.problems.extend(problems_of(visit, &problems).problems);
    let filled = sent.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Ok(match chosen {
        Some(chosen) if !checked.is_wrong() => Ok(PayForm { amount, filled, chosen }),
        _ => Err(checked),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_people_type_them() {
        let read = |language, code, text| {
            typed_amount((language, Currency::parse(code).unwrap()), text).map(Money::units)
        };
        let units = |text| read(Language::English, "USD", text);
        let french = |text| read(Language::French, "USD", text);
        assert_eq!(units("12.50"), Some(125_000));
        assert_eq!(units(" 12,5 "), Some(125_000));
        assert_eq!(units("1 200,00"), Some(12_000_000));
        assert_eq!((units("1,500"), french("1,500")), (Some(15_000_000), None));
        assert_eq!((units("1,234,567.89"), units("1,500.5")), (Some(12_345_678_900), Some(15_005_000)));
        assert_eq!((french("1\u{202f}234,5"), french("1234.5")), (Some(12_345_000), Some(12_345_000)));
        assert_eq!(
            (units("1.500"), french("1.500"), units("10 15"), units("1\n5")),
            (None, None, None, None)
        );
        assert_eq!(read(Language::French, "KWD", "1,500"), Some(15_000));
        assert_eq!(read(Language::English, "JPY", "1,500"), Some(15_000_000));
        for wrong in ["", "abc", "-1", "1e3", "1,2,3", "1.2.3", "12.345678", "1,50,000", ",500", "1,500,"] {
            assert_eq!(units(wrong), None, "{wrong}");
        }
    }
}
