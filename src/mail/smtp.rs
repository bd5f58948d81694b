//! Mail servers: connections, and the two halves of handing a mail over.
//!
//! [`Connection::offer`] comes to an end before the server has the message, [`Connection::hand_over`] sends it. What fails in
//! the first half was certainly not sent; between the two, the outbox is marked.

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

/// How much longer than other answers the answer to a whole message may take: a server that is cut off while it still
/// works on a message may deliver it, and get it again (RFC 5321, 4.5.3.2.6).
const PATIENCE: u32 = 10;

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Security {
    /// TLS from the first byte (`smtps`).
    Tls,
    /// TLS by STARTTLS, or nothing is sent.
    StartTls,
    /// None (`?tls=none`).
    None,
}

/// Where the mail server is and how to speak to it.
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
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "smtp {}:{} {:?}", self.host, self.port, self.security)
    }
}

impl SmtpOptions {
    /// Reads `smtps://USER:PASSWORD@HOST:PORT` (TLS, port 465 by default) or `smtp://…` (STARTTLS, 587; with `?tls=none`
    /// without TLS, 25). `hello` is the name that the server is greeted with, `certificates` more to be trusted, as PEM, and
    /// `timeout` how long the server may take for one answer.
    ///
    /// # Errors
    /// A sentence for the operator, without the password.
    pub fn parse(
        address: &str,
        hello: &str,
        certificates: Option<&[u8]>,
        timeout: Duration,
    ) -> Result<SmtpOptions, String> {
        let url = Url::parse(address)
            .map_err(|_| "must be an address such as smtps://user:password@mail.example".to_owned())?;
        let mut plain = false;
        for (name, value) in url.query_pairs() {
            match (&*name, &*value) {
                ("tls", "none") => plain = true,
                ("tls", "required") => plain = false,
                _ => return Err(format!("knows no {name}={value}; there is tls=none")),
            }
        }
        let (security, port) = match (url.scheme(), plain) {
            ("smtps", false) => (Security::Tls, 465),
            ("smtps", true) => return Err("smtps is TLS; tls=none is for smtp".into()),
            ("smtp", false) => (Security::StartTls, 587),
            ("smtp", true) => (Security::None, 25),
            _ => return Err("must start with smtp:// or smtps://".into()),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or("names no host")?;
        let decoded = |text: &str| {
            percent_decode_str(text).decode_utf8().map(Cow::into_owned).map_err(|_| "holds no UTF-8")
        };
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            (user, Some(password)) => Some(Credentials::new(decoded(user)?, decoded(password)?)),
            (_, None) => return Err("names a user but no password".into()),
        };
        // A non-special scheme: addresses are hosts of text here.
        let is_loopback = host == "localhost"
            || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
            || matches!(url.host(), Some(Host::Ipv4(address)) if address.is_loopback());
        if security == Security::None && credentials.is_some() && !is_loopback {
            return Err("would send the password in clear; leave out tls=none".into());
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

    /// Connects, protects the connection, and signs in.
    ///
    /// # Errors
    /// [`Trouble::Away`].
    pub async fn connect(&self) -> Result<Connection, Trouble> {
        let away = |what: &str, error: &SmtpError| Trouble::Away(format!("{what}: {}", told(error)));
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

/// A connection that takes mails, one after the other.
pub struct Connection {
    inner: AsyncSmtpConnection,
    timeout: Duration,
}

impl Connection {
    /// Names sender and recipient and is told to go on: the server has nothing of the message yet.
    ///
    /// # Errors
    /// [`Trouble`]; the connection is then of no more use.
    pub async fn offer(&mut self, envelope: &Envelope) -> Result<(), Trouble> {
        let mut parameters = Vec::new();
        let mut addresses = envelope.to().iter().chain(envelope.from());
        if addresses.any(|address| !address.to_string().is_ascii()) {
            if !self.inner.server_info().supports_feature(Extension::SmtpUtfEight) {
                return Err(Trouble::Never("the mail server takes no address with such letters".into()));
            }
            parameters.push(MailParameter::SmtpUtfEight);
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        let is_special = !parameters.is_empty();
        let greeted = self.answered(Mail::new(envelope.from().cloned(), parameters)).await?;
        greeted.map_err(|error| {
            if is_special {
                return of_this_mail("the address", &error);
            }
            // Nothing of this mail is known to the server yet: it would say so to any.
            Trouble::Away(format!("the sender's address: {}", told(&error)))
        })?;
        for address in envelope.to() {
            self.answered(Rcpt::new(address.clone(), Vec::new()))
                .await?
                .map_err(|error| of_this_mail("the address", &error))?;
        }
        self.answered(Data).await?.map_err(|error| of_this_mail("the message", &error))
    }

    /// Sends the message and waits until the server takes it.
    ///
    /// # Errors
    /// [`Trouble::Never`] where it refuses, else [`Trouble::Later`]; the connection is then of no more use.
    pub async fn hand_over(&mut self, message: &[u8]) -> Result<(), Trouble> {
        let sending = self.inner.message(message);
        match within(self.timeout * PATIENCE, sending).await {
            Some(Ok(_)) => Ok(()),
            Some(Err(error)) => Err(of_this_mail("the message", &error)),
            None => Err(Trouble::Later("the mail server does not say whether it took the message".into())),
        }
    }

    /// Says goodbye.
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

/// What kind of error it was, without the server's own words, which may hold an address.
fn told(error: &SmtpError) -> String {
    match error.status() {
        Some(code) => format!("refused with {code}"),
        None if error.is_tls() => "no TLS".into(),
        None if error.is_timeout() => "no answer".into(),
        None if error.is_client() => "what is needed is not offered".into(),
        None if error.is_response() => "an answer that is none".into(),
        None => "the connection broke".into(),
    }
}

fn of_this_mail(what: &str, error: &SmtpError) -> Trouble {
    let words = format!("{what}: {}", told(error));
    if error.is_permanent() { Trouble::Never(words) } else { Trouble::Later(words) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(address: &str) -> Result<SmtpOptions, String> {
        SmtpOptions::parse(address, "pay.example", None, Duration::from_secs(1))
    }

    #[test]
    fn addresses_say_how_a_connection_is_protected() {
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
    fn doubtful_addresses_are_refused_without_telling_the_password() {
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
