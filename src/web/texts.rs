//! The texts of all pages in each language. A text that is missing in one language does not compile.

use actix_web::HttpRequest;
use actix_web::http::header::{AcceptLanguage, Header as _};

use crate::domain::entrypoints::theme::Language;

/// The common texts in one language.
#[derive(Debug)]
pub(crate) struct Texts {
    pub(crate) code: &'static str,
    pub(crate) error_prefix: &'static str,
    pub(crate) skip: &'static str,
    pub(crate) problems: &'static str,
    pub(crate) not_found: &'static str,
    pub(crate) not_found_lead: &'static str,
    pub(crate) old_form: &'static str,
    pub(crate) old_form_lead: &'static str,
    pub(crate) too_large: &'static str,
    pub(crate) too_large_lead: &'static str,
    pub(crate) unavailable: &'static str,
    pub(crate) unavailable_lead: &'static str,
    pub(crate) start: &'static str,
}

/// The common texts in a language.
pub(crate) const fn texts(language: Language) -> &'static Texts {
    match language {
        Language::English => &ENGLISH,
        Language::French => &FRENCH,
    }
}

/// The first of our languages that the browser asks for, if any.
pub(crate) fn asked_language(request: &HttpRequest) -> Option<Language> {
    let asked = AcceptLanguage::parse(request).ok()?;
    asked.ranked().iter().find_map(|preference| {
        let tag = preference.item()?.to_string();
        tag.split('-').next()?.parse().ok()
    })
}

const ENGLISH: Texts = Texts {
    code: "en",
    error_prefix: "Error: ",
    skip: "Skip to content",
    problems: "Please check the following",
    not_found: "Page not found",
    not_found_lead: "There is nothing at this address.",
    old_form: "This form is out of date",
    old_form_lead: "Nothing was changed. Go back, open the page again and send the form once more; your browser must allow cookies.",
    too_large: "This form is too large",
    too_large_lead: "Nothing was changed.",
    unavailable: "This does not work at the moment",
    unavailable_lead: "Nothing was changed. Please try again in a few minutes.",
    start: "Go to the start page",
};

const FRENCH: Texts = Texts {
    code: "fr",
    error_prefix: "Erreur : ",
    skip: "Aller au contenu",
    problems: "Veuillez vérifier ce qui suit",
    not_found: "Page introuvable",
    not_found_lead: "Il n’y a rien à cette adresse.",
    old_form: "Ce formulaire n’est plus à jour",
    old_form_lead: "Rien n’a été modifié. Revenez en arrière, ouvrez la page à nouveau et renvoyez le formulaire ; votre navigateur doit accepter les cookies.",
    too_large: "Ce formulaire est trop grand",
    too_large_lead: "Rien n’a été modifié.",
    unavailable: "Cela ne fonctionne pas pour le moment",
    unavailable_lead: "Rien n’a été modifié. Réessayez dans quelques minutes.",
    start: "Aller à la page d’accueil",
};
