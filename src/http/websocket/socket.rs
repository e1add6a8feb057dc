//! A client's WebSocket on an upgraded connection.

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::protocol::{Role, WebSocketConfig},
};

use super::frames::Frames;
use crate::http::{Config, message_rate::MessageRate, state::HttpState};

/// Size of the read buffer, in bytes.
const READ_BUFFER_LEN: usize = 512;
/// Size of several messages that are sent with one write, in bytes.
const WRITE_BUFFER_LEN: usize = 2048;

/// A client's WebSocket.
pub(super) type Socket = WebSocketStream<Frames<TokioIo<Upgraded>>>;

/// Creates the frame decoder. The buffers are small: the defaults use 256 KiB per WebSocket, and most are idle.
pub(super) async fn decode(http: &HttpState, stream: Upgraded) -> Socket {
    let Config { max_body, max_init, max_messages, .. } = http.config;
    let frames = Frames::new(TokioIo::new(stream), MessageRate::new(max_messages), max_init);
    let config = WebSocketConfig::default()
        .max_message_size(Some(max_body))
        .max_frame_size(Some(max_body))
        .read_buffer_size(READ_BUFFER_LEN)
        .write_buffer_size(WRITE_BUFFER_LEN);
    WebSocketStream::from_raw_socket(frames, Role::Server, Some(config)).await
}
