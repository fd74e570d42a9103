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

/** The state folder, as far as it can be read. */
export interface StateReading {
  readonly findings: readonly Finding[];
  /** The ledger of `latest`. */
  readonly ledger: Ledger | undefined;
  /** The generation that waits for confirmation, else the one with the highest number. */
  readonly latest: Generation | undefined;
  readonly isOnTrial: boolean;
  readonly folder: string;
}

/** Reads every file of the state folder with the same readers as other verbs; changes nothing. */
export async function examineState(parts: HostParts): Promise<StateReading> {
  const { stores } = parts;
  const nowBootMs = bootTimeMs(parts);
  const folder = dirname(stores.journal.location);
  const findings: Finding[] = [];
  const blocked = folderFinding(folder);
  if (blocked !== undefined)
    return { findings: [blocked], ledger: undefined, latest: undefined, isOnTrial: false, folder };
  const attempt = async <T>(path: string, read: () => Promise<T>, adjust = (one: Finding) => one) => {
    try {
      return await read();
    } catch (error) {
      findings.push(unopenedFinding(error) ?? adjust(fileFinding(path, error)));
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

/** The lock file, if it cannot be used. */
async function lockFindings(parts: HostParts): Promise<readonly Finding[]> {
  try {
    await parts.whoChanges?.();
    return [];
  } catch (error) {
    const path = error instanceof AwgError ? error.facts["path"] : undefined;
    return typeof path === "string" ? [fileFinding(path, error)] : [];
  }
}

/** The folder itself, if it cannot be trusted; undefined if it can or does not exist yet. */
function folderFinding(path: string): Finding | undefined {
  try {
    new StateFolder(path).list();
    return undefined;
  } catch (error) {
    const mode = `chmod go= ${shellWord(path)}`;
    if (error instanceof AwgError && error.kind === "permission") throw error;
    return (
      unopenedFinding(error) ?? {
        id: "state-folder",
        severity: "fault",
        what: error instanceof Error ? error.message : String(error),
        evidence: [`the state folder is ${path}`],
        consequence: "others could write there: inspect its contents before you trust it",
        remedy: isOpenToOthers(error) ? [`ls -la ${shellWord(path)}`, mode] : [moveAway(path)],
      }
    );
  }
}

function isOpenToOthers(error: unknown): boolean {
  return error instanceof AwgError && error.message.includes("is open to others");
}

/** Why a state file cannot be read, and the cost of moving it aside. */
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
      "until it is fixed, every verb that changes the host is refused; a loaded packet filter stays",
    ],
    consequence: consequenceOf(path),
    remedy: [...instead, moveAway(path), "awg plan", "awg apply"],
  };
}

/** An unreadable generation before the latest: nothing that is applied depends on it. */
function ofEarlier(number: number, finding: Finding): Finding {
  return {
    ...finding,
    severity: "note",
    evidence: ["it is an earlier generation: the applied state stays, and verbs that do not need it work"],
    consequence: `generation ${number} cannot be restored or compared`,
    remedy: finding.remedy.filter((line) => !line.startsWith("awg ")),
  };
}

function messageOnly(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function consequenceOf(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (name === "journal") {
    return "awg forgets the open change and neither finishes nor undoes it: the next apply starts from the host as it is, and keeps kernel settings that the change had made";
  }
  if (name === "ledger") {
    return "awg forgets the original kernel settings, so destroy leaves them as they are; the next apply adopts what carries awg's mark";
  }
  return "this generation cannot be restored; if it is the current one, the next apply may renumber the tunnels' tables";
}

function openFinding(open: OpenTransaction, path: string, nowBootMs: number, change: OpenChange): Finding {
  const { begin, batches, blocked, rollbackCause } = open;
  const keys = [...new Set(batches.flatMap(({ batch }) => batch.steps.map(({ key }) => key)))];
  const begun = keys.length === 0 ? "it had not changed anything yet" : `it had begun ${keys.join(", ")}`;
  const what = `${begin.verb} of generation ${begin.generation}`;
  const evidence = [`${path} holds its records`, begun];
  if (isAwaited(open, nowBootMs)) {
    const remedy = ["awg confirm", "awg revert"];
    return { id: "journal-awaiting", severity: "note", what: `${what} waits for confirmation`, evidence, remedy };
  }
  if (change.why === "under-way") {
    const { changedBy } = change;
    return {
      id: "journal-at-work",
      severity: changedBy.isStopped ? "fault" : "note",
      what: `${nameOf(changedBy)} is working on ${what}: until it ends the host is between the old and the new state`,
      evidence,
      remedy: [changedBy.isStopped ? wakingOf(changedBy.pid) : "wait until it ends, then run awg doctor"],
    };
  }
  if (blocked) {
    const why = rollbackCause === undefined ? [] : [`cause of the rollback: ${rollbackCause}`];
    return {
      id: "journal-blocked",
      severity: "fault",
      what: `${what} failed, and so did its rollback; the loaded packet filter stays until one succeeds`,
      evidence: [...evidence, ...why],
      remedy: ["remove the cause", "awg revert"],
    };
  }
  if (open.accept !== undefined) {
    return {
      id: "journal-open",
      severity: "fault",
      what: `${what} is applied, but its acceptance could not be saved yet`,
      evidence: [`${path} holds its records`],
      consequence: "the next apply or destroy saves it first; check for a full disk or a read-only folder",
      remedy: ["awg apply"],
    };
  }
  if (begin.verb === "destroy" && rollbackCause === undefined) {
    return {
      id: "journal-open",
      severity: "fault",
      what: `${what} was interrupted`,
      evidence,
      consequence:
        "revert restores the state before it, and so does apply if its state has a packet filter; destroy, and a running daemon, finish it",
      remedy: ["awg revert", "awg destroy"],
    };
  }
  return {
    id: "journal-open",
    severity: "fault",
    what:
      open.unconfirmed === undefined
        ? `${what} was interrupted`
        : `${what} waited for confirmation, and ${whyRolledBack(open)}`,
    evidence,
    consequence: "revert restores the state before it; apply does that first, then applies the config",
    remedy: ["awg revert", "awg apply"],
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
  "every secret gets a new id: the next apply sets all keys again, and no earlier generation can be restored";
const SECRET_MOVED = "none if the config and its key file still exist: the next apply stores the secret again";

function pathOf(error: unknown): string {
  return error instanceof AwgError ? String(error.facts["path"]) : "";
}

function damagedSecret(error: Error, consequence: string): Finding {
  return {
    id: "state-file-damaged",
    severity: "fault",
    what: messageOnly(error),
    evidence: ["the applied state stays; plans and applies that need the secret are refused"],
    consequence,
    remedy: [moveAway(pathOf(error)), "awg apply"],
  };
}

/** Secrets of the accepted state that are missing from the store: its tunnels could not start after a reboot. */
function lackingSecrets(lacking: readonly Generation[], secrets: string, names: readonly string[]): Finding {
  return {
    id: "secret-missing",
    severity: "fault",
    what: `secrets of generation ${numbersOf(lacking)} are not in ${secrets}, so its tunnels cannot be started again`,
    evidence: [`${counted(names.length, "secret is", "secrets are")} there`],
    remedy: ["awg apply, which stores them again"],
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
    what: `secrets of generation ${numbersOf(lacking)} are not in ${secrets}, so it cannot be restored`,
    evidence: [`${counted(names.length, "secret is", "secrets are")} there`],
    remedy: lacking.map(({ number }) => moveAway(join(folder, `generation-${number}`))),
  };
}

function numbersOf(generations: readonly Generation[]): string {
  return generations.map(({ number }) => number).join(", ");
}
