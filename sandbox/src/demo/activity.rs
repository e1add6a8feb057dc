//! Activity of the demo account, according to its script.

use tokio_util::sync::CancellationToken;

use super::script::{Change, Script, Step};
use crate::{Error, Phone, clock::now_ms, lock::locked};

/// Seed of the script.
const SEED: u64 = 0x05ca_1ab1e;
/// Number of steps that may fail in a row before a pause.
const ATTEMPTS: usize = 8;

/// Runs the demo account's activity until `stop` is cancelled. Every 2 to 6 seconds a contact writes a line or the
/// phone archives, pins, mutes or reads a chat. Each step is logged.
///
/// It reads the phone's state before each step, so it tolerates other changes of the account. A step that fails is
/// replaced by another one. A step in progress is completed before the function returns. A sandbox with a folder
/// resumes the script of an earlier one.
pub async fn activity(phone: Phone, stop: CancellationToken) {
    let mut script = resume(&phone);
    while stop.run_until_cancelled(tokio::time::sleep(script.pause())).await.is_some() {
        for _ in 0..ATTEMPTS {
            let Some(next) = script.next(&phone.chats(), now_ms()) else { break };
            mark(&phone, &script);
            match perform(&phone, &next).await {
                Ok(()) => {
                    tracing::info!(account.phone = phone.number(), "{next}");
                    break;
                }
                Err(Error::Stopped) => return,
                Err(error) => {
                    tracing::debug!(account.phone = phone.number(), %error, "Left out: {next}");
                    script.skip_scene();
                }
            }
        }
    }
}

/// Returns the script at its stored position, or at its start.
fn resume(phone: &Phone) -> Script {
    let script_position = locked(&phone.account.script_position).clone();
    script_position.and_then(|place| serde_json::from_str(&place).ok()).unwrap_or_else(|| Script::new(SEED))
}

/// Stores the script's position after the next step, together with the effect of the step.
fn mark(phone: &Phone, script: &Script) {
    *locked(&phone.account.script_position) = serde_json::to_string(script).ok();
}

async fn perform(phone: &Phone, step: &Step) -> Result<(), Error> {
    match step {
        Step::Write { from, chat, text, .. } => phone.receive(from.phone, chat, text).await.map(drop),
        Step::Change { chat, change, .. } => match *change {
            Change::Archive(archived) => phone.archive(chat, archived).await,
            Change::Pin(pinned) => phone.pin(chat, pinned).await,
            Change::Mute(until) => phone.mute(chat, until).await,
            Change::Read(read) => phone.mark_read(chat, read).await,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Sandbox, demo};

    #[tokio::test]
    async fn the_demo_phone_can_take_every_step_in_any_account_state() {
        let sandbox = Sandbox::start(Config::default()).await.unwrap();
        let phone = sandbox.create_account(demo::account(None, now_ms())).unwrap();
        let (mut script, mut written, mut changed) = (Script::new(SEED), 0, 0);
        for round in 0..200 {
            // A script has archived everything and marked it as read.
            if round == 100 {
                for chat in phone.chats() {
                    phone.archive(&chat.jid, true).await.unwrap();
                    phone.mark_read(&chat.jid, true).await.unwrap();
                }
            }
            let next = script.next(&phone.chats(), now_ms()).unwrap();
            match (perform(&phone, &next).await, &next) {
                (Ok(()), Step::Write { .. }) => written += 1,
                (Ok(()), Step::Change { .. }) => changed += 1,
                (Err(Error::Unsupported(_)), Step::Write { .. }) => script.skip_scene(),
                (Err(error), _) => panic!("{next}: {error}"),
            }
        }
        assert!(written > 40 && changed > 40, "{written} lines, {changed} changes");
        sandbox.stop().await;
    }
}
