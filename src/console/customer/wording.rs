//! What a history tells, and why the API refuses something, in words of both languages.

use super::texts::Texts;
use crate::console::ask::No;
use crate::domain::entrypoints::theme::Language;

/// What somebody did: the words before the thing, and the thing.
pub(super) type Told = (&'static str, &'static str);

/// What an operation of a history says after the name of who did it. The words in place of the thing come second; a link and an
/// amount may follow them.
pub(super) fn told(language: Language, operation: &str) -> Told {
    let (english, french) = of_record(operation)
        .or_else(|| of_money(operation))
        .or_else(|| of_shop(operation))
        .unwrap_or((("changed", "something"), ("a modifié", "quelque chose")));
    if language == Language::French { french } else { english }
}

fn of_record(operation: &str) -> Option<(Told, Told)> {
    Some(match operation {
        "created" => (("added the customer", ""), ("a ajouté le client", "")),
        "forced" => (
            ("added the customer beside another with the same identity", ""),
            ("a ajouté le client à côté d’un autre de même identité", ""),
        ),
        "replaced" => (("replaced the record", ""), ("a remplacé la fiche", "")),
        "merged" => (("completed the record", ""), ("a complété la fiche", "")),
        "updated" => (("changed", ""), ("a modifié :", "")),
        "deleted" => (("deleted the customer", ""), ("a supprimé le client", "")),
        "erased" => (("erased the personal values", ""), ("a effacé les données personnelles", "")),
        "invited" => (("invited the customer to the portal", ""), ("a invité le client sur le portail", "")),
        "consentAsked" => {
            (("asked for consent to messages", ""), ("a demandé l’accord pour recevoir des messages", ""))
        }
        "consentGiven" => {
            (("gave consent to messages", ""), ("a donné son accord pour recevoir des messages", ""))
        }
        "consentWithdrawn" => {
            (("withdrew consent to messages", ""), ("a retiré son accord pour recevoir des messages", ""))
        }
        "archived" => (("archived the customer", ""), ("a archivé le client", "")),
        "unarchived" => {
            (("took the customer out of the archive", ""), ("a sorti le client des archives", ""))
        }
        "lifecycleMoved" => {
            (("moved the customer to another stage", ""), ("a fait passer le client à une autre étape", ""))
        }
        "comment.created" => (("wrote", "a comment"), ("a écrit", "un commentaire")),
        "comment.updated" => (("changed", "a comment"), ("a modifié", "un commentaire")),
        "comment.deleted" => (("deleted a comment", ""), ("a supprimé un commentaire", "")),
        "method.created" => (("added", "a payment method"), ("a ajouté", "un moyen de paiement")),
        "method.updated" => (("changed", "a payment method"), ("a modifié", "un moyen de paiement")),
        "method.deleted" => (("removed a payment method", ""), ("a retiré un moyen de paiement", "")),
        "subscription.created" => (("recorded", "a subscription"), ("a enregistré", "un abonnement")),
        "subscription.updated" => (("changed", "a subscription"), ("a modifié", "un abonnement")),
        _ => return None,
    })
}

