//! The fields that a column can fill, and what other systems call them (rules 9).

use std::borrow::Cow;
use std::fmt;

use crate::domain::addresses::column::AddressColumn;
use crate::domain::customers::fields::TextField;
use crate::domain::customers::identifier::is_additional_key;
use crate::domain::filter::{ADDITIONAL_PREFIX, after_prefix};
use crate::domain::kernel::invisible::visible;
use crate::domain::kernel::text::{fold, nearest};
use crate::domain::methods::column::MethodColumn;
use crate::domain::references::{REFERENCE_PREFIX, is_system, system_of_name};
use crate::domain::spelling::{self, HungColumn};

/// What a column fills.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// A text field.
    Text(TextField),
    /// `customerPsw`.
    Password,
    /// `customerStatus`.
    Status,
    /// `balance`.
    Balance,
    /// `timeZone`.
    TimeZone,
    /// `additionalFields`, as a JSON object of strings.
    AdditionalFields,
    /// One additional field.
    Additional(String),
    /// `labels`, separated by `;` or `|`, where the column is known as tags also by `,`, or as a JSON array.
    Labels,
    /// `identifierFields`, like labels.
    IdentifierFields,
    /// `createdAt`.
    CreatedAt,
    /// `addresses`, as a JSON array.
    Addresses,
    /// A part of an address: `address-2-city`.
    Address(AddressColumn),
    /// `references`, each `system:externalId`, like labels.
    References,
    /// The references of one system: `reference-stripe`, like labels.
    Reference(Cow<'static, str>),
    /// A comment that the customer gets; lines stay lines.
    Comment,
    /// `methods`, as a JSON array.
    Methods,
    /// A part of a stored method: `method-2-last4`.
    Method(MethodColumn),
    /// A whole customer as a JSON object: the body of a create, with `methods` and `comments`.
    Json,
}

/// What a header means in one kind of file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It fills a field.
    Fills(Target),
    /// It fills a field if no other column of the file does.
    FillsElse(Target),
    /// It fills a field in rows in which the field's own column is empty.
    FillsEmpty(Target),
    /// Its cells and those of the other columns with this meaning fill a field together, with `, ` between them.
    Joins(Target),
    /// It has no counterpart and is left out; the report names it.
    LeftOut,
}

/// The first columns of a file of rejected rows: where each row stood and why it was rejected. An import leaves them out.
pub const REJECTED_COLUMNS: [&str; 2] = ["importLine", "importError"];

/// The column that holds a whole customer, and the only one of a file of JSON lines.
pub(super) const JSON_COLUMN: &str = "json";

/// The targets that are no text field, with their names in a request and in a record.
const OTHERS: [(Target, &str, &str); 13] = [
    (Target::Password, "customerPsw", "customerPsw"),
    (Target::Status, "customerStatus", "customerStatus"),
    (Target::Balance, "balance", "Balance"),
    (Target::TimeZone, "timeZone", "TimeZone"),
    (Target::AdditionalFields, "additionalFields", "AdditionalFields"),
    (Target::Labels, "labels", "Labels"),
    (Target::IdentifierFields, "identifierFields", "IdentifierFields"),
    (Target::CreatedAt, "createdAt", "Created"),
    (Target::Addresses, "addresses", "Addresses"),
    (Target::References, "references", "References"),
    (Target::Comment, "comment", "comment"),
    (Target::Methods, "methods", "Methods"),
    (Target::Json, JSON_COLUMN, JSON_COLUMN),
];

impl Target {
    /// The target of a request's or record's name or `additional-x`; case, blanks, `_`, `-` and `.` are
    /// ignored except in the name of an additional field.
    pub fn parse(name: &str) -> Option<Target> {
        let name = visible(name);
        let name = name.trim();
        if let Some(key) = after_prefix(name).map(str::trim) {
            return is_additional_key(key).then(|| Target::Additional(key.to_owned()));
        }
        if let Some(system) = system_of_name(name) {
            return system.ok().map(|system| Target::Reference(system.into()));
        }
        if let Some(column) = MethodColumn::of_name(name) {
            return Some(Target::Method(column));
        }
        match AddressColumn::of_name(name) {
            Some(Ok(column)) => Some(Target::Address(column)),
            Some(Err(flat)) => Some(Target::Text(flat)),
            None => {
                let key = header_key(name);
                Target::of_own_name(&key).or_else(|| match spelling::of_key(&key)? {
                    HungColumn::Method(column) => Some(Target::Method(column)),
                    HungColumn::Address(Ok(column)) => Some(Target::Address(column)),
                    HungColumn::Address(Err(flat)) => Some(Target::Text(flat)),
                })
            }
        }
    }

    /// The target of a header in the spelling of any system.
    pub(super) fn of_header(name: &str) -> Option<Target> {
        let usual = || {
            let key = header_key(name);
            let found = SPELLINGS.iter().find(|(_, spellings)| has_word(spellings, &key));
            found.map(|(target, _)| target.clone())
        };
        Target::parse(name).or_else(usual).or_else(|| Target::of_words(name))
    }

