//! The server's address, `chat://host:port` (C-ARG-1, C-ARG-2).

use std::fmt;
use std::num::NonZeroU16;
use std::str::FromStr;

use url::{Host, ParseError, Url};

/// The one scheme of a server's address.
const SCHEME: &str = "chat";

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// A domain name or an IP address.
    pub host: Host,
    /// The port that the server printed when it started.
    pub port: NonZeroU16,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}://{}:{}", self.host, self.port)
    }
}

/// What is wrong with an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressError {
    /// It does not begin with `scheme://`.
    NotUrl,
    /// It has this scheme instead of `chat`.
    OtherScheme(String),
    /// There is no `//` after the scheme.
    NoSlashes,
    /// The host is missing.
    NoHost,
    /// The host is invalid.
    BadHost(String),
    /// The port is missing.
    NoPort,
    /// The port is not a number.
    PortNotNumber(String),
    /// The port is not between 1 and 65535.
    PortOutOfRange(String),
    /// It has `user@` or `user:password@` before the host.
    UserInformation,
    /// It has a path, query or fragment after the port.
    Trailing(String),
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUrl => write!(f, "it is not a URL")?,
            Self::OtherScheme(scheme) => write!(f, "its scheme is `{scheme}`, not `{SCHEME}`")?,
            Self::NoSlashes => write!(f, "there is no `//` after `{SCHEME}:`")?,
            Self::NoHost => write!(f, "it has no host")?,
            Self::BadHost(why) => write!(f, "its host is invalid: {why}")?,
            Self::NoPort => write!(f, "it has no port")?,
            Self::PortNotNumber(port) => write!(f, "its port `{port}` is not a number")?,
            Self::PortOutOfRange(port) => write!(f, "its port {port} is not between 1 and 65535")?,
            Self::UserInformation => write!(
                f,
                "it has a user before the host; give the name as the first argument"
            )?,
            Self::Trailing(rest) => write!(f, "`{rest}` after the port is not allowed")?,
        }
        write!(f, "; write the address as {SCHEME}://host:port")
    }
}

impl std::error::Error for AddressError {}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let url = Url::parse(text).map_err(|error| explain(error, text))?;
        if url.scheme() != SCHEME {
            return Err(AddressError::OtherScheme(url.scheme().to_owned()));
        }
        if authority(text).is_none() {
            return Err(AddressError::NoSlashes);
        }
        let host = url.host_str().ok_or(AddressError::NoHost)?;
        if authority(text).is_some_and(|authority| authority.contains('@')) {
            return Err(AddressError::UserInformation);
        }
        let port = url.port().ok_or(AddressError::NoPort)?;
        let port =
            NonZeroU16::new(port).ok_or_else(|| AddressError::PortOutOfRange(port.to_string()))?;
        if let Some(rest) = trailing(&url) {
            return Err(AddressError::Trailing(rest));
        }
        // The url crate does not parse hosts under schemes that it does not know. This recognises
        // IP addresses and names beyond ASCII.
        let host = Host::parse(host).map_err(|error| AddressError::BadHost(error.to_string()))?;
        Ok(Self { host, port })
    }
}

/// Converts an error of the url crate.
fn explain(error: ParseError, text: &str) -> AddressError {
    let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
    match error {
        ParseError::RelativeUrlWithoutBase => AddressError::NotUrl,
        _ if !scheme.eq_ignore_ascii_case(SCHEME) => AddressError::OtherScheme(scheme.to_owned()),
        ParseError::EmptyHost => AddressError::NoHost,
        ParseError::InvalidPort => {
            let port = authority(text).and_then(|authority| authority.rsplit(':').next());
            let port = port.unwrap_or_default().to_owned();
            match port.bytes().all(|byte| byte.is_ascii_digit()) {
                true => AddressError::PortOutOfRange(port),
                false => AddressError::PortNotNumber(port),
            }
        }
        other => AddressError::BadHost(other.to_string()),
    }
}

