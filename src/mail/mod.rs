//! Mails: written from templates, then sent to a mail server or stored in a folder.
//!
//! This module does not know the database. `jobs::mail` takes mails from the outbox, sends them with this module, and
//! records the result.

mod folder;
mod smtp;
mod templates;

pub use self::folder::{Folder, KeptMail};
pub use self::smtp::{Connection, SmtpOptions};
pub use self::templates::Templates;

pub use lettre::Address;
use lettre::Message;
use lettre::message::header::{ContentTransferEncoding, ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Attachment, Body, Mailbox, MultiPart, SinglePart, header};

use crate::domain::customers::email;
use crate::domain::entrypoints::Entrypoint;
use crate::domain::mail::Letter;

/// The longest line of a message, without its end (RFC 5322, 2.1.1).
const LINE_BYTES_MAX: usize = 998;

/// Why a mail did not go out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The mail server is unreachable or refuses every mail. This mail is not the cause.
    #[error("{0}")]
    Away(String),
    /// This mail failed; a retry may succeed.
    #[error("{0}")]
    Later(String),
    /// This mail failed, and every retry would fail.
    #[error("{0}")]
    Never(String),
}

/// Where mails go.
#[derive(Debug, Clone)]
pub enum Transport {
    /// Into a folder.
    Folder(Folder),
    /// To a mail server, over this many connections at once.
    Smtp(SmtpOptions, usize),
}

/// A message with its sender and recipient.
#[derive(Debug, Clone)]
pub struct Composed {
    /// Sender and recipient for the mail server.
    pub envelope: lettre::address::Envelope,
    /// Headers and body, lines ended by CR LF.
    pub bytes: Vec<u8>,
    /// A file name, the same at each attempt: time, entrypoint, kind, customer, random part of the Message-ID.
    pub file_name: String,
}

/// Turns letters into messages.
#[derive(Debug)]
pub struct Composer {
    templates: Templates,
    from: Address,
    public_url: String,
    keeps_lines: bool,
}

impl Composer {
    /// A composer for mails from this address, with links that start with `public_url` (no slash at the end).
    pub fn new(templates: Templates, from: Address, public_url: String) -> Composer {
        let from = email::deliverable(from.as_ref()).parse().unwrap_or(from);
        Composer { templates, from, public_url, keeps_lines: false }
    }

    /// The same composer for mails that persons read as files: no line of the text is folded, so that links stay whole. A
    /// mail server may not take such a message.
    #[must_use]
    pub fn for_files(self) -> Composer {
        Composer { keeps_lines: true, ..self }
    }

    fn part(&self, media: ContentType, text: String) -> SinglePart {
        // RFC 5322 allows no longer line, and 8bit no NUL. The library would fold every line of more than 76 bytes.
        let is_plain = text.lines().all(|line| line.len() <= LINE_BYTES_MAX) && !text.contains('\0');
        let body = if self.keeps_lines && is_plain {
            let lines: String = text.lines().flat_map(|line| [line, "\r\n"]).collect();
            Body::dangerous_pre_encoded(lines.into_bytes(), ContentTransferEncoding::EightBit)
        } else {
            Body::new(text)
        };
        SinglePart::builder().header(media).body(body)
    }

    /// The message of a letter. Headers are typed and encoded, so no name can add a header.
    ///
    /// # Errors
    /// [`Trouble::Never`] if the address is not a mail address; [`Trouble::Later`] if a template fails.
    pub fn compose(&self, entrypoint: &Entrypoint, letter: &Letter) -> Result<Composed, Trouble> {
        let never = |why: &str| Trouble::Never(why.to_owned());
        let address = email::deliverable(&letter.address);
        let to: Address = address.parse().map_err(|_| never("the address is not a mail address"))?;
        let text = self
            .templates
            .render(entrypoint, letter, &self.public_url)
            .map_err(|error| Trouble::Later(format!("a template fails: {error}")))?;
        let date = <header::Date as Header>::parse(&letter.created_at.to_rfc2822())
            .map_err(|_| never("the date does not fit a header"))?;
        // The header of RFC 3834 asks recipients not to send automatic replies.
        let name = HeaderName::new_from_ascii_str("Auto-Submitted");
        let not_to_answer = HeaderValue::new(name, "auto-generated".to_owned());
        let message_id = format!("<{}@{}>", letter.message_id, self.from.domain());
        let sender = Mailbox::new(Some(one_line(entrypoint.sender_name())), self.from.clone());
        let alternative = MultiPart::alternative()
            .singlepart(self.part(ContentType::TEXT_PLAIN, text.plain))
            .singlepart(self.part(ContentType::TEXT_HTML, text.html));
        let message = Message::builder()
            .header(date)
            .from(sender)
            .to(Mailbox::new(None, to))
            .subject(text.subject)
            .message_id(Some(message_id))
            .raw_header(not_to_answer)
            .multipart(match &letter.invoice {
                None => alternative,
                Some(invoice) => {
                    let pdf =
                        ContentType::parse("application/pdf").map_err(|_| never("the type of a PDF"))?;
                    let enclosed = Attachment::new(invoice.file_name.clone()).body(invoice.pdf.clone(), pdf);
                    MultiPart::mixed().multipart(alternative).singlepart(enclosed)
                }
            })
            .map_err(|error| Trouble::Never(format!("the message cannot be composed: {error}")))?;
        let file_name = format!(
            "{}-{}-{}-{}-{}.eml",
            letter.created_at.to_compact(),
            entrypoint.entry,
            letter.kind.name(),
            letter.customer_id,
            letter.message_id
        );
        Ok(Composed { envelope: message.envelope().clone(), bytes: message.formatted(), file_name })
    }
}

