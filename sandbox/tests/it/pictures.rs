//! Pictures of people and groups.

use whatsapp_rust::{
    ProfilePicture,
    http::{HttpClient as _, HttpRequest, UreqHttpClient},
    prelude::Event,
};

use crate::support::{ADA, BOB, Companion, GROUP, OWNER, account, jid, paired};

async fn picture(companion: &Companion, whose: &str) -> Option<ProfilePicture> {
    companion.client.contacts().get_profile_picture(&jid(whose), false).await.expect("an answer")
}

/// Returns the next change of a picture: its owner, its id, and `true` if it was removed.
async fn changed(companion: &mut Companion) -> (String, Option<String>, bool) {
    let changed = companion.next("a new picture", |event| match event {
        Event::PictureUpdate(update) => Some((update.jid.to_string(), update.picture_id.clone(), update.removed)),
        _ => None,
    });
    changed.await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_is_announced_served_and_removed() {
    let (sandbox, phone, mut companion) = paired(account()).await;
    assert!(picture(&companion, ADA).await.is_none());

    let id = phone.set_picture(ADA, Some(b"a face")).await.unwrap().unwrap().to_string();
    assert_eq!(changed(&mut companion).await, (ADA.to_owned(), Some(id.clone()), false));
    // A person has one picture, whichever address is used.
    for name in [ADA, "200000000000002@lid"] {
        assert_eq!(picture(&companion, name).await.unwrap().id, id);
    }
    let path = picture(&companion, ADA).await.unwrap().direct_path.unwrap();
    let fetched =
        UreqHttpClient::new().execute(HttpRequest::get(format!("{}/media{path}", sandbox.url()))).await.unwrap();
    assert_eq!(fetched.body, b"a face");
    let next = phone.set_picture(ADA, Some(b"older")).await.unwrap().unwrap().to_string();
    assert_ne!(next, id);
    changed(&mut companion).await;
    phone.set_picture(ADA, None).await.unwrap();
    assert_eq!(changed(&mut companion).await, (ADA.to_owned(), None, true));
    assert!(picture(&companion, ADA).await.is_none());
    assert!(phone.set_picture("120363000000000999@g.us", Some(b"a group")).await.is_err());
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_sets_only_its_own_picture_and_those_of_groups() {
    let (sandbox, phone, companion) = paired(account()).await;
    let mut other = Companion::start(&sandbox).await;
    other.pair(&phone).await;
    let owner = format!("{OWNER}@s.whatsapp.net");

    let own = companion.client.profile().set_profile_picture(b"me".to_vec()).await.unwrap().id;
    assert_eq!(changed(&mut other).await, (owner.clone(), Some(own.clone()), false));
    assert_eq!(picture(&other, &owner).await.unwrap().id, own);
    companion.client.groups().set_profile_picture(&jid(GROUP), b"us".to_vec()).await.unwrap();
    assert_eq!(changed(&mut other).await.0, GROUP);
    companion.client.profile().remove_profile_picture().await.unwrap();
    assert!(changed(&mut other).await.2);
    assert!(picture(&other, &owner).await.is_none());
    assert!(companion.client.groups().set_profile_picture(&jid(BOB), b"him".to_vec()).await.is_err());
    companion.stop().await;
    other.stop().await;
    sandbox.stop().await;
}
