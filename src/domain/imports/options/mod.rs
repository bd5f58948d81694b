//! The options of an import (rules 9).

mod date;
#[cfg(test)]
mod tests;
mod zone;

use encoding_rs::{Encoding, REPLACEMENT};
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

use super::payments::PaymentMapping;
use super::target::{Meaning, Target, header_key};
use crate::domain::customers::fields::TextField;
use crate::domain::customers::identifier::IdField;
use crate::domain::customers::record::IDENTIFIER_FIELDS_MAX;
use crate::domain::decide::command::OnMatch;
use crate::domain::decide::delivery::OnUnknown;
use crate::domain::kernel::card::CardGuard;
use crate::domain::kernel::problem::Problem;
use crate::domain::kernel::text::hint;

pub use self::date::DateFormat;
pub(super) use self::zone::zone_minutes;

const MAP_MAX: usize = 500;

/// The options of an import; they hold for all its rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ImportOptions {
    /// `replaceExisting`, `mergeExisting` or `forceCustomerCreation`; at most one may be set.
    pub on_match: OnMatch,
    /// `identifierFields`: the names of the fields that together identify a customer in every row.
    pub identifier_fields: Vec<String>,
    /// `map=Header:field`: headers with their fields; `None` (`Header:-`) leaves a column out.
    pub map: Vec<(String, Option<String>)>,
    /// `unknownColumns`.
    pub unknown_columns: UnknownColumns,
    /// `onBadValue`.
    pub on_bad_value: OnBadValue,
    /// `onError`.
    pub on_error: OnError,
    /// `dryRun`: report what would happen, and write nothing.
    pub dry_run: bool,
    /// `again`: run even if the same file was imported with the same options before.
    pub again: bool,
    /// `delimiter` as a character; without one, the header line shows it.
    pub delimiter: Option<char>,
    /// `encoding` by its WHATWG name; without one, that of the byte order mark, else UTF-8.
    pub encoding: Option<String>,
    /// `dateFormat`, of birthdays and, beside ISO dates, of `createdAt` and `occurredAt`; without one, `YYYY-MM-DD` and `DD-MM-YYYY`.
    pub date_format: Option<DateFormat>,
    /// The entrypoint's setting `cardGuard` when the file came.
    pub card_guard: CardGuard,
    /// `onUnknownCustomer` of a file of transactions; `None` for customers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payments: Option<OnUnknown>,
}

/// What happens to a file with an unknown column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum UnknownColumns {
    /// It is refused before its first row.
    #[default]
    Refuse,
    /// The column is left out.
    Ignore,
    /// The column fills the additional field of its name.
    Additional,
}

/// What happens to a row with a bad value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OnBadValue {
    /// It is rejected.
    #[default]
    Reject,
    /// The value is left out, with a warning.
    Blank,
}

/// What a rejected row does to the rest of the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OnError {
    /// The next row follows.
    #[default]
    Skip,
    /// The import stops; the rows before it stay imported.
    Stop,
}

/// The parameters of an import, as on the wire.
const NAMES: [&str; 13] = [
    "replaceExisting",
    "mergeExisting",
    "forceCustomerCreation",
    "identifierFields",
    "map",
    "unknownColumns",
    "onBadValue",
    "onError",
    "dryRun",
    "again",
    "delimiter",
    "encoding",
    "dateFormat",
];

/// The parameters of an import of transactions.
const PAYMENT_NAMES: [&str; 9] = [
    "onUnknownCustomer",
    "map",
    "unknownColumns",
    "onError",
    "dryRun",
    "again",
    "delimiter",
    "encoding",
    "dateFormat",
];

/// What a file is of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[derive(Serialize, Deserialize, utoipa::ToSchema, IntoStaticStr, EnumString)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum ImportKind {
    /// Customers.
    #[default]
    Customers,
    /// Transactions.
    Transactions,
}

impl ImportOptions {
    /// What the file is of.
    pub const fn kind(&self) -> ImportKind {
        match self.payments {
            Some(_) => ImportKind::Transactions,
            None => ImportKind::Customers,
        }
    }

    /// Reads the parameters of an import of transactions.
    ///
    /// # Errors
    /// All bad or unknown parameters at once.
    pub fn parse_payments<T: AsRef<str>>(pairs: &[(T, T)]) -> Result<ImportOptions, Vec<Problem>> {
        let pairs = pairs.iter().map(|(name, value)| (name.as_ref(), value.as_ref())).collect();
        let mut reader = OptionsParser { pairs, names: &PAYMENT_NAMES, problems: Vec::new() };
        reader.refuse_unknown();
        let on_unknown =
            [("unlinked", OnUnknown::Unlinked), ("refuse", OnUnknown::Refuse), ("create", OnUnknown::Create)];
        let options = ImportOptions {
            payments: Some(reader.word("onUnknownCustomer", &on_unknown)),
            map: reader.map(PaymentMapping::knows, |name| Some(name.to_owned()), PaymentMapping::hint),
            unknown_columns: reader.unknown_columns(),
            on_error: reader.word("onError", &[("skip", OnError::Skip), ("stop", OnError::Stop)]),
            dry_run: reader.word("dryRun", &[("false", false), ("true", true)]),
            again: reader.word("again", &[("false", false), ("true", true)]),
            delimiter: reader.delimiter(),
            encoding: reader.encoding(),
            date_format: reader.date_format(),
            ..ImportOptions::default()
        };
        if reader.problems.is_empty() { Ok(options) } else { Err(reader.problems) }
    }

