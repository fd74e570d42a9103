import { statSync } from "node:fs";
import { resolve } from "node:path";
import { AwgError } from "../../model/error.ts";
import { type Plan, stepsOf } from "../../model/plan.ts";
import type { Selection } from "../../reconciler/plan/selection.ts";
import { SECRET_OBFUSCATION_KEY } from "../../uapi/obfuscation.ts";
import type { SourceFile } from "../load/loaded-config.ts";
import { readRegularFile } from "../load/read-config-file.ts";
import type { OpenHost } from "../open-host.ts";
import type { Planned } from "./planned.ts";
import { planConfig } from "./planner.ts";

const FORMAT_VERSION = "1";
const SECRET_FIELDS: ReadonlySet<string> = new Set(["privateKey", "presharedKey", SECRET_OBFUSCATION_KEY]);

interface SavedPlan {
  readonly formatVersion: string;
  readonly kind: "awg-plan";
  readonly sources: readonly string[];
  readonly configHash: string;
  readonly hostFingerprint: string;
  /** Absent where the plan is for the whole config. */
  readonly selection?: Selection;
  /** The steps, so that a change of the host since is detected. */
  readonly steps: readonly StepDigest[];
}

interface StepDigest {
  readonly key: string;
  readonly action: string;
  readonly phase: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** A plan as a file: what it was made from and every step whole, without secrets (law 8). */
export function renderSavedPlan(planned: Planned): string {
  if (planned.sources.includes("-")) {
    throw new AwgError("usage", "a plan made from standard input cannot be saved", {
      remedy: "write the config to a file and name it with -f",
    });
  }
  const saved: SavedPlan = {
    formatVersion: FORMAT_VERSION,
    kind: "awg-plan",
    sources: planned.sources.map((name) => resolve(name)),
    configHash: planned.configHash,
    hostFingerprint: planned.fingerprint,
    ...(planned.selection === undefined ? {} : { selection: planned.selection }),
    steps: digestOf(planned.plan),
  };
  return `${JSON.stringify(saved, undefined, 1)}\n`;
}

/** Reads a saved plan and plans again. AwgError stale-plan unless config, host and every step are the same. */
export async function readSavedPlan(text: string, { parts, configs }: OpenHost): Promise<Planned> {
  const saved = readSaved(text);
  const loaded = await configs.load(saved.sources.map(readSource));
  if (saved.selection === undefined && loaded.hash !== saved.configHash) throw stale("its config was edited since");
  const planned = await planConfig(parts, loaded, saved.selection);
  if (planned.configHash !== saved.configHash) throw stale("its config was edited since");
  if (planned.fingerprint !== saved.hostFingerprint)
    throw stale("it was made on another host or in another network namespace");
  if (JSON.stringify(digestOf(planned.plan)) !== JSON.stringify(saved.steps)) throw stale("the host changed since");
  return planned;
}

/** Ids of secrets are left out: before the first apply each process makes its own. */
function digestOf(plan: Plan): readonly StepDigest[] {
  const steps = stepsOf(plan).map(({ key, action, phase, before, after }) => ({ key, action, phase, before, after }));
  return JSON.parse(JSON.stringify(steps, (name, value) => (SECRET_FIELDS.has(name) ? "(secret)" : value)));
}

function stale(why: string): AwgError {
  return new AwgError("stale-plan", `the saved plan is stale: ${why}`, {
    remedy: "make a new one with awg plan --out; nothing was changed",
  });
}

function readSaved(text: string): SavedPlan {
  const wrong = (what: string): AwgError =>
    new AwgError("usage", `this is not a saved plan: ${what}`, { remedy: "name a file that awg plan --out wrote" });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new AwgError("usage", "this is not a saved plan: it is not JSON", {
      cause: error,
      remedy: "name a file that awg plan --out wrote",
    });
  }
  if (typeof value !== "object" || value === null || !("kind" in value) || value.kind !== "awg-plan")
    throw wrong("it has no awg-plan header");
  const saved = value as Partial<SavedPlan>;
  if (saved.formatVersion !== FORMAT_VERSION)
    throw wrong(`its format is ${String(saved.formatVersion)}, this awg reads ${FORMAT_VERSION}`);
  const texts = [
    saved.configHash,
    saved.hostFingerprint,
    ...(Array.isArray(saved.sources) ? saved.sources : [undefined]),
  ];
  if (saved.selection !== undefined && !isSelection(saved.selection)) throw wrong("it is damaged");
  if (!texts.every((one) => typeof one === "string") || !Array.isArray(saved.steps)) throw wrong("it is damaged");
  return saved as SavedPlan;
}

function isSelection(value: unknown): value is Selection {
  const { target, exclude, replace } = (typeof value === "object" && value !== null ? value : {}) as Partial<Selection>;
  return [target, exclude, replace].every(
    (words) => Array.isArray(words) && words.every((word: unknown) => typeof word === "string"),
  );
}

function readSource(name: string): SourceFile {
  if (statSync(name, { throwIfNoEntry: false }) === undefined) throw stale(`its config ${name} is gone`);
  return readRegularFile(name);
}
