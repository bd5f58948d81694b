//! Mail settings.

use std::fs;
use std::path::PathBuf;
use std::str::FromStr as _;
use std::time::Duration;

use clap::Args;

use super::{ConfigError, Global, within};
use crate::mail::{Address, Composer, Folder, SmtpOptions, Templates, Transport};

pub(super) const MAIL_FOLDER: &str = "mail";
const MAIL_FROM_DEFAULT: &str = "no-reply@localhost";

/// Options of the subcommands that send mails.
#[derive(Debug, Clone, Args)]
#[expect(clippy::doc_markdown, reason = "--help prints these texts as they stand")]
pub struct MailOptions {
    /// Mail server: smtps://USER:PASSWORD@HOST:PORT for TLS, smtp://… for STARTTLS, smtp://…?tls=none for no encryption
    /// [default: none; the service writes mails to a folder]
    #[arg(long, env = "CUSTOMARY_SMTP_URL", value_name = "URL", hide_env_values = true)]
    pub smtp_url: Option<String>,

    /// PEM file of a certificate authority to trust for the mail server, besides those that the system trusts
    #[arg(long, env = "CUSTOMARY_SMTP_CA_FILE", value_name = "FILE")]
    pub smtp_ca_file: Option<PathBuf>,

    /// How long to wait for each answer of the mail server, from 1ms to 1h; ten times as long after a whole message
    #[arg(long, env = "CUSTOMARY_SMTP_TIMEOUT", default_value = "1m", value_name = "DURATION", value_parser = within("1ms", "1h"))]
    pub smtp_timeout: Duration,

    /// How many connections to the mail server to use at once, from 1 to 16
    #[arg(long, env = "CUSTOMARY_SMTP_CONNECTIONS", default_value_t = 2, value_name = "COUNT", value_parser = clap::value_parser!(u8).range(1..=16))]
    pub smtp_connections: u8,

    /// Sender address of the mails; required with --smtp-url [default: no-reply@localhost without a mail server]
    #[arg(long, env = "CUSTOMARY_MAIL_FROM", value_name = "ADDRESS")]
    pub mail_from: Option<String>,

    /// Folder for mails as .eml files when there is no mail server [default: mail in the data folder]
    #[arg(long, env = "CUSTOMARY_MAIL_DIR", value_name = "FOLDER")]
    pub mail_dir: Option<PathBuf>,

    /// Folder of mail templates; each file replaces the built-in template of the same name
    #[arg(long, env = "CUSTOMARY_MAIL_TEMPLATES", value_name = "FOLDER")]
    pub mail_templates: Option<PathBuf>,

    /// How long to wait before the first retry of a mail, from 1ms to 1h; the wait doubles with each retry, up to 2h
    #[arg(long, env = "CUSTOMARY_MAIL_RETRY", default_value = "30s", value_name = "DURATION", value_parser = within("1ms", "1h"))]
    pub mail_retry: Duration,
}

impl MailOptions {
    /// The composer and the transport for these options. Links in mails start with `base_url`.
    ///
    /// # Errors
    /// An option is wrong, or a file or folder is not usable; the message says what to change.
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
                    "--smtp-url needs --mail-from, the sender address of the mails".into(),
                ));
            }
        };
        let from = Address::from_str(from).map_err(|_| {
            ConfigError(format!("--mail-from {from} is not an address; write it as shop@example.com"))
        })?;
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
                let path = self.folder_path(global);
                let folder = Folder::open(&path).map_err(|error| {
                    ConfigError(format!(
                        "cannot create the mail folder {}: {error}; choose another with --mail-dir",
                        path.display()
                    ))
                })?;
                Transport::Folder(folder)
            }
        };
        let composer = Composer::new(templates, from, base_url);
        let composer =
            if matches!(transport, Transport::Folder(_)) { composer.for_files() } else { composer };
        Ok((composer, transport))
    }

    /// The folder of mails as files, in use or left from the time before there was a mail server.
    pub fn folder(&self, global: &Global, transport: &Transport) -> Option<Folder> {
        match transport {
            Transport::Folder(folder) => Some(folder.clone()),
            Transport::Smtp(..) => Some(self.folder_path(global))
                .filter(|path| path.is_dir())
                .and_then(|path| Folder::open(&path).ok()),
        }
    }

    fn folder_path(&self, global: &Global) -> PathBuf {
        self.mail_dir.clone().unwrap_or_else(|| global.data_dir.join(MAIL_FOLDER))
    }
}
