//! A product as a request sends it: every member is checked, and all problems are reported at once.

use serde_json::value::RawValue;

use super::{OPTION_VALUES_MAX, OPTIONS_MAX, Product, ProductId, ProductOption};
use crate::domain::coupons::draft::{currency, each};
use crate::domain::customers::change::Change;
use crate::domain::kernel::members::{Given, Members};
use crate::domain::kernel::money::Money;
use crate::domain::kernel::percent::Percent;
use crate::domain::kernel::problem::{Problem, ValueError};
use crate::domain::kernel::text::hint;
use crate::domain::kernel::time::Micros;
use crate::domain::kernel::values::{self, wrong_type};
use crate::domain::transactions::currency::Currency;

/// The most characters of a name.
const NAME_CHARS_MAX: usize = 250;
/// The most characters of a description.
const DESCRIPTION_CHARS_MAX: usize = 4_000;
/// The most characters of the name of an option, and of a value.
const OPTION_CHARS_MAX: usize = 100;

/// The members of a product.
pub const NAMES: [&str; 7] = ["name", "description", "unitPrice", "currency", "taxRate", "options", "active"];

/// A checked product; what is not sent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProductDraft {
    name: Option<String>,
    description: Change<String>,
    unit_price: Option<Money>,
    currency: Option<Currency>,
    tax_rate: Change<Percent>,
    options: Option<Vec<ProductOption>>,
    active: Option<bool>,
}

impl ProductDraft {
    /// Checks the members of a body: of a new product, or of a change of one.
    ///
    /// # Errors
    /// All problems at once.
    pub fn parse(members: &Members<'_>, is_new: bool) -> Result<ProductDraft, Vec<Problem>> {
        let mut draft = ProductDraft::default();
        let mut problems = Vec::new();
        problems.extend(each(members, |name, raw| draft.member(name, raw)).err().into_iter().flatten());
        let mut lacks = |name: &str, what: &str| {
            if !problems.iter().any(|problem| problem.is_of(name)) {
                problems.push(Problem::field(&[name], "required", format!("is required: {what}")));
            }
        };
        if is_new && draft.name.is_none() {
            lacks("name", "what people call the product");
        }
        if is_new && draft.unit_price.is_none() {
            lacks("unitPrice", "what one costs, before tax");
        }
        if problems.is_empty() { Ok(draft) } else { Err(problems) }
    }

    fn member(&mut self, name: &str, raw: &RawValue) -> Result<(), ValueError> {
        let given = &Given::of(raw);
        match name {
            "name" => self.name = Some(kept(values::text(given, NAME_CHARS_MAX)?)?),
            "description" => self.description = values::paragraphs(given, DESCRIPTION_CHARS_MAX)?.into(),
            "unitPrice" => self.unit_price = Some(kept(values::amount(given)?)?),
            "currency" => self.currency = currency(given)?,
            "taxRate" => self.tax_rate = values::percent(given)?.into(),
            "options" => self.options = Some(options(given)?),
            "active" => self.active = values::flag(raw)?,
            _ => {
                let hint = hint(name, NAMES.into_iter());
                return Err(("unknown_field", format!("is no field of a product{hint}")));
            }
        }
        Ok(())
    }

    /// A new product. `base` is the currency where the request names none.
    ///
    /// # Errors
    /// A price that is finer than its currency.
    pub fn create(&self, id: ProductId, now: Micros, base: Currency) -> Result<Product, Vec<Problem>> {
        self.written_onto(Product {
            id,
            version: 1,
            name: String::new(),
            description: None,
            unit_price: Money::default(),
            currency: base,
            tax_rate: None,
            options: Vec::new(),
            active: true,
            created_at: now,
            updated_at: now,
        })
    }

    /// A product after a change, with the names of the fields that differ. Its version and time stay.
    ///
    /// # Errors
    /// A price that is finer than its currency.
    pub fn change(&self, stored: &Product) -> Result<(Product, Vec<&'static str>), Vec<Problem>> {
        let after = self.written_onto(stored.clone())?;
        let differs = [
            stored.name != after.name,
            stored.description != after.description,
            stored.unit_price != after.unit_price,
            stored.currency != after.currency,
            stored.tax_rate != after.tax_rate,
            stored.options != after.options,
            stored.active != after.active,
        ];
        let changed = NAMES.into_iter().zip(differs).filter(|(_, differs)| *differs);
        let changed = changed.map(|(name, _)| name).collect();
        Ok((after, changed))
    }

