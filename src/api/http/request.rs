//! The body of a create or change, for documentation; `domain::customers::draft` reads and checks it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::addresses::book::AddressKind;

/// A customer as requests send it. Every field is optional; unknown fields are refused. `null` and `""`
/// mean absent in a create and "clear it" in a PUT.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[serde(deny_unknown_fields)]
pub(crate) struct CustomerIn {
    /// Your own id of the customer.
    #[schema(max_length = 250, nullable)]
    customer_number: Option<String>,
    /// Portal login; unique among an entrypoint's live customers.
    #[schema(max_length = 250, nullable)]
    customer_username: Option<String>,
    /// Portal password, at least 10 characters and not easy to guess; kept as an argon2id hash and never answered.
    #[schema(max_length = 250, nullable, format = Password)]
    customer_psw: Option<String>,
    /// 0 inactive, 1 active (the default), 85 locked; -99 is reached by DELETE alone.
    #[schema(value_type = Option<i32>, nullable)]
    customer_status: Option<i32>,
    /// Company name.
    #[schema(max_length = 250, nullable)]
    company: Option<String>,
    /// First name.
    #[schema(max_length = 250, nullable)]
    firstname: Option<String>,
    /// Last name.
    #[schema(max_length = 250, nullable)]
    lastname: Option<String>,
    /// Full name, where first and last name are not kept apart.
    #[schema(max_length = 250, nullable)]
    fullname: Option<String>,
    /// Day of birth as YYYY-MM-DD; in the past, not before 1900.
    #[schema(nullable)]
    birthday: Option<String>,
    /// Telephone number, read with the record's country (else the entrypoint's) and kept as E.164; with no
    /// country known it must start with +.
    #[schema(max_length = 50, nullable)]
    phone: Option<String>,
    /// E-mail address.
    #[schema(max_length = 320, nullable)]
    email: Option<String>,
    /// Street.
    #[schema(max_length = 250, nullable)]
    address: Option<String>,
    /// Second line of the street.
    #[schema(max_length = 100, nullable)]
    address1: Option<String>,
    /// City.
    #[schema(max_length = 250, nullable)]
    city: Option<String>,
    /// State or province.
    #[schema(max_length = 250, nullable)]
    state: Option<String>,
    /// Postal code.
    #[schema(max_length = 50, nullable)]
    zip: Option<String>,
    /// ISO 3166-1 alpha-2, alpha-3 or English name; kept as alpha-2.
    #[schema(max_length = 100, nullable)]
    country: Option<String>,
    /// Street of the shipping address.
    #[schema(max_length = 250, nullable)]
    shipping_address: Option<String>,
    /// Second line of the shipping street.
    #[schema(max_length = 100, nullable)]
    shipping_address1: Option<String>,
    /// City of the shipping address.
    #[schema(max_length = 250, nullable)]
    shipping_city: Option<String>,
    /// State or province of the shipping address.
    #[schema(max_length = 250, nullable)]
    shipping_state: Option<String>,
    /// Postal code of the shipping address; of the country's form where that is the US or Canada.
    #[schema(max_length = 50, nullable)]
    shipping_zip: Option<String>,
    /// Country of the shipping address, as `country`.
    #[schema(max_length = 100, nullable)]
    shipping_country: Option<String>,
    /// Balance; at most 4 fraction digits, less than 10^12 in absolute value, kept exactly.
    #[schema(nullable, exclusive_minimum = -1_000_000_000_000_i64, exclusive_maximum = 1_000_000_000_000_i64)]
    balance: Option<f64>,
    /// Hours from UTC.
    #[schema(minimum = -12, maximum = 14, nullable)]
    time_zone: Option<i32>,
    /// Your own fields: at most 50, names of 1–40 letters, digits, `_`, `-` and blanks, values of at most 500
    /// characters. In a PUT they merge by name; a null value removes one.
    #[schema(nullable)]
    additional_fields: Option<BTreeMap<String, Option<String>>>,
    /// The names of the fields that together identify this customer, instead of the entrypoint's identifiers.
    #[schema(max_items = 20, nullable)]
    identifier_fields: Option<Vec<Option<String>>>,
    /// Your categories: at most 50 of at most 50 characters.
    #[schema(max_items = 50, nullable)]
    labels: Option<Vec<Option<String>>>,
    /// All addresses: at most 50, with at most one default of each kind. An address with the `id` of one that the customer has,
    /// or with the same texts, keeps it; one that is not in the list is deleted. Its defaults become the flat fields, unless
    /// the body has these too.
    #[schema(max_items = 50, nullable)]
    addresses: Option<Vec<ListedAddressIn>>,
    /// All references: what other systems call the customer; at most 50.
    #[schema(max_items = 50, nullable)]
    references: Option<Vec<ReferenceIn>>,
    /// When the customer was created, where another system did it: RFC 3339, or `YYYY-MM-DD HH:mm:ss` as UTC.
    #[schema(nullable)]
    created_at: Option<String>,
}

