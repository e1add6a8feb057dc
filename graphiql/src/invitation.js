// The demo's link carries a key, and a chat to try things on, behind the `#`: browsers keep that part to themselves, so
// neither a server nor a log sees it. It is taken out of the address bar at once.

/** The key and the chat of the link that opened the page; nothing when it was opened without. */
export function takeInvitation(location, history) {
  const parameters = new URLSearchParams(location.hash.slice(1));
  const key = parameters.get('key');
  if (!key) return undefined;
  history.replaceState(null, '', location.pathname + location.search);
  return { key, chat: parameters.get('chat') ?? undefined };
}
