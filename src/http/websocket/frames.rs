//! Limits a WebSocket's frames before they are decoded. The decoder allocates memory for a whole frame when it has read
//! the header, and does not report frames without a message. Therefore this stream splits long frames into short
//! fragments, limits messages by their headers, and counts frames of every kind.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::http::message_rate::MessageRate;

/// Maximum length of a fragment, in bytes. A multiple of 4, so that the frame's mask applies to each fragment.
const MAX_FRAGMENT_LEN: u64 = 2048;
/// A continuation frame shorter than this counts as a message, in bytes.
const SHORT_FRAGMENT_LEN: u64 = 1024;
/// Maximum length of a frame header, in bytes: 2, a length of 8, and a mask of 4.
const MAX_HEADER_LEN: usize = 14;
/// Maximum payload of a control frame, in bytes.
const MAX_CONTROL_LEN: u64 = 125;

const FIN: u8 = 0x80;
const OPCODE: u8 = 0x0f;
const CONTROL: u8 = 0x08;
const CONTINUATION: u8 = 0x00;
const MASKED: u8 = 0x80;
/// Markers in place of a short length: the length is in the next two or eight bytes.
const TWO_BYTES: u8 = 0x7e;
const EIGHT_BYTES: u8 = 0x7f;

/// Reason for rejecting a client's frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Violation {
    /// The header of a frame makes its message longer than the limit.
    #[error("message too long")]
    TooLong,
    /// The client sends more frames than the rate limit allows.
    #[error("too many frames")]
    TooMany,
}

impl Violation {
    /// Returns the violation in an error of the stream or of its decoder.
    pub(super) fn in_error(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }
}

/// A stream of a client's frames.
pub(super) struct Frames<S> {
    stream: S,
    rate: MessageRate,
    max_message_len: u64,
    /// Length of the current message, as announced by its headers.
    message_len: u64,
    /// The header being received.
    header: Header,
    /// The header of the current fragment.
    fragment: Header,
    /// Bytes of `fragment` that have been passed on.
    passed: usize,
    /// Remaining payload of the fragment, in bytes.
    fragment_left: u64,
    /// Remaining payload of the frame after this fragment, in bytes.
    frame_left: u64,
}

/// The bytes of a header.
#[derive(Default, Clone, Copy)]
struct Header {
    bytes: [u8; MAX_HEADER_LEN],
    len: usize,
}

impl Header {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.len..][..bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    /// Returns the length of the whole header, as far as it is known.
    fn whole_len(&self) -> usize {
        if self.len < 2 {
            return 2;
        }
        let length = match self.bytes[1] & !MASKED {
            TWO_BYTES => 2,
            EIGHT_BYTES => 8,
            _ => 0,
        };
        2 + length + if self.is_masked() { 4 } else { 0 }
    }

    fn is_masked(&self) -> bool {
        self.bytes[1] & MASKED != 0
    }

    fn opcode(&self) -> u8 {
        self.bytes[0] & OPCODE
    }

    fn payload_len(&self) -> u64 {
        match self.bytes[1] & !MASKED {
            TWO_BYTES => u64::from(u16::from_be_bytes([self.bytes[2], self.bytes[3]])),
            EIGHT_BYTES => u64::from_be_bytes(std::array::from_fn(|at| self.bytes[2 + at])),
            short => u64::from(short),
        }
    }

    fn mask(&self) -> &[u8] {
        if self.is_masked() { &self.bytes[self.len - 4..self.len] } else { &[] }
    }

    /// Returns the header of a fragment of this frame.
    fn of_fragment(&self, first: bool, last: bool, len: u64) -> Self {
        // The opcode of a continuation is 0.
        let mut kind = if first { self.bytes[0] } else { self.bytes[0] & FIN };
        if !last {
            kind &= !FIN;
        }
        let masked = self.bytes[1] & MASKED;
        let mut header = Self::default();
        match (u8::try_from(len), u16::try_from(len)) {
            (Ok(short @ 0..=125), _) => header.push(&[kind, masked | short]),
            (_, Ok(len)) => {
                header.push(&[kind, masked | TWO_BYTES]);
                header.push(&len.to_be_bytes());
            }
            (_, Err(_)) => unreachable!("a fragment is short"),
        }
        header.push(self.mask());
        header
    }
}

