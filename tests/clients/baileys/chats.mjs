// Baileys stores no chats: its application builds them from the events. This is such a store, by the documented meaning
// of each field, with a view in the format of `GET /accounts/{phone}/chats`.

// The sandbox's mute without end; Baileys reports WhatsApp's -1.
const FOREVER = 253_402_300_799_999;
// Smaller values are in seconds: as milliseconds this is a time in 1973, as seconds a time in 5138.
const IN_SECONDS = 100_000_000_000;

export class Chats {
  constructor() {
    this.all = new Map();
    this.lasts = new Map();
  }

  take(name, data) {
    switch (name) {
      case "messaging-history.set":
        for (const chat of data.chats) this.#set(chat);
        for (const message of data.messages) this.#saw(message);
        break;
      case "chats.upsert":
        for (const chat of data) this.#set(chat);
        break;
      case "chats.update":
        for (const update of data) this.#update(update);
        break;
      case "chats.delete":
        for (const id of data) this.all.delete(id);
        break;
      case "messages.upsert":
        for (const message of data.messages) this.#saw(message);
        break;
    }
  }

  // Returns the last message of a chat, as a message range names it.
  last(id) {
    return this.lasts.get(id);
  }

  view() {
    const view = ({ archived, pinned, muteEndTime, unreadCount, marked }) => ({
      archived: Boolean(archived),
      pinned: Boolean(pinned),
      mutedUntil: until(muteEndTime),
      unreadCount,
      markedUnread: marked,
    });
    return new Map([...this.all].map(([id, chat]) => [id, view(chat)]));
  }

  // Stores a chat from a history. The end of a mute is in seconds, or in milliseconds if Baileys has merged the app
  // state into it.
  #set(chat) {
    const { unreadCount = 0, markedAsUnread = false } = chat;
    const end = Number(chat.muteEndTime ?? 0);
    if (end > 0 && end < IN_SECONDS) chat = { ...chat, muteEndTime: end * 1_000 };
    const counts = { unreadCount: Math.max(0, unreadCount), marked: Boolean(markedAsUnread) || unreadCount < 0 };
    this.all.set(chat.id, { ...this.all.get(chat.id), ...defined(chat), ...counts });
  }

  // A positive count is added; 0 and -1 are absolute: read, and marked as unread.
  #update({ unreadCount, ...update }) {
    const chat = this.all.get(update.id) ?? { unreadCount: 0, marked: false };
    Object.assign(chat, defined(update));
    if (unreadCount > 0) chat.unreadCount += unreadCount;
    if (unreadCount === 0 || unreadCount === null) Object.assign(chat, { unreadCount: 0, marked: false });
    if (unreadCount < 0) chat.marked = true;
    this.all.set(update.id, chat);
  }

  #saw({ key, messageTimestamp, message }) {
    // Reactions, edits and the like are not messages of the chat.
    if (message?.protocolMessage || message?.editedMessage || message?.reactionMessage) return;
    const at = Number(messageTimestamp);
    const last = this.lasts.get(key.remoteJid);
    if (last === undefined || last.messageTimestamp <= at) {
      this.lasts.set(key.remoteJid, { key, messageTimestamp: at });
    }
  }
}

// `null` means that a setting was removed.
function defined(fields) {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function until(end) {
  const at = Number(end ?? 0);
  if (at < 0) return FOREVER;
  return at === 0 ? null : at;
}
