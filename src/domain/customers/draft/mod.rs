//! A customer as a request sends it. The parser checks every member and reports all problems at once (rules 2).

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use compact_str::CompactString;
use zeroize::Zeroizing;

pub use super::change::{Change, Input};
use super::country;
use super::email;
use super::fields::{FIELD_COUNT, OTHER_MEMBERS, Shape, TextField};
use super::identifier::{IdField, Identifier, check_references, is_additional_key};
use super::mask::{MASK, is_mask_shaped};
use super::phone;
use super::record::{
    ADDITIONAL_CHARS_MAX, ADDITIONAL_KEY_CHARS_MAX, ADDITIONAL_MAX, Customer, IDENTIFIER_FIELDS_MAX,
    LABEL_CHARS_MAX, LABELS_MAX, Status, TIME_ZONE_MAX, TIME_ZONE_MIN,
};
use crate::domain::accounts::password;
use crate::domain::addresses::draft::{AddressDraft, AddressList};
use crate::domain::kernel::invisible::visible;
use crate::domain::kernel::members::{Given, Items, Members};
use crate::domain::kernel::money::Money;
use crate::domain::kernel::problem::{PROBLEMS_MAX, Problem, ValueError};
use crate::domain::kernel::text;
use crate::domain::kernel::time::{self, Micros};
use crate::domain::references::ReferenceList;

/// A password that is not hashed yet. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: String) -> Secret {
        Secret(Zeroizing::new(text))
    }

    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// A phone that was read with an assumed country, because the request names none. The writer reads it again if the
/// stored record or the entrypoint has another country.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalPhone {
    /// The text as sent.
    pub text: String,
    /// The country it was read with.
    pub assumed: Option<String>,
    /// Why it is no number of that country. It may still be a number of the record's country.
    pub refusal: Option<ValueError>,
}

/// A checked request body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draft {
    texts: [Change<Input>; FIELD_COUNT],
    /// The phone, if it must be read again when the record has another country.
    pub local_phone: Option<LocalPhone>,
    /// `customerPsw` before hashing.
    pub password: Change<Secret>,
    /// `customerPsw` as argon2id hash; the hash is made before the command enters the writer's queue.
    pub password_hash: Change<String>,
    /// `customerStatus`.
    pub status: Change<Status>,
    /// `balance`.
    pub balance: Change<Money>,
    /// `timeZone`.
    pub time_zone: Change<i8>,
    /// `additionalFields`; a value of `None` removes the key.
    pub additional: Change<BTreeMap<String, Option<Input>>>,
    /// `labels`.
    pub labels: Change<Vec<String>>,
    /// `addresses`.
    pub addresses: Change<AddressList>,
    /// What a file says of the default billing and shipping address beside the flat columns.
    pub address_extras: [Option<AddressDraft>; 2],
    /// `references`.
    pub references: Change<ReferenceList>,
    /// `identifierFields` as sent, without nulls.
    pub identifier_fields: Vec<String>,
    /// `createdAt`.
    pub created_at: Option<Micros>,
    /// Whether the sender sees masks: what becomes of addresses must then not depend on masked values (rules 1).
    pub is_blind: bool,
}

/// What the check of a body needs to know besides the body.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Now.
    pub now: Micros,
    /// The country to read phones with if the body names none: the stored record's, else the entrypoint's.
    pub country: Option<&'a str>,
    /// The entrypoint's country, which counts if the body clears the record's.
    pub entrypoint_country: Option<&'a str>,
}

impl Draft {
    /// What the request says of a text field.
    pub fn text(&self, field: TextField) -> &Change<Input> {
        static KEEP: Change<Input> = Change::Keep;
        self.texts.get(field.index()).unwrap_or(&KEEP)
    }

    /// Sets what the request says of a text field.
    pub fn set_text(&mut self, field: TextField, change: Change<Input>) {
        if let Some(slot) = self.texts.get_mut(field.index()) {
            *slot = change;
        }
    }

    /// The identifier that `identifierFields` form, if there are any.
    pub fn identifier(&self) -> Option<Identifier> {
        let fields: Vec<IdField> =
            self.identifier_fields.iter().filter_map(|name| IdField::parse(name).ok()).collect();
        (!fields.is_empty()).then(|| Identifier::new(fields))
    }

