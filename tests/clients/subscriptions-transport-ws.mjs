// The same with the older https://github.com/apollographql/subscriptions-transport-ws, for clients that still use it.
import { SubscriptionClient } from "subscriptions-transport-ws";
import WebSocket from "ws";

const { CHATGRAPH_URL, CHATGRAPH_KEY } = process.env;

const connectionParams = { Authorization: `Bearer ${CHATGRAPH_KEY}` };
const client = new SubscriptionClient(CHATGRAPH_URL.replace("http", "ws"), { connectionParams }, WebSocket);

const once = (query, variables) =>
  new Promise((resolve, reject) => {
    client.request({ query, variables }).subscribe({
      next: ({ data, errors }) => (errors ? reject(new Error(JSON.stringify(errors))) : resolve(data)),
      error: reject,
    });
  });

const { chats } = await once("{ chats(first: 1, filter: {pinned: false}) { changeCursor nodes { jid archived } } }");
const [chat] = chats.nodes;

const changed = new Promise((resolve, reject) => {
  const query = `subscription($after: String) {
    chatChanges(after: $after) { change { cid changed chat { archived } } }
  }`;
  client.request({ query, variables: { after: chats.changeCursor } }).subscribe({
    next: ({ data, errors }) => {
      if (errors) return reject(new Error(JSON.stringify(errors)));
      const { change } = data.chatChanges;
      if (change?.cid === chat.jid && change.changed.includes("ARCHIVED")) resolve(change.chat);
    },
    error: reject,
  });
});
const update = "mutation($input: UpdateChatInput!) { updateChat(input: $input) { chat { archived } } }";
await once(update, { input: { cid: chat.jid, archived: !chat.archived } });

const { archived } = await changed;
console.log("changed to archived:", archived);
if (archived === chat.archived) throw new Error("that is what it was before");

// An operation that cannot be executed is an error.
await once("{ nothing }").then(
  () => Promise.reject(new Error("answered")),
  (refused) => console.log("refused:", refused.message ?? refused[0].message),
);
client.close();
