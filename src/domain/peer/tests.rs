//! Owners of an address over time.

use super::*;

const JID: &str = "15550100@s.whatsapp.net";

fn jid(text: &str) -> Jid {
    text.parse().expect("a JID")
}

fn three() -> [PeerId; 3] {
    [1, 2, 3].map(PeerId::new)
}

fn at(periods: &[Period], at: i64) -> Option<(PeerId, bool)> {
    owner_at(periods, at).map(|owner| (owner.peer, owner.former))
}

#[test]
fn the_first_known_owner_has_it_since_ever() {
    let [one, ..] = three();
    let mut periods = Vec::new();
    assert_eq!(at(&periods, 10), None);
    assert_eq!(assign(&mut periods, &jid(JID), one, 10), None);
    assert_eq!((at(&periods, 0), at(&periods, 99)), (Some((one, false)), Some((one, false))));
}

#[test]
fn a_number_is_given_up_and_given_to_another() {
    let [one, other, _] = three();
    let mut periods = Vec::new();
    assign(&mut periods, &jid(JID), one, 0);
    assert_eq!(end(&mut periods, one, 20), Some(MovedPeriod { peer: one, from: 21, until: None }));
    assert_eq!((at(&periods, 20), at(&periods, 21)), (Some((one, false)), Some((one, true))));
    assert_eq!(end(&mut periods, one, 20), None, "the same again");
    assert_eq!(assign(&mut periods, &jid(JID), other, 30), None, "it had no owner");
    assert_eq!((at(&periods, 25), at(&periods, 30)), (Some((other, false)), Some((other, false))), "since when?");
    assert_eq!(last_owner(&periods), Some(AddressOwner { peer: other, former: false }));
}

#[test]
fn a_late_change_of_number_moves_the_messages_since() {
    let [one, other, third] = three();
    let mut periods = Vec::new();
    assign(&mut periods, &jid(JID), one, 0);
    assert_eq!(assign(&mut periods, &jid(JID), other, 40), Some(MovedPeriod { peer: one, from: 40, until: None }));
    assert_eq!(assign(&mut periods, &jid(JID), third, 20), Some(MovedPeriod { peer: one, from: 20, until: Some(40) }));
    assert_eq!(
        [10, 20, 39, 40].map(|time| at(&periods, time)),
        [Some((one, false)), Some((third, false)), Some((third, false)), Some((other, false))]
    );
    assert_eq!(assign(&mut periods, &jid(JID), third, 30), None, "it is theirs");
}

#[test]
fn a_person_goes_by_the_present_number_else_by_the_lid() {
    let [one, ..] = three();
    let (number, lid) = (jid(JID), jid("100000000000001@lid"));
    let mut of_number = Vec::new();
    assign(&mut of_number, &number, one, 0);
    let hidden = Period { jid: lid.clone(), peer: one, from: 0, until: None };
    assert_eq!(canonical(&[of_number[0].clone(), hidden.clone()]), Some(&number));
    end(&mut of_number, one, 5);
    assert_eq!(canonical(&of_number), Some(&number), "the last one");
    let all = [of_number[0].clone(), hidden];
    assert_eq!((canonical(&all), present(&all, JidKind::PhoneNumber)), (Some(&lid), None));
}
