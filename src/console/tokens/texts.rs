//! The texts of tokens.

use crate::web::texts::translated;

translated! {
    tokens: "Tokens", "Jetons";
    lead: "Programs ask the API with a token. Each has its rights, its stores and its end.", "Les programmes interrogent l’API avec un jeton. Chacun a ses droits, ses boutiques et sa fin.";
    new_token: "New token", "Nouveau jeton";
    empty: "No token is in force", "Aucun jeton n’est en vigueur";
    empty_lead: "Make one for the program that is to ask the API, such as your shop.", "Créez-en un pour le programme qui doit interroger l’API, par exemple votre boutique.";
    col_name: "Name", "Nom";
    col_state: "State", "État";
    col_scopes: "Rights", "Droits";
    col_issued: "Made", "Créé";
    col_expires: "Ends", "Fin";
    all_stores: "All stores", "Toutes les boutiques";
    chosen_stores: "The stores ticked below", "Les boutiques cochées ci-dessous";
    state_in_force: "In force", "En vigueur";
    state_expired: "Expired", "Expiré";
    state_revoked: "Revoked", "Révoqué";
    show_ended: "Show those that have ended", "Afficher ceux qui ont pris fin";
    hide_ended: "Show only those in force", "Afficher seulement ceux en vigueur";
    revoke: "Revoke", "Révoquer";
    revoke_sure: "Revoke this token? Programs that use it are refused at once.", "Révoquer ce jeton ? Les programmes qui l’utilisent seront refusés immédiatement.";
    name: "Name", "Nom";
    name_hint: "What uses it; history shows this name.", "Ce qui l’utilise ; l’historique montre ce nom.";
    days: "Days until it ends", "Jours avant sa fin";
    days_hint: "From 1 to 3650.", "De 1 à 3650.";
    rpm: "Requests a minute", "Requêtes par minute";
    rpm_hint: "Empty for no limit.", "Vide : sans limite.";
    stores: "Which stores it sees", "Quelles boutiques il voit";
    rights: "What it may do", "Ce qu’il peut faire";
    make: "Make the token", "Créer le jeton";
    made: "The token is made", "Le jeton est créé";
    made_once: "Copy it now: it is not shown again. Programs send it in the header requestToken.", "Copiez-le maintenant : il ne sera plus affiché. Les programmes l’envoient dans l’en-tête requestToken.";
    made_until: "It ends on", "Il prend fin le";
    no_name: "Give it a name.", "Donnez-lui un nom.";
    no_scope: "Tick at least one right.", "Cochez au moins un droit.";
    no_store: "Tick at least one store.", "Cochez au moins une boutique.";
    bad_days: "Give a number of days.", "Indiquez un nombre de jours.";
    bad_rpm: "Give a number of requests.", "Indiquez un nombre de requêtes.";
    customers_read: "Read customers, lists, history", "Lire les clients, les listes, l’historique";
    customers_write: "Add and change customers, invite them", "Ajouter et modifier des clients, les inviter";
    customers_delete: "Delete customers", "Supprimer des clients";
    customers_import: "Import customers from files", "Importer des clients depuis des fichiers";
    customers_export: "Export customers to files", "Exporter des clients vers des fichiers";
    pii_read: "See e-mail, phone, address and birthday without masks", "Voir e-mail, téléphone, adresse et date de naissance sans masque";
    money_read: "Read payments, invoices, totals", "Lire les paiements, les factures, les totaux";
    money_write: "Record payments, write invoices and orders", "Enregistrer des paiements, écrire des factures et des commandes";
    money_charge: "Charge stored payment methods, and pay back", "Débiter les moyens de paiement enregistrés, et rembourser";
    money_legal: "Invoices of erased people, which the law keeps", "Factures de personnes effacées, que la loi conserve";
    scope_settings: "Settings, webhooks, data keys", "Réglages, webhooks, clés de données";
    scope_tokens: "Make and revoke tokens", "Créer et révoquer des jetons";
    scope_staff: "Invite and change members of staff", "Inviter et modifier les membres de l’équipe";
    scope_service: "The whole service: new organisations", "Tout le service : nouvelles organisations";
}
