//! The texts of mails. An operator can replace any built-in template with a file of the same name.

use std::fs;
use std::path::Path;

use minijinja::{Environment, UndefinedBehavior, context};
use strum::VariantArray as _;

use crate::domain::accounts::link::{link_url, portal_url};
use crate::domain::accounts::staff::staff_link_url;
use crate::domain::entrypoints::Entrypoint;
use crate::domain::entrypoints::theme::{Language, Theme, text_on};
use crate::domain::kernel::time::Micros;
use crate::domain::mail::{
    InvoiceEnclosed, Letter, MailKind, OrderEnclosed, OrderedLine, Receipt, RequestEnclosed, Settled,
};
use crate::domain::requests::pay_url;

/// The maximum length of a name in a greeting, in characters.
const GREETED_CHARS_MAX: usize = 80;
/// The first line of a text template begins with this.
const SUBJECT: &str = "Subject:";

macro_rules! built_in {
    ($($name:literal),*; each $($kind:literal),*) => {
        [
            $(($name, include_str!(concat!("templates/", $name))),)*
            $(
                (concat!($kind, ".en.txt"), include_str!(concat!("templates/", $kind, ".en.txt"))),
                (concat!($kind, ".en.html"), include_str!(concat!("templates/", $kind, ".en.html"))),
                (concat!($kind, ".fr.txt"), include_str!(concat!("templates/", $kind, ".fr.txt"))),
                (concat!($kind, ".fr.html"), include_str!(concat!("templates/", $kind, ".fr.html"))),
            )*
        ]
    };
}

/// Every template, by its file name.
const BUILT_IN: [(&str, &str); 58] = built_in![
    "layout.html", "button.html";
    each "invitation", "reset", "locked", "passwordChanged", "emailChanged", "usernameChanged", "consentOptIn",
    "receipt", "invoice", "orderConfirmation", "paymentRequest", "methodLink", "staffInvitation",
    "staffReset"
];

/// The texts of a mail.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) subject: String,
    pub(super) plain: String,
    pub(super) html: String,
}

