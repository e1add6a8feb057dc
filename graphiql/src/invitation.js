// The demo's link has a key, and a chat to try, in its fragment. Browsers do not send the fragment, so no server and no
// log sees it. It is removed from the address bar at once.
//
// Links can be forged. Signed in with an attacker's key, a user would work in the attacker's account. So servers other
// than the demo ask first.

const QUESTION = 'This link contains an API key. Sign in with it? The contents of this tab will be lost.';

/** Returns the key and the chat of the link that opened the page; `undefined` if it has none,
 *  or the user declines. */
export function takeInvitation({ location, history, document, confirm }) {
  const parameters = new URLSearchParams(location.hash.slice(1));
  const key = parameters.get('key');
  if (!key) return undefined;
  history.replaceState(null, '', location.pathname + location.search);
  const trusted = document.querySelector('meta[name=invitation]')?.content === 'trusted';
  if (!trusted && !confirm(QUESTION)) return undefined;
  return { key, chat: parameters.get('chat') ?? undefined };
}