    /// Reads query parameters, or `name=value` of the command line, with the names of the wire. `map` and
    /// `identifierFields` may be repeated, others not. An empty value counts as absent.
    ///
    /// # Errors
    /// All bad or unknown parameters at once.
    pub fn parse<T: AsRef<str>>(pairs: &[(T, T)]) -> Result<ImportOptions, Vec<Problem>> {
        let pairs = pairs.iter().map(|(name, value)| (name.as_ref(), value.as_ref())).collect();
        let mut reader = OptionsParser { pairs, names: &NAMES, problems: Vec::new() };
        reader.refuse_unknown();
        let options = ImportOptions {
            payments: None,
            on_match: reader.on_match(),
            identifier_fields: reader.identifier_fields(),
            map: reader.customer_map(),
            unknown_columns: reader.unknown_columns(),
            on_bad_value: reader
                .word("onBadValue", &[("reject", OnBadValue::Reject), ("blank", OnBadValue::Blank)]),
            on_error: reader.word("onError", &[("skip", OnError::Skip), ("stop", OnError::Stop)]),
            dry_run: reader.word("dryRun", &[("false", false), ("true", true)]),
            again: reader.word("again", &[("false", false), ("true", true)]),
            delimiter: reader.delimiter(),
            encoding: reader.encoding(),
            date_format: reader.date_format(),
            card_guard: CardGuard::default(),
        };
        if reader.problems.is_empty() { Ok(options) } else { Err(reader.problems) }
    }

    /// The names of all parameters.
    pub const fn names() -> &'static [&'static str] {
        &NAMES
    }

    /// The options that make two imports of the same bytes the same job: all that can change the outcome of a row, with
    /// `dryRun`. `again` is not among them: it asks for another run of the same job.
    pub fn canonical(&self) -> Vec<u8> {
        let mut same = ImportOptions { again: false, ..self.clone() };
        for (header, _) in &mut same.map {
            *header = header_key(header);
        }
        same.map.sort();
        serde_json::to_vec(&same).unwrap_or_default()
    }

    /// What `map` says of a header, if anything.
    pub(super) fn mapped(&self, header: &str) -> Option<Meaning> {
        let key = header_key(header);
        let found = self.map.iter().find(|(name, _)| header_key(name) == key)?;
        Some(found.1.as_deref().and_then(Target::parse).map_or(Meaning::LeftOut, Meaning::Fills))
    }

    /// The delimiter, if one was named.
    pub(super) fn delimiter_byte(&self) -> Option<u8> {
        self.delimiter.and_then(|delimiter| u8::try_from(delimiter).ok())
    }
}

struct OptionsParser<'a> {
    pairs: Vec<(&'a str, &'a str)>,
    /// The parameters that there are.
    names: &'static [&'static str],
    problems: Vec<Problem>,
}

impl<'a> OptionsParser<'a> {
    fn refuse(&mut self, name: &str, code: &'static str, message: impl Into<String>) {
        self.problems.push(Problem::parameter(name, code, message));
    }

    fn refuse_unknown(&mut self) {
        let mut unknown: Vec<&str> =
            self.pairs.iter().map(|(name, _)| *name).filter(|name| !self.names.contains(name)).collect();
        unknown.sort_unstable();
        unknown.dedup();
        for name in unknown {
            let hint = hint(name, self.names.iter().copied());
            self.refuse(name, "unknown_parameter", format!("is no parameter of an import{hint}"));
        }
    }

