//! Recognises files by their header: our own export, DOKU's sheet, and the exports of Stripe and Shopify.

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use super::target::{Meaning, Target, has_word, header_key, is_of_report};
use crate::domain::customers::fields::TextField;

/// The system that a file seems to come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, utoipa::ToSchema)]
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
    /// Shopify's export of customers.
    Shopify,
}

use Meaning::{Fills, FillsElse, FillsEmpty, LeftOut};
use TextField as F;

const fn text(field: TextField) -> Target {
    Target::Text(field)
}

/// The members of our record that the service assigns, so that an import cannot set them. `Created` is not one of them: it
/// fills `createdAt`.
const OWN: &str = "customerid lifecycle lastupdated entry paypointlegalname paypointdbaname paypointentryname \
    parentorgname parentorgid externalpaypointid pageidentifier mfa mfamode snprovider snidentifier \
    sndata subscriptions storedmethods customersummary customerconsent customerportal";
/// Members of our record in a spelling that only we use. A file with two of them, spelt exactly so, is ours.
const OWN_MARKS: &str = "customerId customerNumber customerUsername customerStatus AdditionalFields \
    IdentifierFields LastUpdated Lifecycle PaypointLegalname PaypointDbaname ParentOrgName ShippingAddress1";

/// The sheet's headers, which are usual spellings too. Its birthdays are `DD-MM-YYYY`, a form that every file may have.
const DOKU_MARKS: &str = "fullname email phonenumber country birthday streetaddress state city postalcode companyname \
    referenceid label birthday(ddmmyyyy)";
/// A birthday with its form spelt in another way, such as `Birthday (DD_MM_YYYY)`.
const DOKU: &[(&str, Meaning)] = &[("birthday(ddmmyyyy)", Fills(text(F::Birthday)))];

/// Stripe's dashboard export and its migration export (`card.address_city`). Stripe's id of the customer becomes the
/// customer number. If the file has no address columns, a card's billing address fills the address. Left out are amounts,
/// which are in minor units, balances, which have the opposite sign, `Status` and `Plan`, which belong to a subscription,
/// and the free text of `Description`.
const STRIPE: &[(&str, Meaning)] = &[
    ("id", Fills(text(F::CustomerNumber))),
    ("customerid", Fills(text(F::CustomerNumber))),
    ("createddate(utc)", Fills(Target::CreatedAt)),
    ("cardaddressline1", FillsElse(text(F::Address))),
    ("cardaddressline2", FillsElse(text(F::Address1))),
    ("cardaddresscity", FillsElse(text(F::City))),
    ("cardaddressstate", FillsElse(text(F::State))),
    ("cardaddresszip", FillsElse(text(F::Zip))),
    ("cardaddresscountry", FillsElse(text(F::Country))),
];
const STRIPE_LEFT_OUT: &str = "description delinquent cardid cardlast4 cardbrand cardfunding cardexpmonth \
    cardexpyear cardname cardissuecountry cardfingerprint cardcvcstatus cardavszipstatus cardavsline1status \
    cardtokenizationmethod cardtransactionids defaultsource defaultpaymentmethod plan quantity status \
    cancelatperiodend accountbalance balance currency totalspend paymentcount averageorder refundcount \
    refundedvolume disputecount disputelosses businessvatid taxexempt taxids preferredlocales invoiceprefix \
    shippingname shippingphone";

