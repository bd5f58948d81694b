//! The texts of mails: built in, and replaced file by file by an operator's own.

use std::fs;
use std::path::Path;

use minijinja::{Environment, UndefinedBehavior, context};
use strum::VariantArray as _;

use crate::domain::accounts::link::{link_url, portal_url};
use crate::domain::entrypoints::Entrypoint;
use crate::domain::entrypoints::theme::{Language, Theme, text_on};
use crate::domain::kernel::time::Micros;
use crate::domain::mail::{Letter, MailKind};

/// The most characters of a name in a greeting.
const GREETED_CHARS_MAX: usize = 80;
/// What the first line of a text begins with.
const SUBJECT: &str = "Subject:";

macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("templates/", $name)))),*]
    };
}

/// Every template by its file's name.
const BUILT_IN: [(&str, &str); 22] = built_in![
    "layout.html",
    "button.html",
    "invitation.en.txt",
    "invitation.en.html",
    "invitation.fr.txt",
    "invitation.fr.html",
    "reset.en.txt",
    "reset.en.html",
    "reset.fr.txt",
    "reset.fr.html",
    "locked.en.txt",
    "locked.en.html",
    "locked.fr.txt",
    "locked.fr.html",
    "passwordChanged.en.txt",
    "passwordChanged.en.html",
    "passwordChanged.fr.txt",
    "passwordChanged.fr.html",
    "consentOptIn.en.txt",
    "consentOptIn.en.html",
    "consentOptIn.fr.txt",
    "consentOptIn.fr.html",
];

/// A mail's texts.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) subject: String,
    pub(super) plain: String,
    pub(super) html: String,
}

/// The templates in force.
#[derive(Debug)]
pub struct Templates(Environment<'static>);

impl Templates {
    /// Those of this program.
    ///
    /// # Errors
    /// A template that cannot be read or rendered.
    pub fn built_in() -> Result<Templates, String> {
        Self::with(|_| None)
    }

    /// Those of a folder, and those of this program for files that are not there. Each is tried out.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn of_folder(folder: &Path) -> Result<Templates, String> {
        let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_known = BUILT_IN.iter().any(|(known, _)| *known == name);
            if !is_known && [".txt", ".html"].iter().any(|end| name.ends_with(end)) {
                let names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
                return Err(format!("{name} is the name of no template; there are {}", names.join(", ")));
            }
        }
        Self::with(|name| {
            let path = folder.join(name);
            path.exists().then(|| fs::read_to_string(&path).map_err(|error| format!("{name}: {error}")))
        })
    }

    fn with(own: impl Fn(&str) -> Option<Result<String, String>>) -> Result<Templates, String> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        // Values are escaped where the name ends with .html, which is the default.
        for (name, text) in BUILT_IN {
            let text = match own(name) {
                Some(own) => own?,
                None => text.to_owned(),
            };
            environment.add_template_owned(name, text).map_err(|error| format!("{name}: {error}"))?;
        }
        let templates = Templates(environment);
        templates.try_out()?;
        Ok(templates)
    }

    /// Renders every template once, so that what is wrong shows at start and not at the first mail.
    fn try_out(&self) -> Result<(), String> {
        for &kind in MailKind::VARIANTS {
            for &language in Language::VARIANTS {
                let entrypoint = Entrypoint {
                    id: 0,
                    entry: "shop".into(),
                    org_id: 0,
                    org_name: "Shop".into(),
                    legal_name: None,
                    dba_name: None,
                    country: None,
                    policy: crate::domain::entrypoints::Policy::default(),
                    required: Vec::new(),
                    theme: Theme { language, ..Theme::default() },
                };
                let letter = Letter {
                    kind,
                    message_id: String::new(),
                    created_at: Micros(0),
                    address: String::new(),
                    name: "Ada".into(),
                    link: kind.link().map(|_| "token".to_owned()),
                };
                self.render(&entrypoint, &letter, "https://pay.example")?;
            }
        }
        Ok(())
    }

    /// The texts of a letter.
    pub(super) fn render(
        &self,
        entrypoint: &Entrypoint,
        letter: &Letter,
        public_url: &str,
    ) -> Result<Text, String> {
        let link = match (letter.kind.link(), &letter.link) {
            (Some(kind), Some(token)) => link_url(public_url, &entrypoint.entry, kind, token),
            _ => String::new(),
        };
        let language = entrypoint.theme.language.code();
        let values = context! {
            store => entrypoint.store_name(),
            sender => entrypoint.sender_name(),
            name => greeted(&letter.name),
            link => link,
            portal => portal_url(public_url, &entrypoint.entry),
            color => entrypoint.color(),
            on_color => text_on(entrypoint.color()),
            language => language,
        };
        let rendered = |ending: &str| {
            let name = format!("{}.{language}.{ending}", letter.kind.name());
            let template = self.0.get_template(&name).map_err(|error| error.to_string())?;
            // The message may quote the values; where it went wrong says enough.
            template
                .render(&values)
                .map_err(|error| format!("{name} line {}: {:?}", error.line().unwrap_or(0), error.kind()))
        };
        let text = rendered("txt")?;
        let (subject, plain) = text
            .strip_prefix(SUBJECT)
            .and_then(|rest| rest.split_once('\n'))
            .ok_or_else(|| format!("a text must begin with a line \"{SUBJECT} …\""))?;
        let html = rendered("html")?;
        Ok(Text {
            // One line, whatever a name brings along.
            subject: subject.split_whitespace().collect::<Vec<_>>().join(" "),
            plain: plain.trim_start().to_owned(),
            html,
        })
    }
}

/// A name as a greeting may have it: none that looks like a link, which mail programs would make one, and none too long.
fn greeted(name: &str) -> &str {
    let looks_like_link = name.contains("://") || name.to_ascii_lowercase().contains("www.");
    if looks_like_link || name.chars().count() > GREETED_CHARS_MAX { "" } else { name }
}
