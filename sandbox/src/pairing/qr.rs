//! The text of a pairing QR code.

use base64::{Engine, prelude::BASE64_STANDARD};

use crate::Error;

/// Prefix of a code that is meant for a phone's camera.
const LINK: &str = "https://wa.me/settings/linked_devices#";

/// The content of a QR code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Code {
    /// Reference of the waiting connection.
    pub(crate) reference: String,
    /// The static key of the connection.
    pub(crate) noise: [u8; 32],
    pub(crate) identity: [u8; 32],
    /// Known to both sides only, not to the server.
    pub(crate) secret: [u8; 32],
}

impl Code {
    /// Parses `reference,noise key,identity key,secret,client type`.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let fields: Vec<_> = text.strip_prefix(LINK).unwrap_or(text).split(',').collect();
        let [reference, noise, identity, secret, ..] = fields[..] else {
            return Err(Error::InvalidQr("it has fewer than four fields"));
        };
        if reference.is_empty() {
            return Err(Error::InvalidQr("its reference is empty"));
        }
        Ok(Self { reference: reference.to_owned(), noise: key(noise)?, identity: key(identity)?, secret: key(secret)? })
    }
}

fn key(field: &str) -> Result<[u8; 32], Error> {
    let bytes = BASE64_STANDARD.decode(field).map_err(|_| Error::InvalidQr("a key is not base64"))?;
    bytes.try_into().map_err(|_| Error::InvalidQr("a key does not have 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_with_and_without_the_link() {
        let keys = [1, 2, 3].map(|byte| BASE64_STANDARD.encode([byte; 32]));
        let text = format!("2@abc,{},{},{},9", keys[0], keys[1], keys[2]);
        let code = Code::parse(&text).unwrap();
        assert_eq!(code.reference, "2@abc");
        assert_eq!((code.noise, code.identity, code.secret), ([1; 32], [2; 32], [3; 32]));
        assert_eq!(Code::parse(&format!("{LINK}{text}")).unwrap(), code);
    }

    #[test]
    fn a_code_without_keys_is_rejected() {
        assert!(matches!(Code::parse("2@abc,x,y"), Err(Error::InvalidQr(_))));
        assert!(matches!(Code::parse("2@abc,x,y,z,9"), Err(Error::InvalidQr(_))));
    }
}