/// Shopify's export: the present one with `Default Address` in its address columns, and the earlier one without. Codes
/// (`Province Code`) precede names, since we store countries as codes. Left out are consents, which were given to another
/// shop, sums, tax and the free text of `Note`.
const SHOPIFY: &[(&str, Meaning)] = &[
    ("customerid", Fills(text(F::CustomerNumber))),
    ("address1", Fills(text(F::Address))),
    ("province", FillsEmpty(text(F::State))),
    ("country", FillsEmpty(text(F::Country))),
    ("defaultaddresscompany", Fills(text(F::Company))),
    ("defaultaddressaddress1", Fills(text(F::Address))),
    ("defaultaddressaddress2", Fills(text(F::Address1))),
    ("defaultaddresscity", Fills(text(F::City))),
    ("defaultaddresszip", Fills(text(F::Zip))),
    ("defaultaddressprovincecode", Fills(text(F::State))),
    ("defaultaddressprovince", FillsEmpty(text(F::State))),
    ("defaultaddresscountrycode", Fills(text(F::Country))),
    ("defaultaddresscountry", FillsEmpty(text(F::Country))),
    ("defaultaddressphone", FillsEmpty(text(F::Phone))),
];
const SHOPIFY_LEFT_OUT: &str = "acceptsemailmarketing acceptssmsmarketing acceptswhatsappmarketing \
    acceptsmarketing totalspent totalorders note taxexempt language";

impl Preset {
    /// The system whose files have a header like this one.
    pub(super) fn of(header: &[String]) -> Preset {
        let keys: Vec<String> = header.iter().map(|name| header_key(name)).collect();
        let has = |key: &str| keys.iter().any(|it| it == key);
        let is_own = |mark: &&str| header.iter().any(|name| name.trim() == *mark);
        if (has("acceptsemailmarketing") || has("acceptsmarketing"))
            && (has("totalorders") || has("totalspent") || has("defaultaddressaddress1"))
        {
            Preset::Shopify
        } else if has("id")
            && (has("created(utc)") || has("createddate(utc)") || (has("defaultsource") && has("cardid")))
        {
            Preset::Stripe
        } else if OWN_MARKS.split_whitespace().filter(is_own).count() >= 2 {
            Preset::Customary
        } else if has("fullname")
            && has("referenceid")
            && DOKU_MARKS.split_whitespace().filter(|key| has(key)).count() >= 6
        {
            Preset::Doku
        } else {
            Preset::None
        }
    }

    /// What a header means in such a file, if it has a special meaning there or in a file of rejected rows.
    pub(super) fn meaning(self, key: &str) -> Option<Meaning> {
        let (meanings, left_out) = self.columns();
        if is_of_report(key) || has_word(left_out, key) {
            return Some(LeftOut);
        }
        meanings.iter().find(|(name, _)| *name == key).map(|(_, meaning)| meaning.clone())
    }

    /// The headers that mean something else than in other files, and those that are left out.
    const fn columns(self) -> (&'static [(&'static str, Meaning)], &'static str) {
        match self {
            Preset::None => (&[], ""),
            Preset::Customary => (&[], OWN),
            Preset::Doku => (DOKU, ""),
            Preset::Stripe => (STRIPE, STRIPE_LEFT_OUT),
            Preset::Shopify => (SHOPIFY, SHOPIFY_LEFT_OUT),
        }
    }

    /// Whether a comma separates labels too: Shopify's tags cannot contain one.
    pub(super) const fn has_comma_lists(self) -> bool {
        matches!(self, Preset::Shopify)
    }

    /// Whether a cell may begin with a `'` that keeps a spreadsheet from reading it as a number.
    pub(super) const fn quotes_numbers(self) -> bool {
        matches!(self, Preset::Shopify)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_written_as_keys_and_have_no_header_twice() {
        for preset in [Preset::Customary, Preset::Doku, Preset::Stripe, Preset::Shopify] {
            let (meanings, left_out) = preset.columns();
            let mut seen = Vec::new();
            for name in meanings.iter().map(|(name, _)| *name).chain(left_out.split_whitespace()) {
                assert_eq!(header_key(name), name);
                assert!(!seen.contains(&name), "{name} stands twice");
                seen.push(name);
            }
            for (name, meaning) in meanings {
                let usual = Target::of_header(name).map(Fills);
                assert_ne!(usual.as_ref(), Some(meaning), "{name} needs no line");
            }
        }
    }
}
