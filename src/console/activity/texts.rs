//! The texts of what staff did.

use crate::web::texts::translated;

translated! {
    activity: "Activity", "Activité";
    lead: "What members of staff changed in this store, newest first.", "Ce que les membres de l’équipe ont changé dans cette boutique, du plus récent au plus ancien.";
    empty: "No member of staff changed anything yet", "Aucun membre de l’équipe n’a encore rien changé";
    empty_lead: "Add a customer or write a comment, and it stands here.", "Ajoutez un client ou écrivez un commentaire, et cela figurera ici.";
    col_when: "When", "Quand";
    col_who: "Who", "Qui";
    col_what: "What", "Quoi";
    col_customer: "Customer", "Client";
    col_subject: "Of", "Objet";
    member: "Member", "Membre";
    all_members: "All members", "Tous les membres";
    kind: "About", "Sujet";
    all_kinds: "Everything", "Tout";
    kind_customers: "Customers", "Clients";
    kind_comments: "Comments", "Commentaires";
    kind_money: "Money", "Argent";
    kind_settings: "Settings", "Réglages";
    kind_tokens: "Tokens", "Jetons";
    kind_staff: "Staff", "Équipe";
    nothing: "Nothing like this was done", "Rien de tel n’a été fait";
    nothing_lead: "Choose another member or another subject.", "Choisissez un autre membre ou un autre sujet.";
    show: "Show", "Afficher";
    newest: "Newest", "Plus récents";
    import: "import", "import";
    op_created: "Customer added", "Client ajouté";
    op_forced: "Second record made", "Second dossier créé";
    op_replaced: "Customer replaced", "Client remplacé";
    op_merged: "Customer updated", "Client mis à jour";
    op_updated: "Customer changed", "Client modifié";
    op_deleted: "Customer deleted", "Client supprimé";
    op_erased: "Customer erased", "Client effacé";
    op_invited: "Customer invited", "Client invité";
    op_archived: "Customer archived", "Client archivé";
    op_unarchived: "Customer back from the archive", "Client sorti des archives";
    op_consent_asked: "Consent asked for", "Consentement demandé";
    op_consent_given: "Consent given", "Consentement donné";
    op_consent_withdrawn: "Consent withdrawn", "Consentement retiré";
    subject_comment: "Comment", "Commentaire";
    subject_method: "Payment method", "Moyen de paiement";
    subject_subscription: "Subscription", "Abonnement";
    subject_invoice: "Invoice", "Facture";
    subject_transaction: "Payment", "Paiement";
    subject_coupon: "Coupon", "Bon de réduction";
    subject_order: "Order", "Commande";
    subject_request: "Payment request", "Demande de paiement";
    subject_product: "Product", "Produit";
    subject_settings: "Settings", "Réglages";
    subject_entrypoint: "Store", "Boutique";
    subject_keys: "Data keys", "Clés de données";
    subject_webhook: "Secret of webhooks", "Secret de webhooks";
    subject_token: "Token", "Jeton";
    colon: ": ", " : ";
    subject_member: "Member of staff", "Membre de l’équipe";
    verb_rotated: "rotation begun", "changement commencé";
    verb_revoked: "revoked", "révocation";
    verb_invited: "invited", "invitation";
    verb_another_link: "another link made", "nouveau lien créé";
    verb_removed: "removed", "retrait";
    verb_password_set: "own password set", "propre mot de passe choisi";
    verb_factor_on: "own second factor turned on", "propre second facteur activé";
    verb_factor_off: "own second factor turned off", "propre second facteur désactivé";
    verb_codes: "new recovery codes", "nouveaux codes de récupération";
    verb_created: "added", "ajout";
    verb_updated: "changed", "modification";
    verb_deleted: "deleted", "suppression";
    verb_finalized: "issued", "émission";
    verb_paid: "paid", "paiement";
    verb_credited: "credited", "avoir";
    verb_voided: "voided", "annulation";
    verb_sent: "sent", "envoi";
    verb_linked: "linked to a customer", "rattachement à un client";
    verb_void_requested: "void asked for", "annulation demandée";
    verb_assigned: "given to a customer", "attribution à un client";
    verb_redeemed: "redeemed", "utilisation";
    verb_released: "given back", "libération";
    verb_completed: "completed", "achèvement";
    verb_cancelled: "cancelled", "annulation";
    verb_begun: "begun", "commencement";
    verb_declined: "declined", "refus";
}

/// What was done, in words; a word that is not known stands as it is.
pub(super) fn operation_name(texts: &'static Texts, operation: &str) -> String {
    let Some((subject, verb)) = operation.split_once('.') else {
        let name = match operation {
            "created" => texts.op_created,
            "forced" => texts.op_forced,
            "replaced" => texts.op_replaced,
            "merged" => texts.op_merged,
            "updated" => texts.op_updated,
            "deleted" => texts.op_deleted,
            "erased" => texts.op_erased,
            "invited" => texts.op_invited,
            "archived" => texts.op_archived,
            "unarchived" => texts.op_unarchived,
            "consentAsked" => texts.op_consent_asked,
            "consentGiven" => texts.op_consent_given,
            "consentWithdrawn" => texts.op_consent_withdrawn,
            other => other,
        };
        return name.to_owned();
    };
    let subject = match subject {
        "comment" => texts.subject_comment,
        "method" => texts.subject_method,
        "subscription" => texts.subject_subscription,
        "invoice" => texts.subject_invoice,
        "transaction" => texts.subject_transaction,
        "coupon" => texts.subject_coupon,
        "order" => texts.subject_order,
        "request" => texts.subject_request,
        "product" => texts.subject_product,
        "settings" => texts.subject_settings,
        "entrypoint" => texts.subject_entrypoint,
        "keys" => texts.subject_keys,
        "webhook" => texts.subject_webhook,
        "token" => texts.subject_token,
        "member" => texts.subject_member,
        other => other,
    };
    let verb = match verb {
        "linked" if operation.starts_with("member.") => texts.verb_another_link,
        "rotated" => texts.verb_rotated,
        "revoked" => texts.verb_revoked,
        "invited" => texts.verb_invited,
        "removed" => texts.verb_removed,
        "passwordSet" => texts.verb_password_set,
        "secondFactorOn" => texts.verb_factor_on,
        "secondFactorOff" => texts.verb_factor_off,
        "codesRenewed" => texts.verb_codes,
        "created" => texts.verb_created,
        "updated" => texts.verb_updated,
        "deleted" => texts.verb_deleted,
        "finalized" => texts.verb_finalized,
        "paid" => texts.verb_paid,
        "credited" => texts.verb_credited,
        "voided" => texts.verb_voided,
        "sent" => texts.verb_sent,
        "linked" => texts.verb_linked,
        "voidRequested" => texts.verb_void_requested,
        "assigned" => texts.verb_assigned,
        "redeemed" => texts.verb_redeemed,
        "released" => texts.verb_released,
        "completed" => texts.verb_completed,
        "cancelled" => texts.verb_cancelled,
        "begun" => texts.verb_begun,
        "declined" => texts.verb_declined,
        other => other,
    };
    format!("{subject}{}{verb}", texts.colon)
}
