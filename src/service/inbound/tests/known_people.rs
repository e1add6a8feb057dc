//! Tests of known people, whom the library reports again on each connection.

use super::*;
use crate::domain::person::Person;

#[tokio::test]
async fn known_people_are_reported_again_without_reading_their_chats() {
    let rig = Rig::new().await;
    let person = |number: u32| {
        let addresses = [format!("1555020{number:03}@s.whatsapp.net"), format!("1000000000{number:03}@lid")];
        let [phone, lid] = addresses.map(|jid| jid.parse::<Jid>().expect("a JID"));
        Person::new(&phone, &lid).expect("a person")
    };
    let people: Vec<_> = (0..40).map(person).collect();
    rig.receive(SessionEvent::SamePerson { people: people.clone(), at: 0 }).await;
    for Person { phone, .. } in &people {
        let name = "Mei".to_owned();
        rig.receive(SessionEvent::ContactNamed { jid: phone.clone(), name }).await;
    }
    // Reading this chat would fail.
    rig.execute("UPDATE chat SET address = 'unreadable'").await;
    rig.receive(SessionEvent::SamePerson { people, at: 0 }).await;
}
