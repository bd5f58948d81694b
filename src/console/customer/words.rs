//! Amounts, days, times and states of an answer of the API, in the words of a language.

use chrono::{DateTime, Datelike as _, NaiveDate};
use serde_json::Value;

use super::texts::texts;
use crate::console::ask::text;
use crate::domain::entrypoints::theme::Language;
use crate::domain::kernel::money::Money;
use crate::domain::kernel::time::Micros;
use crate::domain::numbers;
use crate::domain::transactions::currency::Currency;

/// A state as a badge: `good`, `warn`, `bad` or nothing, and its words.
#[derive(Debug, Clone, Default)]
pub(super) struct Badge {
    pub(super) kind: &'static str,
    pub(super) text: String,
}

/// What the states belong to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Of {
    Stage,
    Status,
    Payment,
    Operation,
    Invoice,
    Order,
    Request,
    Method,
    Coupon,
    Subscription,
    Portal,
    Consent,
    Charge,
}

/// An amount of an answer; empty where there is none.
pub(super) fn money(language: Language, amount: &Value, currency: &str) -> String {
    let Value::Number(number) = amount else { return String::new() };
    let Ok(amount) = Money::parse(&number.to_string()) else { return number.to_string() };
    numbers::price(language, Currency::parse(currency).unwrap_or_default(), amount)
}

/// A number of an answer without needless zeros; empty where there is none.
pub(super) fn quantity(language: Language, number: &Value) -> String {
    let Value::Number(number) = number else { return String::new() };
    number
        .to_string()
        .parse()
        .map_or_else(|_| number.to_string(), |number| numbers::quantity(language, number))
}

/// A share in percent; empty where there is none.
pub(super) fn percent(language: Language, number: &Value) -> String {
    let Value::Number(number) = number else { return String::new() };
    number
        .to_string()
        .parse()
        .map_or_else(|_| number.to_string(), |number| numbers::percent(language, number))
}

/// A point in time of an answer.
fn moment(text: &str) -> Option<Micros> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| Micros(time.timestamp_micros()))
}

/// A time in UTC; as it is if it is none.
pub(super) fn minute(language: Language, text: &str) -> String {
    moment(text).map_or_else(|| text.to_owned(), |time| numbers::minute(language, time))
}

/// A day in UTC; as it is if it is none.
pub(super) fn day(language: Language, text: &str) -> String {
    let date = text.get(..10).and_then(|day| day.parse::<NaiveDate>().ok());
    date.map_or_else(|| text.to_owned(), |date| numbers::day(language, date))
}

/// A day in UTC in few letters, for tables: `30 Nov 2026`; as it is if it is none.
pub(super) fn short_day(language: Language, text: &str) -> String {
    const ENGLISH: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    const FRENCH: [&str; 12] =
        ["janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."];
    let Some(date) = text.get(..10).and_then(|day| day.parse::<NaiveDate>().ok()) else {
        return text.to_owned();
    };
    let names = if language == Language::French { FRENCH } else { ENGLISH };
    let month = usize::try_from(date.month0()).ok().and_then(|month| names.get(month)).unwrap_or(&"");
    format!("{}\u{a0}{month}\u{a0}{}", date.day(), date.year())
}

/// A state as a badge. An unknown word stands for itself.
pub(super) fn badge(language: Language, of: Of, word: &str) -> Badge {
    let (kind, english, french) = state(of, word).unwrap_or(("", word, word));
    let text = if language == Language::French { french } else { english };
    Badge { kind, text: text.to_owned() }
}

type State<'w> = (&'static str, &'w str, &'w str);

fn state(of: Of, word: &str) -> Option<State<'static>> {
    match of {
        Of::Stage => stage(word),
        Of::Status => status(word),
        Of::Payment | Of::Charge => payment(word),
        Of::Operation => operation(word),
        Of::Invoice => invoice(word),
        Of::Order => order(word),
        Of::Request => request(word),
        Of::Method => method(word),
        Of::Coupon => coupon(word),
        Of::Subscription => subscription(word),
        Of::Portal => portal(word),
        Of::Consent => consent(word),
    }
}

fn stage(word: &str) -> Option<State<'static>> {
    Some(match word {
        "Prospect" => ("", "Prospect", "Prospect"),
        "Subscriber" => ("good", "Subscriber", "Abonné"),
        "Active" => ("good", "Active", "Actif"),
        "Idle" => ("warn", "Idle", "Inactif depuis peu"),
        "Churned" => ("warn", "Churned", "Perdu"),
        "Archived" => ("", "Archived", "Archivé"),
        "Deleted" => ("bad", "Deleted", "Supprimé"),
        "Anonymised" => ("bad", "Erased", "Effacé"),
        _ => return None,
    })
}

fn status(word: &str) -> Option<State<'static>> {
    Some(match word {
        "-99" => ("bad", "Deleted", "Supprimé"),
        "0" => ("warn", "Inactive", "Désactivé"),
        "1" => ("good", "Enabled", "Activé"),
        "85" => ("bad", "Locked", "Verrouillé"),
        _ => return None,
    })
}