    /// Checks every member of a body.
    ///
    /// # Errors
    /// All problems at once, each with its JSON pointer.
    pub fn parse(members: &Members<'_>, context: Context<'_>) -> Result<Draft, Vec<Problem>> {
        let mut reader = DraftParser { draft: Draft::default(), problems: Vec::new(), context };
        if let Err(refusal) = members.check() {
            reader.refuse(&[], refusal);
            return Err(reader.problems);
        }
        let mut seen: HashSet<&str> = HashSet::with_capacity(members.0.len());
        for (name, raw) in &members.0 {
            if !seen.insert(name.as_ref()) {
                reader.refuse(&[name], ("duplicate_field", "stands in the body twice".into()));
                continue;
            }
            reader.member(name, &Given::of(raw));
        }
        reader.read_phone();
        if let Some((_, raw)) = members.0.iter().find(|(name, _)| name == "addresses") {
            reader.addresses(&Given::of(raw));
        }
        reader.check_shipping_zip();
        reader.check_password();
        if reader.problems.is_empty() {
            return Ok(reader.draft);
        }
        if let Some(refusal) = reader.draft.local_phone.take().and_then(|local| local.refusal) {
            reader.refuse(&[TextField::Phone.name()], refusal);
        }
        Err(reader.problems)
    }
}

struct DraftParser<'a> {
    draft: Draft,
    problems: Vec<Problem>,
    context: Context<'a>,
}

