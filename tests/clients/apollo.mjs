// Apollo Client 4: queries and mutations over HTTP, subscriptions over HTTP as a multipart body and over a WebSocket.
import { ApolloClient, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { createClient } from "graphql-ws";
import WebSocket from "ws";

const { CHATGRAPH_URL, CHATGRAPH_KEY } = process.env;
const Authorization = `Bearer ${CHATGRAPH_KEY}`;

const socket = createClient({
  url: CHATGRAPH_URL.replace("http", "ws"),
  webSocketImpl: WebSocket,
  connectionParams: { Authorization },
});
const http = new HttpLink({ uri: CHATGRAPH_URL, headers: { Authorization } });
const overHttp = new ApolloClient({ link: http, cache: new InMemoryCache() });
const overSocket = new ApolloClient({ link: new GraphQLWsLink(socket), cache: new InMemoryCache() });

const CHATS = gql`
  query Chats {
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
  mutation Update($input: UpdateChatInput!) {
    updateChat(input: $input) {
      chat {
        id
        archived
      }
    }
  }
`;
const CHANGES = gql`
  subscription Changes($after: String) {
    chatChanges(after: $after) {
      cursor
      change {
        cid
        changed
        chat {
          id
          archived
        }
      }
    }
  }
`;

for (const [name, client] of [
  ["multipart", overHttp],
  ["WebSocket", overSocket],
]) {
  const { data } = await overHttp.query({ query: CHATS, fetchPolicy: "network-only" });
  const [chat] = data.chats.nodes;
  const changed = new Promise((resolve, reject) => {
    const following = client.subscribe({ query: CHANGES, variables: { after: data.chats.changeCursor } }).subscribe({
      next: ({ data, error }) => {
        if (error) return reject(error);
        const { change } = data.chatChanges;
        if (change?.cid !== chat.jid || !change.changed.includes("ARCHIVED")) return;
        following.unsubscribe();
        resolve(change.chat);
      },
      error: reject,
    });
  });
  const input = { cid: chat.jid, archived: !chat.archived };
  const updated = await overHttp.mutate({ mutation: UPDATE, variables: { input } });
  if (updated.data.updateChat.chat.archived === chat.archived) throw new Error("the answer shows it as before");
  const { archived } = await changed;
  console.log(`${name}: ${chat.name} changed to archived: ${archived}`);
  if (archived === chat.archived) throw new Error("that is what it was before");
}

// A subscription that fails reports its error.
await new Promise((resolve, reject) => {
  overHttp.subscribe({ query: CHANGES, variables: { after: "nonsense" } }).subscribe({
    next: ({ data, error }) => {
      if (!error) return reject(new Error(`answered ${JSON.stringify(data)}`));
      console.log("refused:", error.message);
      resolve();
    },
    error: reject,
  });
});
overHttp.stop();
overSocket.stop();
await socket.dispose();