    /// `additional_x` or `Reference X`. Usual spellings such as "Reference ID" come first.
    pub(super) fn of_words(name: &str) -> Option<Target> {
        let name = visible(name);
        let name = name.trim();
        if let Some(key) = spelling::after_word(name, "additional") {
            return is_additional_key(key).then(|| Target::Additional(key.to_owned()));
        }
        let system = spelling::after_word(name, "reference")?.to_ascii_lowercase();
        is_system(&system).then(|| Target::Reference(system.into()))
    }

    /// By [`header_key`] of a name in a request or record.
    fn of_own_name(key: &str) -> Option<Target> {
        TextField::of_any_name(key).map(Target::Text).or_else(|| {
            let is_it = |name: &str| name.eq_ignore_ascii_case(key);
            let found = OTHERS.iter().find(|(_, request, record)| is_it(request) || is_it(record));
            found.map(|(target, ..)| target.clone())
        })
    }

    /// Its name, as in a request; of an additional field with `additional-` before it.
    pub fn name(&self) -> Cow<'static, str> {
        match self {
            Target::Text(field) => Cow::Borrowed(field.name()),
            Target::Additional(key) => Cow::Owned(format!("{ADDITIONAL_PREFIX}{key}")),
            Target::Reference(system) => Cow::Owned(format!("{REFERENCE_PREFIX}{system}")),
            Target::Address(column) => Cow::Owned(column.to_string()),
            Target::Method(column) => Cow::Owned(column.to_string()),
            other => {
                let found = OTHERS.iter().find(|(target, ..)| target == other);
                Cow::Borrowed(found.map(|(_, request, _)| *request).unwrap_or_default())
            }
        }
    }

    /// The names of all fields that a column can fill, as a request has them.
    pub fn names() -> impl Iterator<Item = &'static str> {
        TextField::all().map(TextField::name).chain(OTHERS.iter().map(|(_, request, _)| *request))
    }

    /// The name that is nearest to a header, for a hint. A hint never leads to a password or a login: a person who follows
    /// it blindly would give every customer an account.
    pub(super) fn nearest(word: &str) -> Option<&'static str> {
        let secret = [Target::Password.name(), Target::Text(TextField::CustomerUsername).name()];
        nearest(&header_key(word), Target::names().filter(|name| !secret.iter().any(|it| it == name)))
    }

    /// "; did you mean …?" with that name.
    pub(super) fn hint(word: &str) -> String {
        let near = spelling::near(&visible(word)).or_else(|| Target::nearest(word).map(str::to_owned));
        near.map(|near| format!("; did you mean {near}?")).unwrap_or_default()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// The form in which headers compare: without case, invisible characters, white space, `_`, `-` and `.` (rules 9).
pub(super) fn header_key(header: &str) -> String {
    let kept = |c: &char| !spelling::is_separator(*c) && *c != '\u{feff}';
    fold(&visible(header).chars().filter(kept).collect::<String>()).into()
}

/// Whether a column came from a file of rejected rows.
pub(super) fn is_of_report(name: &str) -> bool {
    let key = header_key(name);
    REJECTED_COLUMNS.iter().any(|own| header_key(own) == key)
}

/// Whether a word is one of those with blanks between them.
pub(super) fn has_word(words: &str, word: &str) -> bool {
    words.split_whitespace().any(|known| known == word)
}

/// The usual spellings of other systems, in the form of [`header_key`], with blanks between them. The table omits words
/// that could mean two fields (`id`, `customerid`, `note`): the file's owner says what they mean with `map=`.
const SPELLINGS: &[(Target, &str)] = {
    use Target::Text;
    use TextField as F;
    &[
        (
            Text(F::CustomerNumber),
            "customerno customernum customercode customerref customerreference referenceid reference \
             referencenumber externalid externalreference accountnumber accountno",
        ),
        (Text(F::CustomerUsername), "username login loginname customerlogin"),
        (Target::Password, "password customerpassword"),
        (
            Text(F::Company),
            "companyname business businessname organization organisation organizationname \
             organisationname billingcompany",
        ),
        (Text(F::Firstname), "first givenname forename fname customerfirstname billingfirstname"),
        (Text(F::Lastname), "last surname familyname lname customerlastname billinglastname"),
        (Text(F::Fullname), "name customername displayname contactname customerfullname billingname"),
        (Text(F::Email), "emailaddress mail emailaddr customeremail primaryemail billingemail"),
        (
            Text(F::Phone),
            "phonenumber phoneno telephone telephonenumber tel mobile mobilephone mobilenumber cell \
             cellphone customerphone primaryphone billingphone",
        ),
        (
            Text(F::Address),
            "streetaddress street street1 streetaddress1 streetaddressline1 addressline addressline1 \
             addressstreet addr1 line1 billingaddress billingaddress1 billingaddressline1 billingstreet",
        ),
        (
            Text(F::Address1),
            "address2 street2 streetaddress2 streetaddressline2 addressline2 addr2 line2 apartment apt \
             suite unit billingaddress2 billingaddressline2",
        ),
        (Text(F::City), "town citytown city/town locality addresscity billingcity"),
        (
            Text(F::State),
            "province region county stateprovince state/province stateregion state/region statecode \
             provincecode addressstate billingstate billingprovince",
        ),
        (
            Text(F::Zip),
            "zipcode postalcode postcode zippostalcode zip/postalcode ziporpostalcode addresszip \
             addresspostalcode billingzip billingpostalcode billingpostcode",
        ),
        (
            Text(F::Country),
            "countrycode countryname countryregion country/region addresscountry billingcountry \
             billingcountrycode",
        ),
        (
            Text(F::ShippingAddress),
            "shippingstreet shippingstreetaddress shippingaddressline1 shippingline1 shiptoaddress \
             deliveryaddress deliveryaddress1 deliverystreet",
        ),
        (Text(F::ShippingAddress1), "shippingaddress2 shippingaddressline2 shippingline2 deliveryaddress2"),
        (Text(F::ShippingCity), "shippingtown shippingaddresscity shiptocity deliverycity"),
        (
            Text(F::ShippingState),
            "shippingprovince shippingregion shippingprovincecode shippingaddressstate shiptostate \
             deliverystate",
        ),
        (
            Text(F::ShippingZip),
            "shippingzipcode shippingpostalcode shippingpostcode shippingaddresszip \
             shippingaddresspostalcode shiptozip deliverypostalcode deliverypostcode",
        ),
        (
            Text(F::ShippingCountry),
            "shippingcountrycode shippingaddresscountry shiptocountry deliverycountry",
        ),
        (Text(F::Birthday), "birthdate dateofbirth dob birth bday"),
        (Target::Labels, "label tag tags category categories group groups segments"),
        (Target::TimeZone, "tz utcoffset"),
        (Target::Balance, "accountbalance openingbalance"),
        (Target::Status, "status"),
        (
            Target::CreatedAt,
            "createdon createddate datecreated creationdate created(utc) createdat(utc) signupdate \
             signedup customersince registered registeredat",
        ),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_9_every_field_is_known_by_both_its_names() {
        for field in TextField::all() {
            for name in [field.spec().request, field.spec().record, &field.name().to_uppercase()] {
                assert_eq!(Target::of_header(name), Some(Target::Text(field)), "{name}");
            }
        }
        for (target, request, record) in OTHERS {
            assert_eq!(Target::of_header(request), Some(target.clone()));
            assert_eq!(Target::of_header(record), Some(target.clone()));
            assert_eq!(target.name(), request);
        }
    }

    #[test]
    fn spellings_are_keys_and_mean_one_field() {
        let mut seen = Vec::new();
        for (target, spellings) in SPELLINGS {
            for spelling in spellings.split_whitespace() {
                assert_eq!(header_key(spelling), spelling);
                assert!(!seen.contains(&spelling), "{spelling} stands twice");
                assert_eq!(Target::of_own_name(spelling), None, "{spelling} is a name of ours");
                assert_eq!(Target::of_header(spelling).as_ref(), Some(target));
                seen.push(spelling);
            }
        }
    }

    #[test]
    fn rules_9_headers_compare_without_case_and_separators() {
        for (header, name) in [
            ("First Name", "firstname"),
            ("FIRST_NAME", "firstname"),
            ("e-mail", "email"),
            ("E.Mail", "email"),
            ("Full Name", "fullname"),
            ("Street Address", "address"),
            ("Postal Code", "zip"),
            ("Reference ID", "customerNumber"),
            ("Phone Number", "phone"),
            ("Company Name", "company"),
            ("Label", "labels"),
            ("Created", "createdAt"),
            ("Additional-Tier", "additional-Tier"),
            ("ADDITIONAL-loyalty tier", "additional-loyalty tier"),
            ("additional_tier", "additional-tier"),
            ("Additional Loyalty tier", "additional-Loyalty tier"),
            ("reference_shop", "reference-shop"),
            ("Reference.My_Shop", "reference-my_shop"),
            ("Address 2 Address", "address-2-address"),
            ("address_12_address_1", "address-12-address1"),
            ("address.2.isDefaultBilling", "address-2-isDefaultBilling"),
            ("Address Billing Phone", "address-billing-phone"),
            ("address_shipping_zip", "shippingZip"),
            ("Method Provider", "method-provider"),
            ("method_2_provider_method_id", "method-2-providerMethodId"),
            ("Method 20 Last 4", "method-20-last4"),
            ("Reference Number", "customerNumber"),
            ("address_line_2", "address1"),
        ] {
            assert_eq!(Target::of_header(header).unwrap().name(), name, "{header}");
        }
        for unknown in [
            "id",
            "Customer ID",
            "nope",
            "",
            "additional-",
            "additional-é",
            "Reference My Shop",
            "Address 02 City",
            "Method 21 Brand",
        ] {
            assert_eq!(Target::of_header(unknown), None, "{unknown}");
        }
        assert_eq!(Target::nearest("frist name"), Some("firstname"));
        for far in
            ["Customer", "Customer Login", "customer psw", "Customer User Nam", "Custmer", "Notes", "Rating"]
        {
            assert_eq!(Target::nearest(far), None, "{far}");
        }
    }
}
