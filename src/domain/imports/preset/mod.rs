//! Recognises files by their header: our own export, DOKU's sheet, and the exports of other systems.

mod accounting;
mod billing;
mod marketing;
mod shops;

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

use super::target::{Meaning, Target, has_word, header_key, is_of_report};
use crate::domain::addresses::column::AddressColumn;
use crate::domain::addresses::fields::{AddressField, Role};
use crate::domain::customers::fields::TextField;

/// The system that a file seems to come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[derive(Serialize, Deserialize, IntoStaticStr, VariantArray, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Preset {
    /// None of the others.
    #[default]
    None,
    /// An export of this service (or of the service whose contract it speaks).
    Customary,
    /// DOKU's sheet for customers.
    Doku,
    /// Stripe's export of customers.
    Stripe,
    /// Matrixify's sheet of Shopify customers: a row for each address.
    Matrixify,
    /// Shopify's export of customers.
    Shopify,
    /// The customer list of QuickBooks Desktop.
    QuickBooksDesktop,
    /// The customers, or the customer contact list, of QuickBooks Online.
    QuickBooksOnline,
    /// Xero's export of contacts.
    Xero,
    /// HubSpot's export of contacts.
    HubSpot,
    /// Mailchimp's export of an audience.
    Mailchimp,
    /// Recurly's export of accounts.
    Recurly,
    /// Chargebee's export of customers.
    Chargebee,
    /// WooCommerce's export of customers.
    WooCommerce,
    /// Square's export of the customer directory.
    Square,
}

use Meaning::{Fills, LeftOut};

const fn text(field: TextField) -> Target {
    Target::Text(field)
}

/// What the flat fields lack of the default billing address.
const fn billing(field: AddressField) -> Target {
    Target::Address(AddressColumn::of_default(Role::Billing, field))
}

/// What the flat fields lack of the default shipping address.
const fn shipping(field: AddressField) -> Target {
    Target::Address(AddressColumn::of_default(Role::Shipping, field))
}

/// What the headers of a system's files mean where they mean something else than in other files.
struct Columns {
    meanings: &'static [(&'static str, Meaning)],
    /// Headers without a counterpart, with blanks between them; `x*` is every header that begins with `x`.
    left_out: &'static str,
}

/// For files whose headers all have their usual meaning.
const USUAL: Columns = Columns { meanings: &[], left_out: "" };

/// The members of our record that the service assigns, so that an import cannot set them. `Created` is not one of them: it
/// fills `createdAt`.
const OWN: &str = "customerid lifecycle lastupdated entry paypointlegalname paypointdbaname paypointentryname \
    parentorgname parentorgid externalpaypointid pageidentifier mfa mfamode snprovider snidentifier \
    sndata subscriptions storedmethods customersummary customerconsent customerportal";
/// Members of our record in a spelling that only we use. A file with two of them, spelt exactly so, is ours.
const OWN_MARKS: &str = "customerId customerNumber customerUsername customerStatus AdditionalFields \
    IdentifierFields LastUpdated Lifecycle PaypointLegalname PaypointDbaname ParentOrgName ShippingAddress1";

impl Preset {
    /// The system whose files have a header like this one.
    pub(super) fn of(header: &[String]) -> Preset {
        let keys: Vec<String> = header.iter().map(|name| header_key(name)).collect();
        let keys = Keys(&keys);
        let is_own = |mark: &&str| header.iter().any(|name| name.trim() == *mark);
        if OWN_MARKS.split_whitespace().filter(is_own).count() >= 2 {
            return Preset::Customary;
        }
        let is_it = |preset: &Preset| preset.has_made(keys);
        Preset::VARIANTS.iter().copied().find(is_it).unwrap_or_default()
    }

    /// Whether a header has the marks of this system.
    fn has_made(self, keys: Keys<'_>) -> bool {
        match self {
            Preset::None | Preset::Customary => false,
            Preset::Doku => shops::is_doku(keys),
            Preset::Stripe => billing::is_stripe(keys),
            Preset::Matrixify => shops::is_matrixify(keys),
            Preset::Shopify => shops::is_shopify(keys),
            Preset::QuickBooksDesktop => accounting::is_desktop(keys),
            Preset::QuickBooksOnline => accounting::is_online(keys),
            Preset::Xero => accounting::is_xero(keys),
            Preset::HubSpot => marketing::is_hubspot(keys),
            Preset::Mailchimp => marketing::is_mailchimp(keys),
            Preset::Recurly => billing::is_recurly(keys),
            Preset::Chargebee => billing::is_chargebee(keys),
            Preset::WooCommerce => shops::is_woocommerce(keys),
            Preset::Square => shops::is_square(keys),
        }
    }

