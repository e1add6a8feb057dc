//! Random stories, compared with a simple model: for any events in any order of delivery, clients finally see the true
//! state.
//!
//! `CHATGRAPH_TEST_STORIES` is the number of stories, `CHATGRAPH_TEST_SEED` selects them. A failing story is shortened
//! as far as possible and printed.
//!
//! The stories exclude cases that WhatsApp does not report, or reports too late:
//!
//! - A number and a LID are reported as one person's before the change to that number is, in random order. A separate
//!   test (`regressions`) checks that the person stays one.
//! - A chat is read under a number, or the account writes there, before a change of that number is delivered. Messages
//!   read in the meantime count as read in the former owner's chat.
//! - The same at the next pairing: settings of the number are delivered before the history that names its owner (seed
//!   109).
//! - A client deletes a chat before an older message of it is delivered: that message counts as known.
//! - A client deletes a chat under a number, and the history of the next pairing has its messages under a LID that is
//!   not known to be the same person's: the messages come back (seeds 214 and 304).
//! - A receipt names a message that is in two chats of one person, whose addresses are not known to be one person's.
//! - A history has a conversation under a recycled number that is older than the change of owner.
//! - One of two messages of one second could not be decrypted at first: their order is that of arrival.

mod compare;
mod delivery;
mod generate;
mod link;
mod model;
mod pairing;
mod regressions;
mod run;
mod steps;
mod wire;

use std::cell::Cell;

use proptest::{collection::vec, test_runner::TestCaseError};

use super::*;
use compare::Comparison;
use run::{Act, Play};
use steps::Step;
use wire::Stage;

/// The maximum number of steps in a story.
const STEPS: usize = 40;
/// The number of stories, unless the environment sets another.
const STORIES: u32 = 40;

/// Applies a story to the store. Returns the first error, or all differences at the end.
async fn apply_story(
    test: &TestStore,
    database: &sea_orm::DatabaseConnection,
    steps: &[Step],
) -> Result<(), (String, Vec<(i64, Act)>)> {
    let play = Play::of(steps);
    let mut stage = Stage::new(test).await;
    for (place, (now, act)) in play.acts.iter().enumerate() {
        if let Err(refused) = stage.act(*now, act).await {
            return Err((format!("act {place} is refused: {refused}"), play.acts));
        }
    }
    let compared = Comparison::read(&play, &stage).await.run(&stage, database).await;
    compared.map_err(|differences| (differences, play.acts))
}

#[test]
fn whatever_happens_a_client_sees_what_is_true_in_the_end() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let test = runtime.block_on(TestStore::open());
    let database = runtime.block_on(sea_orm::Database::connect(test.database.url())).expect("a connection");
    let mut runner = seeded::runner(STORIES, 2_000);
    let (stories, all_steps) = (Cell::new(0_usize), Cell::new(0_usize));
    let done = runner.run(&vec(steps::step(), 1..STEPS), |steps| {
        stories.set(stories.get() + 1);
        all_steps.set(all_steps.get() + steps.len());
        runtime.block_on(apply_story(&test, &database, &steps)).map_err(|(wrong, acts)| {
            let acts: Vec<_> = acts.iter().enumerate().map(|(place, act)| format!("{place} {act:?}")).collect();
            TestCaseError::fail(format!("{wrong}\n{}", acts.join("\n")))
        })
    });
    println!("{} stories, {} steps", stories.get(), all_steps.get());
    if let Err(failed) = done {
        panic!("{failed}");
    }
}
