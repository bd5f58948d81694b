//! The texts of pages about orders.

use crate::domain::entrypoints::theme::Language;
use crate::web::texts::translated;

/// How the money of an order is collected.
pub(in crate::console) fn collect(language: Language, word: &str) -> &'static str {
    let texts = texts(language);
    match word {
        "paid" => texts.paid,
        "onAccount" => texts.on_account,
        "request" => texts.request,
        _ => "",
    }
}

translated! {
    title: "Orders", "Commandes";
    order: "Order", "Commande";
    new: "New order", "Nouvelle commande";
    empty: "No orders yet", "Aucune commande pour l’instant";
    empty_lead: "An order makes an invoice at once, and tells the customer by mail. Paid on the spot, on account, or by a link to pay: begin with the customer.",
        "Une commande crée aussitôt une facture et prévient le client par e-mail. Payée sur place, à échéance ou par un lien de paiement : commencez par le client.";
    collect: "How it is paid", "Mode de règlement";
    paid: "Paid on the spot", "Payée sur place";
    on_account: "On account", "À échéance";
    request: "By a link to pay", "Par lien de paiement";
    taken: "Taken", "Passée le";
    invoice: "Invoice", "Facture";
    coupon: "Coupon", "Bon de réduction";
    purchase_order: "Your customer’s order number", "Numéro de commande du client";
    payment_request: "Payment request", "Demande de paiement";
    show: "Show", "Afficher";
    resend: "Send the mails again", "Renvoyer les e-mails";
    resend_lead: "Confirmation and invoice go to the customer’s present address. An order that waits for its payment gets a new link to pay, and the one before ends.",
        "La confirmation et la facture partent à l’adresse actuelle du client. Une commande en attente reçoit un nouveau lien de paiement, et l’ancien prend fin.";
    cancel: "Cancel the order", "Annuler la commande";
    cancel_lead: "Voids its invoice, takes its payment request back, and frees its coupon. A paid order is corrected by a credit note instead.",
        "Annule sa facture et sa demande de paiement, et libère son bon de réduction. Une commande payée se corrige par un avoir.";
    resent: "The mails are on their way.", "Les e-mails sont en route.";
    erased: "The lines are gone with the person.", "Les lignes ont disparu avec la personne.";
}