    /// What a header means in such a file, if it has a special meaning there or in a file of rejected rows.
    pub(super) fn meaning(self, key: &str) -> Option<Meaning> {
        if is_of_report(key) {
            return Some(LeftOut);
        }
        let Columns { meanings, left_out } = self.columns();
        let plain = if self == Preset::Chargebee { billing::chargebee_key(key) } else { key.to_owned() };
        if let Some((_, meaning)) = meanings.iter().find(|(name, _)| *name == plain) {
            return Some(meaning.clone());
        }
        let is_left_out = |known: &str| match known.strip_suffix('*') {
            Some(beginning) => plain.starts_with(beginning),
            None => plain == known,
        };
        if left_out.split_whitespace().any(is_left_out) {
            return Some(LeftOut);
        }
        if plain == key { None } else { Target::of_header(&plain).map(Fills) }
    }

    const fn columns(self) -> Columns {
        match self {
            Preset::None => USUAL,
            Preset::Customary => Columns { meanings: &[], left_out: OWN },
            Preset::Doku => shops::DOKU,
            Preset::Stripe => billing::STRIPE,
            Preset::Matrixify => shops::MATRIXIFY,
            Preset::Shopify => shops::SHOPIFY,
            Preset::QuickBooksDesktop => accounting::DESKTOP,
            Preset::QuickBooksOnline => accounting::ONLINE,
            Preset::Xero => accounting::XERO,
            Preset::HubSpot => marketing::HUBSPOT,
            Preset::Mailchimp => marketing::MAILCHIMP,
            Preset::Recurly => billing::RECURLY,
            Preset::Chargebee => billing::CHARGEBEE,
            Preset::WooCommerce => shops::WOOCOMMERCE,
            Preset::Square => shops::SQUARE,
        }
    }

    /// Whether `,` separates the names of a list.
    pub(super) const fn has_comma_lists(self) -> bool {
        matches!(self, Preset::Shopify | Preset::Matrixify)
    }

    /// Whether a phone cell is a list of numbers, each with its kind before it: `Phone: … Mobile: …`.
    pub(super) const fn has_phone_lists(self) -> bool {
        matches!(self, Preset::QuickBooksOnline)
    }

    /// Whether a cell may begin with a `'` that keeps a spreadsheet from reading it as a number.
    pub(super) const fn quotes_numbers(self) -> bool {
        matches!(self, Preset::Shopify | Preset::Matrixify)
    }

    /// The name in reports.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// Whether a header names a member of our record that only the service assigns.
pub(super) fn is_server_assigned(key: &str) -> bool {
    has_word(OWN, key)
}

/// The keys of a header.
#[derive(Clone, Copy)]
struct Keys<'a>(&'a [String]);

impl Keys<'_> {
    fn has(self, key: &str) -> bool {
        self.0.iter().any(|it| it == key)
    }

    fn has_one(self, keys: &[&str]) -> bool {
        keys.iter().any(|key| self.has(key))
    }

    fn has_all(self, keys: &[&str]) -> bool {
        keys.iter().all(|key| self.has(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_written_as_keys_and_have_no_header_twice() {
        for preset in Preset::VARIANTS {
            let Columns { meanings, left_out } = preset.columns();
            let mut seen = Vec::new();
            for name in meanings.iter().map(|(name, _)| *name).chain(left_out.split_whitespace()) {
                assert_eq!(header_key(name), name);
                assert!(!seen.contains(&name), "{preset:?}: {name} stands twice");
                seen.push(name);
            }
            for (name, meaning) in meanings {
                let usual = Target::of_header(name).map(Fills);
                assert_ne!(usual.as_ref(), Some(meaning), "{preset:?}: {name} needs no line");
            }
        }
    }

    #[test]
    fn no_preset_leaves_out_a_column_that_fills_a_field_in_it() {
        for preset in Preset::VARIANTS {
            for (name, meaning) in preset.columns().meanings {
                assert_eq!(preset.meaning(name).as_ref(), Some(meaning), "{preset:?}: {name}");
            }
        }
    }
}
