//! Request tokens: their claims and their rights (rules 1).

use serde::{Deserialize, Serialize};
use strum::{Display, IntoStaticStr, VariantArray};

/// How the ids of members of staff begin, which stand where a token's id would.
pub(super) const STAFF_PREFIX: &str = "staff-";

/// One right of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(Serialize, Deserialize, utoipa::ToSchema, Display, IntoStaticStr, VariantArray)]
pub enum Scope {
    /// GET of a customer, list, statistic, history, match.
    #[serde(rename = "customers:read")]
    #[strum(serialize = "customers:read")]
    CustomersRead,
    /// Create, PUT, invite, consent.
    #[serde(rename = "customers:write")]
    #[strum(serialize = "customers:write")]
    CustomersWrite,
    /// DELETE.
    #[serde(rename = "customers:delete")]
    #[strum(serialize = "customers:delete")]
    CustomersDelete,
    /// Import jobs and the template.
    #[serde(rename = "customers:import")]
    #[strum(serialize = "customers:import")]
    CustomersImport,
    /// Export.
    #[serde(rename = "customers:export")]
    #[strum(serialize = "customers:export")]
    CustomersExport,
    /// Unmasked views.
    #[serde(rename = "pii:read")]
    #[strum(serialize = "pii:read")]
    PiiRead,
    /// Transactions and totals.
    #[serde(rename = "money:read")]
    #[strum(serialize = "money:read")]
    MoneyRead,
    /// Record transactions, and link them to customers.
    #[serde(rename = "money:write")]
    #[strum(serialize = "money:write")]
    MoneyWrite,
    /// Charge stored methods, and pay back.
    #[serde(rename = "money:charge")]
    #[strum(serialize = "money:charge")]
    MoneyCharge,
    /// Invoices of erased people, which the law keeps.
    #[serde(rename = "money:legal")]
    #[strum(serialize = "money:legal")]
    MoneyLegal,
    /// The organisation's settings, entrypoints, keys.
    #[serde(rename = "settings")]
    #[strum(serialize = "settings")]
    Settings,
    /// Tokens.
    #[serde(rename = "tokens")]
    #[strum(serialize = "tokens")]
    Tokens,
    /// Members of staff.
    #[serde(rename = "staff")]
    #[strum(serialize = "staff")]
    Staff,
    /// The whole service: new organisations. Only the command line and an embedded first start give it first.
    #[serde(rename = "service")]
    #[strum(serialize = "service")]
    Service,
}

impl Scope {
    /// The scopes of a token for which none are named: everything on customers and their
    /// money.
    pub const DEFAULT: [Scope; 8] = [
        Scope::CustomersRead,
        Scope::CustomersWrite,
        Scope::CustomersDelete,
        Scope::CustomersImport,
        Scope::CustomersExport,
        Scope::PiiRead,
        Scope::MoneyRead,
        Scope::MoneyWrite,
    ];

    /// The name in claims and on the command line.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

impl std::str::FromStr for Scope {
    type Err = String;
    fn from_str(text: &str) -> Result<Scope, String> {
        Scope::VARIANTS.iter().copied().find(|scope| scope.name() == text).ok_or_else(|| {
            let names: Vec<&str> = Scope::VARIANTS.iter().map(|scope| scope.name()).collect();
            format!("{text} is no scope; the scopes are {}", names.join(", "))
        })
    }
}

/// The entrypoints a token sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entries {
    /// All of the organisation (`"*"`).
    All,
    /// These.
    Listed(Vec<String>),
}

impl Entries {
    /// Whether an entrypoint of the token's organisation is among them.
    pub fn contains(&self, entry: &str) -> bool {
        match self {
            Entries::All => true,
            Entries::Listed(entries) => entries.iter().any(|listed| listed == entry),
        }
    }

    /// Whether every entrypoint of `other` is among them.
    pub fn covers(&self, other: &Entries) -> bool {
        match (self, other) {
            (Entries::All, _) => true,
            (Entries::Listed(_), Entries::All) => false,
            (Entries::Listed(_), Entries::Listed(entries)) => {
                entries.iter().all(|entry| self.contains(entry))
            }
        }
    }
}

impl Serialize for Entries {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Entries::All => serializer.serialize_str("*"),
            Entries::Listed(entries) => entries.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Shape {
            Star(String),
            Listed(Vec<String>),
        }
        match Shape::deserialize(deserializer)? {
            Shape::Star(star) if star == "*" => Ok(Entries::All),
            Shape::Star(_) => Err(serde::de::Error::custom("entries must be a list or \"*\"")),
            Shape::Listed(entries) => Ok(Entries::Listed(entries)),
        }
    }
}

/// How the ids of members of staff begin, which stand where others have the id of a token.
pub const STAFF_ID: &str = "staff-";

/// The most tokens in the line by which a token was made.
pub const MAKERS_MAX: usize = 8;

/// A token that made another one over the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Maker {
    /// Its id.
    pub jti: String,
    /// Its requests a minute, if a limit is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpm: Option<u32>,
    /// Whether it writes customers whose masked values it does not see.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub writes_masked: bool,
}

