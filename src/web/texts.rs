//! The texts of all pages in each language. A text that is missing in one language does not compile.

use actix_web::HttpRequest;
use actix_web::http::header::{AcceptLanguage, Header as _};

use crate::domain::entrypoints::theme::Language;

/// Makes `Texts`, the texts in one language, and `texts`, which finds those of a language. An entry has the name of a text,
/// the text in English, and the text in French.
macro_rules! translated {
    ($($name:ident: $english:literal, $french:literal;)+) => {
        #[derive(Debug)]
        pub(crate) struct Texts {
            $(pub(crate) $name: &'static str,)+
        }

        pub(crate) const fn texts(language: $crate::domain::entrypoints::theme::Language) -> &'static Texts {
            match language {
                $crate::domain::entrypoints::theme::Language::English => &Texts { $($name: $english,)+ },
                $crate::domain::entrypoints::theme::Language::French => &Texts { $($name: $french,)+ },
            }
        }
    };
}
pub(crate) use translated;

/// The first of our languages that the browser asks for, if any.
pub(crate) fn asked_language(request: &HttpRequest) -> Option<Language> {
    let asked = AcceptLanguage::parse(request).ok()?;
    asked.ranked().iter().find_map(|preference| {
        let tag = preference.item()?.to_string();
        tag.split('-').next()?.parse().ok()
    })
}

translated! {
    code: "en", "fr";
    error_prefix: "Error: ", "Erreur : ";
    colon: ": ", " : ";
    skip: "Skip to content", "Aller au contenu";
    problems: "Please check the following", "Veuillez vérifier ce qui suit";
    not_found: "Page not found", "Page introuvable";
    not_found_lead: "There is nothing at this address.", "Il n’y a rien à cette adresse.";
    old_form: "This form is out of date", "Ce formulaire n’est plus à jour";
    old_form_lead: "Nothing was changed. Go back, open the page again and send the form once more; your browser must allow cookies.",
        "Rien n’a été modifié. Revenez en arrière, ouvrez la page à nouveau et renvoyez le formulaire ; votre navigateur doit accepter les cookies.";
    too_large: "This form is too large", "Ce formulaire est trop grand";
    too_large_lead: "Nothing was changed.", "Rien n’a été modifié.";
    busy: "Too many visitors at the moment", "Trop de visiteurs pour le moment";
    busy_lead: "Nothing was changed. Please try again in a few seconds.",
        "Rien n’a été modifié. Réessayez dans quelques secondes.";
    unavailable: "This does not work at the moment", "Cela ne fonctionne pas pour le moment";
    unavailable_lead: "Nothing was changed. Please try again in a few minutes.",
        "Rien n’a été modifié. Réessayez dans quelques minutes.";
    start: "Go to the start page", "Aller à la page d’accueil";
}
