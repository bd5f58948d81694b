//! An order as a request sends it: every member is checked, and all problems are reported at once.

use std::collections::{BTreeMap, HashSet};

use compact_str::CompactString;
use strum::VariantNames as _;

use super::{Collect, LINES_MAX};
use crate::domain::coupons::code::CouponCode;
use crate::domain::invoices::amounts::Quantity;
use crate::domain::kernel::members::{Given, Members};
use crate::domain::kernel::money::Money;
use crate::domain::kernel::percent::Percent;
use crate::domain::kernel::problem::{Problem, ValueError};
use crate::domain::kernel::text::hint;
use crate::domain::kernel::values::{amount, flag, paragraphs, percent, text, wrong_type};
use crate::domain::products::ProductId;
use crate::domain::transactions::currency::Currency;
use crate::domain::transactions::id::TransId;

const NAMES: [&str; 10] = [
    "lines",
    "currency",
    "coupon",
    "collect",
    "notify",
    "dueInDays",
    "purchaseOrder",
    "notes",
    "method",
    "reference",
];
const LINE_NAMES: [&str; 7] =
    ["productId", "options", "name", "description", "quantity", "unitPrice", "taxRate"];
/// The most characters of a text of one line.
const TEXT_CHARS_MAX: usize = 250;
/// The most characters of a line's description, and of notes.
const PARAGRAPH_CHARS_MAX: usize = 1_000;
/// The most days that a buyer may have.
const DUE_DAYS_MAX: i64 = 365;

/// A line as it was sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderLine {
    /// The product from which the line copies what it does not say.
    pub product: Option<ProductId>,
    /// The values that are chosen of the product's options.
    pub options: BTreeMap<String, String>,
    /// What is sold.
    pub name: Option<String>,
    /// More about it.
    pub description: Option<String>,
    /// How much.
    pub quantity: Quantity,
    /// The price of one, without tax.
    pub unit_price: Option<Money>,
    /// The rate of tax.
    pub tax_rate: Option<Percent>,
}

/// A checked order.
#[derive(Debug, Clone)]
pub struct OrderDraft {
    /// The lines; at least one.
    pub lines: Vec<OrderLine>,
    /// Its currency; that of the first product, or of the entrypoint, where none is named.
    pub currency: Option<Currency>,
    /// The coupon to redeem.
    pub coupon: Option<CouponCode>,
    /// How the money is collected.
    pub collect: Collect,
    /// Whether the customer is told by mail.
    pub notify: bool,
    /// How many days the customer has to pay.
    pub due_in_days: Option<u16>,
    /// The buyer's number of the order.
    pub purchase_order: Option<CompactString>,
    /// Notes for the buyer.
    pub notes: Option<String>,
    /// How it was paid, for one that was paid on the spot.
    pub method: Option<CompactString>,
    /// What tells its payment from others.
    pub reference: Option<CompactString>,
}

impl OrderDraft {
    /// Checks the members of an order.
    ///
    /// # Errors
    /// All problems at once.
    pub fn parse(members: &Members<'_>, entrypoint_id: i64) -> Result<OrderDraft, Vec<Problem>> {
        let mut draft = OrderDraft {
            lines: Vec::new(),
            currency: None,
            coupon: None,
            collect: Collect::default(),
            notify: true,
            due_in_days: None,
            purchase_order: None,
            notes: None,
            method: None,
            reference: None,
        };
        let mut problems = Vec::new();
        let mut seen: HashSet<&str> = HashSet::new();
        for (name, raw) in &members.0 {
            let given = Given::of(raw);
            if !seen.insert(name) {
                problems.push(Problem::field(&[name], "duplicate_field", "stands in the order twice"));
                continue;
            }
            let read = match name.as_ref() {
                "lines" => {
                    match lines(&given, entrypoint_id) {
                        Ok(read) => draft.lines = read,
                        Err(found) => problems.extend(found),
                    }
                    continue;
                }
                "notify" => flag(raw).map(|notify| draft.notify = notify.unwrap_or(true)),
                name => draft.member(name, &given),
            };
            if let Err((code, message)) = read {
                problems.push(Problem::field(&[name], code, message));
            }
        }
        if draft.lines.is_empty() && problems.is_empty() {
            problems.push(Problem::field(&["lines"], "required", "must have a line at least"));
        }
        if draft.collect != Collect::Paid && (draft.method.is_some() || draft.reference.is_some()) {
            let message = "is taken only with collect: paid, as it is about the payment";
            let name = if draft.method.is_some() { "method" } else { "reference" };
            problems.push(Problem::field(&[name], "contradiction", message));
        }
        if problems.is_empty() { Ok(draft) } else { Err(problems) }
    }

