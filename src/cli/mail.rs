//! `customary mail`: tests the mail settings.

use std::process::ExitCode;

use anstream::println;
use clap::{Args, Subcommand};
use customary::clock;
use customary::config::{ConfigError, Global, MailOptions};
use customary::domain::mail::{Letter, MailKind};
use customary::mail::{Transport, Trouble};

use super::{Done, with_store};

#[derive(Debug, Subcommand)]
pub(super) enum MailCommand {
    /// Send one test mail, an invitation with a link that does not work, and report the result
    Test(Box<Test>),
}

#[derive(Debug, Args)]
pub(super) struct Test {
    /// Recipient of the mail
    #[arg(long, value_name = "ADDRESS")]
    to: String,
    /// The entrypoint that gives the names and the language
    #[arg(long, default_value = "demo", value_name = "ENTRY")]
    entry: String,
    /// URL at which customers reach the service
    #[arg(long, env = "CUSTOMARY_PUBLIC_URL", default_value = "http://127.0.0.1:8080", value_name = "URL")]
    public_url: String,
    #[command(flatten)]
    mail: MailOptions,
}

pub(super) fn run(global: &Global, command: MailCommand) -> Done {
    let MailCommand::Test(test) = command;
    // Before the folder of mails is made.
    global.require_database(&global.database()?)?;
    let (composer, transport) = test.mail.mailer(global, test.public_url.trim_end_matches('/').to_owned())?;
    let done = with_store(global, async |store| {
        let entrypoint_id = store.entrypoints().find(&test.entry).await?.map(|(id, _)| id);
        let settings = match entrypoint_id {
            Some(id) => store.entrypoints().settings(id).await?,
            None => None,
        };
        let settings =
            settings.ok_or_else(|| ConfigError(format!("there is no entrypoint {}", test.entry)))?;
        let letter = Letter {
            kind: MailKind::Invitation,
            customer_id: 0,
            message_id: uuid::Uuid::new_v4().to_string(),
            created_at: clock::now(),
            address: test.to.clone(),
            name: String::new(),
            link: Some("this-is-only-a-test".into()),
            receipt: None,
            invoice_id: None,
            invoice: None,
            order: None,
            request: None,
            staff: None,
        };
        let refused = |trouble: Trouble| ConfigError(format!("no mail was sent: {trouble}"));
        let mail = composer.compose(&settings.entrypoint, &letter).map_err(refused)?;
        match transport {
            Transport::Folder(folder) => {
                folder.put(&mail).map_err(|error| ConfigError(format!("cannot write the mail: {error}")))?;
                Ok(format!("written as {} to {}", mail.file_name, folder.path().display()))
            }
            Transport::Smtp(options, _) => {
                let mut connection = options.connect().await.map_err(refused)?;
                connection.offer(&mail.envelope).await.map_err(refused)?;
                connection.hand_over(&mail.bytes).await.map_err(refused)?;
                connection.quit().await;
                Ok("the mail server accepted the mail".into())
            }
        }
    })?;
    println!("{done}");
    Ok(ExitCode::SUCCESS)
}
