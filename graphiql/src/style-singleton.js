// Stands in for react-style-singleton, with which GraphiQL's dialogs keep the page from scrolling. The original writes a
// <style> element, which the page's policy forbids; a style sheet that is made by script is no such element.

import { useEffect } from 'react';

/** A component that puts its styles on the page while it is there. */
export function styleSingleton() {
  return function Sheet({ styles }) {
    useEffect(() => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(styles);
      document.adoptedStyleSheets.push(sheet);
      return () => {
        document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== sheet);
      };
    }, [styles]);
    return null;
  };
}
