//! Frames over a WebSocket, in plaintext before the handshake and encrypted after it.

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use whatsapp_rust::{
    bytes::BytesMut,
    wacore::{
        framing::{FrameDecoder, encode_frame},
        handshake::NoiseCipher,
    },
    wacore_binary::{consts::WA_CONN_HEADER, marshal, util},
};

use super::node::Node;

/// Reason why nothing more can be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    #[error("closed by the client")]
    Closed,
    #[error("the connection does not start with the protocol's header")]
    Header,
    #[error("a frame cannot be decrypted or parsed")]
    Frame,
}

/// Splits a WebSocket into received and sent frames.
pub(crate) fn split(socket: WebSocket) -> (Frames, FrameSink) {
    let (sink, stream) = socket.split();
    (Frames { stream, decoder: FrameDecoder::new(), header: Some(Vec::new()) }, FrameSink { sink })
}

/// Frames from a client.
pub(crate) struct Frames {
    stream: SplitStream<WebSocket>,
    decoder: FrameDecoder,
    /// The received part of the header; `None` once it is complete.
    header: Option<Vec<u8>>,
}

impl Frames {
    /// Returns the next frame. Cancel-safe: received bytes stay in the decoder.
    pub(crate) async fn next(&mut self) -> Result<BytesMut, Broken> {
        loop {
            if self.header.is_none()
                && let Some(frame) = self.decoder.decode_frame()
            {
                return Ok(frame);
            }
            match self.stream.next().await {
                Some(Ok(Message::Binary(bytes))) => self.feed(&bytes)?,
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Text(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Broken::Closed),
            }
        }
    }

    fn feed(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        let Some(header) = &mut self.header else {
            self.decoder.feed(bytes);
            return Ok(());
        };
        header.extend_from_slice(bytes);
        let Some((start, rest)) = header.split_at_checked(WA_CONN_HEADER.len()) else {
            return Ok(());
        };
        if start != WA_CONN_HEADER {
            return Err(Broken::Header);
        }
        self.decoder.feed(rest);
        self.header = None;
        Ok(())
    }
}

/// Frames to a client.
pub(crate) struct FrameSink {
    sink: SplitSink<WebSocket, Message>,
}

impl FrameSink {
    /// Sends one frame; false if the connection is closed.
    pub(crate) async fn send(&mut self, payload: &[u8]) -> bool {
        let Ok(frame) = encode_frame(payload, None) else { return false };
        self.sink.send(Message::Binary(frame.into())).await.is_ok()
    }

    /// Sends the first half of a frame.
    pub(crate) async fn send_half(&mut self, payload: &[u8]) {
        if let Ok(mut frame) = encode_frame(payload, None) {
            frame.truncate(frame.len() / 2);
            let _ = self.sink.send(Message::Binary(frame.into())).await;
        }
    }

    /// Sends a close frame.
    pub(crate) async fn close(mut self, reason: &str) {
        let frame = CloseFrame { code: 1000, reason: reason.into() };
        let _ = self.sink.send(Message::Close(Some(frame))).await;
        let _ = self.sink.close().await;
    }
}

/// Decrypts frames: one for each connection, since the counter starts at 0.
pub(crate) struct Decryptor {
    cipher: NoiseCipher,
    counter: u32,
}

impl Decryptor {
    pub(crate) fn new(cipher: NoiseCipher) -> Self {
        Self { cipher, counter: 0 }
    }

    /// Decrypts a frame and parses its stanza.
    pub(crate) fn decrypt(&mut self, mut frame: BytesMut) -> Result<Node, Broken> {
        self.cipher.decrypt_in_place_with_counter(self.counter, &mut frame).map_err(|_| Broken::Frame)?;
        self.counter += 1;
        let unpacked = util::unpack(&frame).map_err(|_| Broken::Frame)?;
        let node = marshal::unmarshal_ref(&unpacked).map_err(|_| Broken::Frame)?;
        Ok(node.to_owned())
    }
}

/// Encrypts stanzas into frames: one for each connection.
pub(crate) struct Encryptor {
    cipher: NoiseCipher,
    counter: u32,
}

impl Encryptor {
    pub(crate) fn new(cipher: NoiseCipher) -> Self {
        Self { cipher, counter: 0 }
    }

    /// Encodes and encrypts a stanza; `None` if it cannot be encoded.
    pub(crate) fn encrypt(&mut self, node: &Node) -> Option<Vec<u8>> {
        let plain = marshal::marshal(node).ok()?;
        let ciphertext = self.cipher.encrypt_with_counter(self.counter, &plain).ok()?;
        self.counter += 1;
        Some(ciphertext)
    }
}
