//! The texts of pages about payment requests.

use crate::web::texts::translated;

translated! {
    title: "Payment requests", "Demandes de paiement";
    request: "Payment request", "Demande de paiement";
    new: "New reusable request", "Nouvelle demande réutilisable";
    empty: "No payment requests yet", "Aucune demande de paiement pour l’instant";
    empty_lead: "A payment request is an address where somebody pays. Ask one customer from their page, or an invoice from its page; a reusable request serves whoever has its address: on a poster, a bill, a collection.",
        "Une demande de paiement est une adresse où l’on paie. Faites-la depuis la page d’un client ou d’une facture ; une demande réutilisable sert à quiconque a son adresse : affiche, facture papier, collecte.";
    lead: "Whoever has the address can pay. Every payer says an e-mail address and a name, and becomes a customer.",
        "Quiconque a l’adresse peut payer. Chaque payeur indique un e-mail et un nom, et devient client.";
    whoever: "Whoever has it", "Quiconque l’a";
    expires: "Until", "Jusqu’au";
    uses: "Paid so often", "Nombre de paiements";
    max_uses: "At most so often", "Nombre maximal de paiements";
    max_uses_hint: "Empty: any number of times.", "Vide : sans limite.";
    no_limit: "no limit", "sans limite";
    payer_says: "The payer says how much", "Le payeur choisit le montant";
    amount_hint: "Leave it empty if the payer says how much.", "Laissez vide si le payeur choisit le montant.";
    limits: "If the payer says how much", "Si le payeur choisit le montant";
    min: "At least", "Au moins";
    max: "At most", "Au plus";
    methods: "How it can be paid", "Moyens de paiement";
    methods_hint: "None ticked: in every way.", "Rien de coché : tous.";
    card: "Card", "Carte";
    ach: "Bank account", "Compte bancaire";
    wallet: "Wallet", "Portefeuille";
    collect: "What the page asks for", "Ce que la page demande";
    collect_hint: "The e-mail address is always asked for.", "L’e-mail est toujours demandé.";
    email: "E-mail address", "Adresse e-mail";
    phone: "Phone", "Téléphone";
    address: "Address", "Adresse";
    what_for: "What it is for; the payer reads it", "Objet ; le payeur le lit";
    expires_in: "Days until it expires", "Jours avant expiration";
    expires_hint: "1 to 365; 14 if empty.", "De 1 à 365 ; 14 si vide.";
    success_url: "Where the payer goes afterwards", "Où va le payeur ensuite";
    cancel_url: "Where a payer goes who gives up", "Où va un payeur qui renonce";
    url_hint: "An address that begins with https://.", "Une adresse qui commence par https://.";
    page_language: "Language of the page", "Langue de la page";
    browser_language: "As the payer’s browser asks", "Selon le navigateur du payeur";
    reference_hint: "What you call it; the payer does not see it.", "Votre nom pour elle ; le payeur ne le voit pas.";
    create: "Make the request", "Créer la demande";
    invoice: "Invoice", "Facture";
    order: "Order", "Commande";
    last_payment: "Last payment", "Dernier paiement";
    show: "Show", "Afficher";
    resend: "Give it a new address", "Lui donner une nouvelle adresse";
    resend_lead: "The service does not know the address any more: it keeps only its fingerprint. A new one is shown once, and the one before ends.",
        "Le service ne connaît plus l’adresse : il n’en garde que l’empreinte. Une nouvelle est affichée une fois, et la précédente prend fin.";
    resend_mail: "Also send it to the customer by mail", "L’envoyer aussi au client par e-mail";
    cancel: "Take it back", "Retirer la demande";
    cancel_lead: "Its page then says that nothing is to be paid.", "Sa page indique alors qu’il n’y a rien à payer.";
}