/// The part between `//` and the path.
fn authority(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    rest.split(['/', '?', '#']).next()
}

/// The part after the port. A lone slash is allowed, since some programs write addresses that way.
fn trailing(url: &Url) -> Option<String> {
    let path = match url.path() {
        "/" => "",
        path => path,
    };
    let query = url.query().map(|query| format!("?{query}"));
    let fragment = url.fragment().map(|fragment| format!("#{fragment}"));
    let rest = [
        path,
        &query.unwrap_or_default(),
        &fragment.unwrap_or_default(),
    ]
    .concat();
    (!rest.is_empty()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fault(text: &str) -> AddressError {
        text.parse::<Address>().expect_err(text)
    }

    #[test]
    fn good_addresses() {
        for (text, shown) in [
            ("chat://localhost:5000", "chat://localhost:5000"),
            ("chat://127.0.0.1:1", "chat://127.0.0.1:1"),
            ("chat://[::1]:65535", "chat://[::1]:65535"),
            ("CHAT://Example.org:5000/", "chat://example.org:5000"),
            ("chat://münchen.de:5000", "chat://xn--mnchen-3ya.de:5000"),
        ] {
            assert_eq!(text.parse::<Address>().expect(text).to_string(), shown);
        }
    }

    #[test]
    fn each_mistake_has_its_error() {
        use AddressError::*;
        for text in [
            "",
            "hello",
            "127.0.0.1:5000",
            "//localhost:5000",
            "://localhost:5000",
        ] {
            assert_eq!(fault(text), NotUrl, "{text}");
        }
        for (text, scheme) in [
            ("http://localhost:5000", "http"),
            ("http://:5000", "http"),
            ("http://localhost:none", "http"),
            ("localhost:5000", "localhost"),
        ] {
            assert_eq!(fault(text), OtherScheme(scheme.to_owned()), "{text}");
        }
        for text in ["chat:localhost:5000", "chat:/localhost:5000", "chat:"] {
            assert_eq!(fault(text), NoSlashes, "{text}");
        }
        for text in ["chat://", "chat://:5000", "chat:///localhost:5000"] {
            assert_eq!(fault(text), NoHost, "{text}");
        }
        for text in ["chat://a b:5000", "chat://[::1", "chat://300.1.1.1:5000"] {
            assert!(matches!(fault(text), BadHost(_)), "{text}");
        }
        for text in [
            "chat://localhost",
            "chat://localhost:",
            "chat://localhost/5000",
        ] {
            assert_eq!(fault(text), NoPort, "{text}");
        }
        for (text, port) in [
            ("chat://localhost:http", "http"),
            ("chat://localhost:-1", "-1"),
            ("chat://localhost:50x0/", "50x0"),
        ] {
            assert_eq!(fault(text), PortNotNumber(port.to_owned()), "{text}");
        }
        for (text, port) in [
            ("chat://localhost:0", "0"),
            ("chat://localhost:65536", "65536"),
        ] {
            assert_eq!(fault(text), PortOutOfRange(port.to_owned()), "{text}");
        }
        for text in [
            "chat://alice@localhost:5000",
            "chat://alice:secret@localhost:5000",
        ] {
            assert_eq!(fault(text), UserInformation, "{text}");
        }
        for (text, rest) in [
            ("chat://localhost:5000/room", "/room"),
            ("chat://localhost:5000?room", "?room"),
            ("chat://localhost:5000#room", "#room"),
        ] {
            assert_eq!(fault(text), Trailing(rest.to_owned()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = text.parse::<Address>();
            let _ = format!("chat://{text}").parse::<Address>();
            let _ = format!("chat://localhost:{text}").parse::<Address>();
        }

        #[test]
        fn every_port_from_one_on_is_valid(port in 1_u16..) {
            let address: Address = format!("chat://localhost:{port}").parse().expect("good");
            prop_assert_eq!(address.port.get(), port);
        }
    }
}