fn of_money(operation: &str) -> Option<(Told, Told)> {
    Some(match operation {
        "charged" => (("charged", "a payment method"), ("a débité", "un moyen de paiement")),
        "charge.declined" => {
            (("tried to charge", "a payment method"), ("a tenté de débiter", "un moyen de paiement"))
        }
        "payer.paid" => (("paid", "a payment"), ("a payé", "un paiement")),
        "payer.declined" => (("tried to pay", "a payment"), ("a tenté de payer", "un paiement")),
        "paidBack" => (("paid back", "a payment"), ("a remboursé", "un paiement")),
        "transaction.created" => (("recorded", "a payment"), ("a enregistré", "un paiement")),
        "transaction.updated" => {
            (("updated the state of", "a payment"), ("a actualisé l’état d’", "un paiement"))
        }
        "transaction.linked" => {
            (("assigned to the customer", "a payment"), ("a attribué au client", "un paiement"))
        }
        "transaction.voidRequested" => {
            (("asked to void", "a payment"), ("a demandé l’annulation d’", "un paiement"))
        }
        "invoice.created" => (("drew up", "an invoice"), ("a préparé", "une facture")),
        "invoice.updated" => (("changed", "an invoice"), ("a modifié", "une facture")),
        "invoice.deleted" => {
            (("deleted a draft of an invoice", ""), ("a supprimé un brouillon de facture", ""))
        }
        "invoice.finalized" => (("issued", "an invoice"), ("a émis", "une facture")),
        "invoice.paid" => {
            (("recorded a payment of", "an invoice"), ("a enregistré le paiement d’", "une facture"))
        }
        "invoice.credited" => (("corrected", "an invoice"), ("a corrigé", "une facture")),
        "invoice.voided" => (("voided", "an invoice"), ("a annulé", "une facture")),
        "invoice.sent" => (("sent", "an invoice"), ("a envoyé", "une facture")),
        _ => return None,
    })
}

fn of_shop(operation: &str) -> Option<(Told, Told)> {
    Some(match operation {
        "coupon.created" => (("made", "a coupon"), ("a créé", "un bon de réduction")),
        "coupon.updated" => (("changed", "a coupon"), ("a modifié", "un bon de réduction")),
        "coupon.deleted" => (("deleted a coupon", ""), ("a supprimé un bon de réduction", "")),
        "coupon.assigned" => (("assigned", "a coupon"), ("a attribué", "un bon de réduction")),
        "coupon.redeemed" => (("redeemed", "a coupon"), ("a utilisé", "un bon de réduction")),
        "coupon.released" => (("gave back", "a coupon"), ("a rendu", "un bon de réduction")),
        "order.created" => (("took", "an order"), ("a pris", "une commande")),
        "order.completed" => (("completed", "an order"), ("a terminé", "une commande")),
        "order.cancelled" => (("cancelled", "an order"), ("a annulé", "une commande")),
        "order.sent" => (("sent the mails of", "an order"), ("a envoyé les messages d’", "une commande")),
        "request.created" => (("asked for", "a payment"), ("a demandé", "un paiement")),
        "request.cancelled" => (("took back", "a payment request"), ("a retiré", "une demande de paiement")),
        "request.sent" => (("sent", "a payment request"), ("a envoyé", "une demande de paiement")),
        "request.begun" => {
            (("began to pay", "a payment request"), ("a commencé à payer", "une demande de paiement"))
        }
        "request.paid" => (("paid", "a payment request"), ("a payé", "une demande de paiement")),
        "request.declined" => {
            (("was declined at", "a payment request"), ("a été refusé pour", "une demande de paiement"))
        }
        "link.created" => (("asked for", "a payment method"), ("a demandé", "un moyen de paiement")),
        "link.cancelled" => {
            (("took back", "a link for a payment method"), ("a retiré", "un lien pour un moyen de paiement"))
        }
        "link.sent" => {
            (("sent", "a link for a payment method"), ("a envoyé", "un lien pour un moyen de paiement"))
        }
        "link.begun" => {
            (("opened", "a link for a payment method"), ("a ouvert", "un lien pour un moyen de paiement"))
        }
        "link.paid" => {
            (("stored a payment method by", "a link"), ("a enregistré un moyen de paiement par", "un lien"))
        }
        "link.declined" => (
            ("was declined at", "a link for a payment method"),
            ("a été refusé pour", "un lien pour un moyen de paiement"),
        ),
        _ => return None,
    })
}

/// Who did something: a member by name, or what stands for nobody in particular.
pub(super) fn who(texts: &Texts, name: &str) -> String {
    match name {
        "portal" | "payer" => texts.the_customer.to_owned(),
        "customary" | "" => texts.the_service.to_owned(),
        "cli" => texts.the_operator.to_owned(),
        name => name.to_owned(),
    }
}

