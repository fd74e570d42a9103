import { basename, dirname, join } from "node:path";
import { AwgError, messageOf } from "../../model/error.ts";
import { counted } from "../../model/text/counted.ts";
import { wakingOf } from "../../model/text/waking.ts";
import { bootTimeMs } from "../../reconciler/apply/outcome.ts";
import type { Generation } from "../../reconciler/journal/generation.ts";
import {
  isAwaited,
  type OpenTransaction,
  readOpenTransaction,
  verifiedState,
  whyRolledBack,
} from "../../reconciler/journal/open-transaction.ts";
import type { Stores } from "../../reconciler/journal/stores.ts";
import type { Ledger } from "../../reconciler/plan/ledger.ts";
import { StateFolder } from "../../state/state-folder.ts";
import type { HostParts } from "../parts.ts";
import { nameOf, type OpenChange, readOpenChange } from "../status/open-change.ts";
import { type Finding, moveAway, shellWord, unopenedFinding } from "./finding.ts";
import type { FindingId } from "./finding-catalogue.ts";
import { journalStory } from "./journal-story.ts";

/** What the state folder says, as far as it can be read. */
export interface StateReading {
  readonly findings: readonly Finding[];
  /** The one that goes with `latest`, where that is to stand. */
  readonly ledger: Ledger | undefined;
  /** What waits to be confirmed, else the generation with the highest number. */
  readonly latest: Generation | undefined;
  readonly isOnTrial: boolean;
  readonly folder: string;
}

/** Looks at every file of the state folder through the same readers as every other verb; changes nothing. */
export async function examineState(parts: HostParts): Promise<StateReading> {
  const { stores } = parts;
  const nowBootMs = bootTimeMs(parts);
  const folder = dirname(stores.journal.location);
  const findings: Finding[] = [];
  const blocked = folderFinding(folder);
  if (blocked !== undefined)
    return { findings: [blocked], ledger: undefined, latest: undefined, isOnTrial: false, folder };
  const attempt = async <T>(path: string, read: () => Promise<T>, tell = (one: Finding) => one) => {
    try {
      return await read();
    } catch (error) {
      findings.push(unopenedFinding(error) ?? tell(fileFinding(path, error)));
      return undefined;
    }
  };
  const open = await attempt(stores.journal.location, () => readOpenTransaction(stores.journal));
  if (open !== undefined) {
    const change = await readOpenChange(parts, open);
    findings.push(openFinding(open, stores.journal.location, nowBootMs, change));
  }
  findings.push(...(await lockFindings(parts)));
  const ledger = await attempt(join(folder, "ledger"), () => stores.ledger.read());
  const generations: Generation[] = [];
  const numbers = await stores.generations.numbers();
  for (const number of numbers) {
    const path = join(folder, `generation-${number}`);
    const generation = await attempt(
      path,
      async () => stores.generations.read(number),
      (finding) => (number === numbers.at(-1) ? finding : ofEarlier(number, finding)),
    );
    if (generation !== undefined) generations.push(generation);
  }
  findings.push(...secretFindings(folder, generations, stores.secrets));
  const { generation: latest, ledger: held } = verifiedState(open, nowBootMs) ?? {
    generation: generations.at(-1),
    ledger,
  };
  return { findings, ledger: held, latest, isOnTrial: open !== undefined && isAwaited(open, nowBootMs), folder };
}

/** The lock, where nothing could take it. */
async function lockFindings(parts: HostParts): Promise<readonly Finding[]> {
  try {
    await parts.whoChanges?.();
    return [];
  } catch (error) {
    const path = error instanceof AwgError ? error.facts["path"] : undefined;
    return typeof path === "string" ? [fileFinding(path, error)] : [];
  }
}

/** The folder itself, where nothing in it may be believed; undefined when it may, or when there is none yet. */
function folderFinding(path: string): Finding | undefined {
  try {
    new StateFolder(path).list();
    return undefined;
  } catch (error) {
    const mode = `chmod go= ${shellWord(path)}`;
    return (
      unopenedFinding(error) ?? {
        id: "state-folder",
        severity: "fault",
        what: error instanceof Error ? error.message : String(error),
        evidence: [`the state folder is ${path}`],
        consequence: "whoever could write there could have told awg anything: look at its contents before you trust it",
        remedy: isOpenToOthers(error) ? [`ls -la ${shellWord(path)}`, mode] : [moveAway(path)],
      }
    );
  }
}

