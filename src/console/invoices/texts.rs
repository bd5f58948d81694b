//! The texts of pages about invoices.

use crate::web::texts::translated;

translated! {
    title: "Invoices", "Factures";
    invoice: "Invoice", "Facture";
    credit_note: "Credit note", "Avoir";
    draft_title: "Draft of an invoice", "Brouillon de facture";
    empty: "No invoices yet", "Aucune facture pour l’instant";
    empty_lead: "An invoice begins as a draft, which you can change. Issued, it gets its number and never changes again; then you send it, ask for its payment, or record one.",
        "Une facture commence par un brouillon modifiable. Une fois émise, elle reçoit son numéro et ne change plus ; vous l’envoyez, demandez son paiement, ou en enregistrez un.";
    new: "New invoice", "Nouvelle facture";
    new_for: "New invoice for", "Nouvelle facture pour";
    number: "Number", "Numéro";
    no_number: "Draft", "Brouillon";
    number_search: "Number of the invoice", "Numéro de la facture";
    due: "Due", "Échéance";
    issued_on: "Issued", "Émise le";
    only_overdue: "Overdue only", "En retard seulement";
    kind: "Kind", "Type";
    kinds: "Invoices and credit notes", "Factures et avoirs";
    open_amount: "Still to be paid", "Reste à payer";
    paid_amount: "Paid of it", "Déjà payé";
    overpaid: "Paid beyond it", "Trop-perçu";
    page_total: "On this page", "Sur cette page";
    page_open: "Of that still to be paid", "Dont reste à payer";
    sent_on: "Last sent", "Dernier envoi";
    terms: "Terms of payment", "Conditions de paiement";
    purchase_order: "Your customer’s order number", "Numéro de commande du client";
    conditions: "Terms and conditions", "Conditions générales";
    notes_hint: "Stand on the invoice.", "Figurent sur la facture.";
    seller: "Seller", "Vendeur";
    buyer: "Buyer", "Acheteur";
    vat_number: "VAT number", "Numéro de TVA";
    by_rate: "Tax by rate", "Taxe par taux";
    payments: "Payments", "Paiements";
    no_payments: "Nothing is paid yet.", "Rien n’est encore payé.";
    credit_notes: "Credit notes", "Avoirs";
    corrects: "Corrects", "Corrige";
    pdf: "Download PDF", "Télécharger le PDF";
    issue: "Issue", "Émettre";
    issue_lead: "The draft gets its number and a copy of your and the customer’s data as they are now. It cannot be changed afterwards.",
        "Le brouillon reçoit son numéro et une copie de vos données et de celles du client telles qu’elles sont. Il ne pourra plus être modifié.";
    next_number: "Its number would be", "Son numéro serait";
    issue_sure: "Issue this invoice? It cannot be changed afterwards.", "Émettre cette facture ? Elle ne pourra plus être modifiée.";
    send: "Send by mail", "Envoyer par e-mail";
    send_sure: "Send this invoice to the customer?", "Envoyer cette facture au client ?";
    record: "Record a payment", "Enregistrer un paiement";
    record_lead: "For money that came without a payment system: cash, a transfer, a cheque.",
        "Pour l’argent reçu sans système de paiement : espèces, virement, chèque.";
    method: "How it was paid", "Moyen de paiement";
    transfer: "Transfer", "Virement";
    cash: "Cash", "Espèces";
    cheque: "Cheque", "Chèque";
    card: "Card", "Carte";
    other: "Other", "Autre";
    paid_at: "When", "Quand";
    reference_hint: "Such as the number on the bank statement. The same again is not counted twice.",
        "Par exemple le numéro sur le relevé. Le même n’est pas compté deux fois.";
    ask: "Ask for payment", "Demander le paiement";
    ask_lead: "Makes an address where the customer pays this invoice. Copy it, have it scanned, or send it by mail.",
        "Crée une adresse où le client paie cette facture. Copiez-la, faites-la scanner, ou envoyez-la par e-mail.";
    ask_by_mail: "Also send it to the customer by mail", "L’envoyer aussi au client par e-mail";
    credit: "Credit", "Faire un avoir";
    credit_title: "Credit note for", "Avoir pour";
    credit_lead: "A credit note takes back what you choose, with a number of its own. The invoice itself stays.",
        "Un avoir reprend ce que vous choisissez, avec son propre numéro. La facture reste inchangée.";
    credit_all: "All of it", "En totalité";
    credit_part: "A part: how much of each line", "En partie : quantité de chaque ligne";
    credit_quantity: "Quantity to take back", "Quantité à reprendre";
    credit_sure: "Issue the credit note? It cannot be taken back.", "Émettre l’avoir ? C’est définitif.";
    credit_none: "Say of at least one line how much to take back, or choose all of it.",
        "Indiquez pour au moins une ligne la quantité à reprendre, ou choisissez la totalité.";
    credit_both: "Choose either all of it, or quantities of lines.", "Choisissez soit la totalité, soit des quantités par ligne.";
    void: "Void", "Annuler la facture";
    void_lead: "Takes back an invoice of which nothing is paid. Its number stays.",
        "Annule une facture dont rien n’est payé. Son numéro reste.";
    delete: "Delete the draft", "Supprimer le brouillon";
    save_draft: "Save as draft", "Enregistrer le brouillon";
    save_and_issue: "Save and issue", "Enregistrer et émettre";
    add_line: "Add a line", "Ajouter une ligne";
    add_product: "Add a product", "Ajouter un produit";
    product: "Product", "Produit";
    line: "Line", "Ligne";
    more_description: "More about it", "Précisions";
    lines_hint: "Empty lines are left out.", "Les lignes vides sont ignorées.";
    discount_hint: "An amount before tax, taken off the whole.", "Un montant hors taxe, déduit du tout.";
    invoice_date: "Day of issue", "Date d’émission";
    invoice_date_hint: "Empty: the day when it is issued.", "Vide : le jour de l’émission.";
    due_date: "To be paid by", "À payer avant le";
    due_hint: "Empty: as the settings say.", "Vide : selon les réglages.";
    edit_title: "Edit the draft", "Modifier le brouillon";
}
