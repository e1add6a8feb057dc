//! Groups that a client creates and changes.

use whatsapp_rust::{
    GroupCreateOptions, GroupDescription, GroupError, GroupParticipantOptions, GroupSubject, IqError, ParticipantType,
    PreviousDescription, prelude::Event,
};

use crate::support::{ADA, BOB, Companion, GROUP, OWNER, account, jid, paired, shown};

const CAL: &str = "15550100004@s.whatsapp.net";
const DORA: &str = "15550100009";

/// Returns the next event of a group: its kind, and the group.
async fn happens(companion: &mut Companion) -> (String, String) {
    let happened = companion.next("a change of a group", |event| match event {
        Event::GroupUpdate(update) => Some((format!("{:?}", update.action), update.group_jid.to_string())),
        _ => None,
    });
    happened.await
}

fn is_refused<T>(answer: &Result<T, GroupError>, wanted: u16) -> bool {
    matches!(answer, Err(GroupError::Iq(IqError::ServerError { code, .. })) if *code == wanted)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_a_client_makes_is_on_all_phones() {
    let (sandbox, phone, companion) = paired(account()).await;
    let mut other = Companion::start(&sandbox).await;
    other.pair(&phone).await;
    let mut spec = account();
    spec.phone = DORA.to_owned();
    let hers = sandbox.create_account(spec).unwrap();
    let mut dora = Companion::start(&sandbox).await;
    dora.pair(&hers).await;

    let members = [ADA.to_owned(), format!("{DORA}@s.whatsapp.net")];
    let members = members.iter().map(|member| GroupParticipantOptions::new(jid(member)));
    let options = GroupCreateOptions::new("Looms").with_participants(members.collect());
    let made = companion.client.groups().create_group(options).await.unwrap().metadata;
    let group = made.id.to_string();
    assert_eq!((made.subject.as_str(), made.participants.len()), ("Looms", 3));
    assert_eq!(made.creator, Some(jid(&format!("{OWNER}@s.whatsapp.net"))));
    let owner = made.participants.iter().find(|member| member.jid.user == OWNER).unwrap();
    assert_eq!(owner.participant_type, ParticipantType::SuperAdmin);
    assert_eq!(shown(&phone, &group).name.as_deref(), Some("Looms"));
    assert_eq!(shown(&hers, &group).name.as_deref(), Some("Looms"));
    for told in [&mut other, &mut dora] {
        let (what, which) = happens(told).await;
        assert!(what.starts_with("Create") && which == group, "{what} in {which}");
    }

    let groups = companion.client.groups();
    groups.set_subject(&made.id, GroupSubject::new("Power looms").unwrap()).await.unwrap();
    assert_eq!(shown(&phone, &group).name.as_deref(), Some("Power looms"));
    assert_eq!(shown(&hers, &group).name.as_deref(), Some("Power looms"));
    for told in [&mut other, &mut dora] {
        let (what, _) = happens(told).await;
        assert!(what.contains("Power looms"), "{what}");
    }

    groups.leave(&made.id).await.unwrap();
    let (what, _) = happens(&mut dora).await;
    assert!(what.starts_with("Remove") && what.contains(OWNER), "{what}");
    assert!(is_refused(&groups.get_metadata(&made.id).await, 403), "of former members");
    let left = dora.client.groups().get_metadata(&made.id).await.unwrap();
    assert_eq!(left.participants.len(), 2);
    companion.stop().await;
    other.stop().await;
    dora.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn admins_take_members_in_and_out_and_others_may_not() {
    let (sandbox, phone, companion) = paired(account()).await;
    let (groups, group) = (companion.client.groups(), jid(GROUP));
    let kinds = async || {
        let members = companion.client.groups().get_metadata(&jid(GROUP)).await.unwrap().participants;
        let mut kinds: Vec<_> =
            members.into_iter().map(|member| (member.jid.user.to_string(), member.participant_type)).collect();
        kinds.sort_by(|one, other| one.0.cmp(&other.0));
        kinds.into_iter().map(|(_, kind)| kind).collect::<Vec<_>>()
    };
    let (admin, top, member) = (ParticipantType::Admin, ParticipantType::SuperAdmin, ParticipantType::Member);

    let added = groups.add_participants(&group, &[jid(CAL), jid(BOB)]).await.unwrap();
    let errors: Vec<_> = added.iter().map(|outcome| outcome.error.as_deref()).collect();
    assert_eq!(errors, [None, Some("409")]);
    groups.promote_participants(&group, &[jid(ADA), jid(CAL)]).await.unwrap();
    groups.demote_participants(&group, &[jid(CAL)]).await.unwrap();
    assert_eq!(kinds().await, [top, admin, member, member]);
    let removed = groups.remove_participants(&group, &[jid(CAL), jid("15550100008@s.whatsapp.net")]).await.unwrap();
    let errors: Vec<_> = removed.iter().map(|outcome| outcome.error.as_deref()).collect();
    assert_eq!(errors, [None, Some("404")]);

    phone.appoint(GROUP, &[OWNER.to_owned()], false, "15550100002").await.unwrap();
    assert!(is_refused(&groups.add_participants(&group, &[jid(CAL)]).await, 403));
    assert!(is_refused(&groups.promote_participants(&group, &[jid(BOB)]).await, 403));
    groups.set_subject(&group, GroupSubject::new("Engines and looms").unwrap()).await.unwrap();
    phone.change_members(GROUP, &[OWNER.to_owned()], false, "15550100002").await.unwrap();
    assert!(is_refused(&groups.set_subject(&group, GroupSubject::new("Looms").unwrap()).await, 403));
    assert_eq!(shown(&phone, GROUP).name.as_deref(), Some("Engines and looms"));
    let unknown = jid("120363000000000999@g.us");
    assert!(is_refused(&groups.set_subject(&unknown, GroupSubject::new("Looms").unwrap()).await, 404));
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_description_is_replaced_only_with_its_current_id() {
    let (sandbox, phone, mut companion) = paired(account()).await;
    let group = jid(GROUP);
    let text = |text: &str| Some(GroupDescription::new(text).unwrap());
    let groups = companion.client.groups();
    groups.set_description(&group, text("Engines of all kinds"), PreviousDescription::Absent).await.unwrap();
    let about = groups.get_metadata(&group).await.unwrap();
    assert_eq!(about.description.as_deref(), Some("Engines of all kinds"));

    phone.describe_group(GROUP, Some("Analytical engines"), "15550100003").await.unwrap();
    let old = about.description_id.unwrap();
    let late = groups.set_description(&group, text("Steam"), PreviousDescription::Id(&old)).await;
    assert!(matches!(late, Err(GroupError::DescriptionConflict)));
    groups.set_description(&group, None, PreviousDescription::Resolve).await.unwrap();
    assert_eq!(groups.get_metadata(&group).await.unwrap().description, None);
    let mut said = Vec::new();
    while said.len() < 3 {
        said.push(happens(&mut companion).await.0);
    }
    assert!(said[0].contains("all kinds") && said[1].contains("Analytical") && said[2].contains("None"), "{said:?}");
    companion.stop().await;
    sandbox.stop().await;
}
