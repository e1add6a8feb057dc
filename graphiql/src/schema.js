import { useEditorContext, useSchemaStore } from '@graphiql/react';
import { useEffect } from 'react';

const PAUSE_MS = 600;

/** Fetches the schema again after the headers change, until it has been loaded; renders nothing. */
export function SchemaAsSoonAsPossible() {
  const { headerEditor } = useEditorContext({ nonNull: true });
  const schema = useSchemaStore((store) => store.schema);
  const introspect = useSchemaStore((store) => store.introspect);
  useEffect(() => {
    if (!headerEditor || schema) return undefined;
    let pause;
    const wait = () => {
      clearTimeout(pause);
      pause = setTimeout(introspect, PAUSE_MS);
    };
    headerEditor.on('change', wait);
    return () => {
      clearTimeout(pause);
      headerEditor.off('change', wait);
    };
  }, [headerEditor, schema, introspect]);
  return null;
}
