//! Files of systems that bill: Stripe, Recurly, Chargebee.

use std::borrow::Cow;

use super::{Columns, Keys, shipping, text};
use crate::domain::addresses::fields::AddressField as A;
use crate::domain::customers::fields::TextField as F;
use crate::domain::imports::target::Meaning::{Fills, FillsElse, FillsEmpty, Joins};
use crate::domain::imports::target::Target;

pub(super) fn is_stripe(keys: Keys<'_>) -> bool {
    keys.has("id")
        && (keys.has_one(&["created(utc)", "createddate(utc)"]) || keys.has_all(&["defaultsource", "cardid"]))
}

/// Stripe's dashboard export and its migration export (`card.address_city`). Stripe's id of the customer becomes a
/// reference. If the file has no address columns, a card's billing address fills the address. Left out are amounts,
/// which are in minor units, balances, which have the opposite sign, `Status` and `Plan`, which belong to a subscription,
/// and the free text of `Description`.
pub(super) const STRIPE: Columns = Columns {
    meanings: &[
        ("id", Fills(Target::Reference(Cow::Borrowed("stripe")))),
        ("customerid", Fills(Target::Reference(Cow::Borrowed("stripe")))),
        ("shippingname", Fills(shipping(A::Name))),
        ("shippingphone", Fills(shipping(A::Phone))),
        ("createddate(utc)", Fills(Target::CreatedAt)),
        ("cardaddressline1", FillsElse(text(F::Address))),
        ("cardaddressline2", FillsElse(text(F::Address1))),
        ("cardaddresscity", FillsElse(text(F::City))),
        ("cardaddressstate", FillsElse(text(F::State))),
        ("cardaddresszip", FillsElse(text(F::Zip))),
        ("cardaddresscountry", FillsElse(text(F::Country))),
    ],
    left_out: "description delinquent cardid cardlast4 cardbrand cardfunding cardexpmonth cardexpyear cardname \
        cardissuecountry cardfingerprint cardcvcstatus cardavszipstatus cardavsline1status cardtokenizationmethod \
        cardtransactionids defaultsource defaultpaymentmethod plan quantity status cancelatperiodend accountbalance \
        balance currency totalspend paymentcount averageorder refundcount refundedvolume disputecount disputelosses \
        businessvatid taxexempt taxids preferredlocales invoiceprefix",
};

pub(super) fn is_recurly(keys: Keys<'_>) -> bool {
    keys.has("accountcode") && keys.has_one(&["accountemail", "accountcreatedat", "accounthasbillinginfo"])
}

/// Recurly's accounts. The account's code becomes the customer number. The billing information fills what the account
/// leaves empty. Left out are cards, taxes, and the user name, which belongs to the merchant's own product.
pub(super) const RECURLY: Columns = Columns {
    meanings: &[
        ("accountcode", Fills(text(F::CustomerNumber))),
        ("accountemail", Fills(text(F::Email))),
        ("accountcompanyname", Fills(text(F::Company))),
        ("accountcompany", Fills(text(F::Company))),
        ("accountfirstname", Fills(text(F::Firstname))),
        ("accountlastname", Fills(text(F::Lastname))),
        ("accountphone", Fills(text(F::Phone))),
        ("accountcreatedat", Fills(Target::CreatedAt)),
        ("accountaddress1", Fills(text(F::Address))),
        ("accountaddress2", Fills(text(F::Address1))),
        ("accountcity", Fills(text(F::City))),
        ("accountstate", Fills(text(F::State))),
        ("accountregion", Fills(text(F::State))),
        ("accountzip", Fills(text(F::Zip))),
        ("accountpostalcode", Fills(text(F::Zip))),
        ("accountcountry", Fills(text(F::Country))),
        ("billingfirstname", FillsEmpty(text(F::Firstname))),
        ("billinglastname", FillsEmpty(text(F::Lastname))),
        ("billingcompany", FillsEmpty(text(F::Company))),
        ("billingphone", FillsEmpty(text(F::Phone))),
        ("billingaddress1", FillsEmpty(text(F::Address))),
        ("billingaddress2", FillsEmpty(text(F::Address1))),
        ("billingcity", FillsEmpty(text(F::City))),
        ("billingstate", FillsEmpty(text(F::State))),
        ("billingzip", FillsEmpty(text(F::Zip))),
        ("billingpostalcode", FillsEmpty(text(F::Zip))),
        ("billingcountry", FillsEmpty(text(F::Country))),
    ],
    left_out: "accountusername accounthasbillinginfo accountvatnumber vatnumber accountstatus accountclosedat \
        accountupdatedat accountmodifiedat accountbalance accountacceptlanguage accountccemails ccemails accountnotes \
        accounttaxexempt taxexempt taxlocationvalid accountentityusecode entityusecode parentaccountcode billto \
        primarypaymentmethod backuppaymentmethod billing* card* cc* paypal* amazon* bank* iban* ipaddress* \
        transactiontype preferredlocale",
};

