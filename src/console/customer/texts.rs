//! The texts of the pages about a customer.

use crate::web::texts::translated;

impl Texts {
    /// The name of a type of payment method.
    pub(super) fn method_type(&self, word: &str) -> &'static str {
        match word {
            "card" => self.card,
            "ach" => self.bank_account,
            "wallet" => self.wallet,
            _ => self.other_method,
        }
    }

    /// The name of a kind of address.
    pub(super) fn address_kind(&self, word: &str) -> &'static str {
        match word {
            "billing" => self.for_billing,
            "shipping" => self.for_shipping,
            "other" => self.for_other,
            _ => "",
        }
    }
}

translated! {
    number_sign: "No.", "N°";
    actions: "Actions", "Actions";
    see_all: "See all", "Tout voir";
    remove: "Remove", "Retirer";
    newer: "Newer", "Plus récents";
    back_to_customer: "Back to the customer", "Retour au client";
    status: "Status", "État";
    stage: "Stage", "Étape";
    date: "Date", "Date";
    kind: "Kind", "Type";
    amount: "Amount", "Montant";
    number: "Number", "Numéro";
    what: "What", "Objet";
    source: "Source", "Source";
    since: "since", "depuis le";
    default_word: "Default", "Par défaut";
    is_deleted: "This customer is deleted. Money and history stay; nothing can be changed.", "Ce client est supprimé. L’argent et l’historique restent ; plus rien ne peut être modifié.";
    is_erased: "The personal values of this customer are erased for good. Money stays.", "Les données personnelles de ce client sont effacées définitivement. L’argent reste.";

    profile: "Profile", "Profil";
    email: "E-mail", "E-mail";
    email_hint: "Receipts and invitations go there.", "Les reçus et invitations y sont envoyés.";
    phone: "Phone", "Téléphone";
    phone_hint: "With the country’s code, such as +33 6 12 34 56 78.", "Avec l’indicatif du pays, comme +33 6 12 34 56 78.";
    firstname: "First name", "Prénom";
    lastname: "Last name", "Nom";
    fullname: "Full name", "Nom complet";
    company: "Company", "Société";
    customer_number: "Customer number", "Numéro de client";
    username: "Portal login", "Identifiant du portail";
    birthday: "Date of birth", "Date de naissance";
    time_zone: "Time zone", "Fuseau horaire";
    time_zone_hint: "Hours from UTC, such as 2 or -5.", "Heures d’écart avec UTC, comme 2 ou -5.";
    balance: "Balance", "Solde";
    identifiers: "Told apart by", "Reconnu par";
    invitation: "Invitation", "Invitation";
    password: "Portal password", "Mot de passe du portail";
    created: "Added", "Ajouté";
    changed: "Changed", "Modifié";
    edit_customer: "Edit the customer", "Modifier le client";
    billing_address: "Billing address", "Adresse de facturation";
    shipping_address: "Shipping address", "Adresse de livraison";
    further_fields: "Further fields", "Autres champs";
    further_hint: "One a line: name, colon, value.", "Un par ligne : nom, deux-points, valeur.";
    now_it_says: "now it says:", "il y a maintenant :";
    labels: "Labels", "Étiquettes";
    no_labels: "No labels yet. They group customers, such as “VIP” or “press”.", "Pas encore d’étiquettes. Elles regroupent des clients, comme « VIP » ou « presse ».";
    new_label: "New label", "Nouvelle étiquette";

    addresses: "Addresses", "Adresses";
    no_addresses: "No address yet.", "Pas encore d’adresse.";
    address_word: "Address", "Adresse";
    new_address: "New address", "Nouvelle adresse";
    edit_address: "Edit the address", "Modifier l’adresse";
    delete_address: "Delete the address", "Supprimer l’adresse";
    delete_address_sure: "Delete this address?", "Supprimer cette adresse ?";
    for_billing: "Billing", "Facturation";
    for_shipping: "Shipping", "Livraison";
    for_other: "Other", "Autre";
    default_billing: "Default for billing", "Par défaut pour la facturation";
    default_shipping: "Default for shipping", "Par défaut pour la livraison";
    make_billing: "Make billing default", "Facturer ici par défaut";
    make_shipping: "Make shipping default", "Livrer ici par défaut";
    use_for_billing: "Use for bills by default", "Utiliser par défaut pour les factures";
    use_for_shipping: "Use for deliveries by default", "Utiliser par défaut pour les livraisons";
    receiver: "Receiver", "Destinataire";
    street: "Street", "Rue";
    street_2: "Second line", "Deuxième ligne";
    street_3: "Third line", "Troisième ligne";
    zip: "Postal code", "Code postal";
    city: "City", "Ville";
    district: "District", "Quartier";
    state: "State or province", "État ou province";
    country: "Country", "Pays";
    note: "Note", "Note";
    shipping_street: "Shipping street", "Rue de livraison";
    shipping_street_2: "Second line of the shipping street", "Deuxième ligne de la rue de livraison";
    shipping_city: "Shipping city", "Ville de livraison";
    shipping_state: "Shipping state", "État de livraison";
    shipping_zip: "Shipping postal code", "Code postal de livraison";
    shipping_country: "Shipping country", "Pays de livraison";

    methods: "Payment methods", "Moyens de paiement";
    method: "Payment method", "Moyen de paiement";
    no_methods: "No payment method yet. Ask for one by a link: the payment provider keeps the card, and we keep only a token.", "Pas encore de moyen de paiement. Demandez-en un par un lien : le prestataire garde la carte, et nous seulement un jeton.";
    card: "Card", "Carte";
    bank_account: "Bank account", "Compte bancaire";
    wallet: "Wallet", "Portefeuille";
    other_method: "Other", "Autre";
    expires: "Expires", "Expire";
    holder: "Holder", "Titulaire";
    exp_month: "Last month", "Mois d’expiration";
    exp_year: "Last year", "Année d’expiration";
    make_default: "Make default", "Utiliser par défaut";
    delete_method: "Remove the payment method", "Retirer le moyen de paiement";
    delete_method_sure: "Remove this payment method? It cannot be charged any more.", "Retirer ce moyen de paiement ? Il ne pourra plus être débité.";
    method_links: "Links for cards", "Liens pour cartes";
    method_link: "Link for a payment method", "Lien pour un moyen de paiement";
    no_method_links: "No links. A link leads the customer to a page where the provider takes the card.", "Aucun lien. Un lien mène le client à une page où le prestataire enregistre la carte.";
    ask_for_card: "Ask for a card", "Demander une carte";
    ask_for_card_lead: "The customer gets a link to a page where the payment provider stores the card. No card number comes here.", "Le client reçoit un lien vers une page où le prestataire enregistre la carte. Aucun numéro de carte n’arrive ici.";
    method_types: "Which methods may be used? None ticked means all.", "Quels moyens sont permis ? Rien de coché : tous.";
    make_link: "Make the link", "Créer le lien";
    link_for: "What it is for", "Objet";
    payer_reads: "The customer reads it.", "Le client le lit.";
    expires_in: "Expires in days", "Expire dans (jours)";
    expires_in_30: "1 to 30; 14 by default.", "De 1 à 30 ; 14 par défaut.";
    expires_in_365: "1 to 365; 14 by default.", "De 1 à 365 ; 14 par défaut.";
    page_language: "Language of the page", "Langue de la page";
    customers_language: "The customer’s", "Celle du client";
    own_reference: "Your reference", "Votre référence";
    notify: "Send the link to the customer by e-mail", "Envoyer le lien au client par e-mail";
    send_link: "Send this link to the customer", "Envoyez ce lien au client";
    link_mailed: "An e-mail with it is on its way.", "Un e-mail est en route.";
    link_once: "Copy it now: it is shown only here. You can always make a new one, which ends this one.", "Copiez-le maintenant : il n’est affiché qu’ici. Vous pouvez toujours en créer un autre, qui met fin à celui-ci.";
    qr_label: "QR code of the link", "QR code du lien";
    resend: "New link by e-mail", "Nouveau lien par e-mail";
    new_link: "New link", "Nouveau lien";
    new_link_sure: "Make a new link? The one before ends at once.", "Créer un nouveau lien ? Le précédent cesse aussitôt.";
    take_back: "Take back", "Retirer";
    take_back_sure: "Take this back? Its link ends at once.", "Retirer ? Le lien cesse aussitôt.";
    show_request: "Show the request", "Voir la demande";

    payments: "Payments", "Paiements";
    no_payments: "No payments yet. Request one, charge a card, or record one by hand.", "Pas encore de paiement. Demandez-en un, débitez une carte ou saisissez-en un.";
    paid: "Paid", "Payé";
    net: "After refunds and fees", "Après remboursements et frais";
    open_invoices: "Open invoices", "Factures à payer";
    sales: "Payments", "Paiements";
    invoices: "Invoices", "Factures";
    no_invoices: "No invoices yet.", "Pas encore de facture.";
    new_invoice: "New invoice", "Nouvelle facture";
    draft: "Draft", "Brouillon";
    due: "Due", "Échéance";
    open_amount: "Open", "À payer";
    orders: "Orders", "Commandes";
    no_orders: "No orders yet.", "Pas encore de commande.";
    requests: "Payment requests", "Demandes de paiement";
    request_word: "Payment request", "Demande de paiement";
    no_requests: "No requests yet. A request is a link by which the customer pays.", "Pas encore de demande. Une demande est un lien par lequel le client paie.";
    coupons: "Coupons", "Bons de réduction";
    no_coupons: "No coupons assigned or used yet.", "Aucun bon de réduction attribué ou utilisé.";
    code_word: "Code", "Code";
    off: "Takes off", "Réduction";
    assigned: "Assigned", "Attribué";
    used: "Used", "Utilisé";
    subscriptions: "Subscriptions", "Abonnements";
    no_subscriptions: "No subscriptions.", "Aucun abonnement.";
    plan: "Plan", "Formule";
    next_charge: "Next charge", "Prochain débit";

    request_payment: "Request payment", "Demander un paiement";
    request_payment_lead: "You get a link and a QR code to send; the customer pays on a page in the look of the store.", "Vous obtenez un lien et un QR code à envoyer ; le client paie sur une page aux couleurs de la boutique.";
    amount_hint: "Such as 25.00. With an invoice, what is open of it by default.", "Par exemple 25,00. Avec une facture, ce qui reste à payer par défaut.";
    no_amount: "Enter an amount, or let the payer say how much.", "Indiquez un montant, ou laissez le payeur le choisir.";
    currency: "Currency", "Devise";
    of_invoice: "Invoice", "Facture";
    no_invoice: "No invoice", "Aucune facture";
    payer_says: "The payer says how much", "Le payeur choisit le montant";
    any_amount: "Any amount", "Montant libre";
    let_payer_say: "Let the payer say how much (leave the amount empty)", "Laisser le payeur choisir le montant (laissez le montant vide)";
    at_least: "At least", "Au moins";
    at_most: "At most", "Au plus";
    more_choices: "More choices", "Autres choix";
    collect_lead: "Ask the payer for these where they are missing:", "Demander au payeur ce qui manque :";
    success_url: "Address afterwards", "Adresse après paiement";
    cancel_url: "Address after giving up", "Adresse en cas d’abandon";

    charge: "Charge", "Débiter";
    charge_title: "Charge a payment method", "Débiter un moyen de paiement";
    charge_lead: "The money is taken at once. The customer need not do anything.", "L’argent est prélevé aussitôt. Le client n’a rien à faire.";
    charge_now: "Charge now", "Débiter maintenant";
    charge_sure: "Charge this payment method now?", "Débiter ce moyen de paiement maintenant ?";
    charge_result: "Result", "Résultat";
    charge_pending: "The provider has not answered yet. The money is never taken twice; look again in a moment.", "Le prestataire n’a pas encore répondu. L’argent n’est jamais prélevé deux fois ; revenez dans un instant.";
    charge_action: "The bank wants the customer to confirm.", "La banque demande une confirmation du client.";
    no_method_to_charge: "The customer has no payment method. Ask for a card first.", "Le client n’a pas de moyen de paiement. Demandez d’abord une carte.";
    what_for: "What for", "Objet";
    order_reference: "Your order’s number", "Numéro de votre commande";
    auth_code: "The bank’s code", "Code de la banque";
    decline_code: "Reason by the provider", "Motif du prestataire";
    asked_by: "Charged by", "Débité par";
    show_payment: "Show the payment", "Voir le paiement";
    look_again: "Look again", "Actualiser";
    try_another: "Try another method", "Essayer un autre moyen";

    new_order: "New order", "Nouvelle commande";
    new_order_lead: "Makes an invoice, and sends confirmation and invoice by e-mail.", "Crée une facture, et envoie la confirmation et la facture par e-mail.";
    line_word: "Line", "Ligne";
    product: "Product", "Produit";
    no_product: "No product: typed in below", "Aucun produit : saisi ci-dessous";
    line_name: "What is sold", "Article";
    quantity: "Quantity", "Quantité";
    unit_price: "Price of one, without tax", "Prix unitaire hors taxe";
    tax_rate: "Tax in percent", "Taxe en pour cent";
    more_lines: "Give me more lines first", "Ajouter d’abord des lignes";
    order_money: "Payment", "Paiement";
    collect: "How it is paid", "Comment elle est payée";
    on_account: "Later, by the invoice", "Plus tard, sur facture";
    by_request: "By a link that I send", "Par un lien que j’envoie";
    paid_now: "It is paid already", "Elle est déjà payée";
    coupon_code: "Code of a coupon", "Code d’un bon de réduction";
    due_in: "Days to pay", "Délai de paiement (jours)";
    due_in_hint: "Empty: as the store has set.", "Vide : le délai de la boutique.";
    purchase_order: "The buyer’s order number", "Numéro de commande de l’acheteur";
    if_paid_now: "If it is paid already:", "Si elle est déjà payée :";
    how_paid: "How it was paid", "Mode de paiement";
    payment_reference: "Number of the payment", "Numéro du paiement";
    notes: "Notes", "Notes";
    notes_hint: "The buyer reads them.", "L’acheteur les lit.";
    notify_order: "Send confirmation and invoice by e-mail", "Envoyer la confirmation et la facture par e-mail";
    take_order: "Take the order", "Prendre la commande";

    new_coupon: "New coupon", "Nouveau bon de réduction";
    new_coupon_lead: "Only this customer can redeem it.", "Seul ce client peut l’utiliser.";
    coupon_code_hint: "Letters from A to Z, digits, - _ and .", "Lettres de A à Z, chiffres, - _ et .";
    coupon_name: "Name", "Nom";
    off_lead: "Enter either percent or an amount.", "Indiquez un pourcentage ou un montant.";
    percent_off: "Percent off", "Réduction en pour cent";
    amount_off: "Amount off", "Réduction en montant";
    starts: "First day", "Premier jour";
    last_day: "Last day", "Dernier jour";
    per_customer: "Times per customer", "Fois par client";
    in_all: "Times in all", "Fois en tout";
    assign_coupon: "Assign a coupon", "Attribuer un bon";
    assign_lead: "A coupon that there is, by its code.", "Un bon existant, par son code.";
    redeem_coupon: "Redeem a coupon", "Utiliser un bon";
    redeem_lead: "Takes one use of a coupon, and says what is left to pay.", "Consomme une utilisation du bon et indique ce qui reste à payer.";
    amount_before: "Amount before", "Montant avant réduction";
    redeem_reference_hint: "The same reference again takes no second use.", "La même référence ne consomme pas deux fois.";
    enter_code: "Enter the code of a coupon.", "Indiquez le code d’un bon.";
    discount: "Discount", "Réduction";
    to_pay: "Left to pay", "Reste à payer";

    record_payment: "Record a payment", "Saisir un paiement";
    record_payment_lead: "Writes down money that moved elsewhere, such as cash. Nothing is charged.", "Note de l’argent passé ailleurs, comme des espèces. Rien n’est débité.";
    when: "When", "Quand";
    refund_of: "Number of the payment it gives back", "Numéro du paiement remboursé";
    refund_of_hint: "Only for refunds and chargebacks.", "Seulement pour remboursements et rétrofacturations.";
    payment_reference_hint: "Of the receipt, if there is one. The same number again is the same payment.", "Celui du reçu, s’il y en a un. Le même numéro désigne le même paiement.";

    portal: "Portal and consent", "Portail et accord";
    invite: "Invite to the portal", "Inviter sur le portail";
    invite_again: "Invite again", "Inviter à nouveau";
    invited_at: "Invited", "Invité le";
    opened_at: "Tried", "Essayé le";
    link_expired: "The link has expired", "Le lien a expiré";
    consent: "Consent to messages", "Accord pour des messages";
    ask_consent: "Ask for consent", "Demander l’accord";
    consent_hint: "Only the customer gives or withdraws it, by the link of the mail or in the portal.", "Seul le client le donne ou le retire, par le lien du message ou sur le portail.";
    references: "In other systems", "Dans d’autres systèmes";
    no_references: "No other system’s number yet.", "Pas encore de numéro d’un autre système.";
    reference_of: "Number in", "Numéro dans";
    remove_reference_sure: "Remove this reference?", "Retirer cette référence ?";
    system: "System", "Système";
    system_hint: "Such as shop or crm: small letters, digits, - and _.", "Par exemple shop ou crm : minuscules, chiffres, - et _.";
    external_id: "Number there", "Numéro là-bas";

    comments: "Comments", "Commentaires";
    no_comments: "No comments yet.", "Pas encore de commentaire.";
    comment_word: "Comment", "Commentaire";
    new_comment: "New comment", "Nouveau commentaire";
    comment_hint: "Colleagues read it; the customer does not.", "Vos collègues le lisent, le client non.";
    write_comment: "Write", "Écrire";
    edit_comment: "Edit the comment", "Modifier le commentaire";
    delete_comment: "Delete the comment", "Supprimer le commentaire";
    delete_comment_sure: "Delete this comment?", "Supprimer ce commentaire ?";
    pin: "Pin to the top", "Épingler en haut";
    unpin: "Unpin", "Détacher";
    pinned: "Pinned", "Épinglé";
    edited: "edited", "modifié";

    timeline: "Timeline", "Chronologie";
    no_history: "Nothing has happened yet.", "Rien ne s’est encore passé.";
    version: "version", "version";
    show_changes: "What changed", "Ce qui a changé";
    the_customer: "The customer", "Le client";
    the_service: "The service", "Le service";
    the_operator: "The operator", "L’exploitant";
    the_record: "the record", "la fiche";

    archive: "Archive", "Archiver";
    unarchive: "Take out of the archive", "Sortir des archives";
    lock: "Lock", "Verrouiller";
    lock_sure: "Lock this customer? It cannot sign in to the portal until you enable it again.", "Verrouiller ce client ? Il ne pourra plus se connecter au portail jusqu’à ce que vous le réactiviez.";
    disable: "Disable", "Désactiver";
    disable_sure: "Disable this customer?", "Désactiver ce client ?";
    enable: "Enable", "Réactiver";
    delete_customer: "Delete the customer", "Supprimer le client";
    delete_lead: "The customer leaves lists and search, and cannot sign in. Money and history stay. To keep it at hand, archive it instead.", "Le client disparaît des listes et de la recherche et ne peut plus se connecter. L’argent et l’historique restent. Pour le garder sous la main, archivez-le plutôt.";
    delete_sure: "Delete this customer?", "Supprimer ce client ?";
    must_settle: "What is open must be settled first: have it paid, or void it. Or archive the customer instead.", "Il faut d’abord régler ce qui est ouvert : faites-le payer, ou annulez-le. Ou archivez plutôt le client.";
    cancel_open: "End what is open as well: subscriptions end here, open invoices are voided", "Mettre fin aussi à ce qui est ouvert : les abonnements cessent ici, les factures à payer sont annulées";
    erase_customer: "Erase the person", "Effacer la personne";
    erase_lead: "For people who ask to be forgotten. Names, addresses, comments and every other personal value go, in the history too.", "Pour qui demande l’oubli. Noms, adresses, commentaires et toute autre donnée personnelle disparaissent, aussi dans l’historique.";
    erase_warning: "This cannot be undone. Number, status and money stay, and invoices that the law keeps.", "C’est irréversible. Le numéro, l’état et l’argent restent, ainsi que les factures que la loi conserve.";
    erase_confirm: "To confirm, type the customer’s number:", "Pour confirmer, tapez le numéro du client :";
    erase_sure: "Erase this person for good?", "Effacer cette personne définitivement ?";
    wrong_confirm: "This is not the customer’s number.", "Ce n’est pas le numéro du client.";
}
