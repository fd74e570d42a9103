import { type Imported, type ImportOptions, importConf } from "../../model/interchange/import-config.ts";

/** Reads a text of any form that can be imported; what it is, it shows itself. */
export function readForeign(text: string, options: ImportOptions): Imported {
  return importConf(text, options);
}
