//! The texts of pages about products.

use crate::web::texts::translated;

translated! {
    title: "Products", "Produits";
    new: "New product", "Nouveau produit";
    empty: "No products yet", "Aucun produit pour l’instant";
    empty_lead: "What you sell often stands here once, with its price and tax, so that orders and invoices copy it. Make the first one.",
        "Ce que vous vendez souvent se note ici une fois, avec prix et taxe, pour que commandes et factures le reprennent. Créez le premier.";
    price: "Unit price, before tax", "Prix unitaire hors taxe";
    on_sale: "On sale", "En vente";
    off_sale: "Not on sale", "Hors vente";
    both: "All products", "Tous les produits";
    options: "Options", "Options";
    options_hint: "One a line: the name, a colon, and the values with commas between them. Such as: Size: S, M, L",
        "Une par ligne : le nom, deux-points, et les valeurs séparées par des virgules. Par exemple : Taille : S, M, L";
    active: "It is on sale", "Il est en vente";
    delete: "Delete the product", "Supprimer le produit";
    delete_lead: "What orders and invoices copied stays. To keep the product for later, take it off sale.",
        "Ce que commandes et factures ont repris reste. Pour garder le produit, retirez-le de la vente.";
    tax_hint: "Empty: none is said.", "Vide : non précisée.";
}