impl DraftParser<'_> {
    fn refuse(&mut self, path: &[&str], (code, message): ValueError) {
        self.problems.push(Problem::field(path, code, message));
    }

    /// "; did you mean …?", unless the answer lists no more problems.
    fn hint<'n>(&self, name: &str, names: impl Iterator<Item = &'n str>) -> String {
        if self.problems.len() < PROBLEMS_MAX { text::hint(name, names) } else { String::new() }
    }

    fn wrong_type(&mut self, path: &[&str], wanted: &str, given: &Given<'_>) {
        self.refuse(path, wrong_type(wanted, given));
    }

    /// Reads one member by itself. A refusal is noted, and the member then counts as not sent.
    fn read<T>(
        &mut self,
        name: &str,
        given: &Given<'_>,
        read: impl FnOnce(&Given<'_>) -> Result<T, ValueError>,
    ) -> Change<T> {
        match given {
            Given::Null => Change::Clear,
            given => match read(given) {
                Ok(value) => Change::Set(value),
                Err(refusal) => {
                    self.refuse(&[name], refusal);
                    Change::Keep
                }
            },
        }
    }

    fn member(&mut self, name: &str, given: &Given<'_>) {
        if let Some(field) = TextField::of_request(name) {
            return self.text(field, given);
        }
        // An empty text means absent for every field, whatever its type (rules 2).
        let given =
            if matches!(given, Given::Text(text) if text.trim().is_empty()) { &Given::Null } else { given };
        match name {
            "customerPsw" => self.draft.password = self.read(name, given, password),
            "customerStatus" => self.draft.status = self.read(name, given, status),
            "balance" => self.draft.balance = self.read(name, given, balance),
            "timeZone" => self.draft.time_zone = self.read(name, given, time_zone),
            "additionalFields" => self.additional(given),
            "labels" => self.labels(given),
            "identifierFields" => self.identifier_fields(given),
            // It is read when the country of its phones is known.
            "addresses" => {}
            "references" => self.references(given),
            "createdAt" => {
                let now = self.context.now;
                let moment = self.read(name, given, |given| created_at(given, now));
                self.draft.created_at = moment.value().copied();
            }
            _ => {
                let names = TextField::all().map(TextField::name).chain(OTHER_MEMBERS);
                let hint = self.hint(name, names);
                self.refuse(&[name], ("unknown_field", format!("is no field of a customer{hint}")));
            }
        }
    }

    /// A trimmed text in NFC; `None` if it is refused, which is then reported.
    fn clean(&mut self, path: &[&str], raw: &str, chars_max: usize) -> Option<CompactString> {
        text::clean(raw, chars_max).map_err(|refusal| self.refuse(path, refusal)).ok()
    }

    fn text(&mut self, field: TextField, given: &Given<'_>) {
        let name = field.name();
        let raw = match given {
            Given::Null => return self.draft.set_text(field, Change::Clear),
            Given::Text(raw) => raw,
            other => return self.wrong_type(&[name], "a string", other),
        };
        let value = match field.clean(raw) {
            Ok(value) => value,
            Err(refusal) => return self.refuse(&[name], refusal),
        };
        if value.is_empty() {
            return self.draft.set_text(field, Change::Clear);
        }
        if is_mask_shaped(field, &value) {
            return self.draft.set_text(field, Change::Set(Input::Mask(value)));
        }
        let checked = match field.spec().shape {
            // The check of Phone and ShippingZip needs the countries, which may follow later in the body.
            Shape::Plain | Shape::Name | Shape::Street | Shape::ShippingZip | Shape::Phone => Ok(value),
            Shape::Email => email::email(&value),
            Shape::Birthday => time::birthday(&value, self.context.now).map(Into::into),
            Shape::Country => country::country(&value).map(Into::into),
        };
        match checked {
            Ok(value) => self.draft.set_text(field, Change::Set(Input::Value(value))),
            Err(refusal) => self.refuse(&[name], refusal),
        }
    }

    fn sent(&self, field: TextField) -> Option<CompactString> {
        match self.draft.text(field) {
            Change::Set(Input::Value(value)) => Some(value.clone()),
            _ => None,
        }
    }

    fn read_phone(&mut self) {
        let Some(raw) = self.sent(TextField::Phone) else { return };
        let own = self.sent(TextField::Country);
        let assumed = match self.draft.text(TextField::Country) {
            Change::Clear => self.context.entrypoint_country,
            _ => self.context.country,
        };
        let country = own.as_deref().or(assumed);
        if own.is_none() && !raw.starts_with('+') {
            let assumed = assumed.map(str::to_owned);
            self.draft.local_phone = Some(LocalPhone { text: raw.to_string(), assumed, refusal: None });
        }
        match (phone::phone(&raw, country), &mut self.draft.local_phone) {
            (Ok(phone), _) => self.draft.set_text(TextField::Phone, Change::Set(Input::Value(phone.into()))),
            (Err(refusal), Some(local)) => {
                local.refusal = Some(refusal);
                self.draft.set_text(TextField::Phone, Change::Keep);
            }
            (Err(refusal), None) => self.refuse(&[TextField::Phone.name()], refusal),
        }
    }

    fn check_shipping_zip(&mut self) {
        let (Some(zip), country) = (self.sent(TextField::ShippingZip), self.sent(TextField::ShippingCountry))
        else {
            return;
        };
        if let Err(refusal) = country::shipping_zip(&zip, country.as_deref()) {
            self.refuse(&[TextField::ShippingZip.name()], refusal);
        }
    }

    /// Runs after all members: a password must not be made of what the body says of the person.
    fn check_password(&mut self) {
        let Change::Set(secret) = &self.draft.password else { return };
        let mut person = Customer::default();
        for field in TextField::all() {
            person.texts.set(field, self.sent(field));
        }
        if let Some(weakness) = password::weakness(secret.expose(), &password::personal(&person)) {
            self.refuse(&["customerPsw"], weakness.problem());
        }
    }

    fn additional(&mut self, given: &Given<'_>) {
        const NAME: &str = "additionalFields";
        let members = match given {
            Given::Null => {
                self.draft.additional = Change::Clear;
                return;
            }
            Given::Object(members) => members,
            other => return self.wrong_type(&[NAME], "an object of strings", other),
        };
        if members.0.len() > ADDITIONAL_MAX {
            let message = format!("must have at most {ADDITIONAL_MAX} fields");
            return self.refuse(&[NAME], ("too_many", message));
        }
        let mut fields = BTreeMap::new();
        for (key, raw) in &members.0 {
            let key = &*visible(key);
            if !is_additional_key(key) {
                let message =
                    format!("names must be 1–{ADDITIONAL_KEY_CHARS_MAX} of A-Z a-z 0-9 _ - and blank");
                self.refuse(&[NAME, key], ("invalid_name", message));
                continue;
            }
            let value = match Given::of(raw) {
                Given::Null => None,
                Given::Text(text) => match self.clean(&[NAME, key], &text, ADDITIONAL_CHARS_MAX) {
                    Some(text) if text.is_empty() => None,
                    Some(text) if text == MASK => Some(Input::Mask(text)),
                    Some(text) => Some(Input::Value(text)),
                    None => continue,
                },
                other => {
                    self.wrong_type(&[NAME, key], "a string", &other);
                    continue;
                }
            };
            if fields.insert(key.to_owned(), value).is_some() {
                self.refuse(&[NAME, key], ("duplicate_field", "stands in the body twice".into()));
            }
        }
        self.draft.additional = Change::Set(fields);
    }

    /// The texts of a list with their indexes, without nulls and empty texts; `None` if it is no list, which is then
    /// reported.
    fn texts(
        &mut self,
        name: &str,
        given: &Given<'_>,
        chars_max: usize,
    ) -> Option<Vec<(usize, CompactString)>> {
        let items = match given {
            Given::Null => &Items::default(),
            Given::List(items) => items,
            other => {
                self.wrong_type(&[name], "an array of strings", other);
                return None;
            }
        };
        if let Err(refusal) = items.check() {
            self.refuse(&[name], refusal);
            return None;
        }
        let mut texts = Vec::new();
        for (index, raw) in items.0.iter().enumerate() {
            let place = index.to_string();
            match Given::of(raw) {
                Given::Null => {}
                Given::Text(text) => match self.clean(&[name, &place], &text, chars_max) {
                    Some(text) if !text.is_empty() => texts.push((index, text)),
                    _ => {}
                },
                other => self.wrong_type(&[name, &place], "a string", &other),
            }
        }
        Some(texts)
    }

    fn labels(&mut self, given: &Given<'_>) {
        const NAME: &str = "labels";
        let Some(texts) = self.texts(NAME, given, LABEL_CHARS_MAX) else { return };
        let mut known = HashSet::with_capacity(texts.len());
        let mut labels: Vec<String> = Vec::new();
        for (_, label) in texts {
            if known.insert(label.clone()) {
                labels.push(label.into());
            }
        }
        if labels.len() > LABELS_MAX {
            self.refuse(&[NAME], ("too_many", format!("must have at most {LABELS_MAX} labels")));
        }
        self.draft.labels = if labels.is_empty() { Change::Clear } else { Change::Set(labels) };
    }

    /// Runs after all members: a phone of an address without a country is one of the customer's.
    fn addresses(&mut self, given: &Given<'_>) {
        const NAME: &str = "addresses";
        let own = self.sent(TextField::Country);
        let country = own.as_deref().or(self.context.country);
        let list = match given {
            Given::List(items) if items.0.is_empty() => return self.draft.addresses = Change::Clear,
            Given::List(items) => AddressList::parse(items, country),
            Given::Null => return self.draft.addresses = Change::Clear,
            Given::Text(text) if text.trim().is_empty() => return self.draft.addresses = Change::Clear,
            other => return self.wrong_type(&[NAME], "an array of addresses", other),
        };
        match list {
            Ok(list) => self.draft.addresses = Change::Set(list),
            Err(problems) => self.problems.extend(problems),
        }
    }

    fn references(&mut self, given: &Given<'_>) {
        const NAME: &str = "references";
        let list = match given {
            Given::Null => return self.draft.references = Change::Clear,
            Given::List(items) => ReferenceList::parse(items),
            other => return self.wrong_type(&[NAME], "an array of references", other),
        };
        match list {
            Ok(list) if list.references.is_empty() => self.draft.references = Change::Clear,
            Ok(list) => self.draft.references = Change::Set(list),
            Err(problems) => self.problems.extend(problems),
        }
    }

    fn identifier_fields(&mut self, given: &Given<'_>) {
        const NAME: &str = "identifierFields";
        let Some(texts) = self.texts(NAME, given, ADDITIONAL_KEY_CHARS_MAX) else { return };
        if texts.len() > IDENTIFIER_FIELDS_MAX {
            let message = format!("must have at most {IDENTIFIER_FIELDS_MAX} names");
            return self.refuse(&[NAME], ("too_many", message));
        }
        for (index, name) in texts {
            match IdField::parse(&name) {
                Ok(field) => self.draft.identifier_fields.push(field.name().to_owned()),
                Err(message) => self.refuse(&[NAME, &index.to_string()], ("invalid_identifier", message)),
            }
        }
        if let Some(Err(message)) = self.draft.identifier().map(|named| check_references(named.fields())) {
            self.refuse(&[NAME], ("invalid_identifier", message));
        }
    }
}

