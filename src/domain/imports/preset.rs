//! Recognises files by their header: our own export, DOKU's sheet, and the exports of Stripe and Shopify.

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use super::target::{Meaning, Target, header_key, is_of_report};
use crate::domain::customers::fields::TextField;

/// The system that a file seems to come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
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
const OWN: &[(&str, Meaning)] = &[
    ("customerid", LeftOut),
    ("lifecycle", LeftOut),
    ("lastupdated", LeftOut),
    ("entry", LeftOut),
    ("paypointlegalname", LeftOut),
    ("paypointdbaname", LeftOut),
    ("paypointentryname", LeftOut),
    ("parentorgname", LeftOut),
    ("parentorgid", LeftOut),
    ("externalpaypointid", LeftOut),
    ("pageidentifier", LeftOut),
    ("mfa", LeftOut),
    ("mfamode", LeftOut),
    ("snprovider", LeftOut),
    ("snidentifier", LeftOut),
    ("sndata", LeftOut),
    ("subscriptions", LeftOut),
    ("storedmethods", LeftOut),
    ("customersummary", LeftOut),
    ("customerconsent", LeftOut),
    ("customerportal", LeftOut),
];
/// Members of our record in a spelling that only we use. A file with two of them, spelt exactly so, is ours.
const OWN_MARKS: [&str; 12] = [
    "customerId",
    "customerNumber",
    "customerUsername",
    "customerStatus",
    "AdditionalFields",
    "IdentifierFields",
    "LastUpdated",
    "Lifecycle",
    "PaypointLegalname",
    "PaypointDbaname",
    "ParentOrgName",
    "ShippingAddress1",
];

/// The sheet's headers. Each is also a usual spelling. Its birthdays are `DD-MM-YYYY`, a form that every file may have.
const DOKU: &[(&str, Meaning)] = &[
    ("fullname", Fills(text(F::Fullname))),
    ("email", Fills(text(F::Email))),
    ("phonenumber", Fills(text(F::Phone))),
    ("country", Fills(text(F::Country))),
    ("birthday", Fills(text(F::Birthday))),
    ("birthday(ddmmyyyy)", Fills(text(F::Birthday))),
    ("streetaddress", Fills(text(F::Address))),
    ("state", Fills(text(F::State))),
    ("city", Fills(text(F::City))),
    ("postalcode", Fills(text(F::Zip))),
    ("companyname", Fills(text(F::Company))),
    ("referenceid", Fills(text(F::CustomerNumber))),
    ("label", Fills(Target::Labels)),
];

/// Stripe's dashboard export and its migration export (`card.address_city`). Stripe's id of the customer becomes the
/// customer number. If the file has no address columns, a card's billing address fills the address. Left out are amounts,
/// which are in minor units, balances, which have the opposite sign, `Status` and `Plan`, which belong to a subscription,
/// and the free text of `Description`.
const STRIPE: &[(&str, Meaning)] = &[
    ("id", Fills(text(F::CustomerNumber))),
    ("customerid", Fills(text(F::CustomerNumber))),
    ("name", Fills(text(F::Fullname))),
    ("email", Fills(text(F::Email))),
    ("phone", Fills(text(F::Phone))),
    ("created(utc)", Fills(Target::CreatedAt)),
    ("createddate(utc)", Fills(Target::CreatedAt)),
    ("cardaddressline1", FillsElse(text(F::Address))),
    ("cardaddressline2", FillsElse(text(F::Address1))),
    ("cardaddresscity", FillsElse(text(F::City))),
    ("cardaddressstate", FillsElse(text(F::State))),
    ("cardaddresszip", FillsElse(text(F::Zip))),
    ("cardaddresscountry", FillsElse(text(F::Country))),
    ("description", LeftOut),
    ("delinquent", LeftOut),
    ("cardid", LeftOut),
    ("cardlast4", LeftOut),
    ("cardbrand", LeftOut),
    ("cardfunding", LeftOut),
    ("cardexpmonth", LeftOut),
    ("cardexpyear", LeftOut),
    ("cardname", LeftOut),
    ("cardissuecountry", LeftOut),
    ("cardfingerprint", LeftOut),
    ("cardcvcstatus", LeftOut),
    ("cardavszipstatus", LeftOut),
    ("cardavsline1status", LeftOut),
    ("cardtokenizationmethod", LeftOut),
    ("cardtransactionids", LeftOut),
    ("defaultsource", LeftOut),
    ("defaultpaymentmethod", LeftOut),
    ("plan", LeftOut),
    ("quantity", LeftOut),
    ("status", LeftOut),
    ("cancelatperiodend", LeftOut),
    ("accountbalance", LeftOut),
    ("balance", LeftOut),
    ("currency", LeftOut),
    ("totalspend", LeftOut),
    ("paymentcount", LeftOut),
    ("averageorder", LeftOut),
    ("refundcount", LeftOut),
    ("refundedvolume", LeftOut),
    ("disputecount", LeftOut),
    ("disputelosses", LeftOut),
    ("businessvatid", LeftOut),
    ("taxexempt", LeftOut),
    ("taxids", LeftOut),
    ("preferredlocales", LeftOut),
    ("invoiceprefix", LeftOut),
    ("shippingname", LeftOut),
    ("shippingphone", LeftOut),
];

