//! The columns of files that hold parts of stored methods: `method-provider`, `method-2-last4` (rules 9 and 13).

use std::fmt;

use super::draft::NAMES;
use super::method::Method;
use crate::domain::customers::mask::MASK;

/// The beginning of the names of these columns.
pub const PREFIX: &str = "method-";
/// The most methods that the columns of a file hold.
const NUMBER_MAX: usize = 20;

/// A column of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MethodColumn {
    /// Which method of the row, from 1.
    pub number: usize,
    /// The member of a method, by its name in requests.
    pub part: &'static str,
}

impl MethodColumn {
    /// The names of all parts.
    pub fn parts() -> impl Iterator<Item = &'static str> {
        NAMES.into_iter()
    }

    /// The column of a name, in any case. `method-provider` is `method-1-provider`.
    pub fn of_name(name: &str) -> Option<MethodColumn> {
        let (prefix, rest) = name.trim().split_at_checked(PREFIX.len())?;
        if !prefix.eq_ignore_ascii_case(PREFIX) {
            return None;
        }
        let (number, part) = match rest.split_once('-') {
            None => (1, rest),
            Some((number, _)) if number.starts_with(['0', '+']) => return None,
            Some((number, part)) => (number.parse().ok()?, part),
        };
        let part = NAMES.into_iter().find(|known| known.eq_ignore_ascii_case(part.trim()))?;
        (1..=NUMBER_MAX).contains(&number).then_some(MethodColumn { number, part })
    }
}

impl fmt::Display for MethodColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            1 => write!(f, "{PREFIX}{}", self.part),
            number => write!(f, "{PREFIX}{number}-{}", self.part),
        }
    }
}

/// The methods in the order of files: the default one first, so that an import makes it the default again.
pub fn in_file_order(methods: &[Method]) -> Vec<&Method> {
    let mut all: Vec<&Method> = methods.iter().collect();
    all.sort_by_key(|method| !method.is_default);
    all
}

/// The members of a method that have a value, by their names in requests; with `masked` as a token without `pii:read` sees them.
pub fn members(method: &Method, masked: bool) -> Vec<(&'static str, serde_json::Value)> {
    let hidden = |value: &String| if masked { MASK.to_owned() } else { value.clone() };
    let text = |value: &Option<String>| value.clone().map(Into::into);
    let secret = |value: &Option<String>| value.as_ref().map(|value| hidden(value).into());
    let all: [(&str, Option<serde_json::Value>); 13] = [
        ("provider", Some(method.provider.clone().into())),
        ("providerMethodId", Some(hidden(&method.provider_method_id).into())),
        ("providerCustomerId", secret(&method.provider_customer_id)),
        ("networkTransactionId", secret(&method.network_transaction_id)),
        ("method", Some(<&str>::from(method.kind).into())),
        ("brand", text(&method.brand)),
        ("last4", text(&method.last4)),
        ("expMonth", method.expiry.map(|expiry| expiry.month.into())),
        ("expYear", method.expiry.map(|expiry| expiry.year.into())),
        ("fingerprint", secret(&method.fingerprint)),
        ("holderName", secret(&method.holder_name)),
        ("postalCode", secret(&method.postal_code)),
        ("isDefault", method.is_default.then_some(true.into())),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// The methods as a JSON array, as an import reads it; the empty text if there are none.
pub fn all_as_json(methods: &[Method], masked: bool) -> String {
    if methods.is_empty() {
        return String::new();
    }
    let one = |method: &Method| {
        let members = members(method, masked).into_iter().map(|(name, value)| (name.to_owned(), value));
        serde_json::Value::Object(members.collect())
    };
    serde_json::Value::from(in_file_order(methods).into_iter().map(one).collect::<Vec<_>>()).to_string()
}

/// A cell of a column; the empty text if there is nothing.
pub fn cell(methods: &[Method], column: MethodColumn, masked: bool) -> String {
    let all = in_file_order(methods);
    let Some(method) = column.number.checked_sub(1).and_then(|at| all.get(at)) else { return String::new() };
    let found = members(method, masked).into_iter().find(|(name, _)| *name == column.part);
    match found {
        Some((_, serde_json::Value::String(text))) => text,
        Some((_, value)) => value.to_string(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_13_columns_name_a_method_and_a_part() {
        for (name, known) in [
            ("method-provider", "method-provider"),
            ("Method-1-PROVIDERMETHODID", "method-providerMethodId"),
            ("method-20-last4", "method-20-last4"),
            ("method-method", "method-method"),
        ] {
            assert_eq!(MethodColumn::of_name(name).map(|column| column.to_string()).as_deref(), Some(known));
        }
        for name in "method method- method-0-brand method-02-brand method-21-brand method-number method-2 \
                     method-x-brand method-+2-brand methods-2-brand"
            .split(' ')
        {
            assert_eq!(MethodColumn::of_name(name), None, "{name}");
        }
    }
}
