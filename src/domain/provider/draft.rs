//! A charge as a request sends it: every member is checked, and all problems are reported at once.

use std::collections::HashSet;
use std::net::IpAddr;

use crate::domain::kernel::members::{Given, Members};
use crate::domain::kernel::money::Money;
use crate::domain::kernel::problem::{Problem, ValueError};
use crate::domain::kernel::text::hint;
use crate::domain::kernel::values::{some_amount, text, wrong_type};
use crate::domain::transactions::currency::Currency;

const NAMES: [&str; 7] =
    ["amount", "currency", "methodId", "description", "invoiceId", "orderId", "ipAddress"];
/// The most characters of an id.
const ID_CHARS_MAX: usize = 250;
/// The most characters of a description.
const DESCRIPTION_CHARS_MAX: usize = 1_000;

/// A checked charge.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChargeDraft {
    /// How much; what is open of the invoice where none is named.
    pub amount: Option<Money>,
    /// Its currency; that of the invoice or of the entrypoint where none is named.
    pub currency: Option<Currency>,
    /// The stored method; the default one where none is named.
    pub method_id: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The invoice that it pays.
    pub invoice_id: Option<i64>,
    /// Its number, as clients of Payabli send it; it need not be one of ours.
    pub invoice_number: Option<String>,
    /// The order that it pays.
    pub order_id: Option<String>,
    /// Where the payer is.
    pub ip_address: Option<String>,
}

impl ChargeDraft {
    /// Checks the members of a charge.
    ///
    /// # Errors
    /// All problems at once.
    pub fn parse(members: &Members<'_>) -> Result<ChargeDraft, Vec<Problem>> {
        let mut draft = ChargeDraft::default();
        let mut problems = Vec::new();
        let mut seen: HashSet<&str> = HashSet::new();
        for (name, raw) in &members.0 {
            let read = if seen.insert(name) {
                draft.member(name, &Given::of(raw))
            } else {
                Err(("duplicate_field", "stands in the body twice".into()))
            };
            if let Err((code, message)) = read {
                problems.push(Problem::field(&[name], code, message));
            }
        }
        if problems.is_empty() && draft.amount.is_none() && draft.invoice_id.is_none() {
            let message = "is required, unless invoiceId names an invoice to pay";
            problems.push(Problem::field(&["amount"], "required", message));
        }
        if problems.is_empty() { Ok(draft) } else { Err(problems) }
    }

    fn member(&mut self, name: &str, given: &Given<'_>) -> Result<(), ValueError> {
        match name {
            "amount" => self.amount = some_amount(given)?,
            "currency" => self.currency = text(given, 3)?.map(|code| Currency::parse(&code)).transpose()?,
            "methodId" => self.method_id = text(given, ID_CHARS_MAX)?,
            "description" => self.description = text(given, DESCRIPTION_CHARS_MAX)?,
            "invoiceId" => {
                self.invoice_id = match given {
                    Given::Null => None,
                    Given::Number(text) => {
                        let id = text.parse::<i64>().ok().filter(|id| *id > 0);
                        Some(id.ok_or(("invalid_value", "must be the id of an invoice".to_owned()))?)
                    }
                    other => return Err(wrong_type("an integer", other)),
                };
            }
            "orderId" => self.order_id = text(given, ID_CHARS_MAX)?,
            "ipAddress" => {
                self.ip_address = ip_address(text(given, ID_CHARS_MAX)?)?;
            }
            _ => {
                let hint = hint(name, NAMES.into_iter());
                return Err(("unknown_field", format!("is no field of a charge{hint}")));
            }
        }
        Ok(())
    }
}

/// The address of a payer in its shortest form.
///
/// # Errors
/// It is no address.
pub fn ip_address(sent: Option<String>) -> Result<Option<String>, ValueError> {
    let wrong = |_| ("invalid_value", "must be an IP address".to_owned());
    let read = |text: String| text.parse::<IpAddr>().map(|address| address.to_string()).map_err(wrong);
    sent.map(read).transpose()
}
