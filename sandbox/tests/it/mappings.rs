use chatgraph_sandbox::{Error, ReceiptForm};
use whatsapp_rust::{
    prelude::Event,
    wacore::{store::traits::ProtocolStore as _, types::presence::ReceiptType},
};

use crate::support::{ADA, account, jid, paired, shown, soon};

const STRANGER: &str = "15550100088@s.whatsapp.net";
const STRANGER_LID: &str = "200000000000088@lid";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn known_mappings_are_sent_with_the_history() {
    let (sandbox, phone, mut companion) = paired(account()).await;
    assert_eq!(companion.known_number("200000000000002").await, "15550100002");

    phone.receive("200000000000002@lid", "200000000000002@lid", "from behind the LID").await.unwrap();

    assert_eq!(companion.text().await.1, "200000000000002@lid");
    assert_eq!(shown(&phone, ADA).unread_count, 2, "the phone has one chat");
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_strangers_turn_out_one_person() {
    let (sandbox, phone, mut companion) = paired(account()).await;
    phone.receive("15550100088", STRANGER, "by number").await.unwrap();
    phone.receive(STRANGER_LID, STRANGER_LID, "by LID").await.unwrap();
    // The library decrypts messages of different chats side by side.
    let mut chats = [companion.text().await.1, companion.text().await.1];
    chats.sort();
    assert_eq!(chats, [STRANGER, STRANGER_LID]);

    phone.learn("200000000000088", "15550100088", true).await.unwrap();

    assert_eq!(companion.known_number("200000000000088").await, "15550100088");
    let chat = phone.chats().into_iter().find(|chat| chat.aliases.iter().any(|alias| alias == STRANGER)).unwrap();
    assert_eq!((chat.jid.as_str(), chat.unread_count), (STRANGER_LID, 2));
    for from in [STRANGER_LID, STRANGER] {
        phone.receive(from, from, "once more").await.unwrap();
        assert_eq!(companion.text().await.1, from);
    }
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unannounced_mapping_arrives_with_the_next_message() {
    let (sandbox, phone, mut companion) = paired(account()).await;
    phone.receive("15550100088", STRANGER, "by number").await.unwrap();
    companion.text().await;
    phone.learn("200000000000088", "15550100088", false).await.unwrap();
    assert!(companion.backend.get_lid_mapping("200000000000088").await.unwrap().is_none());

    phone.receive(STRANGER_LID, STRANGER_LID, "by LID").await.unwrap();

    assert_eq!(companion.text().await.1, STRANGER_LID);
    assert_eq!(companion.known_number("200000000000088").await, "15550100088");
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_about_a_person_is_answered_with_the_lid() {
    let (sandbox, phone, companion) = paired(account()).await;
    phone.learn("200000000000088", "15550100088", false).await.unwrap();

    let asked = companion.client.contacts().is_on_whatsapp(&[jid(STRANGER)]).await.unwrap();

    assert_eq!(asked[0].lid, Some(jid(STRANGER_LID)));
    assert_eq!(companion.known_number("200000000000088").await, "15550100088");
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test]
async fn a_person_cannot_have_two_numbers() {
    let sandbox = crate::support::sandbox().await;
    let phone = sandbox.create_account(account()).unwrap();
    for (lid, number) in [("200000000000002", "15550100088"), ("200000000000088", "15550100002"), ("x", "1")] {
        assert!(matches!(phone.learn(lid, number, true).await, Err(Error::UnknownContact(_))));
    }
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_on_another_device_is_sent_in_each_form() {
    let (sandbox, phone, mut companion) = paired(account()).await;
    for (form, kind, told) in [
        (ReceiptForm::Read, ReceiptType::Read, phone.jid()),
        (ReceiptForm::ReadSelf, ReceiptType::ReadSelf, phone.jid()),
        (ReceiptForm::FromChat, ReceiptType::ReadSelf, ADA.to_owned()),
    ] {
        let id = phone.receive("15550100002", ADA, "read me").await.unwrap();
        let later = phone.receive("15550100002", ADA, "not me").await.unwrap();
        companion.text().await;
        companion.text().await;

        phone.read_elsewhere(ADA, Some(&id), form).await.unwrap();

        assert_eq!(shown(&phone, ADA).unread_count, 1);
        let heard = companion.next("a receipt", |event| match event {
            // Ignores the receipt of the previous message, which may still arrive.
            Event::Receipt(receipt) if receipt.r#type == kind && receipt.message_ids == [id.clone()] => {
                Some(receipt.source.chat.to_string())
            }
            _ => None,
        });
        assert_eq!(heard.await, told);
        soon("the acknowledgement", phone.settled()).await.unwrap();
        phone.read_elsewhere(ADA, Some(&later), form).await.unwrap();
        assert_eq!(shown(&phone, ADA).unread_count, 0);
    }
    companion.stop().await;
    sandbox.stop().await;
}
