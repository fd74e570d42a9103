import { ENGINE_MARK } from "../../../model/ownership.ts";
import { isClaim } from "../../../model/plan.ts";
import type { LinkSpec } from "../../../model/resources/link.ts";
import type { RoutesSpec } from "../../../model/resources/routes.ts";
import type { Change } from "../change.ts";
import { deviceOf } from "../place.ts";

/** The parts of a takeover that have slots of their own. */
export type TakeoverPart = "engineRule" | "linkTaken" | "tunnelTaken" | "leftoversAway";

/** A change and its part; undefined when the usual order applies. */
export interface CutChange {
  readonly part: TakeoverPart | undefined;
  readonly change: Change;
}

/** Names of devices taken over from another program; its engine keeps running. Pure. */
export function takenDevices(changes: readonly Change[]): ReadonlySet<string> {
  const taken = changes.filter((change) => change.kind === "link" && change.action === "adopt" && !isClaim(change));
  return new Set(taken.flatMap(({ after }) => (after as LinkSpec | null)?.device ?? []));
}

/**
 * Splits the leftovers of a device from the rest of its change: they carry traffic until our rules do. Undefined when
 * there are none. Pure.
 */
export function cutLeftovers(change: Change): readonly CutChange[] | undefined {
  if (change.kind !== "link") return undefined;
  const before = change.before as LinkSpec | null;
  const after = change.after as LinkSpec | null;
  if (before?.leftovers === undefined || after === null || after.leftovers !== undefined) return undefined;
  const { leftovers } = before;
  const [field] = change.changes.filter((one) => one.field === "/leftovers");
  const rest = change.changes.filter((one) => one !== field);
  const reason = "remove what another program set up around the device: it is no longer needed";
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
 * What belongs to the takeover of a running engine, in order: the policy rule for our mark, the device, our mark on the
 * engine's packets. Without the rule the engine's packets would be routed into its own device.
 * Undefined for everything else. Pure.
 */
export function cutTakeover(change: Change, taken: ReadonlySet<string>): readonly CutChange[] | undefined {
  const { kind, action, after } = change;
  if (after === null || taken.size === 0) return undefined;
  const device = deviceOf(kind, after);
  if (kind === "link" && action === "adopt") return [{ part: "linkTaken", change }];
  if (kind === "tunnel" && action === "update" && device !== undefined && taken.has(device)) {
    const reason = "taken over with its device; the engine keeps running";
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
  const reason = "packets of engines with our mark skip all other rules";
  return [
    { part: "engineRule", change: { ...change, after: middle, changes: [], reason } },
    { part: undefined, change: { ...change, action: "update", before: middle } },
  ];
}

/** The rule that looks up packets of our engines in the main table. */
function isEngineRule({ match, table }: RoutesSpec["rules"][number]): boolean {
  return match.mark?.value === ENGINE_MARK && table === MAIN_TABLE;
}

const MAIN_TABLE = 254;
