use whatsapp_rust::{
    NodeBuilder,
    buffa::Message as _,
    wacore::upload::encrypt_media,
    wacore_binary::{Node, marshal::marshal},
    waproto::whatsapp::{SyncdIndex, SyncdMutations, SyncdSnapshot, SyncdVersion},
};

use super::*;

const NAME: &str = "regular_low";

fn record(index: u8) -> SyncdRecord {
    SyncdRecord { index: SyncdIndex { blob: Some(vec![index]) }.into(), ..SyncdRecord::default() }
}

fn mutation(index: u8, operation: SyncdOperation) -> SyncdMutation {
    SyncdMutation { operation: Some(operation.into()), record: record(index).into() }
}

fn version(version: u64) -> SyncdVersion {
    SyncdVersion { version: Some(version) }
}

fn patch(number: u64, mutations: Vec<SyncdMutation>) -> SyncdPatch {
    SyncdPatch { version: version(number).into(), mutations, ..SyncdPatch::default() }
}

/// Encrypts a file; returns its bytes and the reference to it.
fn file(path: &str, content: &[u8]) -> (Vec<u8>, ExternalBlobReference) {
    let sealed = encrypt_media(content, MediaType::AppState).unwrap();
    let (direct_path, media_key) = (Some(path.to_owned()), Some(sealed.media_key.to_vec()));
    (sealed.data_to_upload, ExternalBlobReference { direct_path, media_key, ..ExternalBlobReference::default() })
}

fn answer(content: Vec<Node>) -> OwnedNodeRef {
    let collection = NodeBuilder::new("collection").attr("name", NAME).children(content).build();
    let sync = NodeBuilder::new("sync").children([collection]).build();
    let answer = NodeBuilder::new("iq").attr("type", "result").attr("id", "1").children([sync]).build();
    // Behind a byte that says how it is packed.
    OwnedNodeRef::new(marshal(&answer).unwrap()[1..].to_vec()).unwrap()
}

fn patches(patches: &[SyncdPatch]) -> OwnedNodeRef {
    let patches = patches.iter().map(|patch| NodeBuilder::new("patch").bytes(patch.encode_to_vec()).build());
    answer(vec![NodeBuilder::new("patches").children(patches).build()])
}

/// The indices of what a version says, and whether it is removed.
fn taken(answers: &Answers, version: u64, whole: bool) -> Option<Vec<(u8, bool)>> {
    let sealed = answers.take(NAME, version, whole).unwrap()?;
    let index = |record: &SyncdRecord| record.index.blob.as_ref().unwrap()[0];
    Some(sealed.iter().map(|(operation, record)| (index(record), *operation == SyncdOperation::REMOVE)).collect())
}

#[test]
fn each_version_of_an_answer_is_given_once() {
    let answers = Answers::default();
    let (set, removed) = (mutation(1, SyncdOperation::SET), mutation(2, SyncdOperation::REMOVE));
    answers.comes(&patches(&[patch(7, vec![set, removed]), patch(8, vec![])]));
    assert_eq!(taken(&answers, 6, false), None);
    assert_eq!(taken(&answers, 7, false), Some(vec![(1, false), (2, true)]));
    assert_eq!(taken(&answers, 7, false), None);
    assert_eq!(taken(&answers, 8, false), Some(vec![]));
    assert_eq!(answers.take("regular_high", 8, false).unwrap(), None);
}

#[test]
fn an_answer_that_is_read_is_forgotten() {
    let answers = Answers::default();
    answers.comes(&patches(&[patch(7, vec![])]));
    answers.are_read("regular_high");
    answers.are_read(NAME);
    assert_eq!(taken(&answers, 7, false), None);
}

#[test]
fn the_mutations_of_a_patch_may_be_in_a_file() {
    let answers = Answers::default();
    let all = SyncdMutations { mutations: vec![mutation(3, SyncdOperation::SET)] };
    let (sealed, place) = file("/v/1?ccb=2", &all.encode_to_vec());
    let whole = SyncdPatch { external_mutations: place.into(), ..patch(7, vec![]) };
    answers.comes(&patches(std::slice::from_ref(&whole)));
    answers.file("https://mmg.example/v/2?ccb=2&auth=A", b"another one");
    answers.file("https://mmg.example/v/1?ccb=2?auth=A&token=T", &sealed);
    assert_eq!(taken(&answers, 7, false), Some(vec![(3, false)]));

    answers.are_read(NAME);
    answers.comes(&patches(&[whole]));
    assert!(answers.take(NAME, 7, false).is_err(), "it was not fetched");
}

#[test]
fn a_snapshot_is_in_a_file_and_only_its_own_version() {
    let answers = Answers::default();
    let snapshot = |number, index| SyncdSnapshot {
        version: version(number).into(),
        records: vec![record(index)],
        ..SyncdSnapshot::default()
    };
    for (path, number, index) in [("/v/7", 7, 1), ("/v/9", 9, 2)] {
        let (sealed, place) = file(path, &snapshot(number, index).encode_to_vec());
        answers.comes(&answer(vec![NodeBuilder::new("snapshot").bytes(place.encode_to_vec()).build()]));
        answers.file(&format!("https://mmg.example{path}?auth=A"), &sealed);
    }
    assert_eq!(taken(&answers, 7, false), None, "no patch");
    assert_eq!(taken(&answers, 9, true), Some(vec![(2, false)]));
    assert_eq!(taken(&answers, 7, true), Some(vec![(1, false)]));
    assert_eq!(taken(&answers, 7, true), None);
}

#[test]
fn other_stanzas_and_what_cannot_be_read_are_no_answers() {
    let answers = Answers::default();
    answers.comes(&answer(vec![]));
    answers.file("https://mmg.example", b"");
    let broken = NodeBuilder::new("patch").bytes(vec![0xFF; 4]).build();
    answers.comes(&answer(vec![NodeBuilder::new("patches").children([broken]).build()]));
    assert_eq!(taken(&answers, 7, false), None);
    assert_eq!(taken(&answers, 7, true), None);
}
