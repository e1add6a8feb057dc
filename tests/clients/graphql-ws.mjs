// Everything over one WebSocket, with https://github.com/enisdenjo/graphql-ws.
import { createClient } from "graphql-ws";
import WebSocket from "ws";

const { CHATGRAPH_URL, CHATGRAPH_KEY } = process.env;

const client = createClient({
  url: CHATGRAPH_URL.replace("http", "ws"),
  webSocketImpl: WebSocket,
  connectionParams: { Authorization: `Bearer ${CHATGRAPH_KEY}` },
});

async function once(query, variables) {
  for await (const { data, errors } of client.iterate({ query, variables })) {
    if (errors) throw new Error(JSON.stringify(errors));
    return data;
  }
}

const { chats } = await once("{ chats(first: 1, filter: {pinned: false}) { changeCursor nodes { jid name archived } } }");
const [chat] = chats.nodes;
console.log("the latest chat:", chat.name);

const changes = client.iterate({
  query: `subscription($after: String) {
    chatChanges(after: $after) { cursor change { cid origin changed chat { archived } } }
  }`,
  variables: { after: chats.changeCursor },
});
await changes.next(); // the cursor at which it starts
const update = "mutation($input: UpdateChatInput!) { updateChat(input: $input) { chat { archived } } }";
await once(update, { input: { cid: chat.jid, archived: !chat.archived } });

for await (const { data } of changes) {
  const { change } = data.chatChanges;
  if (change?.cid !== chat.jid || !change.changed.includes("ARCHIVED")) continue;
  console.log("changed by", change.origin, "to archived:", change.chat.archived);
  if (change.chat.archived === chat.archived) throw new Error("that is what it was before");
  break;
}
await client.dispose();
