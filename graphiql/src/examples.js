// Contents of the tabs when the page is opened for the first time.

const LIST = `# Lists the latest chats. Ctrl-Enter runs the query, and
# Ctrl-Space completes it. The book icon on the left opens
# the documentation.
query Chats {
  chats(first: 20) {
    nodes {
      name
      jid
      archived
      pinned
      unreadCount
      lastMessage {
        text
        at
      }
    }
  }
}
`;

const ARCHIVE = `# Archives the chat in the variables. The change is sent
# to WhatsApp in the background; sync shows its state.
mutation Archive($cid: JID!) {
  updateChat(input: { cid: $cid, archived: true }) {
    chat {
      name
      archived
      sync {
        state
        pending
      }
    }
  }
}

# Takes it out of the archive. The run button offers both.
mutation Unarchive($cid: JID!) {
  updateChat(input: { cid: $cid, archived: false }) {
    chat {
      name
      archived
    }
  }
}
`;

const FOLLOW = `# Streams every change of a chat, whatever its origin.
# The first event has only a cursor.
subscription Changes {
  chatChanges {
    cursor
    change {
      origin
      kind
      changed
      chat {
        name
        archived
        unreadCount
        lastMessage {
          text
        }
      }
    }
  }
}
`;

/** Returns one tab for each example; `chat` is the address of a chat to archive, empty if it is unknown. */
export function examples(chat) {
  const variables = JSON.stringify({ cid: chat }, null, 2);
  return [{ query: LIST }, { query: ARCHIVE, variables }, { query: FOLLOW }];
}
