//! The shortest stories of earlier failures, each as a test with a name.

use super::{
    model::{Author, Place, Value},
    steps::Via,
    *,
};
use crate::{
    domain::{id::ChatId, person::Person},
    service::chat::delete::DeleteChat,
};

const AMY: Place = Place::With(0);
/// The person who takes Amy's former number.
const BEN: Place = Place::With(3);
const GROUP: Place = Place::Group(0);
const NUMBER: Via = Via { lid: false, lag: 0 };
const LID: Via = Via { lid: true, lag: 0 };

/// Runs a story on a store of its own, with several variants of pairing.
async fn holds(story: &[Step]) {
    let test = TestStore::open().await;
    let database = sea_orm::Database::connect(test.database.url()).await.expect("a connection");
    for other in 0..16 {
        let chosen: Vec<_> = story
            .iter()
            .map(|step| if let Step::Paired { .. } = step { Step::Paired { chance: other } } else { step.clone() })
            .collect();
        if let Err((wrong, acts)) = apply_story(&test, &database, &chosen).await {
            let acts: Vec<_> = acts.iter().map(|act| format!("{act:?}")).collect();
            panic!("{wrong}\n{}", acts.join("\n"));
        }
        if !story.iter().any(|step| matches!(step, Step::Paired { .. })) {
            break;
        }
    }
}

fn writes(place: Place, via: Via) -> Step {
    let author = match place {
        Place::With(person) => Author::Person(person),
        Place::Group(_) => Author::Person(1),
    };
    Step::Writes { place, author, via, both: false, retried: false, same_second: false }
}

fn own(place: Place, via: Via) -> Step {
    Step::Writes { place, author: Author::Account, via, both: false, retried: false, same_second: false }
}

fn moves(to: usize) -> Step {
    Step::NumberChanges { person: 0, to, via: NUMBER }
}

fn learned(person: usize) -> Step {
    Step::LidLearned { person, via: NUMBER }
}

const PAIRED: Step = Step::Paired { chance: 0 };

#[tokio::test]
async fn a_lid_learned_after_a_change_of_number_loses_nothing() {
    holds(&[writes(AMY, NUMBER), moves(3), Step::Unlinked, PAIRED, learned(0), writes(Place::With(1), NUMBER)]).await;
}

#[tokio::test]
async fn deleted_chat_is_usable_after_two_number_changes() {
    holds(&[
        writes(AMY, NUMBER),
        learned(0),
        Step::DeletedHere { place: AMY },
        moves(3),
        writes(AMY, NUMBER),
        moves(0),
        writes(AMY, NUMBER),
        writes(AMY, LID),
        Step::DeletedHere { place: AMY },
        writes(AMY, NUMBER),
        Step::DeletedOnPhone { place: AMY, via: LID },
    ])
    .await;
}

#[tokio::test]
async fn a_deleted_chat_releases_its_number_to_the_new_owner() {
    holds(&[
        writes(AMY, NUMBER),
        learned(0),
        Step::DeletedHere { place: AMY },
        moves(3),
        Step::NumberRecycled { number: 0 },
        writes(BEN, NUMBER),
        writes(AMY, LID),
        Step::DeletedHere { place: BEN },
        writes(BEN, NUMBER),
    ])
    .await;
}

#[tokio::test]
async fn early_deletion_applies_to_both_addresses_of_a_person() {
    let late = Via { lid: false, lag: 5 };
    holds(&[
        learned(0),
        writes(AMY, late),
        Step::DeletedOnPhone { place: AMY, via: NUMBER },
        Step::DeletedOnPhone { place: AMY, via: LID },
        writes(AMY, LID),
        Step::DeletedOnPhone { place: AMY, via: LID },
    ])
    .await;
}

#[tokio::test]
async fn a_change_of_number_and_another_pairing_double_nothing() {
    holds(&[writes(AMY, NUMBER), own(AMY, NUMBER), writes(AMY, NUMBER), moves(3), Step::Unlinked, PAIRED]).await;
    holds(&[writes(AMY, NUMBER), moves(3), Step::Unlinked, PAIRED, Step::Revokes { which: 0, via: NUMBER }]).await;
}

