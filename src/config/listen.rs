//! The address to listen on, by number or by name.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::str::FromStr;

/// An address and a port, as the operator wrote them, with what the name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    text: String,
    addresses: Vec<SocketAddr>,
}

impl Listen {
    /// All addresses that the name stands for; at least one.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Whether only this machine can reach all of them.
    pub fn is_loopback(&self) -> bool {
        self.addresses.iter().all(|address| address.ip().is_loopback())
    }
}

impl FromStr for Listen {
    type Err = String;
    fn from_str(text: &str) -> Result<Listen, String> {
        let advice = |example: String| format!("must be an address and a port, such as {example}");
        if text.contains("://") {
            return Err(advice("127.0.0.1:8080, without http://".to_owned()));
        }
        let Some((host, port)) = text.rsplit_once(':').filter(|(host, _)| !host.ends_with(':')) else {
            let is_port = text.parse::<u16>().is_ok();
            return Err(advice(if is_port { format!("127.0.0.1:{text}") } else { format!("{text}:8080") }));
        };
        if host.is_empty() {
            return Err(advice(format!("127.0.0.1:{port} for this machine alone, or 0.0.0.0:{port}")));
        }
        if port.parse::<u16>().is_err() {
            return Err(advice(format!("{host}:8080")));
        }
        let addresses: Vec<SocketAddr> = text
            .to_socket_addrs()
            .map_err(|error| format!("names a host that this machine does not know: {error}"))?
            .collect();
        if addresses.is_empty() {
            return Err("names a host without an address".to_owned());
        }
        Ok(Listen { text: text.to_owned(), addresses })
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_addresses() {
        for (text, is_loopback) in [
            ("127.0.0.1:8080", true),
            ("[::1]:80", true),
            ("localhost:8080", true),
            ("0.0.0.0:0", false),
            ("[::]:1", false),
        ] {
            let listen: Listen = text.parse().unwrap();
            assert_eq!((listen.is_loopback(), listen.to_string().as_str()), (is_loopback, text));
            assert!(!listen.addresses().is_empty());
        }
        for (text, part) in [
            ("8080", "127.0.0.1:8080"),
            (":8080", "0.0.0.0:8080"),
            ("localhost", "localhost:8080"),
            ("localhost:http", "localhost:8080"),
            ("localhost:80800", "localhost:8080"),
            ("http://localhost:8080", "without http://"),
            ("::1", "::1:8080"),
            ("no.such.host.invalid:80", "does not know"),
        ] {
            let why = text.parse::<Listen>().unwrap_err();
            assert!(why.contains(part), "{text}: {why}");
        }
    }
}
