//! An invoice as a request sends it (contract 15): every member is checked, and all problems are reported at once.

use std::collections::{BTreeMap, HashSet};

use chrono::NaiveDate;
use compact_str::CompactString;

use super::amounts::{Quantity, gross, spread, sums, tax};
use super::{Content, LINES_MAX, Line, terms};
use crate::domain::customers::mask::{MASK, MASKED_VALUE};
use crate::domain::kernel::card;
use crate::domain::kernel::members::{Given, Members};
use crate::domain::kernel::money::Money;
use crate::domain::kernel::percent::Percent;
use crate::domain::kernel::problem::{Problem, Rejection, ValueError};
use crate::domain::kernel::text::{clean_paragraphs, hint};
use crate::domain::transactions::currency::Currency;
use crate::domain::transactions::item::{id, number, text, wrong_type};

/// The most characters of a text of one line.
const TEXT_CHARS_MAX: usize = 250;
/// The most characters of a code.
const CODE_CHARS_MAX: usize = 100;
/// The most characters of notes, and of terms and conditions.
const PARAGRAPH_CHARS_MAX: usize = 5_000;
/// The most characters of a line's description.
const DESCRIPTION_CHARS_MAX: usize = 1_000;
/// The most categories of a line.
const CATEGORIES_MAX: usize = 20;
/// The most members of `AdditionalData`.
const ADDITIONAL_MAX: usize = 50;

/// The members of an invoice.
const NAMES: [&str; 36] = [
    "items",
    "currency",
    "discount",
    "invoiceAmount",
    "tax",
    "invoiceDate",
    "invoiceDueDate",
    "invoiceEndDate",
    "invoiceNumber",
    "invoiceStatus",
    "invoiceType",
    "frequency",
    "paymentTerms",
    "purchaseOrder",
    "notes",
    "termsConditions",
    "summaryCommodityCode",
    "firstName",
    "lastName",
    "company",
    "buyerVatNumber",
    "shippingAddress1",
    "shippingAddress2",
    "shippingCity",
    "shippingState",
    "shippingZip",
    "shippingFromZip",
    "shippingCountry",
    "shippingEmail",
    "shippingPhone",
    "AdditionalData",
    "attachments",
    "freightAmount",
    "dutyAmount",
    "invoicePaidAmount",
    "invoiceSentDate",
];

/// The members of an item.
const ITEM_NAMES: [&str; 12] = [
    "itemProductName",
    "itemDescription",
    "itemProductCode",
    "itemCommodityCode",
    "itemUnitOfMeasure",
    "itemCategories",
    "itemMode",
    "itemQty",
    "itemCost",
    "itemTaxRate",
    "itemTaxAmount",
    "itemTotalAmount",
];

/// The names of the days.
const DAY: &str = "invoiceDate";
const DUE_DAY: &str = "invoiceDueDate";

/// A line as it was sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LineDraft {
    /// What it says; amounts but the price are not computed yet.
    pub line: Line,
    /// The tax that the sender expects.
    pub tax: Option<Money>,
    /// The total that the sender expects.
    pub total: Option<Money>,
}

/// A checked invoice; what is not sent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InvoiceDraft {
    lines: Option<Vec<LineDraft>>,
    currency: Option<Currency>,
    discount: Option<Money>,
    amount: Option<Money>,
    tax: Option<Money>,
    /// The number that the sender expects.
    pub number: Option<CompactString>,
    /// Whether to issue it at once (`invoiceStatus` 1).
    pub issues: bool,
    texts: BTreeMap<&'static str, Option<String>>,
    days: BTreeMap<&'static str, Option<NaiveDate>>,
    additional: Option<BTreeMap<CompactString, CompactString>>,
}

impl InvoiceDraft {
    /// An invoice of some lines.
    pub fn of_lines(lines: Vec<LineDraft>) -> InvoiceDraft {
        InvoiceDraft { lines: Some(lines), ..InvoiceDraft::default() }
    }

