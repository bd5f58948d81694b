//! The states of what the console shows: each word stands here once, in both languages, with the kind of its badge.

use crate::domain::entrypoints::theme::Language;

/// A state as a badge: `good`, `warn`, `bad` or nothing, and its words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Badge {
    pub(super) kind: &'static str,
    pub(super) text: String,
}

/// What the states belong to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Of {
    Stage,
    Status,
    /// A sale.
    Payment,
    /// A refund, a chargeback or a credit.
    PaidBack,
    Operation,
    Charge,
    Invoice,
    Order,
    Request,
    /// A payment method.
    Method,
    /// A link by which a customer stores a payment method.
    MethodLink,
    Coupon,
    Subscription,
    Portal,
    Consent,
}

impl Of {
    /// Whose states a payment has, by what it does.
    pub(super) fn payment(operation: &str) -> Of {
        if operation == "sale" { Of::Payment } else { Of::PaidBack }
    }
}

/// A state as a badge. An unknown word stands for itself.
pub(super) fn badge(language: Language, of: Of, word: &str) -> Badge {
    let (kind, english, french) = state(of, word).unwrap_or(("", word, word));
    let text = if language == Language::French { french } else { english };
    Badge { kind, text: text.to_owned() }
}

/// The kind and the words of a state; both are empty for an unknown word.
pub(super) fn state_of(language: Language, of: Of, word: &str) -> (&'static str, &'static str) {
    let (kind, english, french) = state(of, word).unwrap_or_default();
    (kind, if language == Language::French { french } else { english })
}

