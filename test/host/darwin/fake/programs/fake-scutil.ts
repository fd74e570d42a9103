import type { Command, CommandResult } from "../../../../../src/host/darwin/command.ts";
import { UnfaithfulCall } from "../accepted.ts";

type StoreEntry = string | number | readonly string[];

/** The dynamic store of configd, as far as scutil shows and sets it (darwin-notes 5). */
export class FakeStore {
  readonly keys = new Map<string, ReadonlyMap<string, StoreEntry>>();

  constructor() {
    this.keys.set("State:/Network/Global/DNS", new Map([["ServerAddresses", ["192.168.1.1"]]]));
  }
}

/**
 * /usr/sbin/scutil with a script on standard input. What it cannot do it says on standard output, and ends with 0
 * (darwin-notes 5). A command that awg has no reason to give is unfaithful.
 */
export function fakeScutil(store: FakeStore, { args, input = "" }: Command, isRoot: boolean): CommandResult {
  if (args.length > 0) throw new UnfaithfulCall("scutil", args.join(" "));
  if (!input.endsWith("quit\n")) throw new UnfaithfulCall("scutil", "a script without its quit");
  const said: string[] = [];
  let draft = new Map<string, StoreEntry>();
  for (const line of input.split("\n")) {
    const [command, ...words] = scutilWords(line);
    const [key = "", ...values] = words;
    if (command === undefined || command === "quit") continue;
    if (command === "d.init") draft = new Map();
    else if (command === "d.add") draft.set(key, entryOf(values));
    else if (command === "show") said.push(shown(store.keys.get(key)));
    else if (!key.startsWith("State:/Network/Service/") || !key.endsWith("/DNS")) {
      throw new UnfaithfulCall(`scutil ${command}`, `${key}: not a key of ours`);
    } else if (!isRoot) said.push("  Permission denied");
    else if (command === "set") store.keys.set(key, configured(draft));
    else if (command === "remove") {
      if (!store.keys.delete(key)) said.push("  No such key");
    } else throw new UnfaithfulCall("scutil", line);
  }
  return { status: 0, stdout: said.map((one) => `${one}\n`).join(""), stderr: "" };
}

/** The words of a line by scutil's own rules (getString of scutil.c): quotes, and a backslash before a quote or blank. */
export function scutilWords(line: string): string[] {
  const words: string[] = [];
  for (let at = 0; at < line.length; ) {
    if (/\s/.test(line[at] ?? "")) {
      at += 1;
      continue;
    }
    const quoted = line[at] === '"';
    if (quoted) at += 1;
    let word = "";
    for (; at < line.length; at += 1) {
      const character = line[at] ?? "";
      if (quoted ? character === '"' : /\s/.test(character)) break;
      if (character !== "\\") {
        word += character;
        continue;
      }
      at += 1;
      const next = line[at] ?? "";
      word += next === '"' || /\s/.test(next) ? next : `\\${next}`;
    }
    if (quoted) at += 1;
    words.push(word);
  }
  return words;
}

/**
 * What configd makes a resolver of: one for chosen names has no search domains of its own, its names are those
 * (add_supplemental of configd's Plugins/IPMonitor/dns-configuration.c), and without servers it is none.
 */
function configured(draft: ReadonlyMap<string, StoreEntry>): ReadonlyMap<string, StoreEntry> {
  const isFor = (name: string) => ((draft.get(name) ?? []) as readonly string[]).length > 0;
  if (isFor("SupplementalMatchDomains") && isFor("SearchDomains"))
    throw new UnfaithfulCall("scutil set", "SearchDomains of a resolver for chosen names are left out");
  if (!isFor("ServerAddresses")) throw new UnfaithfulCall("scutil set", "a resolver without servers is none");
  return draft;
}

function entryOf([mark = "", ...rest]: readonly string[]): StoreEntry {
  if (mark === "*") return rest;
  if (mark === "#" && rest.length === 1) return Number(rest[0]);
  if (rest.length > 0) throw new UnfaithfulCall("scutil d.add", `${mark} ${rest.join(" ")}`);
  return mark;
}

function shown(value: ReadonlyMap<string, StoreEntry> | undefined): string {
  if (value === undefined) return "  No such key";
  const lines = [...value]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([key, entry]) => {
      if (!Array.isArray(entry)) return [`  ${key} : ${entry}`];
      return [`  ${key} : <array> {`, ...entry.map((one, index) => `    ${index} : ${one}`), "  }"];
    });
  return ["<dictionary> {", ...lines, "}"].join("\n");
}