    /// The same with a discount on all of it.
    #[must_use]
    pub fn with_discount(self, discount: Money) -> InvoiceDraft {
        InvoiceDraft { discount: Some(discount), ..self }
    }

    /// Checks the members of an invoice.
    ///
    /// # Errors
    /// All problems at once, each with its pointer within the invoice.
    pub fn parse(members: &Members<'_>) -> Result<InvoiceDraft, Vec<Problem>> {
        let mut draft = InvoiceDraft::default();
        let mut problems = Vec::new();
        if let Err((code, message)) = members.check() {
            return Err(vec![Problem::field(&[], code, message)]);
        }
        let mut seen: HashSet<&str> = HashSet::new();
        let (mut first, mut last) = (None, None);
        for (name, raw) in &members.0 {
            let given = Given::of(raw);
            if !seen.insert(name) {
                problems.push(Problem::field(&[name], "duplicate_field", "stands in the invoice twice"));
                continue;
            }
            let read = match name.as_ref() {
                "items" => {
                    match items(&given) {
                        Ok(lines) => draft.lines = lines,
                        Err(found) => problems.extend(found),
                    }
                    continue;
                }
                "firstName" => text(&given, TEXT_CHARS_MAX).map(|text| first = Some(text)),
                "lastName" => text(&given, TEXT_CHARS_MAX).map(|text| last = Some(text)),
                name => draft.member(name, &given),
            };
            if let Err((code, message)) = read {
                problems.push(Problem::field(&[name], code, message));
            }
        }
        if first.is_some() || last.is_some() {
            let parts: Vec<CompactString> = [first.flatten(), last.flatten()].into_iter().flatten().collect();
            let name = parts.join(" ");
            draft.texts.insert("buyerName", (!name.is_empty()).then_some(name));
        }
        if problems.is_empty() { Ok(draft) } else { Err(problems) }
    }

    fn member(&mut self, name: &str, given: &Given<'_>) -> Result<(), ValueError> {
        const ONE_LINE: [(&str, usize); 15] = [
            ("paymentTerms", CODE_CHARS_MAX),
            ("purchaseOrder", TEXT_CHARS_MAX),
            ("summaryCommodityCode", CODE_CHARS_MAX),
            ("company", TEXT_CHARS_MAX),
            ("buyerVatNumber", CODE_CHARS_MAX),
            ("shippingAddress1", TEXT_CHARS_MAX),
            ("shippingAddress2", TEXT_CHARS_MAX),
            ("shippingCity", TEXT_CHARS_MAX),
            ("shippingState", TEXT_CHARS_MAX),
            ("shippingZip", CODE_CHARS_MAX),
            ("shippingFromZip", CODE_CHARS_MAX),
            ("shippingCountry", TEXT_CHARS_MAX),
            ("shippingEmail", 320),
            ("shippingPhone", CODE_CHARS_MAX),
            ("frequency", CODE_CHARS_MAX),
        ];
        if let Some((name, chars_max)) = ONE_LINE.into_iter().find(|(own, _)| *own == name) {
            // A telephone number may look like the number of a card.
            let read = if name == "shippingPhone" { id(given, chars_max) } else { text(given, chars_max) }?;
            if name == "frequency" {
                return match read.as_deref() {
                    None | Some("one-time" | "onetime") => Ok(()),
                    Some(_) => Err(("no_billing_engine", NO_ENGINE.to_owned())),
                };
            }
            if name == "paymentTerms" {
                terms::check(read.as_deref().unwrap_or_default())?;
            }
            self.texts.insert(name, read.map(Into::into));
            return Ok(());
        }
        match name {
            "notes" => drop(self.texts.insert("notes", paragraph(given)?)),
            "termsConditions" => drop(self.texts.insert("termsConditions", paragraph(given)?)),
            "currency" => {
                self.currency =
                    text(given, CODE_CHARS_MAX)?.map(|code| Currency::parse(&code)).transpose()?;
            }
            "discount" => self.discount = amount(given)?,
            "invoiceAmount" => self.amount = amount(given)?,
            "tax" => self.tax = amount(given)?,
            "invoiceDate" => drop(self.days.insert(DAY, day(given)?)),
            "invoiceDueDate" => drop(self.days.insert(DUE_DAY, day(given)?)),
            "invoiceNumber" => self.number = text(given, CODE_CHARS_MAX)?,
            "invoiceStatus" => {
                self.issues = match given {
                    Given::Null | Given::Number("0") => false,
                    Given::Number("1") => true,
                    _ => {
                        return Err((
                            "invalid_value",
                            "must be 0 (draft) or 1 (open); other states follow from what happens".into(),
                        ));
                    }
                }
            }
            "invoiceType" => match given {
                Given::Null | Given::Number("0") => {}
                _ => return Err(("no_billing_engine", NO_ENGINE.into())),
            },
            "AdditionalData" => self.additional = Some(additional(given)?),
            "invoiceEndDate" | "attachments" | "invoicePaidAmount" | "invoiceSentDate"
                if matches!(given, Given::Null) => {}
            "attachments" if matches!(given, Given::List(items) if items.0.is_empty()) => {}
            "freightAmount" | "dutyAmount" => match amount(given)? {
                None => {}
                Some(amount) if amount == Money::default() => {}
                Some(_) => {
                    return Err((
                        "unsupported",
                        "is not taken: send it as an item, with its own rate of tax".into(),
                    ));
                }
            },
            "invoiceEndDate" => return Err(("no_billing_engine", NO_ENGINE.into())),
            "attachments" => {
                return Err(("unsupported", "is not taken: no files are kept with invoices".into()));
            }
            "invoicePaidAmount" | "invoiceSentDate" => {
                return Err((
                    "read_only",
                    "follows from what happens: record a payment, or send the invoice".into(),
                ));
            }
            _ => {
                let hint = hint(name, NAMES.into_iter());
                return Err(("unknown_field", format!("is no field of an invoice{hint}")));
            }
        }
        Ok(())
    }

