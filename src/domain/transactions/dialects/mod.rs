//! Dialects: webhooks of payment systems, read as items of our own (rules 14).
//!
//! A dialect turns the body of a webhook into the JSON of zero or more items, as `POST Transaction/{entry}` takes them. The
//! caller reads those by the rules of every other item. So a dialect decides only what stands where, never what is valid.

mod build;
mod payabli;
pub mod signature;
mod standard;
mod stripe;
#[cfg(test)]
mod tests;

use serde_json::Value;
use serde_json::value::RawValue;
use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::domain::customers::draft::Context;
use crate::domain::kernel::members::{Given, Members};
use crate::domain::kernel::problem::Problem;

/// Whose webhooks a body may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, IntoStaticStr, EnumString, VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum Dialect {
    /// Payabli's.
    Payabli,
    /// Stripe's.
    Stripe,
    /// Those of Standard Webhooks, with our own item.
    Standard,
}

/// What the reading of a webhook needs to know besides its body.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The base currency of the entrypoint, for a dialect that names none.
    pub currency: &'a str,
    /// By which the texts of a payer are read.
    pub context: Context<'a>,
}

/// What a webhook says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// Items, each as the text of a JSON object.
    Items(Vec<String>),
    /// Nothing about a transaction. The type of the event, as sent.
    Ignored(String),
}

impl Dialect {
    /// The word in addresses.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Reads the body of a webhook.
    ///
    /// # Errors
    /// The body is no webhook of this dialect.
    pub fn read(self, body: &[u8], place: Place<'_>) -> Result<Reading, Vec<Problem>> {
        let refuse = || {
            let message = match self {
                Dialect::Payabli => "must be a JSON object, as Payabli sends it",
                Dialect::Stripe => "must be a JSON object, as Stripe sends it",
                Dialect::Standard => {
                    "must be a JSON object with type, timestamp and data, by Standard Webhooks"
                }
            };
            vec![Problem::field(&[], "invalid_json", message)]
        };
        let raw: &RawValue = serde_json::from_slice(body).map_err(|_| refuse())?;
        let Given::Object(members) = Given::of(raw) else { return Err(refuse()) };
        match self {
            Dialect::Payabli => payabli::read(&members, place),
            // Its amounts are whole numbers, so that none becomes a binary float.
            Dialect::Stripe => {
                let event: Value = serde_json::from_str(raw.get()).map_err(|_| refuse())?;
                stripe::read(&event, place)
            }
            Dialect::Standard => standard::read(&members),
        }
    }
}

/// The member of a name; absent if it is null.
fn member<'a>(members: &Members<'a>, name: &str) -> Option<&'a RawValue> {
    let found = members.0.iter().find(|(known, _)| known == name).map(|(_, raw)| *raw);
    found.filter(|raw| !matches!(Given::of(raw), Given::Null))
}

/// A required member that is missing or of another type.
fn lacks(path: &[&str], wanted: &str) -> Vec<Problem> {
    vec![Problem::field(path, "required", format!("is required: {wanted}"))]
}
