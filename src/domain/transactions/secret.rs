//! Secrets by which payment systems prove that a webhook is theirs (rules 14).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::dialects::Dialect;
use super::dialects::signature::{Claim, SECRET_PREFIX, standard_key};
use crate::domain::decide::delivery::OnUnknown;
use crate::domain::kernel::members::{Given, Members};
use crate::domain::kernel::problem::{Problem, ValueError};
use crate::domain::kernel::text::hint;
use crate::domain::kernel::time::Micros;

/// The most secrets of an entrypoint.
pub const SECRETS_MAX: usize = 20;
/// The header of a shared secret where none is named.
pub const HEADER_DEFAULT: &str = "X-Webhook-Secret";
/// The fewest and the most characters of a secret that somebody chooses.
const CHARS_MIN: usize = 16;
const CHARS_MAX: usize = 250;
/// The most characters of the name of a header.
const HEADER_CHARS_MAX: usize = 80;
/// Headers that mean something else.
const TAKEN: [&str; 17] = [
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "requesttoken",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-request-id",
];

/// A secret, with the settings of the webhooks that it proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestSecret {
    /// Its number within the entrypoint.
    pub id: i64,
    /// Whose webhooks it proves.
    pub dialect: Dialect,
    /// The header that holds it, in lower case, if it is shared and signs nothing.
    pub header: Option<String>,
    /// What becomes of a payment of somebody unknown.
    pub on_unknown: OnUnknown,
    /// When it was made.
    pub created_at: Micros,
}

/// A secret to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSecret {
    /// Whose webhooks it proves.
    pub dialect: Dialect,
    /// The header that holds it, in lower case, if it is shared and signs nothing.
    pub header: Option<String>,
    /// What becomes of a payment of somebody unknown.
    pub on_unknown: OnUnknown,
    /// The secret, if the payment system chose it.
    pub text: Option<String>,
}

/// The members of a body.
const NAMES: [&str; 4] = ["dialect", "secret", "header", "onUnknownCustomer"];

impl NewSecret {
    /// Reads a body.
    ///
    /// # Errors
    /// All problems at once.
    pub fn parse(members: &Members<'_>) -> Result<NewSecret, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut sent: [Option<String>; 4] = Default::default();
        for (name, raw) in &members.0 {
            let slot = NAMES.iter().position(|known| known == name).and_then(|at| sent.get_mut(at));
            let mut refuse = |code, message: String| problems.push(Problem::field(&[name], code, message));
            match (slot, Given::of(raw)) {
                (None, _) => {
                    let hint = hint(name, NAMES.into_iter());
                    refuse("unknown_field", format!("is no field of a secret{hint}"));
                }
                (Some(Some(_)), _) => refuse("duplicate_field", "stands in the body twice".into()),
                (Some(_), Given::Null) => {}
                (Some(slot), Given::Text(text)) => *slot = Some(text.trim().to_owned()),
                (Some(_), given) => refuse("wrong_type", format!("must be a string, not {}", given.kind())),
            }
        }
        let [dialect, text, header, on_unknown] = sent;
        let mut read = |name: &str, (code, message): ValueError| {
            problems.push(Problem::field(&[name], code, message));
        };
        let dialect = match dialect.as_deref().map(str::parse::<Dialect>) {
            Some(Ok(dialect)) => Some(dialect),
            _ => {
                read("dialect", ("invalid_value", "must be payabli, stripe or standard".into()));
                None
            }
        };
        let on_unknown = match on_unknown.as_deref().map(str::parse::<OnUnknown>) {
            None => OnUnknown::Create,
            Some(Ok(on_unknown)) => on_unknown,
            Some(Err(_)) => {
                let message = "must be refuse, unlinked or create";
                read("onUnknownCustomer", ("invalid_value", message.into()));
                OnUnknown::Create
            }
        };
        let header = header.filter(|header| !header.is_empty());
        if let (Some(header), Some(dialect)) = (&header, dialect)
            && let Err(refusal) = check_header(header, dialect)
        {
            read("header", refusal);
        }
        let text = text.filter(|text| !text.is_empty());
        if let Some(dialect) = dialect
            && let Err(refusal) = check_text(text.as_deref(), dialect)
        {
            read("secret", refusal);
        }
        let Some(dialect) = dialect.filter(|_| problems.is_empty()) else { return Err(problems) };
        let is_shared = dialect == Dialect::Payabli;
        let header = is_shared.then(|| header.unwrap_or_else(|| HEADER_DEFAULT.into()).to_ascii_lowercase());
        Ok(NewSecret { dialect, header, on_unknown, text })
    }

    /// The secret: the one that was sent, or one of random bytes.
    pub fn text(&self, random: [u8; 32]) -> String {
        self.text.clone().unwrap_or_else(|| format!("{SECRET_PREFIX}{}", STANDARD.encode(random)))
    }
}

