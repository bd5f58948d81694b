//! What an entrypoint sets about its invoices (rules 19).

use serde::{Deserialize, Serialize};
use strum::VariantNames as _;

use super::numbering::{Pattern, Restart};
use crate::domain::kernel::card;
use crate::domain::kernel::problem::Problem;
use crate::domain::kernel::text::{clean, clean_paragraphs};

/// The most characters of the seller's address and of the footer.
const PARAGRAPH_CHARS_MAX: usize = 1_000;
/// The most characters of a VAT number and of an e-mail address.
const TEXT_CHARS_MAX: usize = 250;
/// How many days a buyer has to pay, if nobody says.
const DUE_DAYS: u16 = 30;
/// The most days that a buyer may have.
pub const DUE_DAYS_MAX: u16 = 365;

/// The settings in force.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Invoicing {
    /// The lines of the seller's address (`invoiceSellerAddress`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The seller's VAT number (`invoiceVatNumber`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vat_number: Option<String>,
    /// The seller's e-mail address (`invoiceEmail`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The text below each page (`invoiceFooter`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub footer: Option<String>,
    /// How invoices are numbered (`invoiceNumberPattern`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number_pattern: Option<Pattern>,
    /// How credit notes are numbered (`creditNoteNumberPattern`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credit_note_pattern: Option<Pattern>,
    /// When numbers begin again (`invoiceNumberRestart`).
    pub restart: Restart,
    /// How many days a buyer has to pay (`invoiceDueDays`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_days: Option<u16>,
}

impl Invoicing {
    /// How invoices are numbered.
    pub fn number_pattern(&self) -> Pattern {
        self.number_pattern.clone().unwrap_or_else(Pattern::of_invoices)
    }

    /// How credit notes are numbered.
    pub fn credit_note_pattern(&self) -> Pattern {
        self.credit_note_pattern.clone().unwrap_or_else(Pattern::of_credit_notes)
    }

    /// How many days a buyer has to pay, if nobody says.
    pub fn due_days(&self) -> u16 {
        self.due_days.unwrap_or(DUE_DAYS)
    }

    /// Each setting with its name and its value as text; empty where it is not set.
    pub fn shown(&self) -> [(&'static str, String); 8] {
        let own = |text: &Option<String>| text.clone().unwrap_or_default();
        [
            ("invoiceSellerAddress", own(&self.address)),
            ("invoiceVatNumber", own(&self.vat_number)),
            ("invoiceEmail", own(&self.email)),
            ("invoiceFooter", own(&self.footer)),
            ("invoiceNumberPattern", self.number_pattern().text().to_owned()),
            ("creditNoteNumberPattern", self.credit_note_pattern().text().to_owned()),
            ("invoiceNumberRestart", <&str>::from(self.restart).to_owned()),
            ("invoiceDueDays", self.due_days().to_string()),
        ]
    }
}

/// Settings of invoices as somebody sends them; `None` keeps, an empty text clears.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InvoicingInput {
    /// `invoiceSellerAddress`.
    pub address: Option<String>,
    /// `invoiceVatNumber`.
    pub vat_number: Option<String>,
    /// `invoiceEmail`.
    pub email: Option<String>,
    /// `invoiceFooter`.
    pub footer: Option<String>,
    /// `invoiceNumberPattern`.
    pub number_pattern: Option<String>,
    /// `creditNoteNumberPattern`.
    pub credit_note_pattern: Option<String>,
    /// `invoiceNumberRestart`.
    pub restart: Option<String>,
    /// `invoiceDueDays`.
    pub due_days: Option<String>,
}

impl InvoicingInput {
    /// The place of a setting; `None` for a name that is none of these.
    pub fn slot(&mut self, name: &str) -> Option<&mut Option<String>> {
        Some(match name {
            "invoiceSellerAddress" => &mut self.address,
            "invoiceVatNumber" => &mut self.vat_number,
            "invoiceEmail" => &mut self.email,
            "invoiceFooter" => &mut self.footer,
            "invoiceNumberPattern" => &mut self.number_pattern,
            "creditNoteNumberPattern" => &mut self.credit_note_pattern,
            "invoiceNumberRestart" => &mut self.restart,
            "invoiceDueDays" => &mut self.due_days,
            _ => return None,
        })
    }

    /// Whether nothing is sent.
    pub fn is_empty(&self) -> bool {
        *self == InvoicingInput::default()
    }