/// A name without control characters, so that it stays on one header line. New names are checked when they are stored;
/// names from before that check may contain some.
fn one_line(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use strum::VariantArray as _;

    use super::*;
    use crate::domain::entrypoints::theme::{Language, Theme};
    use crate::domain::kernel::time::Micros;
    use crate::domain::mail::{InvoiceEnclosed, MailKind, Receipt};

    fn shop(store: &str) -> Entrypoint {
        Entrypoint {
            entry: "shop".into(),
            theme: Theme { store_name: Some(store.into()), ..Theme::default() },
            ..Entrypoint::default()
        }
    }

    fn letter(kind: MailKind, name: &str) -> Letter {
        Letter {
            kind,
            customer_id: 7,
            message_id: "0f9c".into(),
            created_at: Micros(1_772_359_200_000_000),
            address: "ada.roe@example.test".into(),
            name: name.into(),
            link: kind.has_link().then(|| "TOKEN".to_owned()),
            receipt: (kind == MailKind::Receipt).then(Receipt::default),
            invoice_id: None,
            invoice: (kind == MailKind::Invoice).then(InvoiceEnclosed::default),
            order: (kind == MailKind::OrderConfirmation).then(Box::default),
            request: kind.is_request().then(Box::default),
            staff: None,
        }
    }

    fn composed(entrypoint: &Entrypoint, letter: &Letter) -> String {
        let templates = Templates::built_in().unwrap();
        let from = "no-reply@pay.example".parse().unwrap();
        let composer = Composer::new(templates, from, "https://pay.example".into());
        String::from_utf8(composer.compose(entrypoint, letter).unwrap().bytes).unwrap()
    }

    fn head(message: &str) -> &str {
        message.split_once("\r\n\r\n").unwrap().0
    }

    #[test]
    fn every_mail_has_the_headers_it_needs_in_both_languages() {
        for &kind in MailKind::VARIANTS {
            for &language in Language::VARIANTS {
                let mut shop = shop("Oakton Tools");
                shop.theme.language = language;
                let message = composed(&shop, &letter(kind, "Ada Roe"));
                let head = head(&message);
                for line in [
                    "From: \"Oakton Tools\" <no-reply@pay.example>",
                    "To: ada.roe@example.test",
                    "Date: Sun, 01 Mar 2026 10:00:00 +0000",
                    "Message-ID: <0f9c@pay.example>",
                    "Auto-Submitted: auto-generated",
                    "MIME-Version: 1.0",
                ] {
                    assert!(head.split("\r\n").any(|own| own == line), "{line} in {head}");
                }
                assert!(message.contains("multipart/alternative"), "{head}");
                assert!(!message.contains("{{") && !message.contains("{%"), "{message}");
                let links = message.matches("TOKEN").count();
                assert!(kind.has_link() == (links > 0), "{message}");
            }
        }
    }

    #[test]
    fn mail_goes_to_the_ascii_form_of_the_domain() {
        let letter = |address: &str| Letter { address: address.into(), ..letter(MailKind::Locked, "Ada") };
        let message = composed(&shop("Shop"), &letter("ada@bücher.example"));
        assert!(head(&message).contains("To: ada@xn--bcher-kva.example\r\n"), "{message}");
        let message = composed(&shop("Shop"), &letter("jörg@bücher.example"));
        assert!(head(&message).contains("To: jörg@xn--bcher-kva.example\r\n"), "{message}");
    }

    #[test]
    fn a_mail_for_a_file_has_its_link_on_one_line_in_both_languages() {
        for &language in Language::VARIANTS {
            let mut shop = shop("Oakton Tools");
            shop.theme.language = language;
            let token = "t".repeat(43);
            let letter = Letter { link: Some(token.clone()), ..letter(MailKind::Invitation, "Zoë") };
            let from: Address = "no-reply@pay.example".parse().unwrap();
            let url = format!("https://{}.example", "customers-of-a-long-name".repeat(2));
            let of = |composer: Composer| {
                String::from_utf8(composer.compose(&shop, &letter).unwrap().bytes).unwrap()
            };
            let composer = || Composer::new(Templates::built_in().unwrap(), from.clone(), url.clone());
            let is_whole =
                |text: &str| text.lines().any(|line| line.starts_with(&url) && line.ends_with(&token));
            let file = of(composer().for_files());
            assert!(is_whole(&file), "{file}");
            assert!(file.contains("Content-Transfer-Encoding: 8bit"), "{file}");
            let mail = of(composer());
            assert!(!mail.contains("Content-Transfer-Encoding: 8bit"), "{mail}");
        }
    }

    #[test]
    fn names_add_neither_headers_nor_elements() {
        let evil = "<img src=x onerror=alert(1)> \"; Bcc: a@b.test";
        let message = composed(&shop(evil), &letter(MailKind::Locked, "<b>Ada</b> & co"));
        assert!(!head(&message).contains("\r\nBcc:"), "{message}");
        let message = message.replace("=\r\n", "");
        assert!(message.contains("&lt;b&gt;Ada&lt;") && message.contains("&amp; co"), "{message}");
        let html = message.split("text/html").nth(1).unwrap();
        assert!(!html.contains("<img") && !html.contains("<b>"), "{html}");
    }

    #[test]
    fn line_breaks_add_no_headers() {
        // Names are checked when they are stored; this covers a name that slips through.
        let message =
            composed(&shop("Shop\r\nBcc: a@b.test"), &letter(MailKind::Locked, "Ada\r\nBcc: c@d.test"));
        assert!(
            !head(&message).split("\r\n").any(|line| line.to_ascii_lowercase().starts_with("bcc")),
            "{message}"
        );
    }
}
