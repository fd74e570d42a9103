import type { KeptOriginal } from "../../host/ports/resolver.ts";
import { shellWord } from "../doctor/finding.ts";

/** What stands in the way of the resolver's original, where that is kept and how a person puts it back, in words. Pure. */
export function keptText({ obstacle, path, place, isFile }: KeptOriginal): string {
  if (!isFile) return `${obstacle}: where it stands was no file before awg; ${shellWord(place)} says so and may go`;
  const word = `sed 's/.*"contentBase64":"\\([^"]*\\)".*/\\1/' ${shellWord(place)}`;
  return `${obstacle}: what stood there before awg is kept in ${place}; once the way is free, this puts it back: ${word} | base64 -d > ${shellWord(path)}`;
}
