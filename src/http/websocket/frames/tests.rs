use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        protocol::{Role, WebSocketConfig},
    },
};

use super::*;

const MASK: [u8; 4] = [1, 2, 3, 4];

fn rate() -> MessageRate {
    MessageRate::new(1_000)
}

/// Encodes frames: whether it is the last of its message, its opcode, and its payload.
fn bytes(frames: &[(bool, u8, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (last, opcode, payload) in frames {
        bytes.push(if *last { FIN | opcode } else { *opcode });
        match u16::try_from(payload.len()) {
            Ok(len @ 0..=125) => bytes.push(MASKED | len.to_be_bytes()[1]),
            Ok(len) => {
                bytes.push(MASKED | TWO_BYTES);
                bytes.extend(len.to_be_bytes());
            }
            Err(_) => {
                bytes.push(MASKED | EIGHT_BYTES);
                bytes.extend(u64::try_from(payload.len()).expect("a length").to_be_bytes());
            }
        }
        bytes.extend(MASK);
        bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    }
    bytes
}

/// Reads until the end or a violation.
async fn read(sent: &[u8], rate: MessageRate, max_message_len: usize) -> (Vec<u8>, Option<Violation>) {
    let mut frames = Frames::new(sent, rate, max_message_len);
    let mut passed = Vec::new();
    let violation = frames.read_to_end(&mut passed).await.err().and_then(|error| Violation::in_error(&error));
    (passed, violation)
}

#[tokio::test]
async fn messages_of_any_length_and_fragmentation_arrive_intact() {
    for len in [0, 1, 125, 126, 2047, 2048, 2049, 4096, 65_535, 65_536, 300_001] {
        let text = "äb1".repeat(len).chars().take(len).collect::<String>();
        let (near, far) = tokio::io::duplex(1_000);
        let mut client = WebSocketStream::from_raw_socket(far, Role::Client, None).await;
        let config = WebSocketConfig::default().read_buffer_size(512);
        let frames = Frames::new(near, rate(), 1_000_000);
        let mut server = WebSocketStream::from_raw_socket(frames, Role::Server, Some(config)).await;
        let sending = async {
            client.send(Message::text(text.clone())).await.expect("sent");
            client.send(Message::Ping(vec![7; 125].into())).await.expect("sent");
            client.send(Message::text("end")).await.expect("sent");
        };
        let receiving = async { [server.next().await, server.next().await, server.next().await] };
        let ((), received) = tokio::join!(sending, receiving);
        let received = received.map(|message| message.expect("a message").expect("received"));
        assert_eq!(received, [Message::text(text), Message::Ping(vec![7; 125].into()), Message::text("end")], "{len}");
    }
}

#[tokio::test]
async fn no_header_that_is_passed_on_announces_more_than_a_fragment() {
    let payload = vec![9; 70_000];
    let (passed, violation) = read(&bytes(&[(true, 1, &payload)]), rate(), 70_000).await;
    assert_eq!(violation, None);
    let (mut rest, mut lens, mut ends) = (&passed[..], Vec::new(), Vec::new());
    while let [kind, len, ..] = *rest {
        let (header, len) = match len & !MASKED {
            TWO_BYTES => (8, usize::from(u16::from_be_bytes([rest[2], rest[3]]))),
            len => (6, usize::from(len)),
        };
        assert!(rest[header..][..len].iter().zip(MASK.iter().cycle()).all(|(byte, mask)| byte ^ mask == 9), "its mask");
        ends.push(kind);
        lens.push(len);
        rest = &rest[header + len..];
    }
    assert_eq!((lens.iter().sum::<usize>(), lens.iter().max()), (70_000, Some(&2048)));
    assert_eq!((ends[0], ends[1], ends[ends.len() - 1]), (1, 0, FIN));
}

#[tokio::test]
async fn a_message_is_too_long_by_its_headers_alone() {
    for (sent, violation) in [
        (bytes(&[(true, 1, &[0; 1_000])]), None),
        (bytes(&[(true, 1, &[0; 1_001])])[..8].to_vec(), Some(Violation::TooLong)),
        (bytes(&[(false, 1, &[0; 600]), (false, 9, &[0; 100]), (true, 0, &[0; 400])]), None),
        (bytes(&[(false, 1, &[0; 600]), (true, 0, &[0; 401])]), Some(Violation::TooLong)),
        (bytes(&[(true, 1, &[0; 600]), (true, 1, &[0; 600])]), None),
        ([&[0x81, 0xff][..], &[0xff; 12]].concat(), Some(Violation::TooLong)),
        ([&[0x89, 0xfe][..], &[0, 126, 0, 0, 0, 0]].concat(), Some(Violation::TooLong)),
    ] {
        assert_eq!(read(&sent, rate(), 1_000).await.1, violation, "{:?}", &sent[..8]);
    }
}

#[tokio::test(start_paused = true)]
async fn frames_that_make_no_message_count() {
    static LONG: [u8; 1024] = [b'x'; 1024];
    let flood = |frame: (bool, u8, &'static [u8])| bytes(&[&[(false, 1, &b"x"[..])], &[frame; 30][..]].concat());
    for (sent, violation) in [
        (flood((false, 0, b"")), Some(Violation::TooMany)),
        (flood((false, 0, b"x")), Some(Violation::TooMany)),
        (flood((true, 9, b"")), Some(Violation::TooMany)),
        (flood((true, 10, b"")), Some(Violation::TooMany)),
        (flood((false, 0, &LONG)), None),
    ] {
        assert_eq!(read(&sent, MessageRate::new(2), 1_000_000).await.1, violation, "{:?}", &sent[..16]);
    }
}

#[tokio::test]
async fn written_data_passes_unchanged() {
    let (near, mut far) = tokio::io::duplex(1_000);
    let mut frames = Frames::new(near, rate(), 10);
    frames.write_all(&[0x81, 0x7f, 1, 2]).await.expect("written");
    let mut read = [0; 4];
    far.read_exact(&mut read).await.expect("read");
    assert_eq!(read, [0x81, 0x7f, 1, 2]);
}
