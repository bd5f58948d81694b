//! The texts of sign-in and of a member's own page.

use crate::web::texts::translated;

translated! {
    sign_in: "Sign in", "Se connecter";
    sign_in_lead: "For staff. Customers use the portal of their store.", "Pour l’équipe. Les clients utilisent le portail de leur boutique.";
    email: "E-mail", "E-mail";
    name: "Your name", "Votre nom";
    name_hint: "Colleagues read it in histories and comments.", "Vos collègues le lisent dans l’historique et les commentaires.";
    password: "Password", "Mot de passe";
    password_hint: "At least 10 characters. Several words are best.", "Au moins 10 caractères. Plusieurs mots sont préférables.";
    password_again: "The password again", "Le mot de passe à nouveau";
    current_password: "Current password", "Mot de passe actuel";
    new_password: "New password", "Nouveau mot de passe";
    forgot: "Forgotten password", "Mot de passe oublié";
    forgot_lead: "We send a link to the address, if it belongs to a member.", "Nous envoyons un lien à cette adresse, si elle appartient à un membre.";
    forgot_sent: "If the address belongs to a member, a link is on its way. It works for an hour.", "Si l’adresse appartient à un membre, un lien est en route. Il est valable une heure.";
    forgot_button: "Send the link", "Envoyer le lien";
    back_to_sign_in: "Back to sign-in", "Retour à la connexion";
    welcome: "Welcome", "Bienvenue";
    welcome_first: "You make the first account, which owns everything here. It can invite the others.", "Vous créez le premier compte, qui possède tout ici. Il peut inviter les autres.";
    welcome_lead: "Choose a password to begin.", "Choisissez un mot de passe pour commencer.";
    begin: "Begin", "Commencer";
    missing_email: "Enter your e-mail address.", "Indiquez votre adresse e-mail.";
    missing_name: "Enter your name.", "Indiquez votre nom.";
    missing_password: "Enter a password.", "Indiquez un mot de passe.";
    different_passwords: "The two passwords differ.", "Les deux mots de passe sont différents.";
    short_password: "This password is too short: use at least 10 characters.", "Ce mot de passe est trop court : utilisez au moins 10 caractères.";
    long_password: "This password is too long.", "Ce mot de passe est trop long.";
    weak_password: "This password is easy to guess. Try several unrelated words.", "Ce mot de passe est facile à deviner. Essayez plusieurs mots sans rapport.";
    wrong_sign_in: "E-mail or password is wrong.", "L’e-mail ou le mot de passe est incorrect.";
    locked_sign_in: "Too many attempts. Wait ten minutes, or reset the password.", "Trop de tentatives. Attendez dix minutes ou réinitialisez le mot de passe.";
    wrong_password: "This is not your password.", "Ce n’est pas votre mot de passe.";
    confirm: "Confirm it is you", "Confirmez votre identité";
    confirm_lead: "Enter the six digits of your authenticator app, or one of your recovery codes.", "Saisissez les six chiffres de votre application d’authentification, ou un de vos codes de secours.";
    code_label: "Code", "Code";
    wrong_code: "This code is wrong or was used before.", "Ce code est incorrect ou a déjà servi.";
    confirm_button: "Confirm", "Confirmer";
    account: "Your account", "Votre compte";
    change_password: "Change the password", "Changer le mot de passe";
    second_factor: "Second factor", "Second facteur";
    second_factor_lead: "Besides the password, an app on your phone gives a code that changes every 30 seconds.", "En plus du mot de passe, une application de votre téléphone donne un code qui change toutes les 30 secondes.";
    second_factor_on: "On", "Activé";
    second_factor_off: "Off", "Désactivé";
    set_up: "Set up", "Configurer";
    scan: "Scan this code with your authenticator app, or type the key. Then enter the six digits that the app shows.", "Scannez ce code avec votre application d’authentification, ou tapez la clé. Saisissez ensuite les six chiffres affichés.";
    secret_key: "Key", "Clé";
    turn_on: "Turn on", "Activer";
    turn_off: "Turn off", "Désactiver";
    codes_title: "Recovery codes", "Codes de secours";
    codes_lead: "Each works once, when the phone is not at hand. Keep them in a safe place: they are shown only now.", "Chacun sert une fois, quand le téléphone n’est pas là. Conservez-les en lieu sûr : ils ne sont affichés que maintenant.";
    codes_kept: "They are in a safe place", "Ils sont en lieu sûr";
    new_codes: "Make new recovery codes", "Créer de nouveaux codes de secours";
    look: "Language and appearance", "Langue et apparence";
}