#[tokio::test]
async fn the_next_owner_of_a_number_has_a_chat_of_their_own() {
    holds(&[writes(AMY, NUMBER), moves(3), Step::NumberRecycled { number: 0 }, writes(BEN, NUMBER)]).await;
    holds(&[
        writes(AMY, NUMBER),
        learned(0),
        moves(3),
        Step::NumberRecycled { number: 0 },
        writes(BEN, NUMBER),
        learned(3),
        writes(AMY, LID),
        writes(BEN, LID),
    ])
    .await;
}

#[tokio::test]
async fn read_messages_of_a_deleted_chat_stay_read_when_it_returns() {
    let reads = Step::Receipt { which: 0, via: NUMBER };
    holds(&[
        writes(AMY, NUMBER),
        writes(AMY, NUMBER),
        writes(AMY, NUMBER),
        Step::DeletedHere { place: AMY },
        reads,
        writes(AMY, NUMBER),
    ])
    .await;
}

#[tokio::test]
async fn revisions_while_unlinked_are_applied_after_pairing() {
    let edits = Step::Edits { which: 1, via: NUMBER };
    let revokes = Step::Revokes { which: 0, via: NUMBER };
    holds(&[writes(AMY, NUMBER), writes(AMY, NUMBER), Step::Unlinked, edits, revokes, PAIRED]).await;
}

#[tokio::test]
async fn a_group_by_lids_has_each_message_once_after_another_pairing() {
    holds(&[own(GROUP, LID), writes(GROUP, LID), learned(1), Step::Unlinked, PAIRED]).await;
}

#[tokio::test]
async fn group_edits_apply_under_any_address_of_the_author() {
    let (edits, revokes) = (Step::Edits { which: 0, via: NUMBER }, Step::Revokes { which: 0, via: NUMBER });
    holds(&[own(GROUP, LID), edits.clone()]).await;
    holds(&[learned(1), writes(GROUP, LID), edits]).await;
    holds(&[learned(1), writes(GROUP, LID), revokes]).await;
}

#[tokio::test]
async fn early_revision_is_applied_to_the_later_message() {
    let Step::Writes { place, author, via, both, same_second, .. } = writes(AMY, NUMBER) else { unreachable!() };
    let retried = Step::Writes { place, author, via, both, retried: true, same_second };
    holds(&[retried.clone(), Step::Revokes { which: 0, via: NUMBER }]).await;
    holds(&[retried, Step::Edits { which: 0, via: NUMBER }]).await;
}

#[tokio::test]
async fn revisions_survive_the_merge_of_two_chats() {
    let again = Step::Redelivered { which: 0, other: true, lag: 0 };
    for rewritten in [Step::Revokes { which: 0, via: LID }, Step::Edits { which: 0, via: LID }] {
        holds(&[writes(AMY, NUMBER), again.clone(), rewritten, learned(0)]).await;
    }
}

#[tokio::test]
async fn deletion_under_one_address_applies_to_both_after_a_merge() {
    for deleted in [true, false] {
        let empties = |via| {
            if deleted { Step::DeletedOnPhone { place: AMY, via } } else { Step::Cleared { place: AMY, via } }
        };
        holds(&[writes(AMY, NUMBER), writes(AMY, NUMBER), empties(LID), learned(0)]).await;
        holds(&[writes(AMY, LID), empties(NUMBER), learned(0)]).await;
        holds(&[writes(AMY, NUMBER), writes(AMY, LID), empties(LID), learned(0)]).await;
        holds(&[writes(AMY, NUMBER), writes(AMY, LID), empties(LID), writes(AMY, LID), learned(0)]).await;
        holds(&[writes(AMY, NUMBER), empties(LID), writes(AMY, NUMBER), learned(0)]).await;
        holds(&[writes(AMY, NUMBER), empties(LID), Step::DeletedHere { place: AMY }, writes(AMY, NUMBER)]).await;
    }
}

#[tokio::test]
async fn an_edit_under_a_persons_old_number_finds_its_message() {
    for rewritten in [Step::Revokes { which: 0, via: NUMBER }, Step::Edits { which: 0, via: NUMBER }] {
        holds(&[writes(AMY, LID), rewritten, moves(3), learned(0)]).await;
    }
}

