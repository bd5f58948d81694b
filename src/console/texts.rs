//! The texts that all pages of the console share. Each subject has its own beside its pages.

use crate::domain::entrypoints::theme::Language;
use crate::web::texts::translated;

/// What was done, by the word in the address of the page that says so. No word, or an unknown one, says nothing.
pub(super) fn done(language: Language, word: &str) -> &'static str {
    let texts = texts(language);
    match word {
        "saved" => texts.done_saved,
        "created" => texts.done_created,
        "deleted" => texts.done_deleted,
        "sent" => texts.done_sent,
        "charged" => texts.done_charged,
        "refunded" => texts.done_refunded,
        "cancelled" => texts.done_cancelled,
        "started" => texts.done_started,
        "archived" => texts.done_archived,
        "unarchived" => texts.done_unarchived,
        "password" => texts.done_password,
        "signed-out" => texts.done_signed_out,
        "revoked" => texts.done_revoked,
        "pending" => texts.done_pending,
        "voided" => texts.done_voided,
        "linked" => texts.done_linked,
        "issued" => texts.done_issued,
        "recorded" => texts.done_recorded,
        "credited" => texts.done_credited,
        "released" => texts.done_released,
        "invited" => texts.done_invited,
        "erased" => texts.done_erased,
        _ => "",
    }
}

/// The words for a code of the API's problems, where the member reads another language than English.
pub(super) fn problem(language: Language, code: &str) -> Option<&'static str> {
    if language == Language::English {
        // The API's words are good enough, but for these.
        return Some(match code {
            "invalid_birthday" => "Enter a date that exists and is past, such as 24-08-1990.",
            "invalid_email" => "Enter an e-mail address such as name@example.com.",
            "invalid_phone" => "Enter a whole phone number, with + and the country’s code.",
            "precondition_failed" => "Somebody changed this in the meantime. Read it again, then repeat.",
            _ => return None,
        });
    }
    Some(match code {
        "required" | "missing" => "Ce champ est obligatoire.",
        "too_long" => "Ce texte est trop long.",
        "invalid_email" => "Indiquez une adresse e-mail valable, comme nom@exemple.fr.",
        "invalid_phone" => "Indiquez un numéro de téléphone valable, avec l’indicatif du pays.",
        "invalid_birthday" => "Indiquez une date qui existe et qui est passée, comme 24-08-1990.",
        "invalid_country" => "Choisissez un pays.",
        "invalid_zip" => "Ce code postal n’existe pas dans ce pays.",
        "invalid_amount" | "too_many_digits" => "Indiquez un montant valable dans cette devise.",
        "card_data" => "Un numéro de carte n’a pas sa place ici.",
        "masked_value" => "Indiquez la vraie valeur, pas une valeur masquée.",
        "identifier_taken" | "identifier_conflict" => "Un autre client porte déjà cette valeur.",
        "email_taken" => "Cette adresse appartient déjà à un membre.",
        "last_owner" => "Il doit rester au moins un propriétaire.",
        "precondition_failed" => "Quelqu’un a changé cela entre-temps. Relisez, puis recommencez.",
        "invalid_identifier" => "Ce champ ne permet pas de reconnaître un client.",
        "invalid_color" => "Indiquez une couleur comme #1f4fa3.",
        "invalid_url" => "Indiquez une adresse qui commence par https://.",
        "invalid_percent" => "Indiquez un pourcentage entre 0 et 100.",
        "invalid_quantity" => "Indiquez une quantité valable.",
        "invalid_time" => "Indiquez une date valable.",
        "invalid_code" => "Utilisez des lettres, des chiffres, - _ et .",
        "invalid_pattern" => "Ce modèle de numéro n’est pas valable.",
        "invalid_value" => "Cette valeur n’est pas valable.",
        "wrong_type" => "Indiquez un nombre.",
        "unknown_currency" => "Indiquez une devise comme EUR.",
        "too_many" => "Il y en a trop.",
        "amount_too_high" => "C’est plus que ce qui reste.",
        "already_refunded" => "Tout est déjà remboursé, ou en route.",
        "out_of_range" => "Cette valeur est hors des limites.",
        "unknown_entry" => "Cette boutique n’existe pas.",
        _ => return None,
    })
}

