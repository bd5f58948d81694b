//! The texts of the list of customers, of work on many, and of a new customer.

use crate::web::texts::translated;

translated! {
    name: "Name", "Nom";
    company: "Company", "Société";
    email: "E-mail", "E-mail";
    phone: "Phone", "Téléphone";
    number: "Customer number", "Numéro de client";
    transactions: "Transactions", "Transactions";
    spent: "Total spent", "Total dépensé";
    last: "Last transaction", "Dernière transaction";
    balance: "Balance", "Solde";
    stage: "Stage", "Étape";
    status: "Status", "Statut";
    labels: "Labels", "Étiquettes";
    label: "Label", "Étiquette";
    city: "City", "Ville";
    country: "Country", "Pays";
    store: "Store", "Boutique";
    updated: "Updated (UTC)", "Modifié (UTC)";
    created: "Created (UTC)", "Créé (UTC)";
    any: "Any", "Tous";
    any_stage: "All stages", "Toutes";
    any_status: "Not deleted", "Non supprimés";
    new_customer: "New customer", "Nouveau client";
    import: "Import a file", "Importer un fichier";
    everybody: "Everybody", "Tous";
    views: "Views", "Vues";
    filters: "Search and filters", "Recherche et filtres";
    search: "Search", "Rechercher";
    more_filters: "More filters", "Autres filtres";
    method: "Payment method", "Moyen de paiement";
    spent_from: "Spent at least", "Dépensé au moins";
    created_from: "Created from", "Créé à partir du";
    created_to: "Created until", "Créé jusqu’au";
    updated_from: "Updated from", "Modifié à partir du";
    updated_to: "Updated until", "Modifié jusqu’au";
    columns: "Columns and order", "Colonnes et ordre";
    order: "Order", "Ordre";
    size: "Customers a page", "Clients par page";
    keep_view: "Save as a view", "Enregistrer comme vue";
    keep_view_hint: "A view keeps filters, columns and order, not the text of the search. Only you see it.",
        "Une vue garde les filtres, les colonnes et l’ordre, pas le texte recherché. Vous seul la voyez.";
    view_name: "Name of the view", "Nom de la vue";
    view_needs_name: "Give the view a name of at most 60 characters.", "Donnez à la vue un nom de 60 caractères au plus.";
    too_many_views: "You have 30 views. Delete one first.", "Vous avez 30 vues. Supprimez-en une d’abord.";
    delete_view: "Delete this view", "Supprimer cette vue";
    delete_view_sure: "Delete this view? The customers stay.", "Supprimer cette vue ? Les clients restent.";
    one_customer: "1 customer", "1 client";
    customers: "customers", "clients";
    more_than: "more than", "plus de";
    search_parts: "Finds parts of words from three letters on, while you type; shorter ones when you press Enter.",
        "Trouve des parties de mots dès trois lettres, pendant la saisie ; de plus courtes avec Entrée.";
    wide_has_fewer: "With more than {columns} columns a page has {} customers.",
        "Avec plus de {columns} colonnes, une page a {} clients.";
    press_enter: "Type a third letter, or press Enter to look through all customers.",
        "Tapez un troisième caractère, ou appuyez sur Entrée pour parcourir tous les clients.";
    order_needs_few: "Only a list of at most {} customers can be in the order that you chose. Narrow it by a search or a filter; until then the newest come first.",
        "Seule une liste de {} clients au plus peut suivre l’ordre choisi. Réduisez-la par une recherche ou un filtre ; d’ici là, les plus récents viennent d’abord.";
    too_slow: "That takes too long among so many customers. Search for longer parts of words, add a filter, or order by the creation date.",
        "C’est trop long parmi tant de clients. Cherchez des mots plus longs, ajoutez un filtre ou triez par date de création.";
    no_match: "Nobody matches", "Aucun résultat";
    no_match_lead: "Search for another part of the name, e-mail, phone or number, or take a filter away.",
        "Cherchez une autre partie du nom, de l’e-mail, du téléphone ou du numéro, ou retirez un filtre.";
    no_customers: "No customers yet", "Aucun client pour l’instant";
    no_customers_lead: "Add the first one, or import a file with all of them.", "Ajoutez le premier, ou importez un fichier avec tous.";
    choose_all: "Choose all of this page", "Choisir toute la page";
    choose: "Choose", "Choisir";
    with_chosen: "With the chosen customers", "Avec les clients choisis";
    every_match: "All that match, on every page", "Tous les résultats, sur toutes les pages";
    do_label: "Add label", "Ajouter l’étiquette";
    do_unlabel: "Remove label", "Retirer l’étiquette";
    do_invite: "Invite to the portal", "Inviter au portail";
    do_archive: "Archive", "Archiver";
    do_unarchive: "Take out of the archive", "Sortir de l’archive";
    do_csv: "Export CSV", "Exporter en CSV";
    do_xlsx: "Export XLSX", "Exporter en XLSX";
    do_delete: "Delete…", "Supprimer…";
    choose_first: "Choose customers first: tick their boxes, or “all that match”.", "Choisissez d’abord des clients : cochez leurs cases, ou « tous les résultats ».";
    need_label: "Write the label first.", "Écrivez d’abord l’étiquette.";
    need_narrow: "“All that match” is for a search or a filter. Narrow the list first.",
        "« Tous les résultats » vaut pour une recherche ou un filtre. Restreignez d’abord la liste.";
    too_many: "At most 500 customers at a time can be archived or deleted. Narrow the list.",
        "On peut archiver ou supprimer 500 clients à la fois au plus. Restreignez la liste.";
    sure_title: "Are you sure?", "Confirmez-vous ?";
    sure_about: "This is about", "Cela concerne";
    sure_delete: "They leave lists and searches, and their identifiers are free at once. Invoices and payments stay. Who still owes or is owed something is not deleted.",
        "Ils quittent les listes et les recherches, et leurs identifiants sont libres aussitôt. Factures et paiements restent. Qui doit encore ou attend de l’argent n’est pas supprimé.";
    sure_archive: "They stay in lists and are not invited any more.", "Ils restent dans les listes et ne sont plus invités.";
    sure_unarchive: "They return to the stage before.", "Ils reviennent à l’étape précédente.";
    sure_invite: "Everybody with an e-mail address and no account gets a mail with a link to set a password.",
        "Toute personne avec une adresse e-mail et sans compte reçoit un e-mail avec un lien pour choisir un mot de passe.";
    sure_label: "The label is added to each.", "L’étiquette est ajoutée à chacun.";
    sure_unlabel: "The label is taken from each.", "L’étiquette est retirée à chacun.";
    yes_delete: "Delete them", "Les supprimer";
    result_title: "Not all went through", "Tout n’a pas abouti";
    result_done: "Done:", "Fait :";
    result_not: "Not done:", "Non fait :";
    why: "Why", "Pourquoi";
    customer: "Customer", "Client";
    to_list: "Back to the customers", "Retour aux clients";
    job_labels: "Change of labels", "Changement d’étiquettes";
    job_invite: "Invitation to the portal", "Invitation au portail";
    job_queued: "Waiting", "En attente";
    job_running: "Running", "En cours";
    job_finished: "Finished", "Terminé";
    job_cancelled: "Stopped", "Arrêté";
    job_failed: "Failed", "Échoué";
    job_done: "Done so far", "Fait jusqu’ici";
    job_stop: "Stop", "Arrêter";
    job_stop_sure: "Stop here? What is done stays done.", "Arrêter ici ? Ce qui est fait reste fait.";
    job_refresh: "Look again", "Actualiser";
    job_rest: "Left out", "Laissés de côté";
    begun: "Asked for", "Demandé";
    ended: "Ended", "Terminé";
    outcome_changed: "Changed", "Modifiés";
    outcome_unchanged: "Were so already", "L’étaient déjà";
    outcome_too_many: "Would have more than 50 labels", "Auraient plus de 50 étiquettes";
    outcome_deleted: "Deleted", "Supprimés";
    outcome_not_found: "Not in this store", "Absents de cette boutique";
    outcome_failed: "Could not be read", "Illisibles";
    outcome_invited: "Invited", "Invités";
    outcome_already: "Invitation in force", "Invitation en cours";
    outcome_active: "Have an account", "Ont un compte";
    outcome_no_email: "No e-mail address", "Sans adresse e-mail";
    outcome_same_email: "Another customer has the same address", "Un autre client a la même adresse";
    outcome_inactive: "Inactive", "Inactifs";
    outcome_archived: "Archived", "Archivés";
    new_lead: "What this store asks for is marked with a star.", "Ce que la boutique demande porte une étoile.";
    g_identity: "Who it is", "Identité";
    g_contact: "How to reach them", "Coordonnées";
    g_billing: "Billing address", "Adresse de facturation";
    g_shipping: "Shipping address", "Adresse de livraison";
    g_own: "Your own fields", "Vos propres champs";
    g_access: "Portal and consent", "Portail et consentement";
    g_more: "More", "Autres";
    firstname: "First name", "Prénom";
    lastname: "Last name", "Nom de famille";
    fullname: "Full name", "Nom complet";
    fullname_hint: "Where first and last name are not kept apart.", "Si prénom et nom ne sont pas séparés.";
    birthday: "Date of birth", "Date de naissance";
    phone_hint: "With the country code, such as +33 6 12 34 56 78, unless it is of this country.", "Avec l’indicatif, par exemple +33 6 12 34 56 78, sauf s’il est de ce pays.";
    address: "Street", "Rue";
    address1: "Second line", "Complément";
    state: "State or province", "État ou province";
    zip: "Postal code", "Code postal";
    labels_hint: "Several with commas between them.", "Plusieurs, séparées par des virgules.";
    own_name: "Name of the field", "Nom du champ";
    own_value: "Value", "Valeur";
    username: "Portal login", "Identifiant du portail";
    password: "Portal password", "Mot de passe du portail";
    password_hint: "At least 10 characters. Better leave it empty and invite the customer, who chooses one.",
        "Au moins 10 caractères. Mieux : laissez vide et invitez le client, qui en choisira un.";
    password_again: "The password is not kept in the page. Type it again.", "Le mot de passe n’est pas gardé dans la page. Saisissez-le à nouveau.";
    invite: "Send an invitation to the portal", "Envoyer une invitation au portail";
    consent: "Ask by e-mail for consent to messages", "Demander par e-mail le consentement aux messages";
    time_zone: "Hours from UTC", "Décalage UTC en heures";
    created_at: "Customer since", "Client depuis";
    system: "Other system", "Autre système";
    external_id: "Its id of the customer", "Son identifiant du client";
    system_hint: "Small letters, digits, - and _.", "Minuscules, chiffres, - et _.";
    create: "Create customer", "Créer le client";
    create_another: "Create and add another", "Créer et ajouter un autre";
    looks_like: "This looks like …", "Cela ressemble à …";
    similar: "Perhaps one of these?", "Peut-être l’un de ceux-ci ?";
    by: "by", "par";
    exists: "This customer exists already", "Ce client existe déjà";
    exists_lead: "Nothing was created. Choose what to do with what you typed.", "Rien n’a été créé. Choisissez que faire de votre saisie.";
    open_one: "Open", "Ouvrir";
    merge: "Write these values onto it", "Y écrire ces valeurs";
    replace: "Replace it by these values; what is empty here becomes empty there", "Le remplacer par ces valeurs ; ce qui est vide ici le devient là-bas";
    force: "Create another one anyway", "Créer quand même un autre";
    go_on: "Go on", "Continuer";
    differs: "Other values than stored:", "Valeurs différentes :";
    mail_failed: "The customer is created. The mail could not be sent: ", "Le client est créé. L’e-mail n’a pas pu partir : ";
}