/// The kind of the badge, the English and the French.
type State = (&'static str, &'static str, &'static str);

fn state(of: Of, word: &str) -> Option<State> {
    match of {
        Of::Stage => stage(word),
        Of::Status => status(word),
        Of::PaidBack if word == "approved" => Some(("good", "Done", "Effectué")),
        Of::Payment | Of::PaidBack => payment(word),
        Of::Operation => operation(word),
        Of::Charge => charge(word),
        Of::Invoice => invoice(word),
        Of::Order => order(word),
        Of::Request => request(word),
        Of::Method => method(word),
        Of::MethodLink => method_link(word),
        Of::Coupon => coupon(word),
        Of::Subscription => subscription(word),
        Of::Portal => portal(word),
        Of::Consent => consent(word),
    }
}

fn stage(word: &str) -> Option<State> {
    Some(match word {
        "Prospect" => ("", "Prospect", "Prospect"),
        "Subscriber" => ("good", "Subscriber", "Abonné"),
        "Active" => ("good", "Active", "Actif"),
        "Idle" => ("warn", "Idle", "Inactif depuis peu"),
        "Churned" => ("bad", "Churned", "Perdu"),
        "Archived" => ("", "Archived", "Archivé"),
        "Deleted" => ("bad", "Deleted", "Supprimé"),
        "Anonymised" => ("bad", "Anonymised", "Anonymisé"),
        _ => return None,
    })
}

fn status(word: &str) -> Option<State> {
    Some(match word {
        "1" => ("good", "Enabled", "Activé"),
        "0" => ("warn", "Disabled", "Désactivé"),
        "85" => ("bad", "Locked", "Verrouillé"),
        "-99" => ("bad", "Deleted", "Supprimé"),
        _ => return None,
    })
}

fn payment(word: &str) -> Option<State> {
    Some(match word {
        "initiated" => ("", "Begun", "Commencé"),
        "authorised" => ("", "Authorised", "Autorisé"),
        "error" => ("bad", "Failed", "Échoué"),
        "declined" => ("bad", "Declined", "Refusé"),
        "approved" => ("good", "Paid", "Payé"),
        "voided" => ("", "Voided", "Annulé"),
        "refunded" => ("warn", "Paid back", "Remboursé"),
        _ => return None,
    })
}

fn operation(word: &str) -> Option<State> {
    Some(match word {
        "sale" => ("", "Sale", "Vente"),
        "refund" => ("", "Refund", "Remboursement"),
        "chargeback" => ("bad", "Chargeback", "Rétrofacturation"),
        "credit" => ("", "Credit", "Avoir"),
        _ => return None,
    })
}

fn charge(word: &str) -> Option<State> {
    Some(match word {
        "requested" => ("", "Sent", "Transmis"),
        "pending" => ("warn", "In progress", "En cours"),
        "requiresAction" => ("warn", "Waits for the payer", "Attend le payeur"),
        "succeeded" => ("good", "Paid", "Payé"),
        "declined" => ("bad", "Declined", "Refusé"),
        _ => return None,
    })
}

fn invoice(word: &str) -> Option<State> {
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

fn order(word: &str) -> Option<State> {
    Some(match word {
        "pending" => ("warn", "Waits for payment", "Attend le paiement"),
        "completed" => ("good", "Completed", "Terminée"),
        "cancelled" => ("", "Cancelled", "Annulée"),
        _ => return None,
    })
}

fn request(word: &str) -> Option<State> {
    Some(match word {
        "NEW" => ("", "Waits", "En attente"),
        "INP" => ("warn", "Being paid", "Paiement en cours"),
        "DON" => ("good", "Paid", "Payée"),
        "EXP" => ("", "Expired", "Expirée"),
        "DEC" => ("bad", "Declined", "Refusée"),
        "CAN" => ("", "Taken back", "Retirée"),
        _ => return None,
    })
}

fn method(word: &str) -> Option<State> {
    Some(match word {
        "Active" => ("good", "Ready to charge", "Prêt à débiter"),
        "Expiring soon" => ("warn", "Expiring soon", "Expire bientôt"),
        "Insufficient funds" => ("warn", "Insufficient funds", "Provision insuffisante"),
        "Expired" => ("bad", "Expired", "Expiré"),
        "Invalid" => ("bad", "Invalid", "Non valable"),
        "Manual" => ("", "Pays by hand", "Paie à la main"),
        "None" => ("", "No method", "Aucun moyen"),
        _ => return None,
    })
}

fn method_link(word: &str) -> Option<State> {
    Some(match word {
        "NEW" => ("", "Waits", "En attente"),
        "INP" => ("warn", "Being used", "En cours"),
        "DON" => ("good", "Done", "Terminé"),
        "EXP" => ("", "Expired", "Expiré"),
        "DEC" => ("bad", "Declined", "Refusé"),
        "CAN" => ("", "Taken back", "Retiré"),
        _ => return None,
    })
}

fn coupon(word: &str) -> Option<State> {
    Some(match word {
        "online" => ("good", "Online", "En ligne"),
        "offline" => ("", "Offline", "Hors ligne"),
        "scheduled" => ("warn", "Still to come", "À venir"),
        "expired" => ("", "Expired", "Expiré"),
        "usedUp" => ("", "Used up", "Épuisé"),
        _ => return None,
    })
}

fn subscription(word: &str) -> Option<State> {
    Some(match word {
        "running" => ("good", "Running", "En cours"),
        "trial" => ("", "Trial", "À l’essai"),
        "paused" => ("warn", "Paused", "En pause"),
        "ended" => ("", "Ended", "Terminé"),
        _ => return None,
    })
}

fn portal(word: &str) -> Option<State> {
    Some(match word {
        "notInvited" => ("", "Not invited", "Pas invité"),
        "invited" => ("warn", "Invited", "Invité"),
        "active" => ("good", "Has an account", "A un compte"),
        _ => return None,
    })
}

fn consent(word: &str) -> Option<State> {
    Some(match word {
        "-1" => ("warn", "Asked, not answered", "Demandé, sans réponse"),
        "0" => ("", "Not given", "Pas donné"),
        "1" => ("good", "Given", "Donné"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_have_words_in_both_languages() {
        assert_eq!(badge(Language::French, Of::Invoice, "overdue").text, "En retard");
        assert_eq!(badge(Language::English, Of::Stage, "Later").text, "Later");
        assert_eq!(state_of(Language::English, Of::payment("refund"), "approved"), ("good", "Done"));
        assert_eq!(state_of(Language::English, Of::Order, "later"), ("", ""));
    }
}