/// The claims of a request token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The token's name.
    pub sub: String,
    /// The token's id.
    pub jti: String,
    /// The organisation.
    pub org: i64,
    /// The entrypoints.
    pub entries: Entries,
    /// The rights.
    pub scopes: Vec<Scope>,
    /// Issued at, seconds since the epoch.
    pub iat: i64,
    /// Expires at, seconds since the epoch.
    pub exp: i64,
    /// The token that this one was fetched with (contract 1.1). Revoking that token revokes this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Requests a minute, if a limit is set (rules 6).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpm: Option<u32>,
    /// The tokens in the line by which this one was made, the first one first. Revoking one of them revokes this one, and
    /// the limit of each counts its requests too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub makers: Vec<Maker>,
}

impl Claims {
    /// The id of the stored token: this one, or the one that was exchanged for it.
    pub fn stored_id(&self) -> &String {
        self.parent.as_ref().unwrap_or(&self.jti)
    }

    /// The name in logs: that of the token, but the id of a member of staff, whose name is a person's.
    pub fn logged_name(&self) -> &str {
        if self.jti.starts_with(STAFF_ID) { &self.jti } else { &self.sub }
    }

    /// The ids of the tokens whose revocation revokes this one.
    pub fn revoked_with(&self) -> impl Iterator<Item = &String> {
        let makers = self.makers.iter().map(|maker| &maker.jti);
        [&self.jti].into_iter().chain(&self.parent).chain(makers)
    }

    /// The limits that count its requests: the token that counts, and its requests a minute.
    pub fn limits(&self) -> impl Iterator<Item = (&String, u32)> {
        let makers = self.makers.iter().filter_map(|maker| Some((&maker.jti, maker.rpm?)));
        self.rpm.map(|rpm| (self.stored_id(), rpm)).into_iter().chain(makers)
    }

    /// The requests a minute that it may make at most.
    pub fn rpm_in_force(&self) -> Option<u32> {
        self.limits().map(|(_, rpm)| rpm).min()
    }

    /// The claims of a token that this one makes: it ends with this one at the latest. The claims of a member of staff are made
    /// anew for each request, so their end is none for what the member makes.
    #[must_use]
    pub fn heir(&self, made: Claims) -> Claims {
        let jti = self.stored_id().clone();
        let own = Maker { jti, rpm: self.rpm, writes_masked: self.writes_masked() };
        let makers = self.makers.iter().cloned().chain([own]).collect();
        let exp = if self.jti.starts_with(STAFF_PREFIX) { made.exp } else { made.exp.min(self.exp) };
        Claims { exp, makers, ..made }
    }

    /// Whether the token writes customers whose masked values it does not see.
    pub fn writes_masked(&self) -> bool {
        let writes = self.allows(Scope::CustomersWrite) || self.allows(Scope::CustomersImport);
        writes && !self.allows(Scope::PiiRead)
    }

    /// Whether the token has a right.
    pub fn allows(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }

    /// Whether the token sees another one in lists, and may revoke it: one of its organisation that reaches no entrypoint
    /// beyond its own.
    pub fn sees_token(&self, other: &Claims) -> bool {
        self.org == other.org && self.entries.covers(&other.entries)
    }

    /// Whether the token sees an entrypoint.
    pub fn sees(&self, org_id: i64, entry: &str) -> bool {
        self.org == org_id && self.entries.contains(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_1_a_made_token_inherits_limits_and_ends_with_its_makers() {
        let base = |jti: &str, exp, rpm| Claims {
            sub: "x".into(),
            jti: jti.into(),
            org: 1,
            entries: Entries::All,
            scopes: vec![Scope::Tokens],
            iat: 1,
            exp,
            parent: None,
            rpm,
            makers: Vec::new(),
        };
        let first = base("first", 100, Some(5));
        let second = first.heir(base("second", 300, None));
        assert_eq!((second.exp, second.rpm, second.rpm_in_force()), (100, None, Some(5)));
        let fetched = Claims { parent: Some("second".into()), jti: "fetched".into(), ..second.clone() };
        let third = fetched.heir(base("third", 50, Some(9)));
        assert_eq!((third.exp, third.rpm_in_force()), (50, Some(5)));
        let ids: Vec<&str> = third.revoked_with().map(String::as_str).collect();
        assert_eq!(ids, ["third", "first", "second"]);
        let limits: Vec<(&str, u32)> = third.limits().map(|(id, rpm)| (id.as_str(), rpm)).collect();
        assert_eq!(limits, [("third", 9), ("first", 5)]);
        assert_eq!(fetched.limits().next(), Some((&"first".to_owned(), 5)));
    }

    #[test]
    fn rules_1_claims_survive_serde() {
        let json = r#"{"sub":"a","jti":"b","org":1,"entries":"*","scopes":["pii:read"],"iat":1,"exp":2}"#;
        let claims: Claims = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&claims).unwrap(), json);
        assert!(serde_json::from_str::<Claims>(&json.replace("\"*\"", "\"x\"")).is_err());
        for &scope in Scope::VARIANTS {
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.name());
            assert_eq!(scope.name().parse(), Ok(scope));
        }
    }
}
