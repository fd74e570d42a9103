import { closeSync, constants, fstatSync, openSync } from "node:fs";
import type { Config, Destination, Match } from "../../config/config.ts";
import { GEOIP_DATABASE } from "../../config/section/machine.ts";
import { nestedMatches } from "../../config/section/nested-matches.ts";
import { type ListContent, listFault, MAX_LIST_BYTES } from "../../lists/list-content.ts";
import { countryPrefixes } from "../../lists/mmdb.ts";
import { parseList } from "../../lists/parse-list.ts";
import { AwgError } from "../../model/error.ts";
import type { Lists, Note } from "../../resources/expand/expansion.ts";
import { listKey } from "../../resources/expand/names/destinations.ts";
import { readAtMost } from "../../state/bounded-read.ts";
import { exposureOf, trustedOwners } from "../../state/file-trust.ts";
import { unreadable } from "../load/read-config-file.ts";
import { textOf } from "../load/utf8-text.ts";
import type { HostParts } from "../parts.ts";
import { readRemoteList } from "./remote-list.ts";

/** The lists of a config, and what a person should know of them. */
export interface ReadLists {
  readonly lists: Lists;
  readonly notes: readonly Note[];
}

type ListParts = Pick<HostParts, "stateDir" | "isSimulated">;

/** The result of the last read of each list, so that an unchanged one is not parsed again. */
const known = new Map<string, { readonly version: string; readonly content: ListContent }>();

/**
 * Reads every list and country that the rules name. Files are read afresh; a pinned list is fetched only while the kept
 * copy is another one.
 *
 * @throws AwgError config with the place in the list, permission for a file that others can change
 */
export async function readLists(config: Config, parts: ListParts): Promise<ReadLists> {
  const lists: Record<string, ListContent> = {};
  const notes: Note[] = [];
  for (const [path, destination] of listsOf(config)) {
    const key = listKey(destination);
    if (key === undefined || Object.hasOwn(lists, key)) continue;
    if (destination.kind === "geoip") {
      const database = config.geoip?.database ?? GEOIP_DATABASE;
      lists[key] = readFile(database, parts, key, (bytes) => countryPrefixes(database, bytes, destination.geoip));
    } else if (destination.kind === "list" && destination.sha256 === undefined) {
      const { list } = destination;
      lists[key] = readFile(list, parts, key, (bytes) => parseList(list, textOf(bytes)));
    } else if (destination.kind === "list") {
      const { text, note } = await readRemoteList({ ...destination, sha256: destination.sha256 ?? "" }, parts.stateDir);
      lists[key] = remembered(key, text, () => parseList(destination.list, text));
      if (note !== undefined) notes.push({ path, message: note, isWarning: true });
    }
  }
  return { lists, notes };
}

function listsOf({ rules = [], invariants = [] }: Config): readonly [string, Destination][] {
  const claims = invariants.flatMap(({ never, always }): Match[] => [never ?? always ?? []].flat());
  return [
    ...rules.flatMap((rule, index) => destinationsOf(rule, `rules.${index}`)),
    ...claims.flatMap((claim, index) => destinationsOf(claim, `invariants.${index}`)),
  ];
}

function destinationsOf(match: Match, path: string): [string, Destination][] {
  return nestedMatches(match).flatMap(({ destinations = [] }) =>
    destinations.map((one): [string, Destination] => [path, one]),
  );
}

function readFile(
  path: string,
  { isSimulated }: ListParts,
  key: string,
  parse: (bytes: Buffer) => ListContent,
): ListContent {
  const descriptor = open(path);
  try {
    const status = fstatSync(descriptor);
    if (!status.isFile()) throw listFault(path, "the list is not a regular file", "check the path");
    const owners = isSimulated ? undefined : trustedOwners(process.env);
    const exposure = owners === undefined ? undefined : exposureOf(path, status, owners);
    if (exposure !== undefined) {
      const { message, remedy } = exposure;
      throw new AwgError("permission", `the list ${path} decides where packets go: ${message}`, { remedy });
    }
    const version = [path, status.dev, status.ino, status.size, status.mtimeMs, status.ctimeMs].join(" ");
    return remembered(key, version, () => {
      const bytes = readAtMost(descriptor, MAX_LIST_BYTES);
      if (bytes === undefined) throw listFault(path, `the file is larger than ${MAX_LIST_BYTES} bytes`, "split it");
      return parse(bytes);
    });
  } finally {
    closeSync(descriptor);
  }
}

function open(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw unreadable(path, error);
  }
}

function remembered(key: string, version: string, read: () => ListContent): ListContent {
  const last = known.get(key);
  if (last?.version === version) return last.content;
  const content = read();
  known.set(key, { version, content });
  return content;
}