    fn written_onto(&self, mut product: Product) -> Result<Product, Vec<Problem>> {
        if let Some(name) = &self.name {
            product.name.clone_from(name);
        }
        self.description.write_to(&mut product.description);
        product.unit_price = self.unit_price.unwrap_or(product.unit_price);
        product.currency = self.currency.unwrap_or(product.currency);
        self.tax_rate.write_to(&mut product.tax_rate);
        if let Some(options) = &self.options {
            product.options.clone_from(options);
        }
        product.active = self.active.unwrap_or(product.active);
        let at = |(code, message): ValueError| vec![Problem::field(&["unitPrice"], code, message)];
        product.currency.check(product.unit_price).map_err(at)?;
        Ok(product)
    }
}

/// A value that a product must have.
fn kept<T>(value: Option<T>) -> Result<T, ValueError> {
    value.ok_or_else(|| ("required", "must not be empty".to_owned()))
}

fn options(given: &Given<'_>) -> Result<Vec<ProductOption>, ValueError> {
    let items = match given {
        Given::Null => return Ok(Vec::new()),
        Given::List(items) => items,
        other => return Err(wrong_type("a list of options with name and values", other)),
    };
    if items.check().is_err() || items.0.len() > OPTIONS_MAX {
        return Err(("too_many", format!("must have at most {OPTIONS_MAX} options")));
    }
    let mut options: Vec<ProductOption> = Vec::with_capacity(items.0.len());
    for item in &items.0 {
        let option = match Given::of(item) {
            Given::Object(members) => option(&members)?,
            other => return Err(wrong_type("a list of objects with name and values", &other)),
        };
        if options.iter().any(|other| other.name == option.name) {
            return Err(("duplicate_value", "has two options of one name".to_owned()));
        }
        options.push(option);
    }
    Ok(options)
}

fn option(members: &Members<'_>) -> Result<ProductOption, ValueError> {
    let (mut name, mut list) = (None, None);
    for (member, raw) in &members.0 {
        let given = Given::of(raw);
        match member.as_ref() {
            "name" if name.is_none() => name = values::text(&given, OPTION_CHARS_MAX)?,
            "values" if list.is_none() => list = Some(values_of(&given)?),
            _ => {
                let message =
                    "has options with other members than name and values, or with one of them twice";
                return Err(("unknown_field", message.to_owned()));
            }
        }
    }
    match (name, list) {
        (Some(name), Some(values)) if !values.is_empty() => Ok(ProductOption { name, values }),
        _ => Err(("required", "must have a name and at least one value in each option".into())),
    }
}

