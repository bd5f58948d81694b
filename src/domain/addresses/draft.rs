//! An address as a request sends it, checked (rules 11).

use std::str::FromStr;

use compact_str::CompactString;
use serde_json::value::RawValue;
use strum::VariantNames as _;

use super::book::{ADDRESSES_MAX, Address, AddressKind};
use super::fields::{ADDRESS_FIELDS, AddressField, AddressTexts, Role};
use crate::domain::customers::change::{Change, Input};
use crate::domain::customers::fields::{Shape, TextField};
use crate::domain::customers::mask::MASK;
use crate::domain::customers::mask::is_mask_shaped;
use crate::domain::customers::{country, phone};
use crate::domain::kernel::members::{Given, Items, Members};
use crate::domain::kernel::problem::{Problem, ValueError};
use crate::domain::kernel::text::{self, hint};

/// The member of a body that lists addresses.
pub(crate) const MEMBER: &str = "addresses";
const KIND: &str = "kind";
const ID: &str = "id";

/// What an address of a request may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A new address: it needs `address`, and has no `id` yet.
    New,
    /// One of a whole list: it needs `address` unless it is a default, as the flat fields do not need a street, and its `id`
    /// says which one it was.
    Listed,
    /// Changes of an address: what is absent stays.
    Part,
}

/// A checked address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressDraft {
    /// `id`.
    pub id: Option<i64>,
    /// `kind`.
    pub kind: Option<AddressKind>,
    /// What it says of each text.
    texts: [Change<Input>; ADDRESS_FIELDS.len()],
    /// What it says of each of [`Role::ALL`].
    pub defaults: [Option<bool>; 2],
    /// The texts that it cannot tell of: a file has no column for them.
    open: [bool; ADDRESS_FIELDS.len()],
}

/// The addresses that a request sends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressList {
    /// The addresses.
    pub addresses: Vec<AddressDraft>,
    /// Whether they are added to those that the customer has, unless it has the same; otherwise they are all that it has.
    pub adds: bool,
}

impl AddressDraft {
    /// What it says of a text.
    pub fn text(&self, field: AddressField) -> &Change<Input> {
        static KEEP: Change<Input> = Change::Keep;
        self.texts.get(field.index()).unwrap_or(&KEEP)
    }

    /// Sets what it says of a text.
    pub fn set_text(&mut self, field: AddressField, change: Change<Input>) {
        if let Some(slot) = self.texts.get_mut(field.index()) {
            *slot = change;
        }
    }

    /// Says that it cannot tell of a text: an address with any value there may be the same.
    pub fn leave_open(&mut self, field: AddressField) {
        if let Some(slot) = self.open.get_mut(field.index()) {
            *slot = true;
        }
    }

    fn is_open(&self, field: AddressField) -> bool {
        self.open.get(field.index()).is_some_and(|is| *is)
    }

    /// What it says of being the default of a role.
    pub fn default_of(&self, role: Role) -> Option<bool> {
        self.defaults.get(role.index()).copied().flatten()
    }

    /// The kind of an address that is made of it.
    pub fn kind_or_default(&self) -> AddressKind {
        let role = Role::ALL.into_iter().find(|role| self.default_of(*role) == Some(true));
        self.kind.or_else(|| role.map(AddressKind::of)).unwrap_or_default()
    }

    /// Whether a stored address says the same, apart from its id and from what it is the default of. A mask is the same as
    /// each value that it may stand for.
    pub fn fits(&self, stored: &Address) -> bool {
        self.kind.is_none_or(|kind| kind == stored.kind)
            && AddressField::all().all(|field| match (self.text(field), stored.texts.get(field)) {
                (Change::Set(Input::Value(sent)), Some(kept)) => sent == kept,
                (Change::Set(Input::Mask(sent)), Some(kept)) => field.mask(kept) == *sent,
                (Change::Set(_), None) => false,
                (Change::Keep | Change::Clear, kept) => kept.is_none() || self.is_open(field),
            })
    }

    /// Its texts, written onto those of a stored address if there is one. A mask is right if it is that of the stored text.
    ///
    /// # Errors
    /// The texts whose masks are wrong.
    pub fn texts(
        &self,
        base: &AddressTexts,
        stored: Option<&Address>,
    ) -> Result<AddressTexts, Vec<AddressField>> {
        let mut texts = base.clone();
        let mut wrong = Vec::new();
        for field in AddressField::all() {
            match self.text(field) {
                Change::Set(Input::Value(value)) => texts.set(field, Some(value.clone())),
                Change::Set(Input::Mask(sent)) => match stored.and_then(|stored| stored.texts.get(field)) {
                    Some(kept) if field.mask(kept) == *sent => texts.set(field, Some(kept.into())),
                    _ => wrong.push(field),
                },
                Change::Clear => texts.set(field, None),
                Change::Keep => {}
            }
        }
        if wrong.is_empty() { Ok(texts) } else { Err(wrong) }
    }

