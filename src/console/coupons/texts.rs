//! The texts of pages about coupons.

use crate::web::texts::translated;

translated! {
    title: "Coupons", "Bons de réduction";
    new: "New coupon", "Nouveau bon";
    edit: "Edit coupon", "Modifier le bon";
    empty: "No coupons yet", "Aucun bon de réduction pour l’instant";
    empty_lead: "A coupon takes a part or an amount off an order. Make one, tell its code, and see here who used it.",
        "Un bon retire une part ou un montant d’une commande. Créez-en un, donnez son code, et voyez ici qui l’a utilisé.";
    code: "Code", "Code";
    code_hint: "Letters, digits, -, _ and . It never changes.", "Lettres, chiffres, -, _ et . Il ne change jamais.";
    worth: "Takes off", "Réduction";
    percent_off: "Percent off", "Pourcentage de réduction";
    percent_hint: "Such as 10 or 12.5; or say an amount.", "Par exemple 10 ou 12,5 ; ou indiquez un montant.";
    amount_off: "Amount off", "Montant de réduction";
    amount_off_hint: "Instead of a percentage, with its currency.", "À la place du pourcentage, avec sa devise.";
    starts: "From", "À partir du";
    ends: "Until", "Jusqu’au";
    starts_hint: "Empty: at once. Days are in UTC.", "Vide : dès maintenant. Jours en UTC.";
    ends_hint: "Empty: without end.", "Vide : sans fin.";
    limit: "How often in all", "Nombre total d’utilisations";
    per_customer: "How often per customer", "Utilisations par client";
    limit_hint: "Empty: no limit.", "Vide : sans limite.";
    customers_only: "Only for customers to whom it is assigned", "Seulement pour les clients à qui il est attribué";
    status: "State", "État";
    set_online: "Online: it can be redeemed", "En ligne : utilisable";
    set_offline: "Offline: it cannot", "Hors ligne : inutilisable";
    online: "Online", "En ligne";
    offline: "Offline", "Hors ligne";
    redeemed: "Redeemed", "Utilisations";
    no_limit: "no limit", "sans limite";
    redemptions: "Who redeemed it", "Utilisations";
    no_redemptions: "Nobody redeemed it yet.", "Personne ne l’a encore utilisé.";
    at: "When", "Quand";
    before: "Before", "Avant";
    off: "Taken off", "Réduction";
    release: "Release", "Libérer";
    release_sure: "Release this redemption? Its place is free again; the order stays as it is.", "Libérer cette utilisation ? La place redevient disponible ; la commande reste inchangée.";
    released: "Released", "Libérée";
    delete: "Delete the coupon", "Supprimer le bon";
    delete_lead: "Only while nobody has redeemed it; else take it offline.", "Seulement si personne ne l’a utilisé ; sinon mettez-le hors ligne.";
    worth_fixed: "What it takes off cannot change once somebody redeemed it.", "La réduction ne change plus dès que quelqu’un l’a utilisé.";
}