    fn member(&mut self, name: &str, given: &Given<'_>) -> Result<(), ValueError> {
        let short = |given: &Given<'_>| text(given, TEXT_CHARS_MAX).map(|text| text.map(CompactString::from));
        match name {
            "currency" => self.currency = text(given, 3)?.map(|code| Currency::parse(&code)).transpose()?,
            "coupon" => {
                self.coupon =
                    text(given, TEXT_CHARS_MAX)?.map(|code| CouponCode::parse(&code)).transpose()?;
            }
            "collect" => {
                let wrong = |_| ("invalid_value", format!("must be one of {}", Collect::VARIANTS.join(", ")));
                let word = text(given, TEXT_CHARS_MAX)?;
                self.collect = word.map(|word| word.parse().map_err(wrong)).transpose()?.unwrap_or_default();
            }
            "dueInDays" => {
                let wrong = || ("invalid_value", format!("must be an integer from 0 to {DUE_DAYS_MAX}"));
                self.due_in_days = match given {
                    Given::Null => None,
                    Given::Number(text) => {
                        let days = text.parse::<i64>().ok().filter(|days| (0..=DUE_DAYS_MAX).contains(days));
                        Some(days.and_then(|days| u16::try_from(days).ok()).ok_or_else(wrong)?)
                    }
                    other => return Err(wrong_type("an integer", other)),
                };
            }
            "purchaseOrder" => self.purchase_order = short(given)?,
            "notes" => self.notes = paragraphs(given, PARAGRAPH_CHARS_MAX)?,
            "method" => self.method = crate::domain::transactions::item::method_told(given)?,
            "reference" => self.reference = short(given)?,
            _ => {
                let hint = hint(name, NAMES.into_iter());
                return Err(("unknown_field", format!("is no field of an order{hint}")));
            }
        }
        Ok(())
    }
}

fn lines(given: &Given<'_>, entrypoint_id: i64) -> Result<Vec<OrderLine>, Vec<Problem>> {
    let at = |(code, message): ValueError| vec![Problem::field(&["lines"], code, message)];
    let list = match given {
        Given::List(list) => list,
        other => return Err(at(wrong_type("an array", other))),
    };
    list.check().map_err(at)?;
    if list.0.len() > LINES_MAX {
        return Err(at(("too_many", format!("must have at most {LINES_MAX} lines"))));
    }
    let (mut lines, mut problems) = (Vec::new(), Vec::new());
    for (index, raw) in list.0.iter().enumerate() {
        let place = index.to_string();
        let read = match Given::of(raw) {
            Given::Object(members) => line(&members, entrypoint_id),
            other => {
                let (code, message) = wrong_type("an object", &other);
                Err(vec![Problem::field(&[], code, message)])
            }
        };
        match read {
            Ok(line) => lines.push(line),
            Err(found) => {
                problems.extend(found.into_iter().map(|problem| problem.within(&place).within("lines")));
            }
        }
    }
    if problems.is_empty() { Ok(lines) } else { Err(problems) }
}

fn line(members: &Members<'_>, entrypoint_id: i64) -> Result<OrderLine, Vec<Problem>> {
    let mut line = OrderLine::default();
    let mut problems = Vec::new();
    let mut seen: HashSet<&str> = HashSet::new();
    for (name, raw) in &members.0 {
        let given = Given::of(raw);
        let read = if seen.insert(name) {
            member_of_line(&mut line, name, &given, entrypoint_id)
        } else {
            Err(("duplicate_field", "stands in the line twice".into()))
        };
        if let Err((code, message)) = read {
            problems.push(Problem::field(&[name], code, message));
        }
    }
    if line.product.is_none() && problems.is_empty() {
        if line.name.is_none() && line.description.is_none() {
            let message = "is required, or description, or productId: what the line sells";
            problems.push(Problem::field(&["name"], "required", message));
        }
        if line.unit_price.is_none() {
            let message = "is required, or productId: the price of one, without tax";
            problems.push(Problem::field(&["unitPrice"], "required", message));
        }
        if !line.options.is_empty() {
            let message = "are those of a product; name it by productId";
            problems.push(Problem::field(&["options"], "contradiction", message));
        }
    }
    if problems.is_empty() { Ok(line) } else { Err(problems) }
}

fn member_of_line(
    line: &mut OrderLine,
    name: &str,
    given: &Given<'_>,
    entrypoint_id: i64,
) -> Result<(), ValueError> {
    match name {
        "productId" => {
            line.product = match text(given, TEXT_CHARS_MAX)? {
                None => None,
                Some(id) => {
                    let own = TransId::parse(&id).filter(|(place, _)| *place == entrypoint_id);
                    let unknown = || ("unknown_product", "is no product of this entrypoint".to_owned());
                    Some(own.map(|(_, id)| id).ok_or_else(unknown)?)
                }
            }
        }
        "options" => {
            let members = match given {
                Given::Null => return Ok(()),
                Given::Object(members) => members,
                other => return Err(wrong_type("an object", other)),
            };
            members.check()?;
            for (name, raw) in &members.0 {
                if let Some(value) = text(&Given::of(raw), TEXT_CHARS_MAX)? {
                    line.options.insert(name.to_string(), value);
                }
            }
        }
        "name" => line.name = text(given, TEXT_CHARS_MAX)?,
        "description" => line.description = paragraphs(given, PARAGRAPH_CHARS_MAX)?,
        "quantity" => match given {
            Given::Null => {}
            Given::Number(text) => line.quantity = Quantity::parse(text)?,
            Given::Text(text) => line.quantity = Quantity::parse(text.trim())?,
            other => return Err(wrong_type("a number", other)),
        },
        "unitPrice" => line.unit_price = amount(given)?,
        "taxRate" => line.tax_rate = percent(given)?,
        name => {
            let hint = hint(name, LINE_NAMES.into_iter());
            return Err(("unknown_field", format!("is no field of a line{hint}")));
        }
    }
    Ok(())
}
