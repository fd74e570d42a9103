import { AwgError } from "../../../model/error.ts";
import { permissionRemedy } from "../../../native/darwin/permission-remedy.ts";
import type { CommandResult, RunCommand } from "../command.ts";

const PFCTL = "/sbin/pfctl";

/** Lines that macOS's pfctl prints on standard error in every run. */
const NOISE = [
  /^No ALTQ support in kernel$/,
  /^ALTQ related functions disabled$/,
  /^pfctl: Use of -f option, could result in flushing of rules$/,
  /^present in the main ruleset added by the system at startup\.$/,
  /^See \/etc\/pf\.conf for further details\.$/,
];
/** pfctl's messages about a missing anchor or table. */
const ABSENT =
  /DIOCGETRULES|DIOCGETRULESETS|DIOCRGET|No such file or directory|Anchor does not exist|Anchor '.*' not found|Table does not exist/;
/**
 * Another process loads the rules that are being read. PF refuses the rest with EBUSY; pfctl prints a part and exits 0
 * (pfctl_show_rules of OpenBSD 4.3's pfctl.c; DIOCGETRULE of bsd/net/pf_ioctl.c).
 */
const CHANGED_MEANWHILE = /DIOCGET\w+: Resource busy/;
const READ_ATTEMPTS = 5;

/** pfctl's readings, and its one change: replacing the content of an anchor. */
export interface Pfctl {
  /** Replaces rules and tables of the anchor and of its inline anchors in one transaction. */
  load(anchor: string, text: string): Promise<void>;
  /** The filter rules of an anchor as printed, of the main ruleset for ""; "" if there is no such anchor. */
  rules(anchor: string): Promise<string>;
  /** The nat, rdr and binat rules of an anchor and its anchor calls, as printed; "" if there is no such anchor. */
  translations(anchor: string): Promise<string>;
  /** Paths of the anchors directly below one, in PF's order of evaluation. */
  anchorsIn(anchor: string): Promise<string[]>;
  /** The prefixes of a table; undefined if it does not exist. */
  table(anchor: string, name: string): Promise<string[] | undefined>;
  /** Interfaces that PF skips (`set skip on`). */
  skippedInterfaces(): Promise<string[]>;
  /** Every state as printed, one a line. */
  states(): Promise<string>;
}

/** pfctl of this Mac. Its exit code decides; errors omit the lines that it always prints. */
export function pfctl(run: RunCommand): Pfctl {
  const ask = async (args: readonly string[], input?: string): Promise<CommandResult> =>
    run({ path: PFCTL, args, ...(input === undefined ? {} : { input }) });
  const need = async (what: string, args: readonly string[], input?: string): Promise<string> => {
    const result = await ask(args, input);
    if (result.status === 0) return result.stdout;
    throw failure(what, result);
  };
  const askWhole = async (args: readonly string[]): Promise<CommandResult> => {
    let result = await ask(args);
    for (let reads = 1; CHANGED_MEANWHILE.test(result.stderr) && reads < READ_ATTEMPTS; reads += 1)
      result = await ask(args);
    return result;
  };
  const find = async (what: string, args: readonly string[]): Promise<string | undefined> => {
    const result = await askWhole(args);
    if (CHANGED_MEANWHILE.test(result.stderr)) throw failure(what, result);
    if (ABSENT.test(result.stderr)) return undefined;
    if (result.status === 0) return result.stdout;
    throw failure(what, result);
  };
  const below = (anchor: string): string[] => (anchor === "" ? [] : ["-a", anchor]);
  return {
    load: async (anchor, text) => {
      await need(`load the anchor ${anchor}`, ["-a", anchor, "-o", "none", "-f", "-"], text);
    },
    rules: async (anchor) => (await find(`read the rules of ${anchor}`, [...below(anchor), "-v", "-s", "rules"])) ?? "",
    translations: async (anchor) =>
      (await find(`read the translations of ${anchor}`, [...below(anchor), "-s", "nat"])) ?? "",
    anchorsIn: async (anchor) => {
      const text = await find(`list the anchors of ${anchor}`, [...below(anchor), "-s", "Anchors"]);
      return linesOf(text ?? "")
        .map((path) => (path.startsWith(`${anchor}/`) ? path : `${anchor}/${path}`))
        .toSorted();
    },
    table: async (anchor, name) => {
      const text = await find(`read the table ${name}`, [...below(anchor), "-t", name, "-T", "show"]);
      return text === undefined ? undefined : linesOf(text);
    },
    skippedInterfaces: async () => {
      const text = await need("list PF's interfaces", ["-v", "-s", "Interfaces"]);
      return [...text.matchAll(/^(\S+) \(skip\)/gm)].map(([, name = ""]) => name);
    },
    states: () => need("list PF's states", ["-s", "states"]),
  };
}

function linesOf(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

function failure(what: string, { status, stderr }: CommandResult): AwgError {
  const said = linesOf(stderr).filter((line) => !NOISE.some((noise) => noise.test(line)));
  const refused = said.some((line) => /Permission denied|Operation not permitted/.test(line));
  return new AwgError(
    refused ? "permission" : "host",
    `pfctl could not ${what}: ${said.slice(0, 3).join("; ") || `it ended with ${status}`}`,
    refused ? { remedy: permissionRemedy() } : {},
  );
}
