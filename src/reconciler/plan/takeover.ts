import { ENGINE_MARK } from "../../model/ownership.ts";
import { isClaim } from "../../model/plan.ts";
import type { LinkSpec } from "../../model/resources/link.ts";
import type { RoutesSpec } from "../../model/resources/routes.ts";
import type { Change } from "./change.ts";
import { deviceOf } from "./place.ts";

/** The parts of a takeover that have slots of their own. */
export type TakeoverPart = "engineRule" | "linkTaken" | "tunnelTaken" | "leftoversAway";

/** A change and the part it is; what comes after it in the usual order has none. */
export interface CutChange {
  readonly part: TakeoverPart | undefined;
  readonly change: Change;
}

/** Names of devices that are taken over from another program's engine, which runs on. Pure. */
export function takenDevices(changes: readonly Change[]): ReadonlySet<string> {
  const taken = changes.filter((change) => change.kind === "link" && change.action === "adopt" && !isClaim(change));
  return new Set(taken.flatMap(({ after }) => (after as LinkSpec | null)?.device ?? []));
}

/**
 * A change of a device's leftovers cut off from the rest of it, since they carry traffic until our rules do. Undefined
 * where there are none. Pure.
 */
export function cutLeftovers(change: Change): readonly CutChange[] | undefined {
  if (change.kind !== "link") return undefined;
  const before = change.before as LinkSpec | null;
  const after = change.after as LinkSpec | null;
  if (before?.leftovers === undefined || after === null || after.leftovers !== undefined) return undefined;
  const { leftovers } = before;
  const [field] = change.changes.filter((one) => one.field === "/leftovers");
  const rest = change.changes.filter((one) => one !== field);
  const reason = "take away what another program set up around the device: nothing needs it now";
  const away: Change = {
    ...change,
    action: "update",
    before: { ...after, leftovers },
    changes: field === undefined ? [] : [field],
    reason,
  };
  const part = change.action === "adopt" ? "linkTaken" : undefined;
  const kept = { part, change: { ...change, after: { ...after, leftovers }, changes: rest } } as const;
  return [...(rest.length === 0 ? [] : [kept]), { part: "leftoversAway", change: away }];
}

/**
 * What belongs to the takeover of a running engine: the device, then our mark on the engine's packets, and before that the
 * policy rule which that mark needs, or the engine's packets would be looked up into its own device. Undefined for
 * everything else. Pure.
 */
export function cutTakeover(change: Change, taken: ReadonlySet<string>): readonly CutChange[] | undefined {
  const { kind, action, after } = change;
  if (after === null || taken.size === 0) return undefined;
  const device = deviceOf(kind, after);
  if (kind === "link" && action === "adopt") return [{ part: "linkTaken", change }];
  if (kind === "tunnel" && action === "update" && device !== undefined && taken.has(device)) {
    const reason = "taken over with its device: the engine runs on";
    return [{ part: "tunnelTaken", change: { ...change, action: "adopt", reason } }];
  }
  return kind === "routes" ? cutEngineRule(change) : undefined;
}

function cutEngineRule(change: Change): readonly CutChange[] | undefined {
  const before = change.before as RoutesSpec | null;
  const after = change.after as RoutesSpec;
  const first = after.rules.filter(isEngineRule);
  if (first.length === 0 || before?.rules.some(isEngineRule) === true) return undefined;
  const middle = { ...(before ?? {}), destinations: [], guards: [], rules: first } satisfies RoutesSpec;
  const reason = "an engine that bears our mark is past every other rule";
  return [
    { part: "engineRule", change: { ...change, after: middle, changes: [], reason } },
    { part: undefined, change: { ...change, action: "update", before: middle } },
  ];
}

/** The rule by which packets of our engines are looked up in the main table. */
function isEngineRule({ match, table }: RoutesSpec["rules"][number]): boolean {
  return match.mark?.value === ENGINE_MARK && table === MAIN_TABLE;
}

const MAIN_TABLE = 254;
