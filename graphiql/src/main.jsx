// The page: GraphiQL with our fetcher, our examples and, in the demo, its key.

import { GraphiQL } from 'graphiql';
import { createRoot } from 'react-dom/client';
import 'graphiql/style.css';
import './style.css';
import { examples } from './examples.js';
import { createFetcher } from './fetcher.js';
import { takeInvitation } from './invitation.js';
import { SchemaAsSoonAsPossible } from './schema.js';

// The contents of the editors, including tokens, survive a reload and are deleted with the browser's tab.
const storage = window.sessionStorage;
const invitation = takeInvitation(window);
if (invitation) storage.clear();
const headers = JSON.stringify({ Authorization: `Bearer ${invitation?.key ?? ''}` }, null, 2);
// GraphiQL fetches the schema before its headers editor exists, so the first request uses the default headers.
const firstHeaders = () => JSON.parse(storage.getItem('graphiql:headers') || headers);

createRoot(document.getElementById('graphiql')).render(
  <GraphiQL
    fetcher={createFetcher(firstHeaders)}
    defaultHeaders={headers}
    defaultTabs={examples(invitation?.chat ?? '').map((example) => ({ ...example, headers }))}
    defaultQuery=""
    defaultEditorToolsVisibility={invitation ? 'variables' : 'headers'}
    shouldPersistHeaders
    showPersistHeadersSettings={false}
    storage={storage}
  >
    <GraphiQL.Logo>
      chatgraph
      <SchemaAsSoonAsPossible />
    </GraphiQL.Logo>
  </GraphiQL>,
);
