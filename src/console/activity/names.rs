//! The names of what changed, for people.

use crate::console::customer::field_in_words;
use crate::domain::entrypoints::theme::Language;

/// The name of a field, a setting or a member of an operation; that name itself where there is no other.
pub(super) fn changed(language: Language, operation: &str, name: &str) -> String {
    let (english, french) = match operation {
        "settings.updated" => setting(name),
        "member.updated" => of_member(name),
        _ => return field_in_words(language, name),
    };
    match language {
        Language::English => english.to_owned(),
        Language::French => french.to_owned(),
    }
}

fn setting(name: &str) -> (&str, &str) {
    match name {
        "name" => ("Name of the organisation", "Nom de l’organisation"),
        "requiresTotp" => ("Second factor for everybody", "Second facteur pour tous"),
        "identifiers" => ("Identifiers", "Identifiants"),
        "requiredFields" => ("Required fields", "Champs exigés"),
        "legalName" => ("Legal name", "Raison sociale"),
        "dbaName" => ("Trading name", "Nom commercial"),
        "country" => ("Country", "Pays"),
        "storeName" => ("Store name", "Nom de la boutique"),
        "senderName" => ("Sender of mails", "Expéditeur des e-mails"),
        "language" => ("Language", "Langue"),
        "color" => ("Colour", "Couleur"),
        "editableFields" => ("What customers edit", "Ce que les clients modifient"),
        "cardGuard" => ("Card numbers", "Numéros de carte"),
        "maxMethods" => ("Most payment methods", "Nombre maximal de moyens de paiement"),
        "currency" => ("Currency", "Devise"),
        "provider" => ("Payment provider", "Prestataire de paiement"),
        "paymentUrl" => ("Payment address", "Adresse de paiement"),
        "invoiceSellerAddress" => ("Seller’s address", "Adresse du vendeur"),
        "invoiceVatNumber" => ("VAT number", "Numéro de TVA"),
        "invoiceEmail" => ("E-mail on invoices", "E-mail sur les factures"),
        "invoiceFooter" => ("Footer of invoices", "Pied de page des factures"),
        "invoiceNumberPattern" => ("Numbers of invoices", "Numéros des factures"),
        "creditNoteNumberPattern" => ("Numbers of credit notes", "Numéros des avoirs"),
        "invoiceNumberRestart" => ("When numbers begin again", "Reprise des numéros"),
        "invoiceDueDays" => ("Days to pay", "Jours pour payer"),
        other => (other, other),
    }
}

fn of_member(name: &str) -> (&str, &str) {
    match name {
        "name" => ("Name", "Nom"),
        "role" => ("Role", "Rôle"),
        "entries" => ("Stores", "Boutiques"),
        "isDisabled" => ("Whether disabled", "Désactivation"),
        other => (other, other),
    }
}