/// Shopify's export: the present one with `Default Address` in its address columns, and the earlier one without. Codes
/// (`Province Code`) precede names, since we store countries as codes. Left out are consents, which were given to another
/// shop, sums, tax and the free text of `Note`.
const SHOPIFY: &[(&str, Meaning)] = &[
    ("customerid", Fills(text(F::CustomerNumber))),
    ("firstname", Fills(text(F::Firstname))),
    ("lastname", Fills(text(F::Lastname))),
    ("email", Fills(text(F::Email))),
    ("phone", Fills(text(F::Phone))),
    ("tags", Fills(Target::Labels)),
    ("company", Fills(text(F::Company))),
    ("address1", Fills(text(F::Address))),
    ("address2", Fills(text(F::Address1))),
    ("city", Fills(text(F::City))),
    ("zip", Fills(text(F::Zip))),
    ("provincecode", Fills(text(F::State))),
    ("province", FillsEmpty(text(F::State))),
    ("countrycode", Fills(text(F::Country))),
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
    ("acceptsemailmarketing", LeftOut),
    ("acceptssmsmarketing", LeftOut),
    ("acceptswhatsappmarketing", LeftOut),
    ("acceptsmarketing", LeftOut),
    ("totalspent", LeftOut),
    ("totalorders", LeftOut),
    ("note", LeftOut),
    ("taxexempt", LeftOut),
    ("language", LeftOut),
];

impl Preset {
    /// The system whose files have a header like this one.
    pub(super) fn of(header: &[String]) -> Preset {
        let keys: Vec<String> = header.iter().map(|name| header_key(name)).collect();
        let has = |key: &str| keys.iter().any(|it| it == key);
        let count =
            |names: &[&str]| names.iter().filter(|name| header.iter().any(|it| it.trim() == **name)).count();
        if (has("acceptsemailmarketing") || has("acceptsmarketing"))
            && (has("totalorders") || has("totalspent") || has("defaultaddressaddress1"))
        {
            Preset::Shopify
        } else if has("id")
            && (has("created(utc)") || has("createddate(utc)") || (has("defaultsource") && has("cardid")))
        {
            Preset::Stripe
        } else if count(&OWN_MARKS) >= 2 {
            Preset::Customary
        } else if has("fullname")
            && has("referenceid")
            && DOKU.iter().filter(|(key, _)| has(key)).count() >= 6
        {
            Preset::Doku
        } else {
            Preset::None
        }
    }

    /// What a header means in such a file, if it has a special meaning there or in a file of rejected rows.
    pub(super) fn meaning(self, key: &str) -> Option<Meaning> {
        if is_of_report(key) {
            return Some(LeftOut);
        }
        let found = self.columns().iter().find(|(name, _)| *name == key);
        found.map(|(_, meaning)| meaning.clone())
    }

    const fn columns(self) -> &'static [(&'static str, Meaning)] {
        match self {
            Preset::None => &[],
            Preset::Customary => OWN,
            Preset::Doku => DOKU,
            Preset::Stripe => STRIPE,
            Preset::Shopify => SHOPIFY,
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
    OWN.iter().any(|(name, _)| *name == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_written_as_keys_and_have_no_header_twice() {
        for preset in [Preset::Customary, Preset::Doku, Preset::Stripe, Preset::Shopify] {
            let columns = preset.columns();
            for (index, (name, _)) in columns.iter().enumerate() {
                assert_eq!(header_key(name), **name);
                assert!(columns[..index].iter().all(|(other, _)| other != name), "{name} stands twice");
            }
        }
    }
}
