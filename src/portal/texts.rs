//! The texts of the portal in each language. A text that is missing in one language does not compile.

use crate::domain::customers::fields::TextField;
use crate::domain::entrypoints::theme::Language;
use crate::web::texts::translated;

/// The label of a field.
pub(super) const fn label(language: Language, field: TextField) -> &'static str {
    use TextField as F;
    let (english, french) = match field {
        F::CustomerNumber => ("Customer number", "Numéro de client"),
        F::CustomerUsername => ("User name", "Nom d’utilisateur"),
        F::Company => ("Company", "Entreprise"),
        F::Firstname => ("First name", "Prénom"),
        F::Lastname => ("Last name", "Nom"),
        F::Fullname => ("Full name", "Nom complet"),
        F::Birthday => ("Date of birth", "Date de naissance"),
        F::Phone => ("Phone", "Téléphone"),
        F::Email => ("E-mail", "E-mail"),
        F::Address | F::ShippingAddress => ("Street address", "Adresse"),
        F::Address1 | F::ShippingAddress1 => ("Apartment, floor, building", "Appartement, étage, bâtiment"),
        F::City | F::ShippingCity => ("City", "Ville"),
        F::State | F::ShippingState => ("State or region", "État ou région"),
        F::Zip | F::ShippingZip => ("Postal code", "Code postal"),
        F::Country | F::ShippingCountry => ("Country", "Pays"),
    };
    match language {
        Language::English => english,
        Language::French => french,
    }
}