    /// The draft without the masks in it: a mask in the place of a value that is stored stays that value (rules 1). `sees_pii`
    /// says whether the sender sees values as they are.
    ///
    /// # Errors
    /// 400 for a mask in the place of nothing, and for what looks like a mask from somebody who sees masks.
    pub fn unmasked(&self, old: &Content, sees_pii: bool) -> Result<InvoiceDraft, Vec<Problem>> {
        let (mut draft, mut problems) = (self.clone(), Vec::new());
        let shipping = &old.shipping;
        let stored = |name: &str| match name {
            "shippingAddress1" => shipping.address1.is_some(),
            "shippingAddress2" => shipping.address2.is_some(),
            "shippingCity" => shipping.city.is_some(),
            "shippingState" => shipping.state.is_some(),
            "shippingZip" => shipping.zip.is_some(),
            "shippingFromZip" => shipping.from_zip.is_some(),
            "shippingCountry" => shipping.country.is_some(),
            "shippingEmail" => shipping.email.is_some(),
            "shippingPhone" => shipping.phone.is_some(),
            "buyerVatNumber" => old.buyer_vat_number.is_some(),
            "notes" => old.notes.is_some(),
            "termsConditions" => old.terms_conditions.is_some(),
            _ => false,
        };
        draft.texts.retain(|name, value| {
            let text = value.as_deref().unwrap_or_default();
            let is_mask = text.trim() == MASK;
            if is_mask && stored(name) {
                return false;
            }
            if is_mask || (!sees_pii && text.contains(MASK)) {
                problems.push(Problem::field(&[name], "masked_value", MASKED_VALUE));
            }
            true
        });
        for (name, value) in draft.additional.iter_mut().flatten() {
            match old.additional.get(name) {
                Some(stored) if value.trim() == MASK => value.clone_from(stored),
                _ if value.trim() == MASK || (!sees_pii && value.contains(MASK)) => {
                    problems.push(Problem::field(&["AdditionalData", name], "masked_value", MASKED_VALUE));
                }
                _ => {}
            }
        }
        // The sender does not see the stored values, and so cannot send them back: they stay.
        if let (Some(sent), false) = (&mut draft.additional, sees_pii) {
            for (name, value) in &old.additional {
                sent.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
        if problems.is_empty() { Ok(draft) } else { Err(problems) }
    }

    /// Writes what is sent onto the content of an invoice in a currency, and computes what it comes to. `currency` is that of the
    /// invoice, or of the entrypoint for a new one.
    ///
    /// # Errors
    /// 400 for amounts that do not fit the currency, and for sums that are not those that the sender expects.
    pub fn write_to(&self, old: &Content, currency: Currency) -> Result<(Content, Currency), Rejection> {
        let currency = self.currency.unwrap_or(currency);
        let mut content = old.clone();
        for (name, value) in &self.texts {
            let short = || value.as_deref().map(CompactString::from);
            let shipping = &mut content.shipping;
            match *name {
                "paymentTerms" => content.payment_terms = short(),
                "purchaseOrder" => content.purchase_order = short(),
                "summaryCommodityCode" => content.commodity_code = short(),
                "company" => content.buyer_company = short(),
                "buyerName" => content.buyer_name = short(),
                "buyerVatNumber" => content.buyer_vat_number = short(),
                "shippingAddress1" => shipping.address1 = short(),
                "shippingAddress2" => shipping.address2 = short(),
                "shippingCity" => shipping.city = short(),
                "shippingState" => shipping.state = short(),
                "shippingZip" => shipping.zip = short(),
                "shippingFromZip" => shipping.from_zip = short(),
                "shippingCountry" => shipping.country = short(),
                "shippingEmail" => shipping.email = short(),
                "shippingPhone" => shipping.phone = short(),
                "notes" => content.notes.clone_from(value),
                _ => content.terms_conditions.clone_from(value),
            }
        }
        let sent = |name: &str, old: Option<NaiveDate>| self.days.get(name).copied().unwrap_or(old);
        content.wanted_day = sent(DAY, content.wanted_day);
        content.wanted_due_day = sent(DUE_DAY, content.wanted_due_day);
        content.discount = self.discount.unwrap_or(content.discount);
        if let Some(additional) = &self.additional {
            content.additional.clone_from(additional);
        }
        let drafts: Vec<LineDraft> = match &self.lines {
            Some(lines) => lines.clone(),
            None => content
                .lines
                .iter()
                .map(|line| LineDraft { line: line.clone(), ..LineDraft::default() })
                .collect(),
        };
        let mut problems = Vec::new();
        if let (Some(day), Some(due)) = (content.wanted_day, content.wanted_due_day)
            && due < day
        {
            problems.push(Problem::field(
                &["invoiceDueDate"],
                "invalid_value",
                "must not be before invoiceDate",
            ));
        }
        if drafts.is_empty() {
            problems.push(Problem::field(&["items"], "required", "must have an item at least"));
            return Err(Rejection::Invalid(problems));
        }
        content.lines = priced(&drafts, content.discount, currency).map_err(|found| {
            problems.extend(found);
            Rejection::Invalid(std::mem::take(&mut problems))
        })?;
        let Some(sums) = sums(&content.lines) else {
            problems.push(Problem::field(
                &["items"],
                "invalid_amount",
                "come to more than 999999999999.9999",
            ));
            return Err(Rejection::Invalid(problems));
        };
        content.sums = sums;
        for (name, expected, found) in
            [("invoiceAmount", self.amount, sums.total), ("tax", self.tax, sums.tax)]
        {
            if expected.is_some_and(|expected| expected != found) {
                let message =
                    format!("is not what the items come to, {found}; leave it out, or correct the items");
                problems.push(Problem::field(&[name], "wrong_sum", message));
            }
        }
        if problems.is_empty() { Ok((content, currency)) } else { Err(Rejection::Invalid(problems)) }
    }
}

const NO_ENGINE: &str = "is not taken: this service makes no invoices by itself; the system that charges a subscription makes each";

/// The lines with all that they come to.
fn priced(drafts: &[LineDraft], discount: Money, currency: Currency) -> Result<Vec<Line>, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut lines: Vec<Line> = Vec::with_capacity(drafts.len());
    let too_great = || ("invalid_amount", "is too great".to_owned());
    for (index, draft) in drafts.iter().enumerate() {
        let place = index.to_string();
        let found = gross(draft.line.quantity, draft.line.price, currency).unwrap_or_else(|| {
            let (code, message) = too_great();
            problems.push(Problem::field(&["items", &place, "itemCost"], code, message));
            Money::default()
        });
        if draft.total.is_some_and(|expected| expected != found) {
            let message = format!("is not itemQty times itemCost, {found}; leave it out, or correct these");
            problems.push(Problem::field(&["items", &place, "itemTotalAmount"], "wrong_sum", message));
        }
        lines.push(Line { gross: found, ..draft.line.clone() });
    }
    if let Err((code, message)) = currency.check(discount) {
        problems.push(Problem::field(&["discount"], code, message));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let amounts: Vec<Money> = lines.iter().map(|line| line.gross).collect();
    let Some(parts) = spread(discount, &amounts, currency) else {
        return Err(vec![Problem::field(
            &["discount"],
            "invalid_amount",
            "must not be more than the items come to",
        )]);
    };
    for (index, ((line, part), draft)) in lines.iter_mut().zip(parts).zip(drafts).enumerate() {
        line.discount = part;
        line.net = Money::from_units(line.gross.units() - part.units()).unwrap_or_default();
        line.tax = tax(line.net, line.rate, currency);
        if draft.tax.is_some_and(|expected| expected != line.tax) {
            let message = format!(
                "is not the tax of the line at its rate, {}; leave it out, or correct itemTaxRate",
                line.tax
            );
            problems.push(Problem::field(
                &["items", &index.to_string(), "itemTaxAmount"],
                "wrong_sum",
                message,
            ));
        }
    }
    if problems.is_empty() { Ok(lines) } else { Err(problems) }
}

/// A text of several lines; `None` for an empty one.
///
/// # Errors
/// It is no text, is too long, or holds what looks like a card number.
pub fn paragraph(given: &Given<'_>) -> Result<Option<String>, ValueError> {
    let text = match given {
        Given::Null => return Ok(None),
        Given::Text(text) => clean_paragraphs(text, PARAGRAPH_CHARS_MAX)?,
        other => return Err(wrong_type("a string", other)),
    };
    if card::holds(&text) {
        return Err((card::CODE, "must not hold a card number".into()));
    }
    Ok((!text.is_empty()).then_some(text))
}

/// An amount that is not negative.
///
/// # Errors
/// It is no such amount.
pub fn amount(given: &Given<'_>) -> Result<Option<Money>, ValueError> {
    let text = number(given)?;
    let read = text.map(|text| Money::parse(text).map_err(|error| ("invalid_amount", error.to_string())));
    match read.transpose()? {
        Some(amount) if amount < Money::default() => Err(("invalid_amount", "must not be negative".into())),
        amount => Ok(amount),
    }
}

/// A day: `YYYY-MM-DD`, `MM/DD/YYYY`, or a time of which the day counts.
///
/// # Errors
/// Another text or type, or a day outside 1970 to 2199.
pub fn day(given: &Given<'_>) -> Result<Option<NaiveDate>, ValueError> {
    let text = match given {
        Given::Null => return Ok(None),
        Given::Text(text) if text.trim().is_empty() => return Ok(None),
        Given::Text(text) => text.trim(),
        other => return Err(wrong_type("a string", other)),
    };
    let time = chrono::DateTime::parse_from_rfc3339(text).map(|time| time.to_utc().date_naive());
    let read = NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .or_else(|_| NaiveDate::parse_from_str(text, "%m/%d/%Y"))
        .or(time);
    let in_range = |day: &NaiveDate| ("1970".."2200").contains(&&*day.format("%Y").to_string());
    let wrong = || ("invalid_time", "must be a day such as 2026-03-01 or 03/01/2026".to_owned());
    read.ok().filter(in_range).map(Some).ok_or_else(wrong)
}

fn additional(given: &Given<'_>) -> Result<BTreeMap<CompactString, CompactString>, ValueError> {
    let members = match given {
        Given::Null => return Ok(BTreeMap::new()),
        Given::Object(members) => members,
        other => return Err(wrong_type("an object", other)),
    };
    if members.0.len() > ADDITIONAL_MAX {
        return Err(("too_many", format!("must have at most {ADDITIONAL_MAX} members")));
    }
    let mut all = BTreeMap::new();
    for (name, raw) in &members.0 {
        if card::asks(name) || card::holds(name) {
            return Err((card::CODE, "must not hold card data".into()));
        }
        let value = match Given::of(raw) {
            Given::Number(number) => Some(number.into()),
            given => text(&given, TEXT_CHARS_MAX)?,
        };
        if let Some(value) = value {
            all.insert(name.as_ref().into(), value);
        }
    }
    Ok(all)
}

/// The items of a list.
///
/// # Errors
/// All problems at once.
pub fn items(given: &Given<'_>) -> Result<Option<Vec<LineDraft>>, Vec<Problem>> {
    let at = |(code, message): ValueError| vec![Problem::field(&["items"], code, message)];
    let list = match given {
        Given::Null => return Ok(None),
        Given::List(list) => list,
        other => return Err(at(wrong_type("an array", other))),
    };
    list.check().map_err(at)?;
    if list.0.len() > LINES_MAX {
        return Err(at(("too_many", format!("must have at most {LINES_MAX} items"))));
    }
    let (mut lines, mut problems) = (Vec::new(), Vec::new());
    for (index, raw) in list.0.iter().enumerate() {
        let place = index.to_string();
        match Given::of(raw) {
            Given::Object(members) => match item(&members) {
                Ok(line) => lines.push(line),
                Err(found) => {
                    problems.extend(found.into_iter().map(|problem| problem.within(&place).within("items")));
                }
            },
            other => {
                let (code, message) = wrong_type("an object", &other);
                problems.push(Problem::field(&["items", &place], code, message));
            }
        }
    }
    if problems.is_empty() { Ok(Some(lines)) } else { Err(problems) }
}

fn item(members: &Members<'_>) -> Result<LineDraft, Vec<Problem>> {
    let mut draft = LineDraft::default();
    let mut price = None;
    let mut problems = Vec::new();
    let mut seen: HashSet<&str> = HashSet::new();
    for (name, raw) in &members.0 {
        let given = Given::of(raw);
        let read = if seen.insert(name) {
            member_of_item(&mut draft, &mut price, name, &given)
        } else {
            Err(("duplicate_field", "stands in the item twice".into()))
        };
        if let Err((code, message)) = read {
            problems.push(Problem::field(&[name], code, message));
        }
    }
    match price {
        Some(price) => draft.line.price = price,
        None if seen.contains("itemCost") => {}
        None => problems.push(Problem::field(
            &["itemCost"],
            "required",
            "is required: the price of one, without tax",
        )),
    }
    let line = &draft.line;
    if line.name.is_none() && line.description.is_none() && problems.is_empty() {
        let message = "is required, or itemDescription: what the line sells";
        problems.push(Problem::field(&["itemProductName"], "required", message));
    }
    if problems.is_empty() { Ok(draft) } else { Err(problems) }
}

fn member_of_item(
    draft: &mut LineDraft,
    price: &mut Option<Money>,
    name: &str,
    given: &Given<'_>,
) -> Result<(), ValueError> {
    let line = &mut draft.line;
    match name {
        "itemProductName" => line.name = text(given, TEXT_CHARS_MAX)?,
        "itemDescription" => line.description = text(given, DESCRIPTION_CHARS_MAX)?,
        "itemProductCode" => line.product_code = text(given, CODE_CHARS_MAX)?,
        "itemCommodityCode" => line.commodity_code = text(given, CODE_CHARS_MAX)?,
        "itemUnitOfMeasure" => line.unit = text(given, CODE_CHARS_MAX)?,
        "itemCategories" => line.categories = categories(given)?,
        "itemMode" => {
            line.mode = match given {
                Given::Null | Given::Number("0") => 0,
                Given::Number("1") => 1,
                Given::Number("2") => 2,
                _ => return Err(("invalid_value", "must be 0, 1 or 2".into())),
            }
        }
        "itemQty" => {
            if let Some(text) = number(given)? {
                line.quantity = Quantity::parse(text)?;
            }
        }
        "itemTaxRate" => {
            if let Some(text) = number(given)? {
                line.rate = Percent::parse(text)?;
            }
        }
        "itemCost" => *price = amount(given)?,
        "itemTaxAmount" => draft.tax = amount(given)?,
        "itemTotalAmount" => draft.total = amount(given)?,
        name => {
            let hint = hint(name, ITEM_NAMES.into_iter());
            return Err(("unknown_field", format!("is no field of an item{hint}")));
        }
    }
    Ok(())
}

fn categories(given: &Given<'_>) -> Result<Vec<CompactString>, ValueError> {
    let list = match given {
        Given::Null => return Ok(Vec::new()),
        Given::List(list) => list,
        other => return Err(wrong_type("an array of strings", other)),
    };
    if list.0.len() > CATEGORIES_MAX {
        return Err(("too_many", format!("must have at most {CATEGORIES_MAX} words")));
    }
    let words: Result<Vec<Option<CompactString>>, ValueError> =
        list.0.iter().map(|raw| text(&Given::of(raw), CODE_CHARS_MAX)).collect();
    Ok(words?.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(json: &str) -> Result<InvoiceDraft, Vec<Problem>> {
        InvoiceDraft::parse(&serde_json::from_str::<Members<'_>>(json).unwrap())
    }

    fn codes(problems: Vec<Problem>) -> Vec<(String, &'static str)> {
        problems.into_iter().map(|problem| (format!("{:?}", problem.at), problem.code)).collect()
    }

    fn content(json: &str, code: &str) -> Result<Content, Vec<Problem>> {
        let written = draft(json)?.write_to(&Content::default(), Currency::parse(code).unwrap());
        match written {
            Ok((content, _)) => Ok(content),
            Err(Rejection::Invalid(problems)) => Err(problems),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn rules_19_the_sum_is_the_sum_of_what_is_printed() {
        let made = content(
            r#"{"items":[
                {"itemProductName":"Tea","itemQty":3,"itemCost":"0.335","itemTaxRate":20},
                {"itemProductName":"Book","itemQty":1,"itemCost":10,"itemTaxRate":5.5,"itemTotalAmount":10},
                {"itemDescription":"Advice","itemCost":100,"itemTaxRate":20}],
              "discount":11.1,"invoiceDueDate":"03/31/2026","invoiceDate":"2026-03-01","notes":"a\nb"}"#,
            "EUR",
        )
        .unwrap();
        let printed: Vec<(String, String, String)> = made
            .lines
            .iter()
            .map(|line| (line.gross.to_string(), line.net.to_string(), line.tax.to_string()))
            .collect();
        let parts: i64 = made.lines.iter().map(|line| line.discount.units()).sum();
        assert_eq!(parts, 111_000);
        assert_eq!(printed[1].0, "10");
        let (net, tax): (i64, i64) = made
            .lines
            .iter()
            .fold((0, 0), |(net, tax), line| (net + line.net.units(), tax + line.tax.units()));
        assert_eq!(
            (made.sums.net.units(), made.sums.tax.units(), made.sums.total.units()),
            (net, tax, net + tax)
        );
        assert_eq!(made.sums.gross.to_string(), "111.01");
        assert_eq!(made.notes.as_deref(), Some("a\nb"));
    }

    #[test]
    fn rules_19_wrong_sums_are_told_with_the_right_ones() {
        let wrong = |json: &str| codes(content(json, "USD").unwrap_err());
        assert_eq!(
            wrong(r#"{"items":[{"itemProductName":"a","itemCost":2,"itemQty":2,"itemTotalAmount":5}]}"#),
            [(r#"Pointer("/items/0/itemTotalAmount")"#.to_owned(), "wrong_sum")]
        );
        assert_eq!(
            wrong(r#"{"items":[{"itemProductName":"a","itemCost":2,"itemTaxRate":10,"itemTaxAmount":1}]}"#)
                [0]
            .1,
            "wrong_sum"
        );
        assert_eq!(
            wrong(r#"{"items":[{"itemProductName":"a","itemCost":2}],"invoiceAmount":3}"#)[0].1,
            "wrong_sum"
        );
        assert_eq!(
            wrong(r#"{"items":[{"itemProductName":"a","itemCost":2}],"discount":3}"#)[0].1,
            "invalid_amount"
        );
        assert_eq!(wrong(r#"{"items":[]}"#)[0].1, "required");
        assert_eq!(
            wrong(r#"{"items":[{"itemProductName":"a","itemCost":2}],"discount":0.005}"#)[0].1,
            "too_many_digits"
        );
    }

    #[test]
    fn contract_15_every_member_is_checked() {
        for (json, at, code) in [
            (r#"{"items":[{"itemCost":1}]}"#, "/items/0/itemProductName", "required"),
            (r#"{"items":[{"itemProductName":"a"}]}"#, "/items/0/itemCost", "required"),
            (r#"{"items":[{"itemProductName":"a","itemCost":-1}]}"#, "/items/0/itemCost", "invalid_amount"),
            (
                r#"{"items":[{"itemProductName":"a","itemCost":1,"itemQty":0}]}"#,
                "/items/0/itemQty",
                "invalid_quantity",
            ),
            (
                r#"{"items":[{"itemProductName":"a","itemCost":1,"colour":0}]}"#,
                "/items/0/colour",
                "unknown_field",
            ),
            (r#"{"items":[1]}"#, "/items/0", "wrong_type"),
            (r#"{"invoiceStatus":4}"#, "/invoiceStatus", "invalid_value"),
            (r#"{"invoiceType":1}"#, "/invoiceType", "no_billing_engine"),
            (r#"{"frequency":"monthly"}"#, "/frequency", "no_billing_engine"),
            (r#"{"invoiceDate":"31/12/2026"}"#, "/invoiceDate", "invalid_time"),
            (r#"{"freightAmount":3}"#, "/freightAmount", "unsupported"),
            (r#"{"invoicePaidAmount":3}"#, "/invoicePaidAmount", "read_only"),
            (r#"{"notes":"4111 1111 1111 1111"}"#, "/notes", "raw_card_data"),
            (r#"{"AdditionalData":{"cvv":"1"}}"#, "/AdditionalData", "raw_card_data"),
            (r#"{"currency":"XXX"}"#, "/currency", "unknown_currency"),
            (r#"{"discountt":1}"#, "/discountt", "unknown_field"),
        ] {
            assert_eq!(codes(draft(json).unwrap_err()), [(format!("Pointer({at:?})"), code)], "{json}");
        }
    }

    #[test]
    fn what_is_not_sent_stays() {
        let first = content(
            r#"{"items":[{"itemProductName":"a","itemCost":2}],"notes":"n","purchaseOrder":"PO"}"#,
            "USD",
        )
        .unwrap();
        let edit = draft(r#"{"discount":1,"purchaseOrder":null}"#).unwrap();
        let (after, _) = edit.write_to(&first, Currency::default()).unwrap();
        assert_eq!(
            (after.sums.total.to_string(), after.notes.as_deref(), after.purchase_order),
            ("1".into(), Some("n"), None)
        );
    }
}
