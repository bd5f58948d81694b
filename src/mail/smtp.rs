//! Connections to mail servers, and the two halves of a delivery.
//!
//! [`Connection::offer`] ends before the server has the message; [`Connection::hand_over`] sends it. A mail that fails in the
//! first half was certainly not sent. Between the two halves the caller marks the mail in the outbox.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use lettre::address::Envelope;
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use percent_encoding::percent_decode_str;
use url::{Host, Url};

use super::Trouble;

/// The answer to a whole message may take this many times as long as any other. If the client disconnects while the server
/// still works on a message, the server may deliver it and then get it again (RFC 5321, 4.5.3.2.6).
const PATIENCE: u32 = 10;

/// How a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Security {
    /// TLS from the first byte (`smtps`).
    Tls,
    /// TLS by STARTTLS. Without it no mail is sent.
    StartTls,
    /// No encryption (`?tls=none`).
    None,
}

/// The mail server's address, and how to connect to it.
#[derive(Clone)]
pub struct SmtpOptions {
    host: String,
    port: u16,
    security: Security,
    credentials: Option<Credentials>,
    hello: ClientId,
    certificates: Vec<Certificate>,
    timeout: Duration,
}

impl std::fmt::Debug for SmtpOptions {
    /// Leaves out the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "smtp {}:{} {:?}", self.host, self.port, self.security)
    }
}

impl SmtpOptions {
    /// Reads `smtps://USER:PASSWORD@HOST:PORT` (TLS, default port 465) or `smtp://…` (STARTTLS, default port 587; with
    /// `?tls=none` no encryption, default port 25). `hello` is the client name in EHLO, `certificates` is a PEM file with
    /// a certificate to trust besides the system's, and `timeout` limits the wait for one answer.
    ///
    /// # Errors
    /// The URL is wrong or unsafe; the message never contains the password.
    pub fn parse(
        address: &str,
        hello: &str,
        certificates: Option<&[u8]>,
        timeout: Duration,
    ) -> Result<SmtpOptions, String> {
        let url = Url::parse(address)
            .map_err(|_| "must be a URL such as smtps://user:password@mail.example".to_owned())?;
        let mut plain = false;
        for (name, value) in url.query_pairs() {
            match (&*name, &*value) {
                ("tls", "none") => plain = true,
                ("tls", "required") => plain = false,
                _ => return Err(format!("has no parameter {name}={value}; the only one is tls=none")),
            }
        }
        let (security, port) = match (url.scheme(), plain) {
            ("smtps", false) => (Security::Tls, 465),
            ("smtps", true) => return Err("cannot combine smtps:// with tls=none; use smtp://".into()),
            ("smtp", false) => (Security::StartTls, 587),
            ("smtp", true) => (Security::None, 25),
            _ => return Err("must start with smtp:// or smtps://".into()),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or("has no host")?;
        let decoded = |text: &str| {
            percent_decode_str(text)
                .decode_utf8()
                .map(Cow::into_owned)
                .map_err(|_| "has a user or password that is not UTF-8")
        };
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            (user, Some(password)) => Some(Credentials::new(decoded(user)?, decoded(password)?)),
            (_, None) => return Err("has a user but no password".into()),
        };
        // The scheme is not a special one to the `url` crate, so it leaves IP addresses as text.
        let is_loopback = host == "localhost"
            || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
            || matches!(url.host(), Some(Host::Ipv4(address)) if address.is_loopback());
        if security == Security::None && credentials.is_some() && !is_loopback {
            return Err("would send the password in clear; remove tls=none".into());
        }
        let certificates = match certificates {
            Some(pem) => vec![Certificate::from_pem(pem).map_err(|error| error.to_string())?],
            None => Vec::new(),
        };
        Ok(SmtpOptions {
            host: host.to_owned(),
            port: url.port().unwrap_or(port),
            security,
            credentials,
            hello: ClientId::Domain(hello.to_owned()),
            certificates,
            timeout,
        })
    }

    fn tls(&self) -> Result<TlsParameters, SmtpError> {
        let mut builder = TlsParameters::builder(self.host.trim_matches(['[', ']']).to_owned());
        for certificate in &self.certificates {
            builder = builder.add_root_certificate(certificate.clone());
        }
        builder.build()
    }

    /// Connects, encrypts the connection if asked to, and signs in.
    ///
    /// # Errors
    /// [`Trouble::Away`] for every failure.
    pub async fn connect(&self) -> Result<Connection, Trouble> {
        let away = |what: &str, error: &SmtpError| Trouble::Away(format!("{what}: {}", describe(error)));
        let wrapped = match self.security {
            Security::Tls => Some(self.tls().map_err(|error| away("TLS", &error))?),
            Security::StartTls | Security::None => None,
        };
        let host = self.host.trim_matches(['[', ']']);
        let connecting = AsyncSmtpConnection::connect_tokio1(
            (host, self.port),
            Some(self.timeout),
            &self.hello,
            wrapped,
            None,
        );
        let mut inner = within(self.timeout, connecting)
            .await
            .ok_or_else(|| Trouble::Away("the mail server does not answer".into()))?
            .map_err(|error| away("no connection to the mail server", &error))?;
        let preparing = async {
            if self.security == Security::StartTls {
                let tls = self.tls().map_err(|error| away("TLS", &error))?;
                inner.starttls(tls, &self.hello).await.map_err(|error| away("STARTTLS", &error))?;
            }
            if let Some(credentials) = &self.credentials {
                let mechanisms = [Mechanism::Plain, Mechanism::Login];
                inner.auth(&mechanisms, credentials).await.map_err(|error| away("sign-in", &error))?;
            }
            Ok(())
        };
        within(self.timeout, preparing)
            .await
            .ok_or_else(|| Trouble::Away("the mail server does not answer".into()))??;
        Ok(Connection { inner, timeout: self.timeout })
    }
}