/// The API's words about a field as a sentence: it leaves out what the sentence is about.
pub(super) fn sentence(message: &str) -> String {
    let needs_subject = ["is ", "must ", "has ", "can ", "cannot ", "does ", "was ", "names ", "holds "];
    let mut words = if needs_subject.iter().any(|verb| message.starts_with(verb)) {
        format!("This {message}")
    } else {
        let mut letters = message.chars();
        let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
        format!("{first}{}", letters.as_str())
    };
    if words.ends_with(|last: char| last.is_alphanumeric()) {
        words.push('.');
    }
    words
}

/// The name of a method that a payment was made by; an unknown one stands as it is.
pub(super) fn method(language: Language, word: &str) -> String {
    let texts = texts(language);
    let name = match word {
        "card" => texts.method_card,
        "ach" => texts.method_ach,
        "wallet" => texts.method_wallet,
        "cash" => texts.method_cash,
        "check" | "cheque" => texts.method_cheque,
        "transfer" => texts.method_transfer,
        "other" => texts.method_other,
        other => other,
    };
    name.to_owned()
}

/// The end of an account's number, `···· 0002`; a masked number without one stands as it is.
pub(super) fn account_end(masked: &str) -> String {
    match masked.trim_start_matches(['X', 'x', '*', '•', ' ']) {
        end if end.len() < masked.len() && !end.is_empty() => format!("···· {end}"),
        _ => masked.to_owned(),
    }
}