translated! {
    portal_of: "Customer portal", "Espace client";
    sign_in: "Sign in", "Se connecter";
    sign_in_lead: "See and update what we keep about you.",
        "Consultez et mettez à jour ce que nous conservons à votre sujet.";
    sign_out: "Sign out", "Se déconnecter";
    login: "E-mail or user name", "E-mail ou nom d’utilisateur";
    password: "Password", "Mot de passe";
    forgot: "Forgot your password?", "Mot de passe oublié ?";
    forgot_lead: "Enter your e-mail or user name. If there is an account for it, we send a link to its e-mail address.",
        "Saisissez votre e-mail ou votre nom d’utilisateur. S’il correspond à un compte, nous envoyons un lien à son adresse e-mail.";
    forgot_button: "Send me a link", "Envoyer un lien";
    forgot_sent: "Check your e-mail", "Consultez votre messagerie";
    forgot_sent_lead: "If what you entered belongs to an account, a mail with a link is on its way to its e-mail address. The mail may take a few minutes; have a look in the spam folder too.",
        "Si votre saisie correspond à un compte, un message avec un lien est en route vers son adresse e-mail. Cela peut prendre quelques minutes ; regardez aussi dans les indésirables.";
    back_to_sign_in: "Back to sign in", "Retour à la connexion";
    set_password: "Choose a password", "Choisissez un mot de passe";
    set_password_lead: "With it you sign in to see and update your record.",
        "Il vous permet de vous connecter pour consulter et mettre à jour votre fiche.";
    new_password: "New password", "Nouveau mot de passe";
    repeat_password: "New password again", "Nouveau mot de passe, une seconde fois";
    old_password: "Current password", "Mot de passe actuel";
    password_hint: "At least 10 characters. A few unrelated words make a good password.",
        "Au moins 10 caractères. Quelques mots sans rapport entre eux font un bon mot de passe.";
    save_password: "Save password", "Enregistrer le mot de passe";
    change_password: "Change password", "Changer le mot de passe";
    dead_link: "This link no longer works", "Ce lien ne fonctionne plus";
    dead_link_lead: "It was used already, has expired, was replaced by a newer one, or was not copied whole.",
        "Il a déjà servi, a expiré, a été remplacé par un lien plus récent ou n’a pas été copié en entier.";
    new_mail: "Get a new mail", "Recevoir un nouveau message";
    record: "Your record", "Votre fiche";
    record_lead: "This is what we keep about you.", "Voici ce que nous conservons à votre sujet.";
    edit: "Edit your record", "Modifier votre fiche";
    edit_lead: "Empty a field to remove what it holds.", "Videz un champ pour effacer ce qu’il contient.";
    save: "Save", "Enregistrer";
    cancel: "Cancel", "Annuler";
    about_you: "About you", "Vous";
    billing: "Billing address", "Adresse de facturation";
    shipping: "Shipping address", "Adresse de livraison";
    invoices: "Invoices", "Factures";
    invoices_none: "You have no invoices.", "Vous n’avez pas de facture.";
    invoices_all: "All invoices", "Toutes les factures";
    older: "Older", "Plus anciennes";
    back_to_record: "Back to your record", "Retour à votre fiche";
    orders: "Orders", "Commandes";
    orders_all: "All orders", "Toutes les commandes";
    orders_none: "You have no orders.", "Vous n’avez pas de commande.";
    order_lines_more: "more lines", "autres lignes";
    order_pending: "Waits for your payment", "En attente de votre paiement";
    order_completed: "Completed", "Terminée";
    download: "Download", "Télécharger";
    credit_note: "Credit note", "Avoir";
    due_by: "Please pay by", "À payer jusqu’au";
    was_due: "Was due on", "Était à payer jusqu’au";
    still_open: "Still to be paid:", "Reste à payer :";
    paid: "Paid", "Payée";
    cancelled: "Cancelled", "Annulée";
    payment_method: "Payment method", "Moyen de paiement";
    methods: "Payment methods", "Moyens de paiement";
    methods_all: "Manage payment methods", "Gérer les moyens de paiement";
    methods_none: "No payment method is stored.", "Aucun moyen de paiement n’est enregistré.";
    methods_full: "No more payment methods can be stored. Replace or remove one.",
        "Aucun autre moyen de paiement ne peut être enregistré. Remplacez-en ou retirez-en un.";
    method_wallet: "Wallet", "Portefeuille";
    method_add: "Add a payment method", "Ajouter un moyen de paiement";
    method_replace: "Replace", "Remplacer";
    method_remove: "Remove", "Retirer";
    method_remove_sure: "No payment can be taken from it any more.", "Aucun paiement ne pourra plus y être prélevé.";
    method_remove_yes: "Remove it now", "Le retirer maintenant";
    method_use_first: "Use first", "Utiliser en premier";
    method_first: "Used first", "Utilisé en premier";
    method_keep_first: "The method that is used first can be removed once you use another one first.",
        "Le moyen utilisé en premier peut être retiré dès que vous en utilisez un autre en premier.";
    method_in_place: "In place of", "À la place de";
    method_ends: "valid until", "valable jusqu’au";
    method_good: "In order", "Valide";
    method_insufficient: "The last payment failed: insufficient funds", "Le dernier paiement a échoué : provision insuffisante";
    method_invalid: "No longer accepted", "N’est plus accepté";
    method_expiring: "Expires soon", "Expire bientôt";
    method_expired: "Expired", "Expiré";
    invoice: "Invoice", "Facture";
    requests: "Payment requests", "Demandes de paiement";
    pay_free: "Amount of your choice", "Montant libre";
    pay_own: "You are paying", "Vous payez";
    pay_title: "Payment", "Paiement";
    pay_asks: "asks you for a payment.", "vous demande un paiement.";
    pay_amount: "Amount", "Montant";
    pay_until: "Payable until", "Payable jusqu’au";
    pay_for: "For", "Objet";
    pay_method: "Pay by", "Payer par";
    pay_card: "Card", "Carte";
    pay_ach: "Bank account", "Compte bancaire";
    pay_wallet: "Wallet of this device", "Portefeuille de cet appareil";
    pay_button: "Pay", "Payer";
    pay_give_up: "Cancel", "Annuler";
    pay_between: "Between", "Entre";
    pay_and: "and", "et";
    pay_at_least: "At least", "Au moins";
    pay_at_most: "At most", "Au plus";
    pay_bad_amount: "Enter an amount within these limits, in digits.", "Saisissez en chiffres un montant dans ces limites.";
    pay_no_choice: "Choose how to pay.", "Choisissez un moyen de paiement.";
    pay_declined: "The last payment was declined, and nothing was charged. You can try again.",
        "Le dernier paiement a été refusé et rien n’a été débité. Vous pouvez réessayer.";
    pay_in_progress: "A payment was begun and is not known to be over. If you have paid already, do not pay again.",
        "Un paiement a été commencé et son issue n’est pas encore connue. Si vous avez déjà payé, ne payez pas une seconde fois.";
    pay_no_provider: "This store takes no online payments yet. Nothing was charged.",
        "Ce magasin n’accepte pas encore les paiements en ligne. Rien n’a été débité.";
    pay_safe: "You enter the payment details with the payment provider, not on this page.",
        "Vous saisissez les données de paiement chez le prestataire de paiement, pas sur cette page.";
    pay_test: "This is a store for tests: no money moves. Choose a test method.",
        "Ce magasin sert aux essais : aucun argent ne circule. Choisissez un moyen d’essai.";
    pay_test_visa: "Visa, ending in 0001: succeeds", "Visa, se terminant par 0001 : paiement accepté";
    pay_test_mastercard: "Mastercard, ending in 0002: succeeds", "Mastercard, se terminant par 0002 : paiement accepté";
    pay_test_ach: "Bank account, ending in 0003: succeeds", "Compte bancaire, se terminant par 0003 : paiement accepté";
    pay_test_wallet: "Wallet, ending in 0004: succeeds", "Portefeuille, se terminant par 0004 : paiement accepté";
    pay_test_pending: "Visa, ending in 0005: takes a moment", "Visa, se terminant par 0005 : prend un instant";
    pay_test_declined: "Visa, ending in 0006: declined", "Visa, se terminant par 0006 : paiement refusé";
    pay_test_insufficient: "Visa, ending in 0007: too little money", "Visa, se terminant par 0007 : provision insuffisante";
    pay_test_expired: "Visa, ending in 0008: expired", "Visa, se terminant par 0008 : carte expirée";
    pay_onward: "To the payment", "Vers le paiement";
    pay_onward_lead: "You go on to the payment provider now.", "Vous passez maintenant chez le prestataire de paiement.";
    pay_continue: "Continue", "Continuer";
    pay_running: "Not over yet", "Pas encore terminé";
    pay_running_lead: "What you began is not known to be over yet. Do not pay again; look again in a moment.",
        "L’issue de votre opération n’est pas encore connue. Ne payez pas une seconde fois ; regardez de nouveau dans un instant.";
    pay_unfinished: "Not finished", "Pas terminé";
    pay_unfinished_lead: "You began this on the payment provider’s page and did not finish there. You can go on where you stopped.",
        "Vous avez commencé sur la page du prestataire de paiement sans terminer. Vous pouvez reprendre où vous vous êtes arrêté.";
    pay_replaced: "This link was replaced", "Ce lien a été remplacé";
    pay_replaced_lead: "Nothing was charged. Use the newest link that the store sent you.",
        "Rien n’a été débité. Utilisez le lien le plus récent que la boutique vous a envoyé.";
    pay_used_up: "This link is used up", "Ce lien a déjà servi";
    pay_used_up_lead: "It was paid as often as it can be. Please ask the store for another one.",
        "Toutes les personnes prévues l’ont utilisé. Demandez-en un autre au magasin.";
    pay_invoice: "Invoice", "Facture";
    save_method: "Payment method", "Moyen de paiement";
    pay_look_again: "Look again", "Regarder de nouveau";
    pay_not_saved: "This method could not be saved. Choose another one.", "Ce moyen n’a pas pu être enregistré. Choisissez-en un autre.";
    pay_busy: "Others are paying right now. Try again in some minutes.", "D’autres personnes paient en ce moment. Réessayez dans quelques minutes.";
    pay_back: "Back to the store", "Retour au magasin";
    pay_back_portal: "Back to the customer portal", "Retour à l’espace client";
    pay_qr: "Open this page on your phone", "Ouvrir cette page sur votre téléphone";
    pay_qr_alt: "QR code with the address of this page", "Code QR avec l’adresse de cette page";
    pay_done: "Thank you", "Merci";
    pay_done_amount: "You paid", "Vous avez payé";
    pay_dead: "This link leads nowhere", "Ce lien ne mène nulle part";
    pay_dead_lead: "It was replaced or mistyped, and nothing was charged. Please ask the store for a new one.",
        "Il a été remplacé ou mal saisi, et rien n’a été débité. Demandez-en un nouveau au magasin.";
    pay_done_lead: "This was paid.", "Le paiement a été effectué.";
    pay_reference: "Reference:", "Référence :";
    pay_expired: "This link has expired", "Ce lien a expiré";
    pay_expired_lead: "Its time is over. Please ask the store for another one.",
        "Son délai est passé. Demandez-en un autre au magasin.";
    pay_cancelled: "This request was taken back", "Cette demande a été retirée";
    pay_cancelled_lead: "Nothing is to be paid here any more.", "Il n’y a plus rien à payer ici.";
    save_title: "Save a payment method", "Enregistrer un moyen de paiement";
    save_asks: "asks you to save a payment method.", "vous demande d’enregistrer un moyen de paiement.";
    save_own: "For your payments to", "Pour vos paiements à";
    save_until: "Open until", "Ouvert jusqu’au";
    save_button: "Continue", "Continuer";
    save_done_lead: "Your payment method is saved.", "Votre moyen de paiement est enregistré.";
    save_cancelled_lead: "Nothing is to be saved here any more.", "Il n’y a plus rien à enregistrer ici.";
    nothing_yet: "Nothing yet", "Rien pour le moment";
    no_choice: "None", "Aucun";
    messages: "Messages from us", "Nos messages";
    consent_yes: "You agreed to receive messages from us.", "Vous avez accepté de recevoir nos messages.";
    consent_no: "You receive no messages from us.", "Vous ne recevez pas de messages de notre part.";
    consent_none: "You were asked whether you agree to receive messages from us, and have not answered yet.",
        "Nous vous avons demandé si vous acceptez de recevoir nos messages ; vous n’avez pas encore répondu.";
    consent_since: "Since", "Depuis le";
    withdraw: "Stop messages", "Ne plus recevoir de messages";
    consent_title: "Messages from us", "Nos messages";
    consent_lead: "Do you agree to receive messages from us? You can withdraw at any time.",
        "Acceptez-vous de recevoir nos messages ? Vous pourrez changer d’avis à tout moment.";
    consent_button: "I agree", "J’accepte";
    consent_done: "Thank you", "Merci";
    consent_done_lead: "You agreed to receive messages from us. You can withdraw at any time.",
        "Vous avez accepté de recevoir nos messages. Vous pouvez changer d’avis à tout moment.";
    done_saved: "Your changes are saved.", "Vos modifications sont enregistrées.";
    done_password_set: "Your password is set. You can sign in with it now.",
        "Votre mot de passe est enregistré. Vous pouvez maintenant vous connecter.";
    done_password_changed: "Your password is changed. Everywhere else you are signed out.",
        "Votre mot de passe est changé. Partout ailleurs, vous êtes déconnecté.";
    done_signed_out: "You are signed out.", "Vous êtes déconnecté.";
    done_method_removed: "The payment method is removed.", "Le moyen de paiement est retiré.";
    done_method_first: "This payment method is used first from now on.",
        "Ce moyen de paiement est désormais utilisé en premier.";
    done_withdrawn: "You will receive no more messages from us.",
        "Vous ne recevrez plus de messages de notre part.";
    wrong_login: "E-mail, user name or password is wrong. After ten failed attempts within ten minutes an account is locked until its password is set anew.",
        "L’e-mail, le nom d’utilisateur ou le mot de passe est incorrect. Après dix échecs en dix minutes, un compte est bloqué jusqu’à ce que son mot de passe soit redéfini.";
    locked_login: "There were too many failed attempts with this login, and it is locked. Set a new password with “Forgot your password?”, or try again in ten minutes.",
        "Il y a eu trop d’échecs avec cet identifiant : il est bloqué. Définissez un nouveau mot de passe par « Mot de passe oublié ? » ou réessayez dans dix minutes.";
    wrong_old: "This is not your current password.", "Ce n’est pas votre mot de passe actuel.";
    locked_old: "There were too many failed attempts. Try again in ten minutes.",
        "Il y a eu trop d’échecs. Réessayez dans dix minutes.";
    not_equal: "The two passwords are not the same.", "Les deux mots de passe sont différents.";
    short: "Use at least 10 characters.", "Utilisez au moins 10 caractères.";
    long: "Use at most 250 characters.", "Utilisez au plus 250 caractères.";
    control: "Use no control characters.", "N’utilisez pas de caractères de contrôle.";
    common: "This password is too easy to guess. A few unrelated words make a good one.",
        "Ce mot de passe est trop facile à deviner. Quelques mots sans rapport entre eux en font un bon.";
    personal: "Do not use your own or our name, your address or other things that people know about you.",
        "N’utilisez ni votre nom ni le nôtre, ni votre adresse, ni ce que l’on sait de vous.";
    missing: "Fill this in.", "Remplissez ce champ.";
    bad_value: "We cannot take this value.", "Cette valeur ne peut pas être acceptée.";
    card: "This looks like a card number. Please do not enter one here.", "Cela ressemble à un numéro de carte. Merci de ne pas en saisir ici.";
    too_long: "This is too long.", "C’est trop long.";
    bad_phone: "This is no phone number. Begin with + and the country code, such as +1 555 123 4567.",
        "Ce n’est pas un numéro de téléphone. Commencez par + et l’indicatif du pays, par exemple +33 6 12 34 56 78.";
    bad_zip: "This is no postal code of that country.", "Ce n’est pas un code postal de ce pays.";
    bad_birthday: "Enter a date in the past, such as 1985-04-12.",
        "Saisissez une date passée, par exemple 1985-04-12.";
    stale: "Your record has changed since you opened this form. Look at it again, then make your changes.",
        "Votre fiche a changé depuis que vous avez ouvert ce formulaire. Relisez-la, puis faites vos modifications.";
    taken: "Another account uses this already.", "Un autre compte utilise déjà cette valeur.";
}
