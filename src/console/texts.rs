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
        // The API's words are good enough, but for this.
        let words = "Somebody changed this in the meantime. Read it again, then repeat.";
        return (code == "precondition_failed").then_some(words);
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
        _ => return None,
    })
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
