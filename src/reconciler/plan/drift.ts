import { sameData } from "../../model/canonical.ts";
import { inverseChange } from "../../model/plan.ts";
import type { FieldChange, Observed, ResourceKey, ResourceKind, Spec } from "../../model/resource.ts";
import type { Lifecycle } from "../../model/resources/lifecycle.ts";
import type { ResolverObserved } from "../../model/resources/resolver.ts";
import type { TunnelObserved } from "../../model/resources/tunnel.ts";
import type { DriverRegistry } from "../../resources/driver.ts";
import { withIgnored } from "./ignored.ts";
import { type Begun, mayHaveSet, mayHaveTaken } from "./interrupted-steps.ts";
import { entriesByKey, type Ledger, type LedgerEntry } from "./ledger.ts";
import { type AnyDriver, driverOf, effectiveSpec, isPolicyGone, kindsOf, type Observation } from "./observation.ts";
import { deviceOf } from "./place.ts";

/**
 * Who or what moved a resource away from the accepted state, as far as the machine itself tells: the machine was booted
 * since, the resource's device is gone, nobody holds it any more, its engine ended or does not answer, a peer came from another address
 * (WireGuard roams by design), a file was written by another program. Before what only hints at others stands awg's own change
 * that has not ended.
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

/** One resource that is not as it was accepted. */
export interface Drift {
  readonly key: ResourceKey;
  readonly kind: ResourceKind;
  /** `extra`: it carries our mark and no accepted state names it. */
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
  /** Whether the machine was booted since the state was accepted. */
  readonly rebooted: boolean;
  /** What a change of awg's began that has not ended; absent where none is open. */
  readonly begun?: Begun;
}

/**
 * What the machine changed since the last accepted state. No config takes part, so that what only the config changed can
 * never be listed. Pure; sorted by key.
 */
export function driftOf(input: DriftInput): readonly Drift[] {
  const { ledger, observed, registry, lifecycle, begun = new Map() } = input;
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
      if (driver.isOwned(found) && driver.asSpec(found) !== undefined && driver.restoring === undefined)
        drifts.push({ key, kind, change: "extra", fields: [], cause: begun.has(key) ? "open-change" : "unknown" });
    }
  }
  return drifts.toSorted((a, b) => (a.key < b.key ? -1 : 1));
}

/** Changes towards a desired spec, those marked that the machine itself made since the spec in the ledger was accepted. Pure. */
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
  const { observed, registry, lifecycle, rebooted, begun = new Map() } = input;
  const driver = driverOf(registry, kind);
  const found = foundOf(entry, observed);
  const linkIsGone =
    kind !== "link" && input.ledger.entries.some((link) => gone.has(link.key) && isDeviceOf(link, entry));
  const isRebooted = rebooted && driver.survivesReboot !== true;
  const outer = (isOwnDoing: boolean) =>
    isRebooted ? "reboot" : isOwnDoing ? "open-change" : linkIsGone ? "link-gone" : undefined;
  // A resolver that another program wrote still answers: what it says instead is the change.
  const isRewritten = kind === "resolver" && found !== undefined;
  if (found === undefined || (gone.has(key) && !isRewritten)) {
    return [{ key, kind, change: "gone", fields: [], cause: outer(mayHaveTaken(begun, key)) ?? causeOfLoss(kind) }];
  }
  const changes = driver.diff(acceptedSpec(entry, driver, found, lifecycle), found);
  if (changes.length === 0) return [];
  const told = changes.filter(({ field }) => field !== "/ownedByAwg");
  const fields = (told.length === 0 ? changes : told).map(inverseChange);
  const byOthers = changes.filter(({ field }) => !mayHaveSet(begun, key, field));
  const judged = byOthers.length === 0 ? changes : byOthers;
  const cause = causeOf(driver, judged, found, outer(byOthers.length === 0));
  return [{ key, kind, change: "changed", fields, cause }];
}

/** Without its device gone a tunnel that does not answer has lost its engine. */
function causeOfLoss(kind: ResourceKind): DriftCause {
  return kind === "tunnel" ? "engine-gone" : "unknown";
}

/** @param outer what took more than this resource, or awg's own change of it */
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

/** Remains of a damaged policy have no form as a spec and are a change of it; all else is there or gone. */
function isGone({ spec }: LedgerEntry, driver: AnyDriver, found: Observed | undefined): boolean {
  if (found === undefined || isPolicyGone(driver, found)) return true;
  return driver.between === undefined && driver.asSpec(found) === undefined && !sameData(spec, {});
}

function isDeviceOf(link: LedgerEntry, { kind, spec }: LedgerEntry): boolean {
  return link.kind === "link" && deviceOf(kind, spec) === deviceOf("link", link.spec);
}