fn values_of(given: &Given<'_>) -> Result<Vec<String>, ValueError> {
    let items = match given {
        Given::List(items) => items,
        other => return Err(wrong_type("options whose values are a list", other)),
    };
    if items.check().is_err() || items.0.len() > OPTION_VALUES_MAX {
        return Err(("too_many", format!("must have at most {OPTION_VALUES_MAX} values in an option")));
    }
    let mut list: Vec<String> = Vec::with_capacity(items.0.len());
    for item in &items.0 {
        let value = kept(values::text(&Given::of(item), OPTION_CHARS_MAX)?)?;
        if list.contains(&value) {
            return Err(("duplicate_value", "has a value twice in an option".to_owned()));
        }
        list.push(value);
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(json: &str, is_new: bool) -> Result<ProductDraft, Vec<Problem>> {
        ProductDraft::parse(&serde_json::from_str(json).unwrap(), is_new)
    }

    fn made(json: &str) -> Result<Product, Vec<Problem>> {
        draft(json, true)?.create(ProductId::default(), Micros(7), Currency::default())
    }

    fn codes(refused: &[Problem]) -> Vec<&'static str> {
        refused.iter().map(|problem| problem.code).collect()
    }

    #[test]
    fn rules_18_a_product_has_a_name_and_a_price() {
        let whole = made(
            r#"{"name": " Tea ", "description": "Green", "unitPrice": "4.50", "currency": "eur", "taxRate": 5.5,
                "options": [{"name": "Size", "values": ["S", "L"]}], "active": false}"#,
        )
        .unwrap();
        assert_eq!((whole.name.as_str(), whole.currency.code(), whole.active), ("Tea", "EUR", false));
        assert_eq!(
            whole.options,
            [ProductOption { name: "Size".into(), values: vec!["S".into(), "L".into()] }]
        );
        let least = made(r#"{"name": "Tea", "unitPrice": 0}"#).unwrap();
        assert_eq!((least.currency.code(), least.active, least.tax_rate), ("USD", true, None));
        let many = |number: usize| {
            let options: Vec<_> =
                (0..number).map(|at| format!(r#"{{"name": "o{at}", "values": ["x"]}}"#)).collect();
            format!(r#"{{"name": "T", "unitPrice": 1, "options": [{}]}}"#, options.join(","))
        };
        let values = |number: usize| {
            let values: Vec<_> = (0..number).map(|at| format!(r#""v{at}""#)).collect();
            format!(
                r#"{{"name": "T", "unitPrice": 1, "options": [{{"name": "o", "values": [{}]}}]}}"#,
                values.join(",")
            )
        };
        assert!(made(&many(OPTIONS_MAX)).is_ok() && made(&values(OPTION_VALUES_MAX)).is_ok());
        for (json, code) in [
            (r#"{"unitPrice": 1}"#, "required"),
            (r#"{"name": "T"}"#, "required"),
            (r#"{"name": "", "unitPrice": 1}"#, "required"),
            (r#"{"name": "T", "unitPrice": null}"#, "required"),
            (r#"{"name": "T", "unitPrice": -1}"#, "invalid_amount"),
            (r#"{"name": "T", "unitPrice": 1.001}"#, "too_many_digits"),
            (r#"{"name": "T", "unitPrice": 1.5, "currency": "JPY"}"#, "too_many_digits"),
            (r#"{"name": "T", "unitPrice": 1, "currency": "GOLD"}"#, "unknown_currency"),
            (r#"{"name": "T", "unitPrice": 1, "taxRate": 101}"#, "invalid_percent"),
            (r#"{"name": "T", "unitPrice": 1, "active": 1}"#, "wrong_type"),
            (r#"{"name": "T", "unitPrice": 1, "price": 1}"#, "unknown_field"),
            (r#"{"name": "T", "unitPrice": 1, "options": {}}"#, "wrong_type"),
            (r#"{"name": "T", "unitPrice": 1, "options": [{"name": "o", "values": []}]}"#, "required"),
            (
                r#"{"name": "T", "unitPrice": 1, "options": [{"name": "o", "values": ["x", "x"]}]}"#,
                "duplicate_value",
            ),
            (r#"{"name": "T", "unitPrice": 1, "options": [{"name": "o", "value": ["x"]}]}"#, "unknown_field"),
            (&many(OPTIONS_MAX + 1), "too_many"),
            (&values(OPTION_VALUES_MAX + 1), "too_many"),
        ] {
            assert_eq!(codes(&made(json).unwrap_err()), [code], "{json}");
        }
        assert_eq!(made("{}").unwrap_err().len(), 2);
    }

    #[test]
    fn rules_18_a_change_keeps_what_is_not_sent() {
        let stored = made(r#"{"name": "Tea", "unitPrice": 4.5, "taxRate": 5, "description": "x"}"#).unwrap();
        let change = |json: &str| draft(json, false).unwrap().change(&stored);
        let (after, changed) = change(r#"{"unitPrice": 5, "description": null}"#).unwrap();
        assert_eq!(changed, ["description", "unitPrice"]);
        assert_eq!((after.tax_rate, after.name), (stored.tax_rate, stored.name.clone()));
        assert_eq!(change(r#"{"unitPrice": 4.50, "active": null}"#).unwrap(), (stored.clone(), vec![]));
        assert_eq!(codes(&change(r#"{"currency": "JPY"}"#).unwrap_err()), ["too_many_digits"]);
        assert_eq!(codes(&draft(r#"{"name": null}"#, false).unwrap_err()), ["required"]);
    }
}
