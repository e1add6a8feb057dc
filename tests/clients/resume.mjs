// Follows every change through restarts of the server. Each event has a cursor, and a client that resumes from the last
// one misses nothing and receives nothing twice.
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "graphql-ws";
import WebSocket from "ws";

const { CHATGRAPH_URL, CHATGRAPH_KEY } = process.env;

const client = createClient({
  url: CHATGRAPH_URL.replace("http", "ws"),
  webSocketImpl: WebSocket,
  connectionParams: { Authorization: `Bearer ${CHATGRAPH_KEY}` },
  retryAttempts: 0, // a retry would use the first cursor again
  lazyCloseTimeout: 1_000,
});
const CHANGES = `subscription($after: String) {
  chatChanges(after: $after) { cursor change { cid kind changed chat { lastMessage { text } } } }
}`;

let connections = 0;

// Yields all changes after the cursor, up to the last one.
async function* follow(after) {
  for (;;) {
    try {
      connections += 1;
      for await (const { data, errors } of client.iterate({ query: CHANGES, variables: { after } })) {
        if (errors) throw new Error(JSON.stringify(errors));
        const { cursor, change } = data.chatChanges;
        after = cursor;
        if (change) yield { cursor, ...change };
        else console.log("following from", after);
      }
    } catch (broken) {
      console.log("broken off:", broken.code ?? broken.message);
      await sleep(50);
    }
  }
}

async function all(after) {
  const seen = [];
  for await (const change of follow(after)) {
    seen.push(change);
    if (change.chat?.lastMessage?.text === "the end") return seen;
  }
}

const beginning = await (async () => {
  for await (const { data } of client.iterate({ query: "{ changeCursor }" })) return data.changeCursor;
})();
const seen = await all(beginning);
const reconnected = connections;
// The same changes again from the beginning, without interruptions, as the reference.
const steady = await all(beginning);
const ids = (changes) => changes.map(({ cursor, cid, kind }) => `${cursor} ${cid} ${kind}`).join("\n");
const messages = seen.filter(({ changed }) => changed.includes("LAST_MESSAGE")).length;
console.log(`${seen.length} changes, ${messages} of them messages, over ${reconnected} connections`);
if (reconnected < 3) throw new Error("the server was never away");
if (messages < 51) throw new Error("51 messages were sent");
if (ids(seen) !== ids(steady)) throw new Error(`seen\n${ids(seen)}\ninstead of\n${ids(steady)}`);
await client.dispose();
