//! Listen addresses.

use std::net::{Ipv4Addr, SocketAddr};

/// Parses an address with a port. `localhost` is 127.0.0.1; other host names are rejected, because none is resolved.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let expected = || "expected ADDRESS:PORT, such as 127.0.0.1:8080, 0.0.0.0:8080, [::1]:8080 or localhost:8080";
    if let Some(port) = text.strip_prefix("localhost:") {
        let port = port.parse().map_err(|_| expected())?;
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    text.parse().map_err(|_| expected().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_port_and_may_be_localhost() {
        for (text, address) in
            [("localhost:8080", "127.0.0.1:8080"), ("127.0.0.1:0", "127.0.0.1:0"), ("[::1]:8080", "[::1]:8080")]
        {
            assert_eq!(self::address(text), Ok(address.parse().expect("an address")), "{text}");
        }
        for text in ["", "8080", ":8080", "localhost", "localhost:", "localhost:99999", "example.org:80", "::1:8080:x"]
        {
            assert!(self::address(text).expect_err(text).contains("expected ADDRESS:PORT"), "{text}");
        }
    }
}