    /// The values of a parameter that may be repeated.
    fn all(&self, name: &str) -> Vec<&'a str> {
        let values = self.pairs.iter().filter(|(key, _)| *key == name).map(|(_, value)| *value);
        values.filter(|value| !value.is_empty()).collect()
    }

    /// The value of a parameter that must not be repeated.
    fn one(&mut self, name: &str) -> Option<&'a str> {
        if self.pairs.iter().filter(|(key, _)| *key == name).count() > 1 {
            self.refuse(name, "duplicate_parameter", "stands in the query twice");
        }
        self.all(name).into_iter().next()
    }

    /// One of some words; the default if the parameter is absent.
    fn word<T: Copy + Default>(&mut self, name: &str, words: &[(&str, T)]) -> T {
        let Some(given) = self.one(name) else { return T::default() };
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == given) {
            return *value;
        }
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        self.refuse(name, "invalid_value", format!("must be {}", names.join(" or ")));
        T::default()
    }

    fn on_match(&mut self) -> OnMatch {
        let bit = [("0", false), ("1", true)];
        let replace = self.word("replaceExisting", &bit);
        let merge = self.word("mergeExisting", &bit);
        let force = self.word("forceCustomerCreation", &[("false", false), ("true", true)]);
        if [replace, merge, force].into_iter().filter(|flag| *flag).count() > 1 {
            let message = "replaceExisting, mergeExisting and forceCustomerCreation exclude each other";
            self.refuse("replaceExisting", "exclusive_flags", message);
        }
        match (replace, merge, force) {
            (true, ..) => OnMatch::Replace,
            (_, true, _) => OnMatch::Merge,
            (_, _, true) => OnMatch::Force,
            _ => OnMatch::Get,
        }
    }

    fn identifier_fields(&mut self) -> Vec<String> {
        const NAME: &str = "identifierFields";
        let mut fields: Vec<String> = Vec::new();
        for item in self.all(NAME).into_iter().flat_map(|value| value.split([',', '+', '|'])) {
            // `firstname+lastname` in a query arrives with a blank.
            let words: Vec<&str> = item.split_whitespace().collect();
            let are_fields = words.iter().all(|word| TextField::of_any_name(word).is_some());
            for name in if are_fields { words } else { vec![item.trim()] } {
                match IdField::parse(name) {
                    _ if name.is_empty() => {}
                    Ok(field) if fields.iter().any(|known| known == field.name()) => {}
                    Ok(field) => fields.push(field.name().to_owned()),
                    Err(message) => self.refuse(NAME, "invalid_identifier", message),
                }
            }
        }
        if fields.len() > IDENTIFIER_FIELDS_MAX {
            self.refuse(NAME, "too_many", format!("must have at most {IDENTIFIER_FIELDS_MAX} names"));
        }
        fields
    }

    fn unknown_columns(&mut self) -> UnknownColumns {
        let words = [
            ("refuse", UnknownColumns::Refuse),
            ("ignore", UnknownColumns::Ignore),
            ("additional", UnknownColumns::Additional),
        ];
        self.word("unknownColumns", &words)
    }

    fn customer_map(&mut self) -> Vec<(String, Option<String>)> {
        let target = |field: &str| Target::parse(field).or_else(|| Target::of_words(field));
        let hint = |field: &str| match Target::hint(field) {
            none if none.is_empty() => "; additional-<name> fills an additional field".to_owned(),
            hint => hint,
        };
        self.map(
            |field| target(field).is_some(),
            |field| target(field).map(|it| it.name().into_owned()),
            hint,
        )
    }

    /// `map`, whose fields are `known` and written by their own `name`.
    fn map(
        &mut self,
        known: impl Fn(&str) -> bool,
        name: impl Fn(&str) -> Option<String>,
        hint: impl Fn(&str) -> String,
    ) -> Vec<(String, Option<String>)> {
        const NAME: &str = "map";
        let mut map: Vec<(String, Option<String>)> = Vec::new();
        for item in self.all(NAME) {
            let Some((header, field)) = item.rsplit_once(':').map(|(a, b)| (a.trim(), b.trim())) else {
                self.refuse(
                    NAME,
                    "invalid_value",
                    "must be Header:field, or Header:- to leave the column out",
                );
                continue;
            };
            let key = header_key(header);
            if key.is_empty() {
                self.refuse(NAME, "invalid_value", "must name a header before the colon");
                continue;
            }
            if map.iter().any(|(known, _)| header_key(known) == key) {
                self.refuse(NAME, "duplicate_parameter", "names a header twice");
                continue;
            }
            if field == "-" {
                map.push((header.to_owned(), None));
            } else if known(field) {
                map.push((header.to_owned(), name(field)));
            } else {
                let message = format!("what stands after the colon is no field{}", hint(field));
                self.refuse(NAME, "unknown_field", message);
            }
        }
        if map.len() > MAP_MAX {
            self.refuse(NAME, "too_many", format!("must stand at most {MAP_MAX} times"));
        }
        map
    }

    /// The value of a parameter that must not be repeated, as `read` understands it; `wanted` is the form that it must have.
    fn value<T>(&mut self, name: &str, wanted: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let found = read(self.one(name)?);
        if found.is_none() {
            self.refuse(name, "invalid_value", wanted);
        }
        found
    }

    fn delimiter(&mut self) -> Option<char> {
        self.value("delimiter", "must be comma, semicolon, tab or pipe", |given| {
            match given.to_ascii_lowercase().as_str() {
                "," | "comma" => Some(','),
                ";" | "semicolon" => Some(';'),
                "\t" | "\\t" | "tab" => Some('\t'),
                "|" | "pipe" => Some('|'),
                _ => None,
            }
        })
    }

    fn encoding(&mut self) -> Option<String> {
        let wanted = "must be a label of the WHATWG's Encoding Standard such as utf-8, windows-1252, macintosh or \
                      utf-16le; save a file in any other encoding as CSV UTF-8";
        self.value("encoding", wanted, |label| {
            let encoding = Encoding::for_label(label.as_bytes()).filter(|found| *found != REPLACEMENT)?;
            Some(encoding.name().to_owned())
        })
    }

    fn date_format(&mut self) -> Option<DateFormat> {
        let wanted = "must have YYYY, MM and DD once each, with the same one of - / . or blank (or nothing) between them, such as DD-MM-YYYY";
        self.value("dateFormat", wanted, DateFormat::parse)
    }
}
