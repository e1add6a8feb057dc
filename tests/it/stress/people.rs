//! Random walks: people write, their LIDs become known, they change and recycle numbers, in groups and alone. Chats are
//! deleted on either side; messages are edited, revoked, delayed and delivered again; the device is unlinked and linked
//! again. In the end each person has one chat, with each message once, as the phone shows it.

mod compare;
mod world;

use super::random::Random;
use crate::support::TestServer;
use compare::Deleted;
use world::World;

/// Number of steps in a walk, unless `CHATGRAPH_TEST_STEPS` is set.
const STEPS: u64 = 30;
/// Seed of the walk, unless `CHATGRAPH_TEST_SEED` is set: every run takes the same walk.
const SEED: u64 = 1;
/// Number of steps between two comparisons.
const ROUND: u64 = 15;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_person_has_one_chat_with_each_message_once() {
    let mut random = Random::from_seed_or(SEED);
    let mut server = TestServer::builder().account(world::account()).start().await;
    let mut world = World::new(server.phone().clone());
    let mut deleted = Deleted::default();
    let kinds = if takes_every_step() { 20 } else { 13 };
    for step in 0..super::random_walk::steps_or(STEPS) {
        let done = match random.below(kinds) {
            0..6 => world.person_writes(&mut random, kinds == 20).await,
            6..8 => world.writes_in_the_group(&mut random).await,
            8 => world.edits(&mut random).await,
            9 => world.revokes(&mut random).await,
            10 => world.delivers_again(&mut random).await,
            11 => world.reads(&mut random).await,
            12 => interrupt(&mut server, &mut random).await,
            13 => world.learns(&mut random).await,
            14 => world.deletes(&mut random).await,
            15 => world.person_writes(&mut random, true).await,
            16 => world.changes_number(&mut random).await,
            17 => world.reassigns_number(&mut random).await,
            18 => deleted.here(&server, &mut world, &mut random).await,
            _ => unlink(&server, &mut world, &mut random).await,
        };
        println!("{step}: {done}");
        if step % ROUND == ROUND - 1 {
            deleted.assert_equal(&server, &mut world).await;
        }
    }
    deleted.assert_equal(&server, &mut world).await;
}

/// Returns true if `CHATGRAPH_TEST_WALK` is `all`. Then LIDs become known, numbers change and are recycled, messages
/// are delayed, chats are deleted, and the device is unlinked.
#[expect(clippy::disallowed_methods, reason = "only this test reads it")]
fn takes_every_step() -> bool {
    std::env::var("CHATGRAPH_TEST_WALK").is_ok_and(|walk| walk == "all")
}

/// Unlinks the device, lets some events happen, and links it again: the history has these events.
async fn unlink(server: &TestServer, world: &mut World, random: &mut Random) -> String {
    compare::settle(server, world).await;
    server.phone().unlink().await;
    server.wait_until_logged_out().await;
    let mut done = vec!["the device is unlinked".to_owned()];
    for _ in 0..random.below(4) {
        done.push(match random.below(4) {
            0 => world.edits(random).await,
            1 => world.revokes(random).await,
            2 => world.writes_in_the_group(random).await,
            _ => world.person_writes(random, false).await,
        });
    }
    server.pair_again().await;
    done.push("it is linked again".to_owned());
    done.join("; ")
}

async fn interrupt(server: &mut TestServer, random: &mut Random) -> String {
    match random.below(3) {
        0 => {
            server.phone().cut().await;
            "the connection breaks"
        }
        1 => {
            server.stop_session().await;
            server.start_session().await;
            "the session is stopped and started"
        }
        _ => {
            server.restart();
            server.wait_until_working().await;
            "the server is killed and started"
        }
    }
    .to_owned()
}