/// The templates in use.
#[derive(Debug)]
pub struct Templates(Environment<'static>);

impl Templates {
    /// The built-in templates.
    ///
    /// # Errors
    /// A template does not parse or render.
    pub fn built_in() -> Result<Templates, String> {
        Self::with(|_| None)
    }

    /// The templates of a folder, and the built-in one for each file that the folder lacks. Renders each once as a check.
    ///
    /// # Errors
    /// A template is wrong, or a file has the name of no template; the message names it for the operator.
    pub fn of_folder(folder: &Path) -> Result<Templates, String> {
        let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_known = BUILT_IN.iter().any(|(known, _)| *known == name);
            if !is_known && [".txt", ".html"].iter().any(|end| name.ends_with(end)) {
                let names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
                return Err(format!("there is no template {name}; the templates are {}", names.join(", ")));
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
        // By default minijinja escapes values in templates whose names end in .html.
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

    /// Renders every template once, so that an error shows at the start and not at the first mail.
    fn try_out(&self) -> Result<(), String> {
        for &kind in MailKind::VARIANTS {
            for &language in Language::VARIANTS {
                let theme = Theme { language, ..Theme::default() };
                let entrypoint = Entrypoint { entry: "shop".into(), theme, ..Entrypoint::default() };
                let letter = Letter {
                    kind,
                    customer_id: 0,
                    message_id: String::new(),
                    created_at: Micros(0),
                    address: String::new(),
                    name: "Ada".into(),
                    link: kind.has_link().then(|| "token".to_owned()),
                    receipt: (kind == MailKind::Receipt).then(Receipt::default),
                    invoice_id: None,
                    invoice: (kind == MailKind::Invoice)
                        .then(|| InvoiceEnclosed { language, ..InvoiceEnclosed::default() }),
                    order: (kind == MailKind::OrderConfirmation)
                        .then(|| Box::new(OrderEnclosed { language, ..OrderEnclosed::default() })),
                    request: kind
                        .is_request()
                        .then(|| Box::new(RequestEnclosed { language, ..RequestEnclosed::default() })),
                    staff: None,
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
        let of_staff = letter.kind.staff_link();
        let portal = match of_staff {
            Some(_) => format!("{public_url}/console"),
            None => portal_url(public_url, &entrypoint.entry),
        };
        let link = match (letter.kind.link(), &letter.link) {
            (Some(kind), Some(token)) => link_url(public_url, &entrypoint.entry, kind, token),
            (None, Some(token)) => match of_staff {
                Some(kind) => staff_link_url(public_url, kind, token),
                None => pay_url(public_url, &entrypoint.entry, token),
            },
            (_, None) => String::new(),
        };
        let of_order = letter.order.as_ref().map(|order| order.language);
        let of_request = letter.request.as_ref().map(|request| request.language);
        let own = letter.invoice.as_ref().map(|invoice| invoice.language).or(of_order).or(of_request);
        let language = own.unwrap_or(entrypoint.theme.language).code();
        let invoice = letter.invoice.as_ref().map(|invoice| {
            context! {
                is_credit_note => invoice.is_credit_note,
                number => invoice.number.as_str(),
                amount => invoice.amount.as_str(),
                left => invoice.left.as_str(),
                is_open => invoice.is_open,
                is_cancelled => invoice.settled == Settled::Cancelled,
                is_credited => invoice.settled == Settled::Credited,
                due_day => invoice.due_day.as_str(),
            }
        });
        let order = letter.order.as_ref().map(|order| {
            let line = |line: &OrderedLine| {
                context! {
                    what => line.what.as_str(),
                    quantity => line.quantity.as_str(),
                    amount => line.amount.as_str(),
                }
            };
            context! {
                number => order.number.as_str(),
                invoice_number => order.invoice_number.as_str(),
                day => order.day.as_str(),
                lines => order.lines.iter().map(line).collect::<Vec<_>>(),
                discount => order.discount.as_str(),
                tax => order.tax.as_str(),
                total => order.total.as_str(),
                is_paid => order.is_paid,
            }
        });
        let receipt = letter.receipt.as_ref().map(|receipt| {
            context! {
                amount => receipt.amount.as_str(),
                day => receipt.day.as_str(),
                number => receipt.number.as_str(),
                description => receipt.description.as_str(),
                method => receipt.method.as_str(),
            }
        });
        let request = letter.request.as_ref().map(|request| {
            context! {
                amount => request.amount.as_str(),
                description => request.description.as_str(),
                until => request.until.as_str(),
            }
        });
        let values = context! {
            store => entrypoint.store_name(),
            sender => entrypoint.sender_name(),
            name => greeted(&letter.name),
            link => link,
            portal => portal,
            color => entrypoint.color(),
            on_color => text_on(entrypoint.color()),
            language => language,
            receipt => receipt,
            invoice => invoice,
            order => order,
            request => request,
        };
        let rendered = |ending: &str| {
            let name = format!("{}.{language}.{ending}", letter.kind.name());
            let template = self.0.get_template(&name).map_err(|error| error.to_string())?;
            // The error message may quote personal values, so report only the line and the kind.
            template
                .render(&values)
                .map_err(|error| format!("{name} line {}: {:?}", error.line().unwrap_or(0), error.kind()))
        };
        let text = rendered("txt")?;
        let (subject, plain) =
            text.strip_prefix(SUBJECT).and_then(|rest| rest.split_once('\n')).ok_or_else(|| {
                format!("{}.{language}.txt must begin with a line \"{SUBJECT} …\"", letter.kind.name())
            })?;
        let html = rendered("html")?;
        Ok(Text {
            // A name may contain line breaks; the subject is one line.
            subject: subject.split_whitespace().collect::<Vec<_>>().join(" "),
            plain: plain.trim_start().to_owned(),
            html,
        })
    }
}

/// The name for a greeting. Empty if it is too long, or looks like a link: mail programs turn such a text into one.
fn greeted(name: &str) -> &str {
    let looks_like_link = name.contains("://") || name.to_ascii_lowercase().contains("www.");
    if looks_like_link || name.chars().count() > GREETED_CHARS_MAX { "" } else { name }
}