/// The name of a field of the record.
pub(super) fn field(language: Language, name: &str) -> String {
    let parts: Vec<&str> = name.split('.').collect();
    let texts = super::texts::texts(language);
    match parts.as_slice() {
        ["addresses", number, field] => {
            format!("{} {number}: {}", texts.address_word, one_field(texts, field))
        }
        ["additionalFields", name] => (*name).to_owned(),
        ["references", system] => format!("{} {system}", texts.reference_of),
        ["customerConsent", channel] => {
            format!("{} ({})", texts.consent, if *channel == "sms" { "SMS" } else { texts.email })
        }
        _ => one_field(texts, name).to_owned(),
    }
}

fn one_field<'w>(texts: &Texts, name: &'w str) -> &'w str {
    match name {
        "customerNumber" => texts.customer_number,
        "customerUsername" => texts.username,
        "company" => texts.company,
        "firstname" => texts.firstname,
        "lastname" => texts.lastname,
        "fullname" => texts.fullname,
        "birthday" => texts.birthday,
        "phone" => texts.phone,
        "email" => texts.email,
        "address" => texts.street,
        "address1" => texts.street_2,
        "address2" => texts.street_3,
        "city" => texts.city,
        "state" => texts.state,
        "zip" => texts.zip,
        "country" => texts.country,
        "district" => texts.district,
        "note" => texts.note,
        "name" => texts.receiver,
        "kind" => texts.kind,
        "isDefaultBilling" => texts.default_billing,
        "isDefaultShipping" => texts.default_shipping,
        "shippingAddress" => texts.shipping_street,
        "shippingAddress1" => texts.shipping_street_2,
        "shippingCity" => texts.shipping_city,
        "shippingState" => texts.shipping_state,
        "shippingZip" => texts.shipping_zip,
        "shippingCountry" => texts.shipping_country,
        "customerStatus" => texts.status,
        "lifecycle" => texts.stage,
        "balance" => texts.balance,
        "timeZone" => texts.time_zone,
        "labels" => texts.labels,
        "identifierFields" => texts.identifiers,
        "invitation" => texts.invitation,
        "customerPsw" => texts.password,
        name => name,
    }
}

