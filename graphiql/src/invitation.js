// The demo's link carries a key, and a chat to try things on, behind the `#`: browsers keep that part to themselves, so
// neither a server nor a log sees it. It is taken out of the address bar at once.
//
// Anybody can make such a link. Signed in with the key of a stranger, a person would work in the stranger's account, so
// other servers than the demo's ask first.

const QUESTION = 'This link brings an api-key with it. Sign in with that key? What this tab holds is dropped.';

/** The key and the chat of the link that opened the page; nothing when it was opened without,
 *  or the person does not want them. */
export function takeInvitation({ location, history, document, confirm }) {
  const parameters = new URLSearchParams(location.hash.slice(1));
  const key = parameters.get('key');
  if (!key) return undefined;
  history.replaceState(null, '', location.pathname + location.search);
  const trusted = document.querySelector('meta[name=invitation]')?.content === 'trusted';
  if (!trusted && !confirm(QUESTION)) return undefined;
  return { key, chat: parameters.get('chat') ?? undefined };
}
