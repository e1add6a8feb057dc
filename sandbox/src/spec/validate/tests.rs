use serde_json::{Value, json};

use crate::spec::AccountSpec;

const NOW_MS: i64 = 1_760_000_000_000;

/// A valid account with one of each kind of entry.
fn valid() -> Value {
    json!({
        "phone": "15550100001",
        "name": "Ada",
        "contacts": [
            {"phone": "15550100002", "name": "Ben", "lid": "100000000000002"},
            {"phone": "15550100003", "pushName": "cy"},
        ],
        "groups": [
            {"jid": "120363000000000001@g.us", "subject": "Chess", "participants": ["15550100001", "15550100002"]},
        ],
        "history": [
            {
                "jid": "15550100002@s.whatsapp.net",
                "archived": true,
                "pinned": true,
                "mutedUntil": 253_402_300_799_999_i64,
                "unreadCount": 1,
                "markedUnread": true,
                "messages": [
                    {"from": "15550100002", "text": "Your move", "at": NOW_MS - 1000},
                    {"text": "Wait", "at": NOW_MS},
                ],
            },
            {
                "jid": "120363000000000001@g.us",
                "messages": [{"from": "15550100002", "text": "Tuesday?", "at": NOW_MS - 2000}],
            },
            {"jid": "15550100009@s.whatsapp.net"},
            {"jid": "100000000000009@lid"},
        ],
    })
}

/// Returns the error of `validate` after the value at `pointer` is replaced.
fn problem_with(pointer: &str, value: Value) -> String {
    let mut spec = valid();
    *spec.pointer_mut(pointer).unwrap() = value;
    let spec: AccountSpec = serde_json::from_value(spec).unwrap();
    spec.validate(NOW_MS).unwrap_err().to_string()
}

#[test]
fn an_account_that_keeps_every_rule_is_valid() {
    let spec: AccountSpec = serde_json::from_value(valid()).unwrap();
    assert_eq!(spec.validate(NOW_MS), Ok(()));
}

#[test]
fn only_phone_and_name_are_needed() {
    let spec: AccountSpec = serde_json::from_value(json!({"phone": "1234567", "name": "Ada"})).unwrap();
    assert_eq!(spec.validate(NOW_MS), Ok(()));
    let error = serde_json::from_value::<AccountSpec>(json!({"phone": "1234567"})).unwrap_err();
    assert_eq!(error.to_string(), "missing field `name`");
}

#[test]
fn unknown_fields_are_rejected_at_every_level() {
    for pointer in ["", "/contacts/0", "/groups/0", "/history/0", "/history/0/messages/0"] {
        let mut spec = valid();
        spec.pointer_mut(pointer).unwrap()["colour"] = json!("blue");
        let error = serde_json::from_value::<AccountSpec>(spec).unwrap_err();
        assert!(error.to_string().starts_with("unknown field `colour`"), "{pointer}: {error}");
    }
}

#[test]
fn each_bad_field_has_its_own_message() {
    let cases = [
        ("/phone", json!("+15550100001"), "phone: must be 7 to 15 digits without +, not \"+15550100001\""),
        ("/phone", json!("123456"), "phone: must be 7 to 15 digits without +, not \"123456\""),
        ("/name", json!(" "), "name: must not be empty"),
        ("/contacts/1/phone", json!("x"), "contacts[1].phone: must be 7 to 15 digits without +, not \"x\""),
        ("/contacts/1/phone", json!("15550100002"), "contacts[1].phone: 15550100002 occurs twice"),
        ("/contacts/1/phone", json!("15550100001"), "contacts[1].phone: 15550100001 occurs twice"),
        ("/contacts/1/pushName", json!(""), "contacts[1].pushName: must not be empty"),
        ("/contacts/0/lid", json!("1@lid"), "contacts[0].lid: the user of a LID is 15 digits, not \"1@lid\""),
        (
            "/groups/0/jid",
            json!("1203@lid"),
            "groups[0].jid: must be the JID of a group, digits@g.us, not \"1203@lid\"",
        ),
        ("/groups/0/subject", json!(""), "groups[0].subject: must not be empty"),
        ("/groups/0/participants/1", json!("15550100001"), "groups[0].participants[1]: 15550100001 occurs twice"),
        (
            "/groups/0/participants/1",
            json!("15550100004"),
            "groups[0].participants[1]: 15550100004 is not among the contacts",
        ),
        (
            "/history/2/jid",
            json!("status@broadcast"),
            "history[2].jid: must be …@s.whatsapp.net, …@lid, …@g.us, …@bot, …@interop or …@msgr, not \"status@broadcast\"",
        ),
        ("/history/2/jid", json!("x@s.whatsapp.net"), "history[2].jid: must be 7 to 15 digits without +, not \"x\""),
        ("/history/3/jid", json!("12@lid"), "history[3].jid: the user of a LID is 15 digits, not \"12\""),
        (
            "/history/2/jid",
            json!("120363000000000009@g.us"),
            "history[2].jid: 120363000000000009@g.us is not among the groups",
        ),
        ("/history/2/jid", json!("120363000000000001@g.us"), "history[2].jid: 120363000000000001@g.us occurs twice"),
        ("/history/2/jid", json!("100000000000002@lid"), "history[2].jid: 15550100002 occurs twice"),
        (
            "/history/0/mutedUntil",
            json!(0),
            "history[0].mutedUntil: must be a time in milliseconds; 253402300799999 means no end",
        ),
        ("/history/0/unreadCount", json!(2), "history[0].unreadCount: is 2, but others wrote only 1 messages here"),
        ("/history/0/messages/0/text", json!(""), "history[0].messages[0].text: must not be empty"),
        (
            "/history/0/messages/0/at",
            json!(NOW_MS + 1),
            "history[0].messages[0].at: must be in the past, in milliseconds, not 1760000000001",
        ),
        (
            "/history/0/messages/0/at",
            json!(0),
            "history[0].messages[0].at: must be in the past, in milliseconds, not 0",
        ),
        (
            "/history/0/messages/1/at",
            json!(NOW_MS - 1001),
            "history[0].messages[1].at: is before the previous message; write the oldest first",
        ),
        (
            "/history/0/messages/0/from",
            json!("15550100003"),
            "history[0].messages[0].from: 15550100003 is not the person of this direct chat",
        ),
        (
            "/history/1/messages/0/from",
            json!("15550100003"),
            "history[1].messages[0].from: 15550100003 is not a member of this group",
        ),
    ];
    for (pointer, value, expected) in cases {
        assert_eq!(problem_with(pointer, value), expected);
    }
}

#[test]
fn two_groups_and_two_people_must_differ() {
    let mut spec = valid();
    let group = spec["groups"][0].clone();
    spec["groups"].as_array_mut().unwrap().push(group);
    let spec: AccountSpec = serde_json::from_value(spec).unwrap();
    assert_eq!(spec.validate(NOW_MS).unwrap_err().to_string(), "groups[1].jid: 120363000000000001@g.us occurs twice");

    let mut spec = valid();
    spec["contacts"][1]["lid"] = spec["contacts"][0]["lid"].clone();
    let spec: AccountSpec = serde_json::from_value(spec).unwrap();
    assert_eq!(spec.validate(NOW_MS).unwrap_err().to_string(), "contacts[1].lid: 100000000000002 occurs twice");
}
