import type { DocumentName, DocumentOf } from "../documents/documents.ts";
import type { Terminal } from "../terminal.ts";

/** Prints a document in one line; its schema is schema/json/NAME.schema.json. */
export function printDocument<N extends DocumentName>(
  terminal: Pick<Terminal, "out">,
  _name: N,
  document: DocumentOf<N>,
): void {
  terminal.out(JSON.stringify(document));
}