fn wrong_type(wanted: &str, given: &Given<'_>) -> ValueError {
    ("wrong_type", format!("must be {wanted}, not {}", given.kind()))
}

fn password(given: &Given<'_>) -> Result<Secret, ValueError> {
    match given {
        // Leading and trailing spaces are part of a password.
        Given::Text(text) => Ok(Secret::new(text.clone().into_owned())),
        other => Err(wrong_type("a string", other)),
    }
}

fn integer(given: &Given<'_>) -> Result<i64, ValueError> {
    match given {
        Given::Number(digits) => digits.parse().map_err(|_| ("wrong_type", "must be an integer".into())),
        other => Err(wrong_type("an integer", other)),
    }
}

fn status(given: &Given<'_>) -> Result<Status, ValueError> {
    let refuse = |message: &str| Err(("invalid_status", message.into()));
    match Status::of_code(integer(given)?) {
        Some(Status::Deleted) => refuse("cannot be set to -99; use DELETE"),
        Some(status) => Ok(status),
        None => refuse("must be 0 (inactive), 1 (active) or 85 (locked)"),
    }
}

fn time_zone(given: &Given<'_>) -> Result<i8, ValueError> {
    match i8::try_from(integer(given)?) {
        Ok(hours @ TIME_ZONE_MIN..=TIME_ZONE_MAX) => Ok(hours),
        _ => {
            let message = format!("must be from {TIME_ZONE_MIN} to {TIME_ZONE_MAX} (hours from UTC)");
            Err(("invalid_time_zone", message))
        }
    }
}

fn balance(given: &Given<'_>) -> Result<Money, ValueError> {
    match given {
        Given::Number(digits) => Money::parse(digits).map_err(|error| ("invalid_amount", error.to_string())),
        other => Err(wrong_type("a number", other)),
    }
}

fn created_at(given: &Given<'_>, now: Micros) -> Result<Micros, ValueError> {
    match given {
        // Times that are copied from other programs may have marks of direction.
        Given::Text(text) => time::created_at(visible(text).trim(), now),
        other => Err(wrong_type("a string", other)),
    }
}