/// The pair of the new number and the LID arrives with a message, before the change of number itself.
#[tokio::test]
async fn a_pair_from_before_a_change_of_number_is_the_same_person() {
    let rig = Rig::new().await;
    let jid = |text: &str| text.parse::<Jid>().expect("a JID");
    let (before, after) = (jid("15560000001@s.whatsapp.net"), jid("15560000003@s.whatsapp.net"));
    let amy = Person { phone: after.clone(), lid: jid("200000000000009@lid") };
    rig.receive_message_from(&before, "A", true, 10_000).await;
    rig.receive_person(&amy).await;
    rig.receive(SessionEvent::NumberChanged { old: vec![before], new: after.clone(), at: 20_000 }).await;
    let by_lid = rig.find(&amy.lid).await.expect("a chat");
    assert_eq!(Some(by_lid.id), rig.find(&after).await.map(|chat| chat.id));
}

#[tokio::test]
async fn a_receipt_for_a_deleted_message_counts_in_the_returned_chat() {
    let receipt = Step::Receipt { which: 1, via: NUMBER };
    let revokes = Step::Revokes { which: 1, via: NUMBER };
    for told in [receipt, revokes] {
        holds(&[writes(AMY, NUMBER), writes(AMY, NUMBER), Step::DeletedHere { place: AMY }, writes(AMY, NUMBER), told])
            .await;
    }
}

#[tokio::test]
async fn a_history_names_authors_by_the_numbers_that_they_have_now() {
    let by = |person| Step::Writes {
        place: GROUP,
        author: Author::Person(person),
        via: NUMBER,
        both: false,
        retried: false,
        same_second: false,
    };
    let takes = |person, to| Step::NumberChanges { person, to, via: NUMBER };
    holds(&[by(0), by(1), takes(1, 4), takes(0, 1), learned(0), Step::Unlinked, PAIRED]).await;
}

/// The request is pending in an existing chat while WhatsApp reports a later value for the deleted chat of the same
/// person.
#[tokio::test]
async fn merging_a_deleted_chat_ends_a_request_whatsapp_overtook() {
    let rig = Rig::new().await;
    let jid = |text: &str| text.parse::<Jid>().expect("a JID");
    let amy = Person { phone: jid("15560000009@s.whatsapp.net"), lid: jid("200000000000009@lid") };
    let archived = |value, as_of| SessionEvent::Setting {
        chat: amy.phone.clone(),
        value: SettingValue::Archived(value),
        as_of,
        up_to: None,
        replayed: false,
    };
    rig.receive_message_from(&amy.phone, "A", false, 10_000).await;
    let order = DeleteChat { session: rig.test.session, cid: amy.phone.clone() };
    let deleted: Result<_, Error> =
        rig.test.store.at(12_000).write(&rig.test.organization, move |unit| Box::pin(order.execute(unit))).await;
    deleted.expect("deleted");
    rig.receive_message_from(&amy.lid, "B", false, 20_000).await;
    rig.request_setting_of(&amy.lid, SettingValue::Archived(true), 25_000).await.expect("accepted");
    rig.receive(archived(false, 30_000)).await;
    rig.receive_person(&amy).await;

    let chat = rig.find(&amy.phone).await.expect("a chat");
    assert_eq!((chat.settings.archived.value, chat.pending.is_empty()), (false, true));
    let waiting: Vec<ChatId> = rig.waiting().await.iter().map(|action| action.chat).collect();
    assert_eq!(waiting, []);
}

#[tokio::test]
async fn a_history_restores_a_deleted_group_with_new_authors() {
    let author = Author::Person(2);
    let new = Step::Writes { place: GROUP, author, via: LID, both: false, retried: false, same_second: false };
    let deleted = Step::DeletedHere { place: GROUP };
    holds(&[writes(AMY, NUMBER), writes(GROUP, NUMBER), Step::Unlinked, deleted, new, PAIRED]).await;
}

#[tokio::test]
async fn settings_stay_with_the_former_owner_of_a_number() {
    let archived = Step::Sets { place: AMY, value: Value::Archived(true), via: NUMBER };
    holds(&[
        writes(AMY, NUMBER),
        archived,
        moves(3),
        Step::NumberRecycled { number: 0 },
        writes(BEN, NUMBER),
        Step::Sets { place: BEN, value: Value::Muted(true), via: NUMBER },
    ])
    .await;
}