/// A connection that sends mails one after another.
pub struct Connection {
    inner: AsyncSmtpConnection,
    timeout: Duration,
}

impl Connection {
    /// Sends sender and recipient, and returns when the server is ready for the message. The server has none of it yet.
    ///
    /// # Errors
    /// [`Trouble`]; drop the connection then.
    pub async fn offer(&mut self, envelope: &Envelope) -> Result<(), Trouble> {
        let mut parameters = Vec::new();
        let mut addresses = envelope.to().iter().chain(envelope.from());
        if addresses.any(|address| !address.to_string().is_ascii()) {
            if !self.inner.server_info().supports_feature(Extension::SmtpUtfEight) {
                let why = "the address has letters beyond ASCII before its domain, which needs a mail server with SMTPUTF8";
                return Err(Trouble::Never(why.into()));
            }
            parameters.push(MailParameter::SmtpUtfEight);
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        let is_special = !parameters.is_empty();
        let greeted = self.answered(Mail::new(envelope.from().cloned(), parameters)).await?;
        greeted.map_err(|error| {
            if is_special {
                return trouble_of_this_mail("the address", &error);
            }
            // The server knows only the sender so far, so it would refuse any other mail too.
            Trouble::Away(format!("the sender's address: {}", describe(&error)))
        })?;
        for address in envelope.to() {
            self.answered(Rcpt::new(address.clone(), Vec::new()))
                .await?
                .map_err(|error| trouble_of_this_mail("the address", &error))?;
        }
        self.answered(Data).await?.map_err(|error| trouble_of_this_mail("the message", &error))
    }

    /// Sends the message and waits until the server accepts it.
    ///
    /// # Errors
    /// [`Trouble::Never`] if the server refuses the message for good, else [`Trouble::Later`]; drop the connection then.
    pub async fn hand_over(&mut self, message: &[u8]) -> Result<(), Trouble> {
        let sending = self.inner.message(message);
        match within(self.timeout * PATIENCE, sending).await {
            Some(Ok(_)) => Ok(()),
            Some(Err(error)) => Err(trouble_of_this_mail("the message", &error)),
            None => Err(Trouble::Later("the mail server did not confirm the message in time".into())),
        }
    }

    /// Closes the connection with QUIT.
    pub async fn quit(mut self) {
        let _ = within(self.timeout.min(Duration::from_secs(5)), self.inner.quit()).await;
    }

    async fn answered<C: std::fmt::Display>(&mut self, command: C) -> Result<Result<(), SmtpError>, Trouble> {
        match within(self.timeout, self.inner.command(command)).await {
            Some(answer) => Ok(answer.map(|_| ())),
            None => Err(Trouble::Later("the mail server does not answer".into())),
        }
    }
}

async fn within<T>(timeout: Duration, future: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(timeout, future).await.ok()
}

/// The kind of an error. Leaves out the server's text, which may contain an address.
fn describe(error: &SmtpError) -> String {
    match error.status() {
        Some(code) => format!("refused with {code}"),
        None if error.is_tls() => "TLS failed".into(),
        None if error.is_timeout() => "no answer in time".into(),
        None if error.is_client() => "the server lacks a feature that is needed".into(),
        None if error.is_response() => "the answer is not valid SMTP".into(),
        None => "the connection broke".into(),
    }
}

fn trouble_of_this_mail(what: &str, error: &SmtpError) -> Trouble {
    let words = format!("{what}: {}", describe(error));
    if error.is_permanent() { Trouble::Never(words) } else { Trouble::Later(words) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(address: &str) -> Result<SmtpOptions, String> {
        SmtpOptions::parse(address, "pay.example", None, Duration::from_secs(1))
    }

    #[test]
    fn a_url_chooses_the_encryption() {
        let read = |address: &str| {
            let options = parse(address).unwrap();
            (options.host, options.port, options.security, options.credentials.is_some())
        };
        assert_eq!(read("smtps://mail.example"), ("mail.example".into(), 465, Security::Tls, false));
        assert_eq!(
            read("smtp://u:p%40@mail.example"),
            ("mail.example".into(), 587, Security::StartTls, true)
        );
        assert_eq!(read("smtp://127.0.0.1:2525?tls=none"), ("127.0.0.1".into(), 2525, Security::None, false));
        assert_eq!(read("smtp://u:p@localhost:25?tls=none"), ("localhost".into(), 25, Security::None, true));
        assert_eq!(read("smtp://u:p@[::1]:25?tls=none"), ("[::1]".into(), 25, Security::None, true));
    }

    #[test]
    fn refusals_of_a_url_do_not_reveal_the_password() {
        for bad in [
            "mail.example",
            "http://mail.example",
            "smtp://u:secret@mail.example?tls=none",
            "smtps://u:secret@mail.example?tls=none",
            "smtps://user@mail.example",
            "smtp://mail.example?starttls=1",
            "smtp://",
        ] {
            let why = parse(bad).unwrap_err();
            assert!(!why.contains("secret"), "{why}");
        }
        let shown = format!("{:?}", parse("smtps://u:secret@mail.example").unwrap());
        assert!(!shown.contains("secret"), "{shown}");
    }
}
