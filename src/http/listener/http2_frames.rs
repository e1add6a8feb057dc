//! Rate limit for HTTP/2 frames that contain neither a request nor data: pings, settings, priorities, window updates
//! and similar frames. Each causes work, and the HTTP/2 library limits only some of them. This stream parses the frame
//! headers, and fails if a client sends too many.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::http::message_rate::MessageRate;

/// The connection preface of HTTP/2.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADER_LEN: usize = 9;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;

/// Bytes written to a client that permit it another frame: it sends window updates and pings for the data that it
/// receives.
const BYTES_PER_FRAME: usize = 512;
/// Maximum number of frames permitted in this way.
const MAX_ALLOWED: usize = 100_000;

/// More frames than a client needs.
#[derive(Debug, thiserror::Error)]
#[error("too many HTTP/2 frames without a request or data")]
struct TooManyFrames;

/// A stream that counts a client's HTTP/2 frames, and passes all data through.
pub(super) struct Http2Frames<S> {
    stream: S,
    rate: MessageRate,
    /// Bytes written since the last permitted frame.
    written: usize,
    allowed: usize,
    state: State,
}

enum State {
    /// Received bytes of the preface.
    Preface(usize),
    Header {
        bytes: [u8; HEADER_LEN],
        len: usize,
    },
    /// Remaining payload of a frame, in bytes.
    Payload(usize),
    /// Another protocol.
    Other,
}

const BEFORE_HEADER: State = State::Header { bytes: [0; HEADER_LEN], len: 0 };

impl<S> Http2Frames<S> {
    /// Creates a stream whose client can send such frames at `rate`.
    pub(super) fn new(stream: S, rate: MessageRate) -> Self {
        Self { stream, rate, written: 0, allowed: 0, state: State::Preface(0) }
    }

    fn received(&mut self, mut bytes: &[u8]) -> Result<(), TooManyFrames> {
        while !bytes.is_empty() {
            match &mut self.state {
                State::Other => return Ok(()),
                State::Preface(received) => {
                    let rest = &PREFACE[*received..];
                    let len = rest.len().min(bytes.len());
                    if rest[..len] != bytes[..len] {
                        self.state = State::Other;
                        return Ok(());
                    }
                    bytes = &bytes[len..];
                    *received += len;
                    if *received == PREFACE.len() {
                        self.state = BEFORE_HEADER;
                    }
                }
                State::Header { bytes: header, len } => {
                    let more = (HEADER_LEN - *len).min(bytes.len());
                    header[*len..][..more].copy_from_slice(&bytes[..more]);
                    *len += more;
                    bytes = &bytes[more..];
                    if *len == HEADER_LEN {
                        let [a, b, c, kind, ..] = *header;
                        let payload = u32::from_be_bytes([0, a, b, c]) as usize;
                        self.count(kind, payload)?;
                        self.state = if payload == 0 { BEFORE_HEADER } else { State::Payload(payload) };
                    }
                }
                State::Payload(left) => {
                    let len = (*left).min(bytes.len());
                    *left -= len;
                    bytes = &bytes[len..];
                    if *left == 0 {
                        self.state = BEFORE_HEADER;
                    }
                }
            }
        }
        Ok(())
    }

    fn count(&mut self, kind: u8, payload: usize) -> Result<(), TooManyFrames> {
        if matches!(kind, HEADERS | CONTINUATION) || (kind == DATA && payload > 0) {
            return Ok(());
        }
        if self.allowed > 0 {
            self.allowed -= 1;
            return Ok(());
        }
        if self.rate.exceeded() { Err(TooManyFrames) } else { Ok(()) }
    }

    fn wrote(&mut self, written: usize) {
        self.written += written;
        self.allowed = (self.allowed + self.written / BYTES_PER_FRAME).min(MAX_ALLOWED);
        self.written %= BYTES_PER_FRAME;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Http2Frames<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, into))?;
        let received = self.received(&into.filled()[before..]);
        if received.is_err() {
            // A failed read must not report data.
            into.set_filled(before);
        }
        Poll::Ready(received.map_err(io::Error::other))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Http2Frames<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, from))?;
        self.wrote(written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, from))?;
        self.wrote(written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const PING: (u8, &[u8]) = (6, b"12345678");

    fn bytes(frames: &[(u8, &[u8])]) -> Vec<u8> {
        let mut bytes = PREFACE.to_vec();
        for (kind, payload) in frames {
            bytes.extend(&u32::try_from(payload.len()).expect("a length").to_be_bytes()[1..]);
            bytes.extend([*kind, 0, 0, 0, 0, 1]);
            bytes.extend(*payload);
        }
        bytes
    }

    async fn passes(sent: &[u8]) -> bool {
        let mut passed = Vec::new();
        let read = Http2Frames::new(sent, MessageRate::new(2)).read_to_end(&mut passed).await;
        read.is_ok_and(|_| passed == sent)
    }

    #[tokio::test(start_paused = true)]
    async fn frames_without_a_request_or_data_have_a_limit() {
        for frame in [PING, (4, b""), (2, b"12345"), (8, b"1234"), (3, b"1234"), (0, b""), (77, b"")] {
            assert!(passes(&bytes(&[frame; 20])).await, "{frame:?}");
            assert!(!passes(&bytes(&[frame; 21])).await, "{frame:?}");
        }
        for frame in [(1, &b"x"[..]), (9, b"x"), (0, b"x")] {
            assert!(passes(&bytes(&vec![frame; 1_000])).await, "{frame:?}");
        }
        assert!(passes(&bytes(&[PING; 100])[1..]).await, "no HTTP/2");
        assert!(passes(b"").await);
    }

    #[tokio::test(start_paused = true)]
    async fn written_data_raises_the_frame_limit() {
        let (near, mut far) = tokio::io::duplex(100_000);
        let mut near = Http2Frames::new(near, MessageRate::new(2));
        let sent = bytes(&[PING; 40]);
        far.write_all(&sent).await.expect("sent");
        near.write_all(&vec![0; 20 * BYTES_PER_FRAME]).await.expect("written");
        near.read_exact(&mut vec![0; sent.len()]).await.expect("all pass");
        far.write_all(&bytes(&[PING])[PREFACE.len()..]).await.expect("sent");
        near.read_exact(&mut [0; 17]).await.expect_err("one too many");
    }
}
