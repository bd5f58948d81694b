//! The printed words in each language. A word that is missing in one language does not compile.

use super::invoice::{Kind, Language, PaymentState};

/// Makes `Words`, the words in one language, and `words`, which finds those of a language. An entry has the name of a word,
/// the word in English, and the word in French.
macro_rules! translated {
    ($($name:ident: $english:literal, $french:literal;)+) => {
        #[derive(Debug)]
        pub(super) struct Words {
            $(pub(super) $name: &'static str,)+
        }

        pub(super) const fn words(language: Language) -> &'static Words {
            match language {
                Language::English => &Words { $($name: $english,)+ },
                Language::French => &Words { $($name: $french,)+ },
            }
        }
    };
}

translated! {
    code: "en", "fr";
    invoice: "Invoice", "Facture";
    credit_note: "Credit note", "Avoir";
    number: "Number", "Numéro";
    from: "From", "Émetteur";
    billed_to: "Billed to", "Facturé à";
    credited_to: "Credited to", "Adressé à";
    vat_number: "VAT number", "N° de TVA";
    issued: "Issue date", "Date d’émission";
    due: "Due date", "Date d’échéance";
    corrects: "Corrects invoice", "Corrige la facture";
    purchase_order: "Purchase order", "Bon de commande";
    state: "Payment", "Paiement";
    paid: "Paid", "Payée";
    open: "To be paid", "À payer";
    partly_paid: "Partly paid", "Payée en partie";
    credit_paid: "Refunded", "Remboursé";
    credit_open: "To be refunded", "À rembourser";
    credit_partly_paid: "Partly refunded", "Remboursé en partie";
    description: "Description", "Désignation";
    quantity: "Quantity", "Quantité";
    unit_price: "Unit price", "Prix unitaire";
    discount: "Discount", "Remise";
    tax_rate: "Tax rate", "Taux TVA";
    net: "Net", "Montant HT";
    tax: "Tax", "TVA";
    total: "Total", "Total TTC";
    subtotal: "Subtotal", "Sous-total HT";
    sum_paid: "Paid", "Déjà réglé";
    sum_credit: "Credit", "Crédit";
    amount_due: "Amount due", "Reste à payer";
    amount_refunded: "Amount to be refunded", "Reste à rembourser";
    untaxed_total: "Total", "Total";
    notes: "Terms and notes", "Conditions et remarques";
}

impl Words {
    /// What a document is.
    pub(super) const fn kind(&self, kind: Kind) -> &'static str {
        match kind {
            Kind::Invoice => self.invoice,
            Kind::CreditNote => self.credit_note,
        }
    }

    /// How much of a document is paid.
    pub(super) const fn payment(&self, kind: Kind, state: PaymentState) -> &'static str {
        match (kind, state) {
            (Kind::Invoice, PaymentState::Paid) => self.paid,
            (Kind::Invoice, PaymentState::Open) => self.open,
            (Kind::Invoice, PaymentState::PartlyPaid) => self.partly_paid,
            (Kind::CreditNote, PaymentState::Paid) => self.credit_paid,
            (Kind::CreditNote, PaymentState::Open) => self.credit_open,
            (Kind::CreditNote, PaymentState::PartlyPaid) => self.credit_partly_paid,
        }
    }
}

/// `page 2 of 5`.
pub(super) fn page_of(language: Language, page: usize, pages: usize) -> String {
    match language {
        Language::English => format!("page {page} of {pages}"),
        Language::French => format!("page {page} sur {pages}"),
    }
}