function isOpenToOthers(error: unknown): boolean {
  return error instanceof AwgError && error.message.includes("is open to others");
}

/** Why a file of the state folder cannot be read, and what moving it away costs. */
function fileFinding(path: string, error: unknown): Finding {
  const state = error instanceof AwgError ? error.facts["state"] : undefined;
  const base = { severity: "fault" as const, what: messageOnly(error) };
  if (error instanceof AwgError && (error.kind === "permission" || state === "untrusted")) {
    const remedy = isOpenToOthers(error) ? `chmod go= ${shellWord(path)}` : moveAway(path);
    return { ...base, id: "state-file-unreadable", evidence: [messageOf(error)], remedy: [remedy] };
  }
  const id: FindingId =
    state === "newer" ? "state-file-newer" : state === "foreign" ? "state-file-foreign" : "state-file-damaged";
  const story = path.endsWith("/journal") ? journalStory(path) : [];
  const instead = state === "newer" ? ["use the awg that wrote it, or:"] : [];
  return {
    ...base,
    id,
    evidence: [
      ...story,
      "until it is mended every verb that changes the machine is refused; a packet filter that stands goes on standing",
    ],
    consequence: consequenceOf(path),
    remedy: [...instead, moveAway(path), "awg plan -f CONFIG", "awg apply -f CONFIG"],
  };
}

/** What cannot be read of a generation that a later one follows: nothing that holds depends on it. */
function ofEarlier(number: number, finding: Finding): Finding {
  return {
    ...finding,
    severity: "note",
    evidence: ["it is an earlier generation: what is applied holds, and every verb works that does not need this one"],
    consequence: `generation ${number} cannot be gone back to, nor compared with`,
    remedy: finding.remedy.filter((line) => !line.startsWith("awg ")),
  };
}

