//! What the rules need to know about an entrypoint and its organisation (rules 1, 2 and 3).

pub mod invoicing;
pub mod numbering;
pub mod provider;
pub mod settings;
pub mod theme;

use self::invoicing::Invoicing;
use self::provider::Provider;
use self::theme::Theme;
use super::accounts::sight::Sight;
use super::customers::fields::TextField;
use super::customers::identifier::{IdField, Identifier};
use super::kernel::card::CardGuard;
use super::transactions::currency::Currency;

/// The most characters of an entrypoint's name (rules 1).
pub const ENTRY_CHARS_MAX: usize = 50;

/// An entrypoint, with all that decisions and answers about its customers need.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entrypoint {
    /// Its number in the database.
    pub id: i64,
    /// Its name in URLs; case matters.
    pub entry: String,
    /// Its organisation.
    pub org_id: i64,
    /// Its organisation's name (`ParentOrgName`).
    pub org_name: String,
    /// `PaypointLegalname`.
    pub legal_name: Option<String>,
    /// `PaypointDbaname`.
    pub dba_name: Option<String>,
    /// ISO 3166-1 alpha-2; the country of a phone if its record has none.
    pub country: Option<String>,
    /// The policy in force.
    pub policy: Policy,
    /// The fields that a create must send.
    pub required: Vec<TextField>,
    /// Its look in mails and in the portal.
    pub theme: Theme,
    /// Where it refuses what looks like a card number.
    pub card_guard: CardGuard,
    /// The most stored methods of a customer (rules 13).
    pub max_methods: MaxMethods,
    /// The currency of totals (rules 15).
    pub currency: Currency,
    /// What it sets about its invoices (rules 19).
    pub invoicing: Invoicing,
    /// Whether it is for tests: its money is play money, and never in the totals of its organisation. It stays so.
    pub is_test: bool,
    /// Who moves its money (rules 20).
    pub provider: Provider,
    /// Where payers go if nobody moves its money here (rules 20).
    pub payment_url: Option<String>,
}

/// The setting `maxMethods`: how many stored methods a customer may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxMethods(pub u8);

impl MaxMethods {
    /// The most that the setting allows.
    pub const MAX: u8 = 100;
}

impl Default for MaxMethods {
    fn default() -> MaxMethods {
        MaxMethods(20)
    }
}

impl Entrypoint {
    /// The name that customers know the store by: its own, else the trading name, the legal name, or `entry`.
    pub fn store_name(&self) -> &str {
        let set = [&self.theme.store_name, &self.dba_name, &self.legal_name];
        set.into_iter().find_map(|name| name.as_deref()).unwrap_or(&self.entry)
    }

    /// Whether somebody takes the payment methods of its customers. `has_provider`: the service knows the operator's provider.
    pub fn takes_methods(&self, has_provider: bool) -> bool {
        match self.provider {
            Provider::None => false,
            Provider::Sandbox => true,
            Provider::Http => has_provider,
        }
    }

    /// Whether somebody takes the payments of its customers, here or elsewhere.
    pub fn takes_payments(&self, has_provider: bool) -> bool {
        let is_elsewhere = self.provider == Provider::None && self.payment_url.is_some();
        is_elsewhere || self.takes_methods(has_provider)
    }

    /// The name that mails come from: its own, else the store's.
    pub fn sender_name(&self) -> &str {
        self.theme.sender_name.as_deref().unwrap_or_else(|| self.store_name())
    }

    /// The names of the settings that differ in a later state, as the API names them.
    pub fn changed_settings(&self, after: &Entrypoint) -> Vec<&'static str> {
        let (theme, other) = (&self.theme, &after.theme);
        let of_invoices = self.invoicing.shown().into_iter().zip(after.invoicing.shown());
        [
            ("identifiers", self.policy != after.policy),
            ("legalName", self.legal_name != after.legal_name),
            ("dbaName", self.dba_name != after.dba_name),
            ("country", self.country != after.country),
            ("requiredFields", self.required != after.required),
            ("storeName", theme.store_name != other.store_name),
            ("senderName", theme.sender_name != other.sender_name),
            ("language", theme.language != other.language),
            ("color", theme.color != other.color),
            ("editableFields", theme.editable != other.editable),
            ("cardGuard", self.card_guard != after.card_guard),
            ("maxMethods", self.max_methods != after.max_methods),
            ("currency", self.currency != after.currency),
            ("provider", self.provider != after.provider),
            ("paymentUrl", self.payment_url != after.payment_url),
        ]
        .into_iter()
        .chain(of_invoices.map(|((name, old), (_, new))| (name, old != new)))
        .filter_map(|(name, is_other)| is_other.then_some(name))
        .collect()
    }

    /// `#rrggbb`.
    pub fn color(&self) -> &str {
        self.theme.color.as_deref().unwrap_or(theme::COLOR_DEFAULT)
    }

    /// The fields that customers edit themselves.
    pub fn editable_fields(&self) -> &[TextField] {
        self.theme.editable.as_deref().unwrap_or(&theme::EDITABLE_DEFAULT)
    }
}

/// The identifier policy in force at an entrypoint (rules 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The identifiers, in their order.
    pub identifiers: Vec<Identifier>,
    /// Whether somebody set it; false for the default.
    pub explicit: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Policy { identifiers: vec![Identifier::of(TextField::Email)], explicit: false }
    }
}

impl Policy {
    /// What no two live customers may share: the identifiers, the customer number and the login name.
    pub fn unique(&self) -> Vec<Identifier> {
        let mut all = self.identifiers.clone();
        for always in [Identifier::customer_number(), Identifier::customer_username()] {
            if !all.contains(&always) {
                all.push(always);
            }
        }
        all
    }

    /// The fields of a request's own identifier by which a token may not look customers up (rules 1): masked ones,
    /// except those of an identifier of the policy that is part of the request's.
    pub fn forbidden<'a>(
        &'a self,
        identifier: &'a Identifier,
        sight: Sight,
    ) -> impl Iterator<Item = &'a IdField> {
        let named = identifier.fields();
        let is_within = |known: &&Identifier| known.fields().iter().all(|field| named.contains(field));
        let identifies = move |field: &IdField| {
            self.identifiers.iter().filter(is_within).any(|known| known.fields().contains(field))
        };
        named.iter().filter(move |field| !sight.shows(field) && !identifies(field))
    }

    /// The policy of an entrypoint: its own, else its organisation's, else the default.
    pub fn cascade(own: Option<Vec<Identifier>>, organisation: Option<Vec<Identifier>>) -> Policy {
        match own.or(organisation) {
            Some(identifiers) => Policy { identifiers, explicit: true },
            None => Policy::default(),
        }
    }
}

/// Whether a text may name an entrypoint: 1–50 of `[A-Za-z0-9_-]`.
pub fn is_entry_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= ENTRY_CHARS_MAX
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        // Paths of the contract have `org` in place of an entrypoint.
        && !text.eq_ignore_ascii_case("org")
}
