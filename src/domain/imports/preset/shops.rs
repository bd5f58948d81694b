//! Files of DOKU and of shops: Shopify (also by Matrixify), WooCommerce, Square.

use super::{Columns, Keys, billing, shipping, text};
use crate::domain::addresses::column::{AddressColumn, Part, Slot};
use crate::domain::addresses::fields::{AddressField as A, Role};
use crate::domain::customers::fields::TextField as F;
use crate::domain::imports::target::Meaning::{Fills, FillsElse, FillsEmpty, Joins};
use crate::domain::imports::target::Target;

/// The sheet's headers, which are usual spellings too. Its birthdays are `DD-MM-YYYY`, a form that every file may have.
const DOKU_MARKS: &str = "fullname email phonenumber country birthday streetaddress state city postalcode companyname \
    referenceid label birthday(ddmmyyyy)";

pub(super) fn is_doku(keys: Keys<'_>) -> bool {
    keys.has_all(&["fullname", "referenceid"])
        && DOKU_MARKS.split_whitespace().filter(|key| keys.has(key)).count() >= 6
}

/// A birthday with its form spelt in another way, such as `Birthday (DD_MM_YYYY)`.
pub(super) const DOKU: Columns =
    Columns { meanings: &[("birthday(ddmmyyyy)", Fills(text(F::Birthday)))], left_out: "" };

pub(super) fn is_shopify(keys: Keys<'_>) -> bool {
    keys.has_one(&["acceptsemailmarketing", "acceptsmarketing"])
        && keys.has_one(&["totalorders", "totalspent", "defaultaddressaddress1"])
}

/// Shopify's export: the present one with `Default Address` in its address columns, and the earlier one without. Codes
/// (`Province Code`) precede names, since we store countries as codes. Left out are consents, which were given to another
/// shop, sums, tax and the free text of `Note`.
pub(super) const SHOPIFY: Columns = Columns {
    meanings: &[
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
    ],
    left_out: "acceptsemailmarketing acceptssmsmarketing acceptswhatsappmarketing acceptsmarketing totalspent \
        totalorders note taxexempt language",
};

pub(super) fn is_matrixify(keys: Keys<'_>) -> bool {
    keys.has("toprow") || keys.has_all(&["addressline1", "addressisdefault"])
}

/// Matrixify's sheet of Shopify customers: `Address …` columns, and a further row for each further address. Codes precede
/// names, as in Shopify's own file. Left out are the app's commands and marks, consents, sums, tax and `Note`; `State` is
/// that of the shop's account.
pub(super) const MATRIXIFY: Columns = Columns {
    meanings: &[
        ("id", Fills(text(F::CustomerNumber))),
        ("addressprovincecode", Fills(text(F::State))),
        ("addressprovince", FillsEmpty(text(F::State))),
        ("addresscountrycode", Fills(text(F::Country))),
        ("addresscountry", FillsEmpty(text(F::Country))),
        ("addressfirstname", Joins(billing(A::Name))),
        ("addresslastname", Joins(billing(A::Name))),
        ("addresscompany", Fills(billing(A::Company))),
        ("addressphone", Fills(billing(A::Phone))),
        ("addressisdefault", Fills(IS_DEFAULT)),
    ],
    left_out: "command tagscommand state row# toprow addressid addresscommand emailmarketing* smsmarketing* \
        acceptsmarketing* marketing* totalspent totalorders lastorder* averageorder* note taxexempt* language updatedat \
        verifiedemail accountactivationurl sendaccountactivationemail sendwelcomeemail multipassidentifier metafield*",
};

/// Whether the address of the row is the default one.
const IS_DEFAULT: Target =
    Target::Address(AddressColumn { slot: Slot::Default(Role::Billing), part: Part::Default(Role::Billing) });

pub(super) fn is_woocommerce(keys: Keys<'_>) -> bool {
    keys.has("payingcustomer")
        || keys.has_all(&["aov", "totalspend"])
        || (keys.has_one(&["billingaddress1", "billingpostcode", "billingphone"])
            && keys.has_one(&[
                "userlogin",
                "useremail",
                "userregistered",
                "userid",
                "username",
                "dateregistered",
            ]))
}

/// WooCommerce's customer report (`Total Spend`, `AOV`), and the exports of its extensions with WordPress's names
/// (`user_email`, `billing_address_1`). A name, address or phone of the billing columns fills what the person's own columns
/// leave empty. Left out are sums, WordPress's settings, and the login: `user_pass` is WordPress's hash.
pub(super) const WOOCOMMERCE: Columns = Columns {
    meanings: &[
        ("customerid", Fills(text(F::CustomerNumber))),
        ("userid", FillsEmpty(text(F::CustomerNumber))),
        ("id", FillsEmpty(text(F::CustomerNumber))),
        ("useremail", Fills(text(F::Email))),
        ("billingemail", FillsEmpty(text(F::Email))),
        ("userregistered", Fills(Target::CreatedAt)),
        ("dateregistered", Fills(Target::CreatedAt)),
        ("signup", FillsElse(Target::CreatedAt)),
        ("displayname", FillsEmpty(text(F::Fullname))),
        ("billingname", FillsEmpty(text(F::Fullname))),
        ("billingfirstname", FillsEmpty(text(F::Firstname))),
        ("billinglastname", FillsEmpty(text(F::Lastname))),
        ("billingcompany", FillsEmpty(text(F::Company))),
        ("billingphone", FillsEmpty(text(F::Phone))),
        ("shippingfirstname", Joins(shipping(A::Name))),
        ("shippinglastname", Joins(shipping(A::Name))),
        ("shippingcompany", Fills(shipping(A::Company))),
        ("shippingphone", Fills(shipping(A::Phone))),
    ],
    left_out: "username userlogin userpass usernicename userurl userstatus nickname description role roles orders \
        ordercount orderscount totalspend totalspent moneyspent aov payingcustomer lastactive lastupdate lastorder* \
        avatarurl locale richediting \
        syntaxhighlighting commentshortcuts admincolor usessl showadminbarfront showwelcomepanel sessiontokens \
        dismissedwppointers wp* wc*",
};

pub(super) fn is_square(keys: Keys<'_>) -> bool {
    keys.has("squarecustomerid") || keys.has_all(&["creationsource", "firstvisit"])
}

/// Square's directory. The merchant's own `Reference ID` is the number; without one it is Square's id.
pub(super) const SQUARE: Columns = Columns {
    meanings: &[("squarecustomerid", FillsEmpty(text(F::CustomerNumber)))],
    left_out: "nickname memo note notes creationsource firstvisit lastvisit transactioncount lifetimespend \
        emailsubscriptionstatus instantprofile cardonfile loyalty* averagespend* blockedfromonlinebooking",
};
