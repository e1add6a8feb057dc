use whatsapp_rust::store::traits::{Backend, MsgSecretEntry};

const GROUP: &str = "120363000000000001@g.us";
const MEI: &str = "15550100001@s.whatsapp.net";

fn entry(id: &str, secret: u8, expires_at: i64, message_ts: i64) -> MsgSecretEntry {
    MsgSecretEntry {
        chat: GROUP.into(),
        sender: MEI.into(),
        msg_id: id.into(),
        secret: [secret; 32],
        expires_at,
        message_ts,
    }
}

async fn secret(memory: &dyn Backend, id: &str) -> Option<(Vec<u8>, i64)> {
    memory.get_msg_secret_with_ts(GROUP, MEI, id).await.unwrap()
}

pub(super) async fn secrets(memory: &dyn Backend) {
    assert_eq!(memory.get_msg_secret(GROUP, MEI, "3EB0").await.unwrap(), None);
    assert_eq!(secret(memory, "3EB0").await, None);
    memory.put_msg_secret(GROUP, MEI, "3EB0", &[1; 32]).await.unwrap();
    assert_eq!(memory.get_msg_secret(GROUP, MEI, "3EB0").await.unwrap().unwrap(), [1; 32]);
    assert_eq!(secret(memory, "3EB0").await, Some((vec![1; 32], 0)));
    assert_eq!(memory.get_msg_secret(MEI, MEI, "3EB0").await.unwrap(), None);
    assert_eq!(memory.put_msg_secrets(vec![]).await.unwrap(), 0);
    let many: Vec<_> = (0..2500).map(|number| entry(&number.to_string(), 2, 0, number)).collect();
    assert_eq!(memory.put_msg_secrets(many).await.unwrap(), 2500);
    assert_eq!(secret(memory, "2499").await, Some((vec![2; 32], 2499)));
}

pub(super) async fn a_second_word_on_a_secret_shortens_nothing(memory: &dyn Backend) {
    // The two expiry times, and the time at which the row is deleted; 0 means never.
    for (number, (first, second, until)) in
        [(10, 20, 20), (20, 10, 20), (10, 0, 0), (0, 10, 0), (0, 0, 0), (10, 10, 10)].into_iter().enumerate()
    {
        let id = number.to_string();
        memory.put_msg_secrets(vec![entry(&id, 1, first, 7)]).await.unwrap();
        memory.put_msg_secrets(vec![entry(&id, 2, second, 0)]).await.unwrap();
        assert_eq!(secret(memory, &id).await, Some((vec![2; 32], 7)), "{first} {second}");
        memory.put_msg_secrets(vec![entry(&id, 3, first, 8)]).await.unwrap();
        memory.put_msg_secrets(vec![entry(&id, 3, first, 6)]).await.unwrap();
        assert_eq!(secret(memory, &id).await, Some((vec![3; 32], 8)), "{first} {second}");
        if until != 0 {
            memory.delete_expired_msg_secrets(until - 1).await.unwrap();
            assert!(secret(memory, &id).await.is_some(), "{first} {second}");
            assert_eq!(memory.delete_expired_msg_secrets(until).await.unwrap(), 1, "{first} {second}");
        }
        assert_eq!(secret(memory, &id).await.is_some(), until == 0, "{first} {second}");
    }
}

pub(super) async fn a_batch_with_one_secret_twice(memory: &dyn Backend) {
    let batch = vec![entry("3EB0", 1, 30, 5), entry("3EB0", 2, 10, 9), entry("3EB1", 3, 0, 0), entry("3EB1", 4, 5, 0)];
    assert_eq!(memory.put_msg_secrets(batch).await.unwrap(), 4);
    assert_eq!(secret(memory, "3EB0").await, Some((vec![2; 32], 9)));
    assert_eq!(memory.delete_expired_msg_secrets(29).await.unwrap(), 0);
    assert_eq!(memory.delete_expired_msg_secrets(30).await.unwrap(), 1);
    assert_eq!(secret(memory, "3EB1").await, Some((vec![4; 32], 0)));
}

pub(super) async fn old_secrets(memory: &dyn Backend) {
    assert_eq!(memory.delete_expired_msg_secrets(100).await.unwrap(), 0);
    let batch =
        vec![entry("never", 1, 0, 0), entry("past", 1, 99, 0), entry("now", 1, 100, 0), entry("later", 1, 101, 0)];
    memory.put_msg_secrets(batch).await.unwrap();
    assert_eq!(memory.delete_expired_msg_secrets(100).await.unwrap(), 2);
    for (id, left) in [("never", true), ("past", false), ("now", false), ("later", true)] {
        assert_eq!(secret(memory, id).await.is_some(), left, "{id}");
    }
}
