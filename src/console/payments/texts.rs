//! The texts of pages about payments.

use crate::web::texts::translated;

translated! {
    title: "Payments", "Paiements";
    payment: "Payment", "Paiement";
    empty: "No payments yet", "Aucun paiement pour l’instant";
    empty_lead: "What your customers pay stands here, wherever it comes from: by a payment request, an order, a stored card, an import, or the API. Ask a customer for a payment to begin.",
        "Ce que vos clients paient s’affiche ici, d’où que cela vienne : demande de paiement, commande, carte enregistrée, import ou API. Pour commencer, demandez un paiement à un client.";
    go_to_customers: "Go to customers", "Voir les clients";
    operation: "Kind", "Type";
    any_operation: "Any kind", "Tous les types";
    source: "Source", "Source";
    gross: "Confirmed sales", "Ventes confirmées";
    net: "Net of fees and refunds", "Net de frais et remboursements";
    method: "Method", "Moyen";
    account: "Account", "Compte";
    invoice: "Invoice", "Facture";
    order: "Order", "Commande";
    fee: "Fee", "Frais";
    net_amount: "Net", "Net";
    external_id: "Id at the source", "Identifiant à la source";
    status_at: "State since", "Dans cet état depuis";
    refunded_amount: "Paid back", "Remboursé";
    refunds: "What was paid back", "Remboursements";
    no_refunds: "Nothing was paid back.", "Rien n’a été remboursé.";
    refund_of: "Pays back", "Rembourse";
    provider: "At the payment provider", "Chez le prestataire de paiement";
    provider_id: "Id at the provider", "Identifiant chez le prestataire";
    auth_code: "Code of the bank", "Code de la banque";
    decline_code: "Why it was declined", "Motif du refus";
    message: "In words", "En clair";
    asked_by: "Asked for by", "Demandé par";
    unknown: "The provider has not said what became of it. The service goes on asking; nothing is sent twice.",
        "Le prestataire n’a pas encore dit ce qu’il en est. Le service continue de demander ; rien n’est envoyé deux fois.";
    action: "The payer has to confirm at the bank.", "Le payeur doit confirmer auprès de sa banque.";
    pay_back: "Pay back", "Rembourser";
    pay_back_lead: "How much of it; the whole rest stands there. The money goes back the way it came.",
        "Le montant à rembourser ; tout le reste est proposé. L’argent repart par le même chemin.";
    left: "Can still be paid back", "Encore remboursable";
    pay_back_sure: "Really pay this back?", "Vraiment rembourser ?";
    elsewhere: "This payment did not go through the provider of this service. Pay it back where it was made, and send the refund here.",
        "Ce paiement n’est pas passé par le prestataire de ce service. Remboursez-le là où il a été fait, puis transmettez le remboursement ici.";
    void: "Void", "Annuler le paiement";
    void_lead: "Takes it back before its money moves. The provider says whether it is still in time.",
        "L’annule avant que l’argent ne bouge. Le prestataire dit s’il en est encore temps.";
    void_sure: "Really void this payment?", "Vraiment annuler ce paiement ?";
    receipt: "Send a receipt", "Envoyer un reçu";
    unlinked: "It belongs to nobody yet", "Ce paiement n’appartient encore à personne";
    unlinked_lead: "Find the customer who paid. Once linked it stays theirs.",
        "Trouvez le client qui a payé. Une fois rattaché, le paiement lui reste.";
    link: "Link", "Rattacher";
    link_sure: "Link to this customer? It cannot be moved later.", "Rattacher à ce client ? Il ne pourra plus changer de client.";
    is_play: "Play money", "Argent fictif";
    declined_now: "The provider refused it. Nothing was moved.", "Le prestataire a refusé. Rien n’a bougé.";
    sale: "Sale", "Vente";
}