pub(super) fn is_chargebee(keys: Keys<'_>) -> bool {
    let plain: Vec<String> = keys.0.iter().map(|key| chargebee_key(key)).collect();
    let keys = Keys(&plain);
    keys.has("autocollection") && keys.has_one(&["id", "email", "nettermdays", "taxability"])
}

/// A header of Chargebee without its object: `customer[first_name]`, `customers.first_name` and `Customer First Name` are
/// `firstname`.
pub(super) fn chargebee_key(key: &str) -> String {
    let plain = key.replace(['[', ']'], "");
    let rest = plain.strip_prefix("customers").or_else(|| plain.strip_prefix("customer"));
    match rest {
        Some(rest) if !rest.is_empty() => rest.to_owned(),
        _ => plain,
    }
}

/// Chargebee's customers, in the names of its exports, its bulk operations and its API. Chargebee's id becomes the customer
/// number. The billing contact fills what the customer's own columns leave empty.
pub(super) const CHARGEBEE: Columns = Columns {
    meanings: &[
        ("id", Fills(text(F::CustomerNumber))),
        ("billingaddressfirstname", FillsEmpty(text(F::Firstname))),
        ("billingaddresslastname", FillsEmpty(text(F::Lastname))),
        ("billingaddresscompany", FillsEmpty(text(F::Company))),
        ("billingaddressemail", FillsEmpty(text(F::Email))),
        ("billingaddressphone", FillsEmpty(text(F::Phone))),
        ("billingaddressaddr", Fills(text(F::Address))),
        ("billingaddressextendedaddr", Joins(text(F::Address1))),
        ("billingaddressextendedaddr2", Joins(text(F::Address1))),
        ("billingaddressline2", Joins(text(F::Address1))),
        ("billingaddressline3", Joins(text(F::Address1))),
        ("billingaddresscity", Fills(text(F::City))),
        ("billingaddressstate", Fills(text(F::State))),
        ("billingaddressstatecode", FillsEmpty(text(F::State))),
        ("billingaddresszip", Fills(text(F::Zip))),
        ("billingaddresscountry", Fills(text(F::Country))),
    ],
    left_out: "autocollection offlinepaymentmethod nettermdays taxability vatnumber* entitycode exemptnumber \
        exemptiondetails locale allowdirectdebit billingdate* billingmonth billingdayofweek* consolidatedinvoicing \
        resourceversion updatedat deleted promotionalcredits refundablecredits excesspayments unbilledcharges \
        preferredcurrencycode currencycode channel cardstatus card* fraudflag primarypaymentsourceid \
        backuppaymentsourceid paymentmethod* metadata invoicenotes autocloseinvoices businesswithoutvatnumber \
        isportalenabled registeredforgst piicleared object createdfromip billingaddressvalidationstatus mrr \
        timezone notes",
};
