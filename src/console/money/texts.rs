//! The texts that pages about money share.

use crate::web::texts::translated;

translated! {
    customer: "Customer", "Client";
    customer_id: "Customer number (id)", "Numéro du client (id)";
    nobody: "Nobody yet", "Personne encore";
    amount: "Amount", "Montant";
    total: "Total", "Total";
    state: "State", "État";
    any_state: "Any state", "Tous les états";
    from: "From", "Du";
    until: "Until", "Au";
    currency: "Currency", "Devise";
    currency_hint: "Three letters, such as EUR.", "Trois lettres, comme EUR.";
    date: "Date", "Date";
    store: "Store", "Boutique";
    created: "Created", "Créé le";
    updated: "Last change", "Dernière modification";
    description: "Description", "Description";
    reference: "Reference", "Référence";
    notes: "Notes", "Notes";
    filter: "Filter", "Filtrer";
    all: "Show all", "Tout afficher";
    nothing: "Nothing matches", "Aucun résultat";
    nothing_lead: "Change the filters, or show all.", "Modifiez les filtres, ou affichez tout.";
    pages: "Pages", "Pages";
    count: "in this list", "dans cette liste";
    export: "Export", "Exporter";
    export_csv: "CSV", "CSV";
    export_xlsx: "Excel", "Excel";
    export_zip: "PDFs (zip)", "PDF (zip)";
    details: "Details", "Détails";
    lines: "Lines", "Lignes";
    name: "Name", "Nom";
    quantity: "Quantity", "Quantité";
    price: "Price", "Prix";
    tax_rate: "Tax, %", "Taxe, %";
    tax: "Tax", "Taxe";
    net: "Net", "Net";
    discount: "Discount", "Remise";
    amount_hint: "Such as 12.50.", "Par exemple 12,50.";
    search: "Search", "Rechercher";
    search_customer: "Name, e-mail, phone or number of the customer", "Nom, e-mail, téléphone ou numéro du client";
    not_found: "Nobody matches. Try another spelling, or a number.", "Aucun client trouvé. Essayez une autre orthographe, ou un numéro.";
    whom: "Who is it for?", "Pour qui ?";
    whom_lead: "Find the customer by name, e-mail, phone or number.", "Cherchez le client par nom, e-mail, téléphone ou numéro.";
    link: "Address to pay at", "Adresse de paiement";
    link_lead: "Copy it now, or have it scanned. It is not shown again: the service keeps only its fingerprint.",
        "Copiez-la maintenant, ou faites-la scanner. Elle ne sera plus affichée : le service n’en garde que l’empreinte.";
    qr: "QR code of the address to pay at", "Code QR de l’adresse de paiement";
    sure_cancel: "Really cancel? This cannot be taken back.", "Vraiment annuler ? C’est définitif.";
    sure_delete: "Really delete? This cannot be taken back.", "Vraiment supprimer ? C’est définitif.";
}
