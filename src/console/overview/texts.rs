//! The texts of the overview.

use crate::web::texts::translated;

translated! {
    customers: "Customers", "Clients";
    new_30: "New in 30 days", "Nouveaux en 30 jours";
    sales: "Paid sales", "Ventes payées";
    of_sales: "paid sales", "ventes payées";
    gross: "Gross", "Brut";
    net: "Net", "Net";
    currency: "Currency", "Devise";
    money: "Money", "Argent";
    money_lead: "Net is less fees, refunds and chargebacks.", "Net : moins frais, remboursements et rejets.";
    no_money: "No payments yet.", "Aucun paiement pour l’instant.";
    growth: "New customers a day", "Nouveaux clients par jour";
    growth_alt: "Bars of new customers on each of the last 31 days; the table below says the same by month.",
        "Barres des nouveaux clients des 31 derniers jours ; le tableau dessous les donne par mois.";
    by_month: "By month", "Par mois";
    month: "Month (UTC)", "Mois (UTC)";
    most: "Most on one day:", "Maximum en un jour :";
    by_stage: "By stage", "Par étape";
    by_method: "By payment method", "Par moyen de paiement";
    waiting: "What waits", "À traiter";
    waiting_none: "Nothing waits. Well done.", "Rien à traiter. Bravo.";
    open_invoices: "Open invoices", "Factures ouvertes";
    overdue_invoices: "Overdue invoices", "Factures en retard";
    requests: "Unpaid payment requests", "Demandes de paiement non payées";
    imports: "Running imports", "Imports en cours";
    actions: "Quick actions", "Actions rapides";
    new_customer: "New customer", "Nouveau client";
    import: "Import a file", "Importer un fichier";
    all_customers: "See the customers", "Voir les clients";
    all_payments: "See the payments", "Voir les paiements";
    begin: "Begin here", "Commencez ici";
    begin_lead: "This store has no customers yet. Add the first one, or import a file with all of them; nobody gets a mail before you invite.",
        "Cette boutique n’a pas encore de client. Ajoutez le premier, ou importez un fichier avec tous ; personne ne reçoit d’e-mail avant votre invitation.";
    stores: "Stores", "Boutiques";
    store: "Store", "Boutique";
    sum: "All together", "Ensemble";
    without_tests: "Money of test stores is play money and stands in no sum.", "L’argent des boutiques de test est fictif et n’entre dans aucune somme.";
    no_stores: "No stores", "Aucune boutique";
    no_stores_lead: "Ask an owner to let you see one.", "Demandez à un propriétaire de vous en montrer une.";
}