    /// The masked texts that it has values for.
    pub fn masked_values(&self) -> impl Iterator<Item = AddressField> + '_ {
        AddressField::all().filter(|field| {
            field.spec().masked && matches!(self.text(*field), Change::Set(Input::Value(_)) | Change::Clear)
        })
    }

    /// Whether it has a value for a masked text.
    pub fn has_masked_values(&self) -> bool {
        let is_value = |field| matches!(self.text(field), Change::Set(Input::Value(_)));
        AddressField::all().any(|field| field.spec().masked && is_value(field))
    }

    /// The texts that it has masks for.
    pub fn masks(&self) -> impl Iterator<Item = AddressField> + '_ {
        AddressField::all().filter(|field| matches!(self.text(*field), Change::Set(Input::Mask(_))))
    }

    /// Reads an address. `path` leads to it; `country` is that of its phone if it names none.
    ///
    /// # Errors
    /// All problems at once.
    pub fn parse(
        members: &Members<'_>,
        path: &[&str],
        country: Option<&str>,
        form: Form,
    ) -> Result<AddressDraft, Vec<Problem>> {
        let mut parser = Parser { draft: AddressDraft::default(), problems: Vec::new(), path, form };
        if let Err(refusal) = members.check() {
            parser.refuse(&[], refusal);
            return Err(parser.problems);
        }
        let mut seen: Vec<&str> = Vec::with_capacity(members.0.len());
        for (name, raw) in &members.0 {
            if seen.contains(&name.as_ref()) {
                parser.refuse(&[name], ("duplicate_field", "stands in the address twice".into()));
                continue;
            }
            seen.push(name);
            parser.member(name, raw);
        }
        parser.read_phone(country);
        parser.check_street();
        if parser.problems.is_empty() { Ok(parser.draft) } else { Err(parser.problems) }
    }
}

impl AddressList {
    /// Reads the member `addresses` of a body. `country` is that of phones whose address names none.
    ///
    /// # Errors
    /// All problems at once.
    pub fn parse(items: &Items<'_>, country: Option<&str>) -> Result<AddressList, Vec<Problem>> {
        let mut problems = Vec::new();
        if items.0.len() > ADDRESSES_MAX || items.check().is_err() {
            let message = format!("must have at most {ADDRESSES_MAX} addresses");
            return Err(vec![Problem::field(&[MEMBER], "too_many", message)]);
        }
        let mut addresses: Vec<AddressDraft> = Vec::new();
        for (index, raw) in items.0.iter().enumerate() {
            let place = index.to_string();
            let path = [MEMBER, place.as_str()];
            match Given::of(raw) {
                Given::Object(members) => match AddressDraft::parse(&members, &path, country, Form::Listed) {
                    Ok(draft) => {
                        problems.extend(collisions(&addresses, &draft, &path));
                        addresses.push(draft);
                    }
                    Err(found) => problems.extend(found),
                },
                other => {
                    let message = format!("must be an address, not {}", other.kind());
                    problems.push(Problem::field(&path, "wrong_type", message));
                }
            }
        }
        if problems.is_empty() { Ok(AddressList { addresses, adds: false }) } else { Err(problems) }
    }
}

/// What an address of a list has in common with an earlier one and must not.
fn collisions(earlier: &[AddressDraft], draft: &AddressDraft, path: &[&str]) -> Vec<Problem> {
    let at = |name: &'static str| path.iter().copied().chain([name]).collect::<Vec<_>>();
    let mut problems = Vec::new();
    if draft.id.is_some() && earlier.iter().any(|other| other.id == draft.id) {
        problems.push(Problem::field(&at(ID), "duplicate_field", "stands in the list twice"));
    }
    for role in Role::ALL {
        let is_default = |draft: &AddressDraft| draft.default_of(role) == Some(true);
        if is_default(draft) && earlier.iter().any(is_default) {
            let message = "an earlier address of the list is the default already; a customer has at most one";
            problems.push(Problem::field(&at(role.member()), "two_defaults", message));
        }
    }
    problems
}

struct Parser<'a> {
    draft: AddressDraft,
    problems: Vec<Problem>,
    path: &'a [&'a str],
    form: Form,
}

