//! Redacts phone numbers in log lines: errors of the WhatsApp library contain addresses. In lines of dependencies every
//! long number is masked. In our own lines, which can include an error of a dependency, only numbers in an address are.

use std::io::{self, Write};

use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

use super::library_filter;

/// Minimum digits of a number that is masked.
const MIN_MASKED_DIGITS: usize = 7;
/// A digit, so that a number in a line of JSON remains a number.
const MASK: &[u8] = b"0";

/// Returns a writer that masks lines and writes them to the writers of `make`.
pub(super) fn redacting<M>(make: M) -> RedactingWriter<M> {
    RedactingWriter(make)
}

/// Creates a masking writer for each line.
pub(super) struct RedactingWriter<M>(M);

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for RedactingWriter<M> {
    type Writer = RedactedLine<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        RedactedLine { writer: self.0.make_writer(), ours: false }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Self::Writer {
        RedactedLine { writer: self.0.make_writer_for(metadata), ours: library_filter::is_ours(metadata.target()) }
    }
}

/// Writes one line.
pub(super) struct RedactedLine<W> {
    writer: W,
    ours: bool,
}

impl<W: Write> Write for RedactedLine<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.writer.write_all(&mask(line, self.ours))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// Masks long numbers in a line; in one of `ours`, only those in an address.
fn mask(line: &[u8], ours: bool) -> Vec<u8> {
    let mut masked = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some(first) = rest.first() {
        let alike = |byte: &&u8| byte.is_ascii_digit() == first.is_ascii_digit();
        let (run, behind) = rest.split_at(rest.iter().take_while(alike).count());
        let is_personal = first.is_ascii_digit() && run.len() >= MIN_MASKED_DIGITS && (!ours || is_in_address(behind));
        masked.extend_from_slice(if is_personal { MASK } else { run });
        rest = behind;
    }
    masked
}

/// Returns whether the number before `behind` is the user part of an address, with or without a device.
fn is_in_address(behind: &[u8]) -> bool {
    let device = behind.iter().take_while(|byte| byte.is_ascii_digit() || b":._".contains(byte)).count();
    behind.get(device) == Some(&b'@')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(line: &str, ours: bool) -> String {
        String::from_utf8(mask(line.as_bytes(), ours)).expect("text")
    }

    #[test]
    fn long_numbers_of_others_are_masked() {
        for (line, expected) in [
            ("no session with 15550100001:3@s.whatsapp.net", "no session with 0:3@s.whatsapp.net"),
            ("15550100001.0 is unknown", "0.0 is unknown"),
            ("2026-11-22T06:40:03.123456Z", "2026-11-22T06:40:03.123456Z"),
            ("120363000000000001@g.us", "0@g.us"),
            (r#"{"elapsed_secs":0.0012345678,"rows":12345678}"#, r#"{"elapsed_secs":0.0,"rows":0}"#),
            ("", ""),
        ] {
            assert_eq!(masked(line, false), expected);
        }
    }

    #[test]
    fn of_our_own_those_in_an_address_are() {
        for (line, expected) in [
            ("request.id=20261122064003", "request.id=20261122064003"),
            ("refused: 15550100001@s.whatsapp.net", "refused: 0@s.whatsapp.net"),
            ("refused: 15550100001_1:12@lid", "refused: 0_1:12@lid"),
        ] {
            assert_eq!(masked(line, true), expected);
        }
    }
}
