//! The steps of a story and their random generation.

use proptest::{
    prelude::{Strategy, any},
    sample::select,
    strategy::Union,
};

use super::model::{Author, PEOPLE, Place, Value};

/// The address by which a step reaches the session, and its delay in steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Via {
    pub(super) lid: bool,
    pub(super) lag: usize,
}

/// A step of a story. `which` counts from the last of the candidates. A step that is impossible at its time is skipped.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// A message. With `both` it names both addresses of its author; one that is `retried` could not be decrypted at
    /// first.
    Writes {
        place: Place,
        author: Author,
        via: Via,
        both: bool,
        retried: bool,
        same_second: bool,
    },
    Edits {
        which: usize,
        via: Via,
    },
    Revokes {
        which: usize,
        via: Via,
    },
    /// Another device has read up to a message, reported by a receipt.
    Receipt {
        which: usize,
        via: Via,
    },
    /// Another device has read up to a message, reported by a setting.
    ReadElsewhere {
        which: usize,
        via: Via,
    },
    /// The session learns that a number and a LID are one person's.
    LidLearned {
        person: usize,
        via: Via,
    },
    NumberChanges {
        person: usize,
        to: usize,
        via: Via,
    },
    /// A person without a number takes another person's former number.
    NumberRecycled {
        number: usize,
    },
    /// A client deletes a chat.
    DeletedHere {
        place: Place,
    },
    DeletedOnPhone {
        place: Place,
        via: Via,
    },
    Cleared {
        place: Place,
        via: Via,
    },
    Sets {
        place: Place,
        value: Value,
        via: Via,
    },
    Unlinked,
    /// The device is paired again. The bits choose addresses and order.
    Paired {
        chance: u64,
    },
    /// WhatsApp repeats a delivery, under the other address with `other`.
    Redelivered {
        which: usize,
        other: bool,
        lag: usize,
    },
    /// The process ends and another one opens the database.
    Restarted,
}

fn place() -> impl Strategy<Value = Place> {
    let places: Vec<_> =
        (0..PEOPLE).map(Place::With).chain([Place::Group(0), Place::With(0), Place::With(1)]).collect();
    select(places)
}

fn via() -> impl Strategy<Value = Via> {
    let lag = Union::new_weighted(vec![(2, (0..1_usize).boxed()), (1, (0..9_usize).boxed())]);
    (any::<bool>(), lag).prop_map(|(lid, lag)| Via { lid, lag })
}

fn author(place: Place) -> impl Strategy<Value = Author> {
    let others: Vec<_> = match place {
        Place::With(person) => vec![Author::Person(person)],
        Place::Group(_) => (0..PEOPLE).map(Author::Person).collect(),
    };
    Union::new_weighted(vec![(3, select(others).boxed()), (1, select(vec![Author::Account]).boxed())])
}

fn writes() -> impl Strategy<Value = Step> {
    let author = place().prop_flat_map(|place| (select(vec![place]), author(place)));
    let rarely = || proptest::bool::weighted(0.15);
    (author, via(), proptest::bool::weighted(0.3), rarely(), rarely()).prop_map(
        |((place, author), via, both, retried, same_second)| Step::Writes {
            place,
            author,
            via,
            both,
            retried,
            same_second,
        },
    )
}

fn value() -> impl Strategy<Value = Value> {
    (any::<bool>(), 0..4_u8).prop_map(|(on, which)| match which {
        0 => Value::Archived(on),
        1 => Value::Pinned(on),
        2 => Value::Muted(on),
        _ => Value::MarkedUnread(on),
    })
}

/// Generates one step.
pub(super) fn step() -> impl Strategy<Value = Step> {
    // An index that counts from the last of the candidates.
    let which = || 0..12_usize;
    Union::new_weighted(vec![
        (24, writes().boxed()),
        (4, (which(), via()).prop_map(|(which, via)| Step::Edits { which, via }).boxed()),
        (4, (which(), via()).prop_map(|(which, via)| Step::Revokes { which, via }).boxed()),
        (4, (which(), via()).prop_map(|(which, via)| Step::Receipt { which, via }).boxed()),
        (3, (which(), via()).prop_map(|(which, via)| Step::ReadElsewhere { which, via }).boxed()),
        (6, (0..PEOPLE, via()).prop_map(|(person, via)| Step::LidLearned { person, via }).boxed()),
        (
            5,
            (0..PEOPLE, 0..super::model::NUMBERS, via())
                .prop_map(|(person, to, via)| Step::NumberChanges { person, to, via })
                .boxed(),
        ),
        (4, (0..super::model::NUMBERS).prop_map(|number| Step::NumberRecycled { number }).boxed()),
        (3, place().prop_map(|place| Step::DeletedHere { place }).boxed()),
        (2, (place(), via()).prop_map(|(place, via)| Step::DeletedOnPhone { place, via }).boxed()),
        (1, (place(), via()).prop_map(|(place, via)| Step::Cleared { place, via }).boxed()),
        (5, (place(), value(), via()).prop_map(|(place, value, via)| Step::Sets { place, value, via }).boxed()),
        (2, select(vec![Step::Unlinked]).boxed()),
        (3, any::<u64>().prop_map(|chance| Step::Paired { chance }).boxed()),
        (
            5,
            (which(), any::<bool>(), 0..9_usize)
                .prop_map(|(which, other, lag)| Step::Redelivered { which, other, lag })
                .boxed(),
        ),
        (1, select(vec![Step::Restarted]).boxed()),
    ])
}
