import { sameData } from "../../model/canonical.ts";
import { inverseChange } from "../../model/plan.ts";
import type { FieldChange, Observed, ResourceKey, ResourceKind, Spec } from "../../model/resource.ts";
import type { Lifecycle } from "../../model/resources/lifecycle.ts";
import type { ResolverObserved } from "../../model/resources/resolver.ts";
import type { TunnelObserved } from "../../model/resources/tunnel.ts";
import type { DriverRegistry } from "../../resources/driver.ts";
import { withIgnored } from "./ignored.ts";
import { type InterruptedSteps, mayHaveSet, mayHaveTaken } from "./interrupted-steps.ts";
import { entriesByKey, type Ledger, type LedgerEntry } from "./ledger.ts";
import {
  type AnyDriver,
  driverOf,
  effectiveSpec,
  isPolicy,
  isPolicyGone,
  isSetting,
  kindsOf,
  type Observation,
} from "./observation.ts";
import { deviceOf } from "./place.ts";

/**
 * The cause of a drift, as far as the host shows it: a reboot, a missing device or keeper, an engine that ended or
 * hangs, a peer with another address (WireGuard roams by design), a file that another program wrote.
 * An unfinished change by awg takes precedence over causes that only suggest another program.
 */
export type DriftCause =
  | "reboot"
  | "link-gone"
  | "keeper-gone"
  | "engine-gone"
  | "engine-silent"
  | "peer-roamed"
  | "file-rewritten"
  | "open-change"
  | "unknown";

/** One resource that differs from its accepted state. */
export interface Drift {
  readonly key: ResourceKey;
  readonly kind: ResourceKind;
  /** `extra`: it carries our mark, but no accepted state names it. */
  readonly change: "gone" | "changed" | "extra";
  /** From the accepted value to the one found. */
  readonly fields: readonly FieldChange[];
  readonly cause: DriftCause;
}

export interface DriftInput {
  readonly ledger: Ledger;
  readonly observed: Observation;
  readonly registry: DriverRegistry;
  readonly lifecycle: Lifecycle | undefined;
  /** Whether the host was rebooted since the state was accepted. */
  readonly rebooted: boolean;
  /** Steps of an unfinished change by awg; absent when none is open. */
  readonly interrupted?: InterruptedSteps;
}

/**
 * What changed on the host since the last accepted state. The config is not an input, so a change of the config alone
 * is never listed. Pure; sorted by key.
 */
export function driftOf(input: DriftInput): readonly Drift[] {
  const { ledger, observed, registry, lifecycle, interrupted = new Map() } = input;
  const known = entriesByKey(ledger);
  const gone = new Set(
    ledger.entries
      .filter((entry) => isGone(entry, driverOf(registry, entry.kind), foundOf(entry, observed)))
      .map(({ key }) => key),
  );
  const drifts = ledger.entries.flatMap((entry) => driftOfEntry(entry, gone, input));
  for (const kind of kindsOf(registry)) {
    const driver = driverOf(registry, kind);
    for (const [key, found] of observed.current.get(kind) ?? []) {
      if (known.has(key) || lifecycle?.retain.includes(key) === true) continue;
      if (driver.isOwned(found) && driver.asSpec(found) !== undefined && !isSetting(driver))
        drifts.push({
          key,
          kind,
          change: "extra",
          fields: [],
          cause: interrupted.has(key) ? "open-change" : "unknown",
        });
    }
  }
  return drifts.toSorted((a, b) => (a.key < b.key ? -1 : 1));
}

/** Marks the changes that were made on the host since the spec in the ledger was accepted. Pure. */
export function markDrift(
  changes: readonly FieldChange[],
  { entry, after, driver, observed, lifecycle }: MarkContext,
): readonly FieldChange[] {
  if (entry === undefined || changes.length === 0) return changes;
  if (sameData(entry.spec, after)) return changes.map((change) => ({ ...change, drift: true }));
  const accepted = acceptedSpec(entry, driver, observed, lifecycle);
  const drifted = new Set(driver.diff(accepted, observed).map(({ field }) => field));
  return changes.map((change) =>
    drifted.has(change.field) && isSamePeer(change.field, accepted, after) ? { ...change, drift: true } : change,
  );
}

interface MarkContext {
  readonly entry: LedgerEntry | undefined;
  readonly after: Spec;
  readonly driver: AnyDriver;
  readonly observed: Observed;
  readonly lifecycle: Lifecycle | undefined;
}

