// Connection of GraphiQL to the server: queries and mutations by POST, subscriptions by WebSocket. Both use the
// server's path and the headers in the headers editor.

import { getOperationAST, parse } from 'graphql';
import { createClient } from 'graphql-ws';

// Relative, because a proxy may serve the page under a path.
const ENDPOINT = new URL('graphql', window.location.href);

/**
 * Creates the function that executes one operation. It returns a promise of the answer, or the events of a
 * subscription. `firstHeaders` are the headers of the first introspection query, for which GraphiQL passes none;
 * `remember` gets the headers of each request.
 */
export function createFetcher(firstHeaders, remember) {
  let first = true;
  return ({ query, variables, operationName }, { headers = first ? firstHeaders : {} } = {}) => {
    first = false;
    if (lacksKey(headers)) return { errors: [{ message: 'Enter an API key after "Bearer" in the Headers pane first.' }] };
    remember(headers);
    const request = { query, variables, operationName };
    return isSubscription(query, operationName) ? subscribe(request, headers) : post(request, headers);
  };
}

/** Whether the key is still to be entered: the server would reject the request. */
export function lacksKey(headers) {
  return !Object.entries(headers).some(([name, value]) =>
    /^(authorization|x-api-key)$/i.test(name) && !/^\s*(bearer)?\s*$/i.test(value));
}

function isSubscription(query, operationName) {
  try {
    return getOperationAST(parse(query), operationName)?.operation === 'subscription';
  } catch {
    // The server reports a better error for it.
    return false;
  }
}

async function post(request, headers) {
  const response = await fetch(ENDPOINT, {
    method: 'POST',
    headers: { ...headers, 'Content-Type': 'application/json', Accept: 'application/json' },
    body: JSON.stringify(request),
  });
  // An error response has a JSON body, too.
  return response.json();
}

/** Opens one socket for each subscription, so that it uses the current headers. */
function subscribe(request, headers) {
  const client = createClient({
    url: ENDPOINT.href.replace(/^http/, 'ws'),
    // Web pages cannot send headers with a WebSocket; its first message has them.
    connectionParams: headers,
    // A reconnect without a cursor would silently miss changes.
    retryAttempts: 0,
  });
  return {
    subscribe(listener) {
      const stop = client.subscribe(request, {
        next: listener.next,
        error: (cause) => listener.error(readable(cause)),
        complete: listener.complete,
      });
      return { unsubscribe: () => { stop(); client.dispose(); } };
    },
  };
}

/** Converts the cause of a subscription's end to errors for GraphiQL: the server's errors, or the socket's failure. */
function readable(cause) {
  if (cause instanceof CloseEvent) return [{ message: `The connection was closed: ${cause.code} ${cause.reason}`.trim() }];
  if (cause instanceof Event) return [{ message: 'The connection could not be opened.' }];
  return cause;
}