    /// The settings after this change of some settings.
    ///
    /// # Errors
    /// All problems at once.
    pub fn onto(&self, old: &Invoicing) -> Result<Invoicing, Vec<Problem>> {
        let mut new = old.clone();
        let mut problems = Vec::new();
        let mut refuse = |name: &str, code: &'static str, message: String| {
            problems.push(Problem::field(&[name], code, message));
        };
        for (name, sent, place, is_paragraph) in [
            ("invoiceSellerAddress", &self.address, &mut new.address, true),
            ("invoiceVatNumber", &self.vat_number, &mut new.vat_number, false),
            ("invoiceEmail", &self.email, &mut new.email, false),
            ("invoiceFooter", &self.footer, &mut new.footer, true),
        ] {
            let Some(sent) = sent else { continue };
            let read = if is_paragraph {
                clean_paragraphs(sent, PARAGRAPH_CHARS_MAX)
            } else {
                clean(sent, TEXT_CHARS_MAX).map(Into::into)
            };
            match read {
                Ok(text) if card::holds(&text) => {
                    let (code, message) = card::refusal(name);
                    refuse(name, code, message);
                }
                Ok(text) => *place = (!text.is_empty()).then_some(text),
                Err((code, message)) => refuse(name, code, message),
            }
        }
        if let Some(word) = &self.restart {
            match word.trim() {
                "" => new.restart = Restart::default(),
                word => match word.parse() {
                    Ok(restart) => new.restart = restart,
                    Err(_) => {
                        let message = format!("must be {}", Restart::VARIANTS.join(" or "));
                        refuse("invoiceNumberRestart", "invalid_value", message);
                    }
                },
            }
        }
        for (name, sent, place) in [
            ("invoiceNumberPattern", &self.number_pattern, &mut new.number_pattern),
            ("creditNoteNumberPattern", &self.credit_note_pattern, &mut new.credit_note_pattern),
        ] {
            let text = match sent {
                Some(text) if text.trim().is_empty() => {
                    *place = None;
                    continue;
                }
                Some(text) => text.clone(),
                // Another restart may forbid the pattern that is there.
                None => match place {
                    Some(pattern) => pattern.text().to_owned(),
                    None => continue,
                },
            };
            match Pattern::parse(&text, new.restart) {
                Ok(pattern) => *place = Some(pattern),
                Err(message) => refuse(name, "invalid_pattern", message),
            }
        }
        if let Some(days) = &self.due_days {
            match days.trim() {
                "" => new.due_days = None,
                days => match days.parse() {
                    Ok(days @ 0..=DUE_DAYS_MAX) => new.due_days = Some(days),
                    _ => refuse(
                        "invoiceDueDays",
                        "invalid_value",
                        format!("must be a number from 0 to {DUE_DAYS_MAX}"),
                    ),
                },
            }
        }
        if new.number_pattern() == new.credit_note_pattern() && problems.is_empty() {
            let message = "must not be the pattern of invoices: a number names one document";
            problems.push(Problem::field(&["creditNoteNumberPattern"], "invalid_pattern", message));
        }
        if problems.is_empty() { Ok(new) } else { Err(problems) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_19_settings_are_checked_together() {
        let input = |pairs: &[(&str, &str)]| {
            let mut input = InvoicingInput::default();
            for (name, value) in pairs {
                *input.slot(name).unwrap() = Some((*value).to_owned());
            }
            input
        };
        let set = input(&[
            ("invoiceSellerAddress", "1 Main St\r\nOakton"),
            ("invoiceNumberPattern", "F{YYYY}-{000}"),
            ("invoiceDueDays", "14"),
        ]);
        let one = set.onto(&Invoicing::default()).unwrap();
        assert_eq!(one.address.as_deref(), Some("1 Main St\nOakton"));
        assert_eq!((one.due_days(), one.number_pattern().text()), (14, "F{YYYY}-{000}"));
        let cleared = input(&[("invoiceSellerAddress", ""), ("invoiceDueDays", " ")]).onto(&one).unwrap();
        assert_eq!((cleared.address, cleared.due_days), (None, None));
        for wrong in [
            &[("invoiceNumberPattern", "INV{0000}")][..],
            &[("invoiceNumberRestart", "monthly")],
            &[("invoiceDueDays", "366")],
            &[("invoiceFooter", "4111 1111 1111 1111")],
            &[("creditNoteNumberPattern", "F{YYYY}-{000}")],
        ] {
            assert_eq!(input(wrong).onto(&one).unwrap_err().len(), 1, "{wrong:?}");
        }
        let never = input(&[("invoiceNumberRestart", "never"), ("invoiceNumberPattern", "INV{0000}")]);
        let never = never.onto(&Invoicing::default()).unwrap();
        let back = input(&[("invoiceNumberRestart", "yearly")]).onto(&never).unwrap_err();
        assert_eq!(back[0].code, "invalid_pattern");
    }
}