impl Parser<'_> {
    fn refuse(&mut self, names: &[&str], (code, message): ValueError) {
        let path: Vec<&str> = self.path.iter().chain(names).copied().collect();
        self.problems.push(Problem::field(&path, code, message));
    }

    fn member(&mut self, name: &str, raw: &RawValue) {
        let given = Given::of(raw);
        if let Some(field) = AddressField::of_name(name) {
            return self.text(field, &given);
        }
        let is_absent = match &given {
            Given::Null => true,
            Given::Text(text) => text.trim().is_empty(),
            _ => false,
        };
        if let Some(role) = Role::ALL.into_iter().find(|role| role.member() == name) {
            let value = match raw.get() {
                "true" => Some(true),
                "false" => Some(false),
                _ if is_absent => None,
                _ => return self.refuse(&[name], wrong_type("true or false", &given)),
            };
            if let Some(slot) = self.draft.defaults.get_mut(role.index()) {
                *slot = value;
            }
            return;
        }
        match (name, &given) {
            (KIND, _) if is_absent => {}
            (KIND, Given::Text(word)) => match AddressKind::from_str(word) {
                Ok(kind) => self.draft.kind = Some(kind),
                Err(_) => {
                    let message = format!("must be one of {}", AddressKind::VARIANTS.join(", "));
                    self.refuse(&[name], ("invalid_value", message));
                }
            },
            (KIND, other) => self.refuse(&[name], wrong_type("a string", other)),
            (ID, _) if self.form == Form::New => {
                self.refuse(&[name], ("unknown_field", "is given by this service; leave it out".into()));
            }
            (ID, _) if is_absent => {}
            (ID, Given::Number(digits)) => match digits.parse() {
                Ok(id) => self.draft.id = Some(id),
                Err(_) => self.refuse(&[name], ("wrong_type", "must be an integer".into())),
            },
            (ID, other) => self.refuse(&[name], wrong_type("an integer", other)),
            _ => {
                let others = [KIND].into_iter().chain(Role::ALL.map(Role::member));
                let hint = hint(name, AddressField::all().map(AddressField::name).chain(others));
                self.refuse(&[name], ("unknown_field", format!("is no field of an address{hint}")));
            }
        }
    }

    fn text(&mut self, field: AddressField, given: &Given<'_>) {
        let spec = field.spec();
        let raw = match given {
            Given::Null => return self.draft.set_text(field, Change::Clear),
            Given::Text(raw) => raw,
            other => return self.refuse(&[spec.name], wrong_type("a string", other)),
        };
        let cleaned = match spec.shape {
            Shape::Street => text::clean_lines(raw, spec.chars_max),
            _ => text::clean(raw, spec.chars_max),
        };
        let value = match cleaned {
            Ok(value) if value.is_empty() => return self.draft.set_text(field, Change::Clear),
            Ok(value) => value,
            Err(refusal) => return self.refuse(&[spec.name], refusal),
        };
        if is_mask(field, &value) {
            return self.draft.set_text(field, Change::Set(Input::Mask(value)));
        }
        let checked = match spec.shape {
            Shape::Country => country::country(&value).map(CompactString::from),
            // A phone waits for the country.
            _ => Ok(value),
        };
        match checked {
            Ok(value) => self.draft.set_text(field, Change::Set(Input::Value(value))),
            Err(refusal) => self.refuse(&[spec.name], refusal),
        }
    }

    fn sent(&self, field: AddressField) -> Option<&CompactString> {
        match self.draft.text(field) {
            Change::Set(Input::Value(value)) => Some(value),
            _ => None,
        }
    }

    fn read_phone(&mut self, country: Option<&str>) {
        const PHONE: AddressField = AddressField::Phone;
        let Some(raw) = self.sent(PHONE) else { return };
        let own = self.sent(AddressField::Country).map(CompactString::as_str);
        match phone::phone(raw, own.or(country)) {
            Ok(phone) => self.draft.set_text(PHONE, Change::Set(Input::Value(phone.into()))),
            Err(refusal) => self.refuse(&[PHONE.name()], refusal),
        }
    }

    fn check_street(&mut self) {
        const STREET: AddressField = AddressField::Address;
        let is_refused = self.problems.iter().any(|problem| {
            matches!(&problem.at, crate::domain::kernel::problem::At::Pointer(place) if place.ends_with("/address"))
        });
        let is_missing = match self.draft.text(STREET) {
            Change::Set(_) => false,
            Change::Clear => true,
            Change::Keep => self.form != Form::Part,
        };
        let is_default = Role::ALL.into_iter().any(|role| self.draft.default_of(role) == Some(true));
        let is_missing = is_missing && !(self.form == Form::Listed && is_default);
        if is_missing && !is_refused {
            self.refuse(&[STREET.name()], ("required", "every address has a street".into()));
        }
    }
}

fn is_mask(field: AddressField, value: &str) -> bool {
    match field {
        AddressField::Phone => is_mask_shaped(TextField::Phone, value),
        _ => field.spec().masked && value == MASK,
    }
}

fn wrong_type(wanted: &str, given: &Given<'_>) -> ValueError {
    ("wrong_type", format!("must be {wanted}, not {}", given.kind()))
}
