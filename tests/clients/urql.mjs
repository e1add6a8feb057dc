// urql: queries and mutations over HTTP, subscriptions as server-sent events and over a WebSocket.
import { Client, fetchExchange, gql, subscriptionExchange } from "@urql/core";
import { createClient } from "graphql-ws";
import WebSocket from "ws";

// In Node, the abort of a stream after an unsubscribe from urql cannot be caught.
process.on("unhandledRejection", (reason) => {
  if (reason?.name !== "AbortError") throw reason;
});

const { CHATGRAPH_URL, CHATGRAPH_KEY } = process.env;
const Authorization = `Bearer ${CHATGRAPH_KEY}`;
const options = { url: CHATGRAPH_URL, preferGetMethod: false, fetchOptions: { headers: { Authorization } } };

const socket = createClient({
  url: CHATGRAPH_URL.replace("http", "ws"),
  webSocketImpl: WebSocket,
  connectionParams: { Authorization },
});
const forwardSubscription = (request) => ({
  subscribe: (sink) => ({ unsubscribe: socket.subscribe({ ...request, query: request.query ?? "" }, sink) }),
});
const byEvents = new Client({ ...options, exchanges: [fetchExchange], fetchSubscriptions: true });
const bySocket = new Client({ ...options, exchanges: [subscriptionExchange({ forwardSubscription }), fetchExchange] });

const CHATS = gql`
  query {
    chats(first: 1, filter: { pinned: false }) {
      changeCursor
      nodes {
        id
        jid
        name
        archived
      }
    }
  }
`;
const UPDATE = gql`
  mutation ($input: UpdateChatInput!) {
    updateChat(input: $input) {
      chat {
        id
        archived
      }
    }
  }
`;
const CHANGES = gql`
  subscription ($after: String) {
    chatChanges(after: $after) {
      change {
        cid
        changed
        chat {
          archived
        }
      }
    }
  }
`;

for (const [name, client] of [
  ["events", byEvents],
  ["WebSocket", bySocket],
]) {
  const { data, error } = await client.query(CHATS, {}).toPromise();
  if (error) throw error;
  const [chat] = data.chats.nodes;
  const changed = new Promise((resolve, reject) => {
    const following = client.subscription(CHANGES, { after: data.chats.changeCursor }).subscribe(({ data, error }) => {
      if (error) return reject(error);
      const change = data?.chatChanges.change;
      if (change?.cid !== chat.jid || !change.changed.includes("ARCHIVED")) return;
      following.unsubscribe();
      resolve(change.chat);
    });
  });
  const updated = await client.mutation(UPDATE, { input: { cid: chat.jid, archived: !chat.archived } }).toPromise();
  if (updated.error) throw updated.error;
  const { archived } = await changed;
  console.log(`${name}: ${chat.name} changed to archived: ${archived}`);
  if (archived === chat.archived) throw new Error("that is what it was before");
}
await socket.dispose();