translated! {
    code: "en", "fr";
    console: "Console", "Console";
    skip: "Skip to content", "Aller au contenu";
    menu: "Menu", "Menu";
    store: "Store", "Boutique";
    all_stores: "All stores", "Toutes les boutiques";
    test_store: "Test", "Test";
    search: "Search customers", "Rechercher des clients";
    search_hint: "Name, e-mail, phone or number", "Nom, e-mail, téléphone ou numéro";
    account: "Your account", "Votre compte";
    sign_out: "Sign out", "Se déconnecter";
    mode: "Appearance", "Apparence";
    mode_auto: "Like the system", "Comme le système";
    mode_light: "Light", "Clair";
    mode_dark: "Dark", "Sombre";
    language: "Language", "Langue";
    help: "Keyboard shortcuts", "Raccourcis clavier";
    help_search: "Search", "Rechercher";
    help_new: "New customer", "Nouveau client";
    help_move: "Next and previous row", "Ligne suivante et précédente";
    help_open: "Open the row", "Ouvrir la ligne";
    help_help: "Show this help", "Afficher cette aide";
    close: "Close", "Fermer";
    copy: "Copy", "Copier";
    copied: "Copied", "Copié";
    save: "Save", "Enregistrer";
    cancel: "Cancel", "Annuler";
    delete: "Delete", "Supprimer";
    edit: "Edit", "Modifier";
    add: "Add", "Ajouter";
    next: "Next page", "Page suivante";
    first: "First page", "Première page";
    older: "Older", "Plus anciens";
    of_total: "of", "sur";
    yes: "Yes", "Oui";
    no: "No", "Non";
    required: "required", "obligatoire";
    this_required: "This is required.", "Ce champ est obligatoire.";
    colon: ": ", " : ";
    more: "More", "Plus";
    problems: "Please check the following", "Veuillez vérifier ce qui suit";
    menu_overview: "Overview", "Vue d’ensemble";
    menu_customers: "Customers", "Clients";
    menu_payments: "Payments", "Paiements";
    menu_invoices: "Invoices", "Factures";
    menu_orders: "Orders", "Commandes";
    menu_requests: "Payment requests", "Demandes de paiement";
    menu_coupons: "Coupons", "Bons de réduction";
    menu_products: "Products", "Produits";
    menu_imports: "Imports", "Imports";
    menu_activity: "Activity", "Activité";
    menu_settings: "Settings", "Réglages";
    menu_tokens: "Tokens", "Jetons";
    menu_staff: "Staff", "Équipe";
    role_owner: "Owner", "Propriétaire";
    role_manager: "Manager", "Responsable";
    role_agent: "Agent", "Agent";
    role_viewer: "Viewer", "Lecteur";
    done_saved: "Saved.", "Enregistré.";
    done_created: "Created.", "Créé.";
    done_deleted: "Deleted.", "Supprimé.";
    done_sent: "Sent.", "Envoyé.";
    done_charged: "The payment went through.", "Le paiement est passé.";
    done_refunded: "The money goes back.", "L’argent est remboursé.";
    done_cancelled: "Cancelled.", "Annulé.";
    done_started: "Started. You can go on working meanwhile.", "Démarré. Vous pouvez continuer à travailler.";
    done_archived: "Archived.", "Archivé.";
    done_unarchived: "Out of the archive.", "Sorti de l’archive.";
    done_password: "Your password is set. Please sign in.", "Votre mot de passe est enregistré. Connectez-vous.";
    done_signed_out: "You are signed out.", "Vous êtes déconnecté.";
    done_revoked: "Revoked.", "Révoqué.";
    done_pending: "It is on its way; the page shows how far it came.", "C’est en cours ; la page indique où cela en est.";
    done_voided: "Voided.", "Annulé.";
    done_linked: "It belongs to the customer now.", "Rattaché au client.";
    done_issued: "Issued. From now on only payments change it.", "Émise. Désormais seuls les paiements la modifient.";
    done_recorded: "The payment is recorded.", "Le paiement est enregistré.";
    done_credited: "The credit note is issued.", "L’avoir est émis.";
    done_released: "Released: the place is free again.", "Libéré : la place est de nouveau disponible.";
    done_invited: "The invitation is on its way.", "L’invitation est en route.";
    done_erased: "The person is erased.", "La personne est effacée.";
    method_card: "Card", "Carte";
    method_ach: "Bank account", "Compte bancaire";
    method_wallet: "Wallet", "Portefeuille";
    method_cash: "Cash", "Espèces";
    method_cheque: "Cheque", "Chèque";
    method_transfer: "Transfer", "Virement";
    method_other: "Other", "Autre";
    not_found: "Page not found", "Page introuvable";
    not_found_lead: "There is nothing at this address, or you may not see it.", "Il n’y a rien à cette adresse, ou vous n’y avez pas accès.";
    forbidden: "Your role does not allow this", "Votre rôle ne le permet pas";
    forbidden_lead: "Ask an owner of your organisation for another role.", "Demandez un autre rôle à un propriétaire de votre organisation.";
    old_form: "This form is out of date", "Ce formulaire n’est plus à jour";
    old_form_lead: "Nothing was changed. Go back, load the page again and send the form once more; your browser must allow cookies.",
        "Rien n’a été modifié. Revenez en arrière, rechargez la page et renvoyez le formulaire ; votre navigateur doit accepter les cookies.";
    too_large: "This is too large", "C’est trop grand";
    too_large_lead: "Nothing was changed.", "Rien n’a été modifié.";
    busy: "Too many requests at the moment", "Trop de demandes pour le moment";
    busy_lead: "Nothing was changed. Please try again in a few seconds.", "Rien n’a été modifié. Réessayez dans quelques secondes.";
    unavailable: "This does not work at the moment", "Cela ne fonctionne pas pour le moment";
    unavailable_lead: "Please try again in a few minutes.", "Réessayez dans quelques minutes.";
    refused: "This cannot be done", "C’est impossible";
    refused_lead: "Nothing was changed. The service says:", "Rien n’a été modifié. Le service répond :";
    defect: "Something went wrong here", "Une erreur s’est produite ici";
    defect_lead: "It is a defect of the service, and its log says more.", "C’est un défaut du service, et son journal en dit plus.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_api_become_sentences() {
        assert_eq!(sentence("is more than the 80.00 USD"), "This is more than the 80.00 USD.");
        assert_eq!(sentence("must have a street"), "This must have a street.");
        assert_eq!(sentence("no such country"), "No such country.");
        assert_eq!(sentence("Enter an amount."), "Enter an amount.");
        assert_eq!(sentence(""), "");
    }

    #[test]
    fn payments_say_what_they_were_made_by() {
        assert_eq!(method(Language::French, "card"), "Carte");
        assert_eq!(method(Language::English, "voucher"), "voucher");
        assert_eq!(account_end("XXXX0002"), "···· 0002");
        assert_eq!(account_end("0002"), "0002");
        assert_eq!(account_end("XXXX"), "XXXX");
    }
}
