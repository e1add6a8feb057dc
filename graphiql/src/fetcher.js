// How GraphiQL reaches the server: queries and mutations by POST, subscriptions by WebSocket, both on the path where the
// server has them, and with what the headers editor holds.

import { getOperationAST, parse } from 'graphql';
import { createClient } from 'graphql-ws';

// Relative, for a server that is reached under a path of a proxy.
const ENDPOINT = new URL('graphql', window.location.href);

/**
 * Makes what carries out one operation: a promise of its answer, or the events of a subscription. `firstHeaders` tells
 * the headers of the first question for the schema, which comes without any.
 */
export function createFetcher(firstHeaders) {
  let first = true;
  return ({ query, variables, operationName }, { headers = first ? firstHeaders() : {} } = {}) => {
    first = false;
    const request = { query, variables, operationName };
    return isSubscription(query, operationName) ? subscribe(request, headers) : post(request, headers);
  };
}

function isSubscription(query, operationName) {
  try {
    return getOperationAST(parse(query), operationName)?.operation === 'subscription';
  } catch {
    // The server says better what is wrong with it.
    return false;
  }
}

async function post(request, headers) {
  const response = await fetch(ENDPOINT, {
    method: 'POST',
    headers: { ...headers, 'Content-Type': 'application/json', Accept: 'application/json' },
    body: JSON.stringify(request),
  });
  // A refusal is an answer, too.
  return response.json();
}

/** One socket a subscription, so that it is opened with the headers of this moment. */
function subscribe(request, headers) {
  const client = createClient({
    url: ENDPOINT.href.replace(/^http/, 'ws'),
    // Web pages cannot send headers with a WebSocket; its first message carries them.
    connectionParams: headers,
    // Coming back without a cursor would be a hole that nobody sees.
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

/** What ended a subscription, as GraphiQL shows it: the server's errors, or what became of the socket. */
function readable(cause) {
  if (cause instanceof CloseEvent) return [{ message: `The connection was closed: ${cause.code} ${cause.reason}`.trim() }];
  if (cause instanceof Event) return [{ message: 'The connection could not be opened.' }];
  return cause;
}
