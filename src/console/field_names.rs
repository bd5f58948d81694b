//! The names of a customer's fields, for people.

use crate::domain::entrypoints::theme::Language;

/// The name of a field by its name in the API; that name itself where there is no other.
pub(super) fn field_name(language: Language, name: &str) -> &str {
    let (english, french) = match name {
        "company" => ("Company", "Société"),
        "firstname" => ("First name", "Prénom"),
        "lastname" => ("Last name", "Nom de famille"),
        "fullname" => ("Full name", "Nom complet"),
        "email" => ("E-mail", "E-mail"),
        "phone" => ("Phone", "Téléphone"),
        "birthday" => ("Birthday", "Date de naissance"),
        "customerNumber" => ("Customer number", "Numéro de client"),
        "customerUsername" => ("User name", "Nom d’utilisateur"),
        "address" => ("Street", "Rue"),
        "address1" => ("Street, second line", "Rue, seconde ligne"),
        "city" => ("City", "Ville"),
        "state" => ("State", "État ou région"),
        "zip" => ("Postal code", "Code postal"),
        "country" => ("Country", "Pays"),
        "shippingAddress" => ("Delivery: street", "Livraison : rue"),
        "shippingAddress1" => ("Delivery: second line", "Livraison : seconde ligne"),
        "shippingCity" => ("Delivery: city", "Livraison : ville"),
        "shippingState" => ("Delivery: state", "Livraison : état ou région"),
        "shippingZip" => ("Delivery: postal code", "Livraison : code postal"),
        "shippingCountry" => ("Delivery: country", "Livraison : pays"),
        other => (other, other),
    };
    match language {
        Language::English => english,
        Language::French => french,
    }
}