/// The words for a code of the API's problems about a customer.
pub(super) fn problem(language: Language, code: &str) -> Option<&'static str> {
    let (english, french) = match code {
        "active" => ("The customer has an account already.", "Le client a déjà un compte."),
        "archived" => (
            "The customer is archived. Take it out of the archive first.",
            "Le client est archivé. Sortez-le d’abord des archives.",
        ),
        "inactive" => (
            "The customer is disabled or locked and could not sign in.",
            "Le client est désactivé ou verrouillé et ne pourrait pas se connecter.",
        ),
        "no_email" => (
            "The customer has no e-mail address. Add one first.",
            "Le client n’a pas d’adresse e-mail. Ajoutez-en une d’abord.",
        ),
        "same_email" => (
            "Another customer has the same e-mail address, so it would not be clear who signs in.",
            "Un autre client a la même adresse e-mail : on ne saurait pas qui se connecte.",
        ),
        "unknown_coupon" => {
            ("There is no coupon with this code.", "Il n’y a pas de bon de réduction avec ce code.")
        }
        "coupon_exists" => {
            ("There is a coupon with this code already.", "Un bon de réduction porte déjà ce code.")
        }
        "coupon_offline" => ("This coupon is offline.", "Ce bon de réduction est hors ligne."),
        "coupon_not_started" => {
            ("This coupon does not hold yet.", "Ce bon de réduction n’est pas encore valable.")
        }
        "coupon_expired" => ("This coupon has expired.", "Ce bon de réduction a expiré."),
        "coupon_not_assigned" => {
            ("This coupon is for other customers.", "Ce bon de réduction est réservé à d’autres clients.")
        }
        "coupon_used_up" => ("This coupon is used up.", "Ce bon de réduction est épuisé."),
        "coupon_used_by_customer" => {
            ("The customer has used this coupon already.", "Le client a déjà utilisé ce bon de réduction.")
        }
        "currency_mismatch" => ("The currencies differ.", "Les devises sont différentes."),
        "reference_used" => {
            ("This reference was used for something else.", "Cette référence a servi à autre chose.")
        }
        "request_busy" => (
            "Somebody pays by this link at the moment. Try again in a minute.",
            "Quelqu’un paie par ce lien en ce moment. Réessayez dans une minute.",
        ),
        "request_done" => ("This link has been used.", "Ce lien a déjà servi."),
        "request_expired" => ("This link has expired.", "Ce lien a expiré."),
        "request_cancelled" => ("This link was taken back.", "Ce lien a été retiré."),
        "request_of_order" => (
            "This request belongs to an order. Cancel the order instead.",
            "Cette demande appartient à une commande. Annulez plutôt la commande.",
        ),
        "no_provider" => (
            "This store has no payment provider. An owner sets one in the settings.",
            "Cette boutique n’a pas de prestataire de paiement. Un propriétaire en choisit un dans les réglages.",
        ),
        "no_method" => (
            "The customer has no payment method. Ask for one by a link.",
            "Le client n’a pas de moyen de paiement. Demandez-en un par un lien.",
        ),
        "precondition_failed" => (
            "Somebody changed this in the meantime. Look again, then save.",
            "Quelqu’un a changé cela entre-temps. Relisez, puis enregistrez.",
        ),
        _ => return None,
    };
    Some(if language == Language::French { french } else { english })
}

/// Why the API refuses something, in a sentence.
pub(super) fn why(language: Language, no: &No) -> String {
    let words = no.problems.iter().map(|one| {
        let shared = || crate::console::texts::problem(language, &one.code);
        problem(language, &one.code).or_else(shared).map_or_else(|| one.message.clone(), str::to_owned)
    });
    let words: Vec<String> = words.collect();
    if no.status == 412 {
        return problem(language, "precondition_failed").unwrap_or_default().to_owned();
    }
    if words.is_empty() { no.message.clone() } else { words.join(" ") }
}

/// Why a bank or a provider declined a charge, by its code.
pub(super) fn declined(language: Language, code: &str) -> Option<&'static str> {
    let (english, french) = match code {
        "insufficient_funds" => {
            ("There is too little money on the account.", "Le compte n’est pas assez approvisionné.")
        }
        "expired_card" => (
            "The card has expired. Ask the customer for another one.",
            "La carte a expiré. Demandez-en une autre au client.",
        ),
        "declined" | "card_declined" | "generic_decline" | "do_not_honor" => (
            "The bank declined it and gave no reason. The customer can ask the bank, or pay in another way.",
            "La banque a refusé sans donner de raison. Le client peut demander à sa banque, ou payer autrement.",
        ),
        "lost_card" | "stolen_card" | "pickup_card" => {
            ("The card is blocked. Ask for another one.", "La carte est bloquée. Demandez-en une autre.")
        }
        "incorrect_cvc" | "incorrect_number" | "invalid_account" => (
            "The provider does not accept this payment method any more.",
            "Le prestataire n’accepte plus ce moyen de paiement.",
        ),
        "processing_error" | "unavailable" => (
            "The provider had a fault. Try again later.",
            "Le prestataire a eu une panne. Réessayez plus tard.",
        ),
        "authentication_required" => (
            "The bank wants the customer to confirm. Request the payment by a link instead.",
            "La banque demande une confirmation du client. Demandez plutôt le paiement par un lien.",
        ),
        _ => return None,
    };
    Some(if language == Language::French { french } else { english })
}
