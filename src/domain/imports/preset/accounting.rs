//! Files of accounting systems: QuickBooks Desktop, QuickBooks Online, Xero.

use super::{Columns, Keys, text};
use crate::domain::customers::fields::TextField as F;
use crate::domain::imports::target::Meaning::{Fills, FillsElse, FillsEmpty, Joins};
use crate::domain::imports::target::Target;

pub(super) fn is_desktop(keys: Keys<'_>) -> bool {
    keys.has_all(&["activestatus", "customer"]) || keys.has_all(&["customer", "billto1", "mainphone"])
}

/// The customer list of QuickBooks Desktop. Its address is up to five free lines, which become the street. Left out are
/// what the customer owes there, terms, jobs and cards.
pub(super) const DESKTOP: Columns = Columns {
    meanings: &[
        ("activestatus", Fills(Target::Status)),
        ("customer", Fills(text(F::Fullname))),
        ("mainphone", Fills(text(F::Phone))),
        ("altphone", FillsEmpty(text(F::Phone))),
        ("mainemail", Fills(text(F::Email))),
        ("ccemail", FillsEmpty(text(F::Email))),
        ("billto1", Joins(text(F::Address))),
        ("billto2", Joins(text(F::Address))),
        ("billto3", Joins(text(F::Address))),
        ("billto4", Joins(text(F::Address))),
        ("billto5", Joins(text(F::Address))),
        ("shipto1", Joins(text(F::ShippingAddress))),
        ("shipto2", Joins(text(F::ShippingAddress))),
        ("shipto3", Joins(text(F::ShippingAddress))),
        ("shipto4", Joins(text(F::ShippingAddress))),
        ("shipto5", Joins(text(F::ShippingAddress))),
    ],
    left_out: "balance balancetotal mr/ms/ mi salutation primarycontact secondarycontact contact altcontact jobtitle \
        fax website customertype terms rep salesrep salestaxcode taxitem taxcode resalenum pricelevel creditlimit \
        job* startdate projectedend enddate preferred* creditcardno expirationdate nameoncard creditcard* note notes \
        currency facebook twitter mobile* pager* workphone* other*",
};

pub(super) fn is_online(keys: Keys<'_>) -> bool {
    let is_list =
        keys.has("openbalance") && keys.has_one(&["name", "customer", "customerfullname", "displayname"]);
    let is_report = keys.has_one(&["phonenumbers", "phone"])
        && keys.has_one(&["customer", "customerfullname"])
        && keys.has_one(&["billaddress", "billingaddress", "shipaddress"]);
    is_list || is_report
}

/// The customers of QuickBooks Online, and its report "Customer Contact List". The name of the customer, which may be a
/// company's, fills the full name in rows without one.
pub(super) const ONLINE: Columns = Columns {
    meanings: &[
        ("customer", FillsEmpty(text(F::Fullname))),
        ("customerfullname", FillsEmpty(text(F::Fullname))),
        ("displayname", FillsEmpty(text(F::Fullname))),
        ("name", FillsEmpty(text(F::Fullname))),
        ("phonenumbers", Fills(text(F::Phone))),
        ("mobile", FillsEmpty(text(F::Phone))),
        ("billaddress", Fills(text(F::Address))),
        ("billstreet", Fills(text(F::Address))),
        ("billcity", Fills(text(F::City))),
        ("billstate", Fills(text(F::State))),
        ("billzip", Fills(text(F::Zip))),
        ("billcountry", Fills(text(F::Country))),
        ("shippingaddress", FillsElse(text(F::ShippingAddress))),
        ("shipaddress", Fills(text(F::ShippingAddress))),
        ("shipstreet", Fills(text(F::ShippingAddress))),
        ("shipcity", Fills(text(F::ShippingCity))),
        ("shipstate", Fills(text(F::ShippingState))),
        ("shipzip", Fills(text(F::ShippingZip))),
        ("shipcountry", Fills(text(F::ShippingCountry))),
    ],
    left_out: "openbalance openingbalance balance attachments notes note customertype currency taxrate taxable taxid \
        website fax other pager terms paymentmethod deliverymethod parentcustomer billwithparent resalenumber \
        exemptionreason title suffix middlename lastmodified* lastinvoice* createdby date asofdate",
};

pub(super) fn is_xero(keys: Keys<'_>) -> bool {
    keys.has_one(&["contactname", "*contactname"])
        && keys.has_one(&["poaddressline1", "pocity", "saaddressline1"])
}

/// Xero's contacts. The postal address becomes the address, and the street address that of shipping. Left out are banks,
/// taxes, accounts, tracking and further persons.
pub(super) const XERO: Columns = Columns {
    meanings: &[
        ("*contactname", Fills(text(F::Fullname))),
        ("legalname", Fills(text(F::Company))),
        ("poaddressline1", Fills(text(F::Address))),
        ("poaddressline2", Joins(text(F::Address1))),
        ("poaddressline3", Joins(text(F::Address1))),
        ("poaddressline4", Joins(text(F::Address1))),
        ("pocity", Fills(text(F::City))),
        ("poregion", Fills(text(F::State))),
        ("popostalcode", Fills(text(F::Zip))),
        ("pocountry", Fills(text(F::Country))),
        ("saaddressline1", Fills(text(F::ShippingAddress))),
        ("saaddressline2", Joins(text(F::ShippingAddress1))),
        ("saaddressline3", Joins(text(F::ShippingAddress1))),
        ("saaddressline4", Joins(text(F::ShippingAddress1))),
        ("sacity", Fills(text(F::ShippingCity))),
        ("saregion", Fills(text(F::ShippingState))),
        ("sapostalcode", Fills(text(F::ShippingZip))),
        ("sacountry", Fills(text(F::ShippingCountry))),
        ("mobilenumber", FillsEmpty(text(F::Phone))),
    ],
    left_out: "poattentionto saattentionto faxnumber ddinumber skypename bankaccount* taxnumber* accountsreceivable* \
        accountspayable* website discount companynumber duedate* salesaccount purchasesaccount tracking* \
        salestracking* purchasestracking* brandingtheme defaulttax* xeronetworkkey contactgroup* person* \
        includeinemails type batchpayment* currency",
};