fn check_header(header: &str, dialect: Dialect) -> Result<(), ValueError> {
    if dialect != Dialect::Payabli {
        return Err((
            "exclusive_fields",
            "is for the dialect payabli; the others sign their webhooks".into(),
        ));
    }
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if header.len() > HEADER_CHARS_MAX || !header.bytes().all(is_sign) {
        return Err(("invalid_name", format!("must be 1–{HEADER_CHARS_MAX} of A-Z a-z 0-9 - and _")));
    }
    if TAKEN.iter().any(|taken| taken.eq_ignore_ascii_case(header)) {
        return Err(("invalid_name", "means something else in every request; choose another header".into()));
    }
    Ok(())
}

fn check_text(text: Option<&str>, dialect: Dialect) -> Result<(), ValueError> {
    let Some(text) = text else {
        if dialect == Dialect::Stripe {
            let message = "is required: the signing secret that Stripe shows for the endpoint, whsec_…";
            return Err(("required", message.into()));
        }
        return Ok(());
    };
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_plain || !(CHARS_MIN..=CHARS_MAX).contains(&text.len()) {
        let message = format!("must be {CHARS_MIN}–{CHARS_MAX} printable ASCII characters without blanks");
        return Err(("invalid_value", message));
    }
    let is_key = standard_key(text).is_some_and(|key| key.len() >= CHARS_MIN);
    if dialect == Dialect::Standard && !(text.starts_with(SECRET_PREFIX) && is_key) {
        let message = format!("must be {SECRET_PREFIX} and base64 of {CHARS_MIN} bytes or more");
        return Err(("invalid_value", message));
    }
    Ok(())
}

/// What a request shows to prove who sent it.
#[derive(Debug, Clone, Default)]
pub struct Proof {
    /// Signatures, if the request has some.
    pub claim: Option<Claim>,
    /// The headers of the request that may hold a shared secret, by their names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Result<NewSecret, Vec<(String, &'static str)>> {
        let read = NewSecret::parse(&serde_json::from_str(body).unwrap());
        read.map_err(|problems| problems.into_iter().map(|it| (format!("{:?}", it.at), it.code)).collect())
    }

    #[test]
    fn a_secret_has_the_settings_of_its_dialect() {
        let payabli = parse(r#"{"dialect":"payabli"}"#).unwrap();
        assert_eq!(payabli.header.as_deref(), Some("x-webhook-secret"));
        assert_eq!(payabli.on_unknown, OnUnknown::Create);
        assert!(payabli.text([7; 32]).starts_with("whsec_"));
        let own = parse(
            r#"{"dialect":"payabli","secret":"0123456789abcdef","header":"X-Own","onUnknownCustomer":"refuse"}"#,
        );
        let own = own.unwrap();
        assert_eq!((own.header.as_deref(), own.on_unknown), (Some("x-own"), OnUnknown::Refuse));
        assert_eq!(own.text([7; 32]), "0123456789abcdef");
        let stripe = parse(r#"{"dialect":"stripe","secret":"whsec_0123456789abcdef"}"#).unwrap();
        assert_eq!(stripe.header, None);
        let standard = parse(r#"{"dialect":"standard"}"#).unwrap();
        assert_eq!(standard_key(&standard.text([7; 32])), Some(vec![7; 32]));
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        for (body, code) in [
            ("{}", "invalid_value"),
            (r#"{"dialect":"paypal"}"#, "invalid_value"),
            (r#"{"dialect":"stripe"}"#, "required"),
            (r#"{"dialect":"payabli","secret":"short"}"#, "invalid_value"),
            (r#"{"dialect":"payabli","secret":"with blanks in it, many"}"#, "invalid_value"),
            (r#"{"dialect":"standard","secret":"whsec_!!!!!!!!!!!!!!!"}"#, "invalid_value"),
            (r#"{"dialect":"payabli","header":"Content-Type"}"#, "invalid_name"),
            (r#"{"dialect":"payabli","header":"Transfer-Encoding"}"#, "invalid_name"),
            (r#"{"dialect":"payabli","header":"a b"}"#, "invalid_name"),
            (r#"{"dialect":"standard","header":"X-Own"}"#, "exclusive_fields"),
            (r#"{"dialect":"payabli","onUnknownCustomer":"guess"}"#, "invalid_value"),
            (r#"{"dialect":"payabli","colour":"red"}"#, "unknown_field"),
            (r#"{"dialect":"payabli","secret":7}"#, "wrong_type"),
        ] {
            let problems = parse(body).unwrap_err();
            assert_eq!(problems.len(), 1, "{body}: {problems:?}");
            assert_eq!(problems[0].1, code, "{body}");
        }
    }
}
