import { AwgError } from "../../../model/error.ts";
import { permissionRemedy } from "../../../native/darwin/permission-remedy.ts";
import type { CommandResult, RunCommand } from "../command.ts";

const PFCTL = "/sbin/pfctl";

/** What every run of macOS's pfctl says on standard error, whatever it does. */
const NOISE = [
  /^No ALTQ support in kernel$/,
  /^ALTQ related functions disabled$/,
  /^pfctl: Use of -f option, could result in flushing of rules$/,
  /^present in the main ruleset added by the system at startup\.$/,
  /^See \/etc\/pf\.conf for further details\.$/,
];
/** How pfctl says that an anchor or a table is not there. */
const ABSENT =
  /DIOCGETRULES|DIOCGETRULESETS|DIOCRGET|No such file or directory|Anchor does not exist|Anchor '.*' not found|Table does not exist/;
/**
 * Somebody loads what is being read: PF refuses the rest of it by EBUSY, and pfctl ends with 0 all the same, having printed a
 * part (pfctl_show_rules of OpenBSD 4.3's pfctl.c; DIOCGETRULE of bsd/net/pf_ioctl.c).
 */
const CHANGED_MEANWHILE = /DIOCGET\w+: Resource busy/;
const READ_ATTEMPTS = 5;

/** The questions that awg asks pfctl, and the one thing that it has it do: replace what an anchor holds. */
export interface Pfctl {
  /** Replaces rules and tables of the anchor, and of those written inside the text, in one transaction. */
  load(anchor: string, text: string): Promise<void>;
  /** The filter rules of an anchor as printed, of the main ruleset for ""; "" where there is no such anchor. */
  rules(anchor: string): Promise<string>;
  /** The nat, rdr and binat rules of an anchor and its calls of others', as printed; "" where there is no such anchor. */
  translations(anchor: string): Promise<string>;
  /** Paths of the anchors directly below one, sorted as PF asks them. */
  anchorsIn(anchor: string): Promise<string[]>;
  /** The prefixes of a table; undefined where it is not there. */
  table(anchor: string, name: string): Promise<string[] | undefined>;
  /** Interfaces that PF is told to leave alone (`set skip on`). */
  skippedInterfaces(): Promise<string[]>;
  /** Every state as printed, one a line. */
  states(): Promise<string>;
}

/** pfctl of this Mac. Its exit code decides; what it always says on standard error is left out of errors. */
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