/** Peers are numbered within their own spec: the same number in two specs may be two peers. */
function isSamePeer(field: string, accepted: Spec, after: Spec): boolean {
  const index = /^\/peers\/(\d+)\//.exec(field)?.[1];
  if (index === undefined || !("peers" in accepted) || !("peers" in after)) return true;
  return accepted.peers[Number(index)]?.publicKey === after.peers[Number(index)]?.publicKey;
}

function driftOfEntry(entry: LedgerEntry, gone: ReadonlySet<ResourceKey>, input: DriftInput): Drift[] {
  const { kind, key } = entry;
  const { observed, registry, lifecycle, rebooted, interrupted = new Map() } = input;
  const driver = driverOf(registry, kind);
  const found = foundOf(entry, observed);
  const linkIsGone =
    kind !== "link" && input.ledger.entries.some((link) => gone.has(link.key) && isDeviceOf(link, entry));
  const isRebooted = rebooted && driver.survivesReboot !== true;
  const outer = (isOwnDoing: boolean) =>
    isRebooted ? "reboot" : isOwnDoing ? "open-change" : linkIsGone ? "link-gone" : undefined;
  // A resolver written by another program still exists: its new content is the change.
  const isRewritten = kind === "resolver" && found !== undefined;
  if (found === undefined || (gone.has(key) && !isRewritten)) {
    return [
      { key, kind, change: "gone", fields: [], cause: outer(mayHaveTaken(interrupted, key)) ?? causeOfLoss(kind) },
    ];
  }
  const changes = driver.diff(acceptedSpec(entry, driver, found, lifecycle), found);
  if (changes.length === 0) return [];
  const shown = changes.filter(({ field }) => field !== "/ownedByAwg");
  const fields = (shown.length === 0 ? changes : shown).map(inverseChange);
  const byOthers = changes.filter(({ field }) => !mayHaveSet(interrupted, key, field));
  const judged = byOthers.length === 0 ? changes : byOthers;
  const cause = causeOf(driver, judged, found, outer(byOthers.length === 0));
  return [{ key, kind, change: "changed", fields, cause }];
}

/** A tunnel that does not answer although its device exists has lost its engine. */
function causeOfLoss(kind: ResourceKind): DriftCause {
  return kind === "tunnel" ? "engine-gone" : "unknown";
}

/** @param outer a cause that affects more than this resource, or awg's own change of it */
function causeOf(
  driver: AnyDriver,
  changes: readonly FieldChange[],
  found: Observed,
  outer: DriftCause | undefined,
): DriftCause {
  const { kind } = driver;
  const isUnheld = changes.every(({ field }) => field === "/held");
  if (outer !== undefined && !(outer === "open-change" && isUnheld)) return outer;
  if (isUnheld) return "keeper-gone";
  if (kind === "resolver" && (found as ResolverObserved).method === "file") return "file-rewritten";
  if (kind !== "tunnel") return "unknown";
  if ((found as TunnelObserved).silence !== undefined) return "engine-silent";
  const peers = (found as TunnelObserved).peers;
  return driver.roams?.(changes) === true && peers.some(({ lastHandshakeSeconds }) => lastHandshakeSeconds > 0)
    ? "peer-roamed"
    : "unknown";
}

function acceptedSpec(
  { spec, original, key }: LedgerEntry,
  driver: AnyDriver,
  observed: Observed,
  lifecycle: Lifecycle | undefined,
): Spec {
  const accepted = withIgnored(spec, key, { driver, observed, lifecycle });
  return effectiveSpec(driver, accepted, original) ?? accepted;
}

function foundOf({ kind, key }: LedgerEntry, observed: Observation): Observed | undefined {
  return observed.current.get(kind)?.get(key);
}

/** Remains of a damaged policy have no form as a spec: they count as a change, not as gone. */
function isGone({ spec }: LedgerEntry, driver: AnyDriver, found: Observed | undefined): boolean {
  if (found === undefined || isPolicyGone(driver, found)) return true;
  return !isPolicy(driver) && driver.asSpec(found) === undefined && !sameData(spec, {});
}

function isDeviceOf(link: LedgerEntry, { kind, spec }: LedgerEntry): boolean {
  return link.kind === "link" && deviceOf(kind, spec) === deviceOf("link", link.spec);
}