/// An address as requests send it. Unknown fields are refused.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[serde(deny_unknown_fields)]
pub(crate) struct AddressIn {
    /// What it is for; by default what it is the default of, else `other`.
    #[schema(nullable)]
    kind: Option<AddressKind>,
    /// Who receives there.
    #[schema(max_length = 250, nullable)]
    name: Option<String>,
    /// The company there.
    #[schema(max_length = 250, nullable)]
    company: Option<String>,
    /// Street; a new address needs it.
    #[schema(max_length = 250, nullable)]
    address: Option<String>,
    /// Second line of the street.
    #[schema(max_length = 100, nullable)]
    address1: Option<String>,
    /// Third line of the street.
    #[schema(max_length = 100, nullable)]
    address2: Option<String>,
    /// City.
    #[schema(max_length = 250, nullable)]
    city: Option<String>,
    /// District or suburb.
    #[schema(max_length = 250, nullable)]
    district: Option<String>,
    /// State or province.
    #[schema(max_length = 250, nullable)]
    state: Option<String>,
    /// Postal code; of the country's form where a default shipping address is in the US or Canada.
    #[schema(max_length = 50, nullable)]
    zip: Option<String>,
    /// ISO 3166-1 alpha-2, alpha-3 or English name; kept as alpha-2.
    #[schema(max_length = 100, nullable)]
    country: Option<String>,
    /// Telephone number there, read with the address's country, else the record's; kept as E.164.
    #[schema(max_length = 50, nullable)]
    phone: Option<String>,
    /// A note on the address.
    #[schema(max_length = 500, nullable)]
    note: Option<String>,
    /// Whether it is the record's `Address`, `City` and so on.
    #[schema(nullable)]
    is_default_billing: Option<bool>,
    /// Whether it is the record's `ShippingAddress`, `ShippingCity` and so on.
    #[schema(nullable)]
    is_default_shipping: Option<bool>,
}

/// An address of a whole list.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListedAddressIn {
    /// The id of an address that the customer has; none for a new one.
    #[schema(minimum = 1, nullable)]
    id: Option<i64>,
    #[serde(flatten)]
    address: AddressIn,
}

/// A reference as requests send it.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[serde(deny_unknown_fields)]
pub(crate) struct ReferenceIn {
    /// The other system.
    #[schema(min_length = 1, max_length = 40, pattern = "^[a-z0-9_-]+$")]
    system: String,
    /// The customer's id there; it compares exactly.
    #[schema(min_length = 1, max_length = 250)]
    external_id: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::api::tokens::{DAYS_MAX, RPM_MAX};
    use crate::domain::accounts::password::PASSWORD_CHARS_MAX;
    use crate::domain::addresses::book::ADDRESSES_MAX;
    use crate::domain::addresses::fields::ADDRESS_FIELDS;
    use crate::domain::customers::email::EMAIL_CHARS_MAX;
    use crate::domain::customers::fields::{Shape, TextField};
    use crate::domain::customers::record::{IDENTIFIER_FIELDS_MAX, LABELS_MAX, TIME_ZONE_MAX, TIME_ZONE_MIN};
    use crate::domain::entrypoints::ENTRY_CHARS_MAX;
    use crate::domain::entrypoints::settings::NAME_CHARS_MAX;
    use crate::domain::references::{EXTERNAL_ID_CHARS_MAX, REFERENCES_MAX, SYSTEM_CHARS_MAX};

    /// Schema attributes take only literals, so each limit is written twice.
    #[test]
    fn the_document_states_the_limits_that_are_checked() {
        let document = serde_json::to_value(crate::api::document()).unwrap();
        let stated = |schema: &str, member: &str, keyword: &str| {
            document["components"]["schemas"][schema]["properties"][member][keyword].clone()
        };
        for field in TextField::all().filter(|field| field.spec().shape != Shape::Birthday) {
            assert_eq!(stated("CustomerIn", field.name(), "maxLength"), field.spec().chars_max, "{field}");
        }
        for spec in ADDRESS_FIELDS {
            assert_eq!(stated("AddressIn", spec.name, "maxLength"), spec.chars_max, "{}", spec.name);
        }
        for (schema, member, keyword, limit) in [
            ("CustomerIn", "customerPsw", "maxLength", json!(PASSWORD_CHARS_MAX)),
            ("CustomerIn", "timeZone", "minimum", json!(TIME_ZONE_MIN)),
            ("CustomerIn", "timeZone", "maximum", json!(TIME_ZONE_MAX)),
            ("CustomerIn", "identifierFields", "maxItems", json!(IDENTIFIER_FIELDS_MAX)),
            ("CustomerIn", "labels", "maxItems", json!(LABELS_MAX)),
            ("CustomerIn", "addresses", "maxItems", json!(ADDRESSES_MAX)),
            ("CustomerIn", "references", "maxItems", json!(REFERENCES_MAX)),
            ("ReferenceIn", "system", "maxLength", json!(SYSTEM_CHARS_MAX)),
            ("ReferenceIn", "externalId", "maxLength", json!(EXTERNAL_ID_CHARS_MAX)),
            ("TokenIn", "name", "maxLength", json!(NAME_CHARS_MAX)),
            ("TokenIn", "expiresInDays", "maximum", json!(DAYS_MAX)),
            ("TokenIn", "requestsPerMinute", "maximum", json!(RPM_MAX)),
            ("EntrypointIn", "entry", "maxLength", json!(ENTRY_CHARS_MAX)),
            ("EntrypointIn", "legalName", "maxLength", json!(NAME_CHARS_MAX)),
            ("EntrypointIn", "dbaName", "maxLength", json!(NAME_CHARS_MAX)),
            ("OrganisationIn", "name", "maxLength", json!(NAME_CHARS_MAX)),
            ("MemberIn", "name", "maxLength", json!(NAME_CHARS_MAX)),
            ("MemberIn", "email", "maxLength", json!(EMAIL_CHARS_MAX)),
        ] {
            assert_eq!(stated(schema, member, keyword), limit, "{schema} {member}");
        }
    }
}