function messageOnly(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function consequenceOf(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (name === "journal") {
    return "awg forgets the change that was open and neither ends nor undoes it: the next apply reads the machine as it stands and goes on from there; kernel settings that the open change had set are then taken for the machine's own";
  }
  if (name === "ledger") {
    return "awg forgets which kernel settings it had found: destroy will leave them as they are now; what bears awg's mark in the kernel is adopted by the next apply";
  }
  return "this generation can no longer be gone back to; if it is the one that holds, the next apply may number tunnels' tables anew";
}

function openFinding(open: OpenTransaction, path: string, nowBootMs: number, change: OpenChange): Finding {
  const { begin, batches, blocked, rollbackCause } = open;
  const keys = [...new Set(batches.flatMap(({ batch }) => batch.steps.map(({ key }) => key)))];
  const begun = keys.length === 0 ? "it had changed nothing yet" : `it had begun ${keys.join(", ")}`;
  const what = `${begin.verb} of generation ${begin.generation}`;
  const evidence = [`${path} holds its records`, begun];
  if (isAwaited(open, nowBootMs)) {
    const remedy = ["awg confirm", "awg revert"];
    return { id: "journal-awaiting", severity: "note", what: `${what} waits to be confirmed`, evidence, remedy };
  }
  if (change.why === "under-way") {
    const { changedBy } = change;
    return {
      id: "journal-at-work",
      severity: changedBy.isStopped ? "fault" : "note",
      what: `${nameOf(changedBy)} is at work on ${what}: what stands is neither the old state nor the new until it ends`,
      evidence,
      remedy: [changedBy.isStopped ? wakingOf(changedBy.pid) : "wait until it ends, then awg doctor"],
    };
  }
  if (blocked) {
    const why = rollbackCause === undefined ? [] : [`why it went back: ${rollbackCause}`];
    return {
      id: "journal-blocked",
      severity: "fault",
      what: `${what} failed and so did the way back; until one of them succeeds a packet filter that stands goes on standing`,
      evidence: [...evidence, ...why],
      remedy: ["mend the cause", "awg revert"],
    };
  }
  if (open.accept !== undefined) {
    return {
      id: "journal-open",
      severity: "fault",
      what: `${what} stands, but that it was accepted could not be written yet`,
      evidence: [`${path} holds its records`],
      consequence:
        "the next apply or destroy writes it first; a full disk or a folder that takes no new file hinders it",
      remedy: ["awg apply -f CONFIG"],
    };
  }
  if (begin.verb === "destroy" && rollbackCause === undefined) {
    return {
      id: "journal-open",
      severity: "fault",
      what: `${what} was cut short`,
      evidence,
      consequence:
        "revert puts back what stood before, and so does apply first where its state has a packet filter; destroy goes on to its end, and so does a daemon that runs",
      remedy: ["awg revert", "awg destroy"],
    };
  }
  return {
    id: "journal-open",
    severity: "fault",
    what: open.unconfirmed === undefined ? `${what} was cut short` : `${what} was on trial, and ${whyRolledBack(open)}`,
    evidence,
    consequence: "revert puts back what stood before; apply does that first and then what the config says",
    remedy: ["awg revert", "awg apply -f CONFIG"],
  };
}

/** The secrets, and the key that they are named by, that are not what awg wrote; and those that are not there. */
function secretFindings(folder: string, generations: readonly Generation[], store: Stores["secrets"]): Finding[] {
  const secrets = join(folder, "secrets");
  let names: readonly string[];
  try {
    names = new StateFolder(secrets).list();
  } catch (error) {
    return [unopenedFinding(error) ?? fileFinding(secrets, error)];
  }
  const damage = new Map(store?.damage().map((error) => [basename(pathOf(error)), error]));
  const key = damage.get(MACHINE_KEY);
  if (key !== undefined) return [damagedSecret(key, KEY_MOVED)];
  const latest = generations.at(-1);
  const damaged = (latest?.secretIds ?? []).flatMap((id) => damage.get(id) ?? []);
  if (damaged.length > 0) return damaged.map((error) => damagedSecret(error, SECRET_MOVED));
  const isLacking = (id: string): boolean => !names.includes(id) || damage.has(id);
  const lacking = generations.filter(({ secretIds }) => secretIds.some(isLacking));
  const earlier = lacking.filter((one) => one !== latest);
  return [
    ...(latest !== undefined && lacking.includes(latest) ? [lackingSecrets([latest], secrets, names)] : []),
    ...(earlier.length > 0 ? [lackingEarlier(earlier, folder, secrets, names)] : []),
  ];
}

const MACHINE_KEY = "machine.key";
const KEY_MOVED =
  "every secret gets another name: the next apply tells each engine its keys once more, and no generation before it can be gone back to";
const SECRET_MOVED =
  "none where the config that names it, or its key file, is still there: the next apply keeps it again";

function pathOf(error: unknown): string {
  return error instanceof AwgError ? String(error.facts["path"]) : "";
}

function damagedSecret(error: Error, consequence: string): Finding {
  return {
    id: "state-file-damaged",
    severity: "fault",
    what: messageOnly(error),
    evidence: ["what is applied holds; plans and applies are refused that need it"],
    consequence,
    remedy: [moveAway(pathOf(error)), "awg apply -f CONFIG"],
  };
}

/** What the accepted state names and the store does not hold: its tunnels could not be started again after a reboot. */
function lackingSecrets(lacking: readonly Generation[], secrets: string, names: readonly string[]): Finding {
  return {
    id: "secret-missing",
    severity: "fault",
    what: `secrets of generation ${numbersOf(lacking)} are not in ${secrets}, so that awg could not start its tunnels again`,
    evidence: [`${counted(names.length, "secret is", "secrets are")} there`],
    remedy: ["awg apply -f CONFIG, which keeps them again"],
  };
}

function lackingEarlier(
  lacking: readonly Generation[],
  folder: string,
  secrets: string,
  names: readonly string[],
): Finding {
  return {
    id: "secret-missing",
    severity: "note",
    what: `secrets of generation ${numbersOf(lacking)} are not in ${secrets}, so that awg could not go back there`,
    evidence: [`${counted(names.length, "secret is", "secrets are")} there`],
    remedy: lacking.map(({ number }) => moveAway(join(folder, `generation-${number}`))),
  };
}

function numbersOf(generations: readonly Generation[]): string {
  return generations.map(({ number }) => number).join(", ");
}
