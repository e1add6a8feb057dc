// Contents of the tabs when the page is opened for the first time.

const LIST = `# The latest chats. Ctrl-Enter runs this, Ctrl-Space
# completes what you type, and the book at the left
# is the documentation.
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

const ARCHIVE = `# Archives the chat that the variables name. WhatsApp
# is told in the background: sync says how far that is.
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

# And brings it back. The button that runs offers both.
mutation Unarchive($cid: JID!) {
  updateChat(input: { cid: $cid, archived: false }) {
    chat {
      name
      archived
    }
  }
}
`;

const FOLLOW = `# Every change of a chat as it happens, whoever makes
# it. The first event carries a cursor alone.
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