impl<S> Frames<S> {
    /// Creates a stream whose client can send at `rate`, with messages of at most `max_message_len` bytes.
    pub(super) fn new(stream: S, rate: MessageRate, max_message_len: usize) -> Self {
        let max_message_len = u64::try_from(max_message_len).unwrap_or(u64::MAX);
        Self {
            stream,
            rate,
            max_message_len,
            message_len: 0,
            header: Header::default(),
            fragment: Header::default(),
            passed: 0,
            fragment_left: 0,
            frame_left: 0,
        }
    }

    /// Sets the maximum message length for further messages, in bytes.
    pub(super) fn set_max_message_len(&mut self, max_message_len: usize) {
        self.max_message_len = u64::try_from(max_message_len).unwrap_or(u64::MAX);
    }

    /// Returns the underlying stream, for input that is no longer decoded.
    pub(super) fn undecoded(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Validates a frame by its header.
    fn check(&mut self) -> Result<(), Violation> {
        let (opcode, len) = (self.header.opcode(), self.header.payload_len());
        let counts = opcode != CONTINUATION || len < SHORT_FRAGMENT_LEN;
        if counts && self.rate.exceeded() {
            return Err(Violation::TooMany);
        }
        if opcode & CONTROL != 0 {
            return if len > MAX_CONTROL_LEN { Err(Violation::TooLong) } else { Ok(()) };
        }
        let before = if opcode == CONTINUATION { self.message_len } else { 0 };
        self.message_len = before.saturating_add(len);
        if self.message_len > self.max_message_len { Err(Violation::TooLong) } else { Ok(()) }
    }

    /// Begins to pass on the next fragment of a frame.
    fn begin_fragment(&mut self, first: bool, left: u64) {
        let len = left.min(MAX_FRAGMENT_LEN);
        self.fragment = self.header.of_fragment(first, len == left, len);
        (self.passed, self.fragment_left, self.frame_left) = (0, len, left - len);
    }
}

impl<S: AsyncRead + Unpin> Frames<S> {
    /// Reads the rest of a header. Returns whether the header is complete; the stream can end before.
    fn poll_header(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        while self.header.len < self.header.whole_len() {
            let mut part = [0; MAX_HEADER_LEN];
            let mut part = ReadBuf::new(&mut part[..self.header.whole_len() - self.header.len]);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut part))?;
            if part.filled().is_empty() {
                return Poll::Ready(Ok(false));
            }
            self.header.push(part.filled());
        }
        Poll::Ready(Ok(true))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Frames<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if this.passed < this.fragment.len {
                let rest = &this.fragment.bytes[this.passed..this.fragment.len];
                let passed = rest.len().min(into.remaining());
                into.put_slice(&rest[..passed]);
                this.passed += passed;
                return Poll::Ready(Ok(()));
            }
            if this.fragment_left > 0 {
                let most = usize::try_from(this.fragment_left).unwrap_or(usize::MAX).min(into.remaining());
                let mut part = ReadBuf::new(into.initialize_unfilled_to(most));
                ready!(Pin::new(&mut this.stream).poll_read(context, &mut part))?;
                let read = part.filled().len();
                into.advance(read);
                this.fragment_left -= read as u64;
                return Poll::Ready(Ok(()));
            }
            if this.frame_left > 0 {
                this.begin_fragment(false, this.frame_left);
                continue;
            }
            if this.header.len == this.header.whole_len() {
                // The frame is over. Its header was kept for the mask of its fragments.
                this.header = Header::default();
            }
            if !ready!(this.poll_header(context))? {
                return Poll::Ready(Ok(()));
            }
            this.check().map_err(io::Error::other)?;
            this.begin_fragment(true, this.header.payload_len());
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Frames<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests;
