//! Settings of mails.

use std::fs;
use std::path::PathBuf;
use std::str::FromStr as _;
use std::time::Duration;

use clap::Args;

use super::{ConfigError, Global, within};
use crate::mail::{Address, Composer, Folder, SmtpOptions, Templates, Transport};

/// Name of the folder of mails in the data folder.
const MAIL_FOLDER: &str = "mail";
/// The address that mails come from where nobody receives them.
const MAIL_FROM_DEFAULT: &str = "no-reply@localhost";

/// Options of whatever sends mails.
#[derive(Debug, Clone, Args)]
#[expect(clippy::doc_markdown, reason = "--help prints these texts as they stand")]
pub struct MailOptions {
    /// The mail server: smtps://USER:PASSWORD@HOST:PORT for TLS, smtp://… for STARTTLS, smtp://…?tls=none for neither
    /// [default: none; mails are put into a folder]
    #[arg(long, env = "CUSTOMARY_SMTP_URL", value_name = "URL", hide_env_values = true)]
    pub smtp_url: Option<String>,

    /// A certificate that the mail server's is signed by, as PEM, beside those that the system trusts
    #[arg(long, env = "CUSTOMARY_SMTP_CA_FILE", value_name = "FILE")]
    pub smtp_ca_file: Option<PathBuf>,

    /// How long the mail server may take for one answer, and a tenth of what it may take for a whole message
    #[arg(long, env = "CUSTOMARY_SMTP_TIMEOUT", default_value = "1m", value_name = "DURATION", value_parser = short_time)]
    pub smtp_timeout: Duration,

    /// How many connections to the mail server send at once
    #[arg(long, env = "CUSTOMARY_SMTP_CONNECTIONS", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=16))]
    pub smtp_connections: u8,

    /// The address that mails come from [default: no-reply@localhost without a mail server]
    #[arg(long, env = "CUSTOMARY_MAIL_FROM", value_name = "ADDRESS")]
    pub mail_from: Option<String>,

    /// Folder that mails are put into as .eml files where there is no mail server [default: mail in the data folder]
    #[arg(long, env = "CUSTOMARY_MAIL_DIR", value_name = "FOLDER")]
    pub mail_dir: Option<PathBuf>,

    /// Folder with templates of mails that replace the built-in ones of the same name
    #[arg(long, env = "CUSTOMARY_MAIL_TEMPLATES", value_name = "FOLDER")]
    pub mail_templates: Option<PathBuf>,

    /// How long to wait before a mail is tried again; twice as long each time, up to 2h
    #[arg(long, env = "CUSTOMARY_MAIL_RETRY", default_value = "30s", value_name = "DURATION", value_parser = short_time)]
    pub mail_retry: Duration,
}

fn short_time(text: &str) -> Result<Duration, String> {
    within(text, "1ms", "1h")
}

impl MailOptions {
    /// Where mails go and how they look; links lead to `base_url`.
    ///
    /// # Errors
    /// A sentence that says what to change.
    pub fn mailer(&self, global: &Global, base_url: String) -> Result<(Composer, Transport), ConfigError> {
        let templates = match &self.mail_templates {
            Some(folder) => {
                Templates::of_folder(folder).map_err(|why| ConfigError(format!("--mail-templates: {why}")))?
            }
            None => Templates::built_in().map_err(ConfigError)?,
        };
        let from = match (&self.mail_from, &self.smtp_url) {
            (Some(from), _) => from.as_str(),
            (None, None) => MAIL_FROM_DEFAULT,
            (None, Some(_)) => {
                return Err(ConfigError(
                    "--smtp-url needs --mail-from, the address that mails come from".into(),
                ));
            }
        };
        let from = Address::from_str(from)
            .map_err(|_| ConfigError(format!("--mail-from {from} is no address such as shop@example.com")))?;
        let transport = match &self.smtp_url {
            Some(url) => {
                let certificates = self.smtp_ca_file.as_ref().map(fs::read).transpose();
                let certificates =
                    certificates.map_err(|error| ConfigError(format!("--smtp-ca-file: {error}")))?;
                let timeout = self.smtp_timeout;
                let options = SmtpOptions::parse(url, from.domain(), certificates.as_deref(), timeout);
                let connections = usize::from(self.smtp_connections);
                Transport::Smtp(options.map_err(|why| ConfigError(format!("--smtp-url {why}")))?, connections)
            }
            None => {
                let path = self.mail_dir.clone().unwrap_or_else(|| global.data_dir.join(MAIL_FOLDER));
                let folder = Folder::open(&path).map_err(|error| {
                    ConfigError(format!(
                        "the folder of mails {} cannot be made: {error}; choose another with --mail-dir",
                        path.display()
                    ))
                })?;
                Transport::Folder(folder)
            }
        };
        Ok((Composer::new(templates, from, base_url), transport))
    }
}