fn payment(word: &str) -> Option<State<'static>> {
    Some(match word {
        "initiated" | "requested" => ("", "Begun", "Commencé"),
        "authorised" => ("", "Authorised", "Autorisé"),
        "error" => ("bad", "Failed", "Échoué"),
        "declined" => ("bad", "Declined", "Refusé"),
        "approved" | "succeeded" => ("good", "Paid", "Payé"),
        "made" => ("good", "Done", "Effectué"),
        "voided" => ("", "Voided", "Annulé"),
        "refunded" => ("", "Paid back", "Remboursé"),
        "pending" => ("warn", "Pending", "En attente"),
        "requiresAction" => ("warn", "The customer must act", "Le client doit agir"),
        _ => return None,
    })
}

fn operation(word: &str) -> Option<State<'static>> {
    Some(match word {
        "sale" => ("", "Payment", "Paiement"),
        "refund" => ("", "Refund", "Remboursement"),
        "chargeback" => ("bad", "Chargeback", "Rétrofacturation"),
        "credit" => ("", "Credit", "Avoir"),
        _ => return None,
    })
}

fn invoice(word: &str) -> Option<State<'static>> {
    Some(match word {
        "draft" => ("", "Draft", "Brouillon"),
        "open" => ("warn", "Open", "À payer"),
        "partlyPaid" => ("warn", "Partly paid", "Payée en partie"),
        "paid" => ("good", "Paid", "Payée"),
        "cancelled" => ("", "Cancelled", "Annulée"),
        "overdue" => ("bad", "Overdue", "En retard"),
        "creditNote" => ("", "Credit note", "Avoir"),
        _ => return None,
    })
}

fn order(word: &str) -> Option<State<'static>> {
    Some(match word {
        "pending" => ("warn", "Waits for money", "En attente de paiement"),
        "completed" => ("good", "Completed", "Terminée"),
        "cancelled" => ("", "Cancelled", "Annulée"),
        _ => return None,
    })
}

fn request(word: &str) -> Option<State<'static>> {
    Some(match word {
        "NEW" => ("", "New", "Nouvelle"),
        "INP" => ("warn", "Being used", "En cours"),
        "DON" => ("good", "Done", "Terminée"),
        "EXP" => ("", "Expired", "Expirée"),
        "DEC" => ("bad", "Declined", "Refusée"),
        "CAN" => ("", "Cancelled", "Annulée"),
        _ => return None,
    })
}

fn method(word: &str) -> Option<State<'static>> {
    Some(match word {
        "Active" => ("good", "Active", "Actif"),
        "Insufficient funds" => ("bad", "Too little money", "Provision insuffisante"),
        "Invalid" => ("bad", "Invalid", "Non valable"),
        "Expiring soon" => ("warn", "Expires soon", "Expire bientôt"),
        "Expired" => ("bad", "Expired", "Expiré"),
        "Manual" => ("", "By hand", "Manuel"),
        _ => return None,
    })
}

fn coupon(word: &str) -> Option<State<'static>> {
    Some(match word {
        "online" => ("good", "Online", "En ligne"),
        "offline" => ("", "Offline", "Hors ligne"),
        "scheduled" => ("", "Scheduled", "Planifié"),
        "expired" => ("", "Expired", "Expiré"),
        "usedUp" => ("", "Used up", "Épuisé"),
        _ => return None,
    })
}

fn subscription(word: &str) -> Option<State<'static>> {
    Some(match word {
        "running" => ("good", "Running", "En cours"),
        "trial" => ("", "Trial", "À l’essai"),
        "paused" => ("warn", "Paused", "En pause"),
        "ended" => ("", "Ended", "Terminé"),
        _ => return None,
    })
}

fn portal(word: &str) -> Option<State<'static>> {
    Some(match word {
        "notInvited" => ("", "Not invited", "Pas invité"),
        "invited" => ("warn", "Invited", "Invité"),
        "active" => ("good", "Has an account", "A un compte"),
        _ => return None,
    })
}

fn consent(word: &str) -> Option<State<'static>> {
    Some(match word {
        "-1" => ("warn", "Asked, not answered", "Demandé, sans réponse"),
        "0" => ("", "Not given", "Pas donné"),
        "1" => ("good", "Given", "Donné"),
        _ => return None,
    })
}

/// What people call a payment method: `Visa ···· 4242`.
pub(super) fn method_name(language: Language, one: &Value) -> String {
    let texts = texts(language);
    let brand = text(one, "brand");
    let kind = texts.method_type(text(one, "method"));
    let mut name = if brand.is_empty() { kind.to_owned() } else { capital(brand) };
    if !text(one, "last4").is_empty() {
        name = format!("{name} ···· {}", text(one, "last4"));
    }
    name
}

pub(super) fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn amounts_and_times_read_as_people_write_them() {
        assert_eq!(money(Language::English, &json!(1234.5), "USD"), "1,234.50 USD");
        assert_eq!(money(Language::English, &Value::Null, "USD"), "");
        assert_eq!(day(Language::French, "2026-08-01"), "1er août 2026");
        assert_eq!(short_day(Language::English, "2026-08-01T10:00:00Z"), "1\u{a0}Aug\u{a0}2026");
        assert_eq!(minute(Language::English, "2026-12-01T09:05:00.000000Z"), "1 December 2026, 09:05 UTC");
        assert_eq!(minute(Language::English, "soon"), "soon");
        assert_eq!(percent(Language::English, &json!(5.5)), "5.5%");
    }

    #[test]
    fn states_have_words_in_both_languages() {
        assert_eq!(badge(Language::French, Of::Invoice, "overdue").text, "En retard");
        assert_eq!(badge(Language::English, Of::Stage, "Later").text, "Later");
    }
}
