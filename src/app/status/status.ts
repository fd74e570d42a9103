import type { Capabilities } from "../../host/ports/facts.ts";
import { DISREGARDED } from "../../model/firewall/canary.ts";
import type { FirewallObserved, FirewallPolicy } from "../../model/firewall/policy.ts";
import type { FieldChange, Observed, Resource } from "../../model/resource.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import type { ServiceObserved } from "../../model/resources/service.ts";
import type { SystemExtensionObserved } from "../../model/resources/system-extension.ts";
import type { TunnelObserved } from "../../model/resources/tunnel.ts";
import { counted } from "../../model/text/counted.ts";
import type { Generation } from "../../reconciler/journal/generation.ts";
import { withIgnored } from "../../reconciler/plan/ignored.ts";
import { driverOf, isPolicyGone, type Observation } from "../../reconciler/plan/observation.ts";
import type { DriverRegistry } from "../../resources/driver.ts";
import { awaitedStep } from "../../resources/system-extension/system-extension.ts";
import { type OpenChange, whyOpen } from "./open-change.ts";
import type { Condition, ResourceStatus, Status } from "./status-report.ts";
import { hasAnswered } from "./tunnel-state.ts";
import { tunnelStatus } from "./tunnel-status.ts";

/** The summary of a resource that is missing entirely. */
export const GONE = "is gone";

/** The same for the packet filter. */
const POLICY_GONE = `${GONE}: nothing is blocked`;

interface StatusInput {
  readonly generation: Generation | undefined;
  readonly desired: DesiredState;
  readonly observed: Observation;
  readonly capabilities: Capabilities;
  readonly registry: DriverRegistry;
  readonly openJournal: string | undefined;
  readonly openChange?: OpenChange;
  /** Start of that apply, in milliseconds since the epoch. */
  readonly openSinceMs?: number;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
  /** Things a resource needs that another program holds: one sentence each, with the holder. */
  readonly held?: readonly string[];
}

/** Compares the host with the accepted state: each resource, and the four conditions with their reasons. Pure. */
export function statusOf(input: StatusInput): Status {
  const resources = input.desired.resources.map((resource) => statusOfResource(resource, input));
  return {
    generation: input.generation?.number ?? 0,
    conditions: conditionsOf(resources, input),
    resources,
    openJournal: input.openJournal,
    ...(input.openChange === undefined ? {} : { openChange: input.openChange }),
  };
}

function statusOfResource(
  resource: Resource,
  { desired, observed, capabilities, registry, nowMs }: StatusInput,
): ResourceStatus {
  const { kind, key, spec } = resource;
  const driver = driverOf(registry, kind);
  const there = observed.current.get(kind)?.get(key);
  const isUnblocked = there !== undefined && isPolicyGone(driver, there);
  const found = isUnblocked ? undefined : there;
  const accepted = withIgnored(spec, key, { driver, observed: found, lifecycle: desired.lifecycle });
  const drift: readonly FieldChange[] = found === undefined ? [] : driver.diff(accepted, found);
  return {
    key,
    enforcement: driver.enforcement?.(spec, capabilities) ?? "enforced",
    ready: found !== undefined && isUp(resource, found, nowMs),
    drift,
    summary: isUnblocked ? POLICY_GONE : found === undefined ? GONE : summaryOf(resource, found, capabilities),
    ...(kind === "tunnel" ? runningTunnel(found as TunnelObserved | undefined) : {}),
  };
}

function runningTunnel(found: TunnelObserved | undefined): Pick<ResourceStatus, "tunnel" | "silence"> {
  if (found?.silence !== undefined) return { silence: found.silence };
  return found?.running === true ? { tunnel: tunnelStatus(found) } : {};
}

/** A tunnel is ready while its handshakes are answered, an extension once it is approved, all else if it exists. */
function isUp(resource: Resource, found: Observed, nowMs: number): boolean {
  if (resource.kind === "system-extension") {
    return awaitedStep(resource.spec, found as SystemExtensionObserved) === undefined;
  }
  if (resource.kind !== "tunnel") return true;
  const { peers } = tunnelStatus(found as TunnelObserved);
  return (found as TunnelObserved).running && (peers.length === 0 || peers.some((peer) => hasAnswered(peer, nowMs)));
}

function summaryOf(resource: Resource, found: Observed, capabilities: Capabilities): string {
  switch (resource.kind) {
    case "tunnel":
      return tunnelSummary(found as TunnelObserved);
    case "link":
      return resource.spec.addresses.join(", ");
    case "routes": {
      const { destinations, rules } = resource.spec;
      return [
        destinations.length > 0 ? counted(destinations.length, "route") : "",
        rules.length > 0 ? counted(rules.length, "policy rule") : "",
      ]
        .filter(Boolean)
        .join(", ");
    }
    case "firewall":
      return firewallSummary(resource.spec, found as FirewallObserved, capabilities);
    case "resolver":
      return resource.spec.servers.join(", ");
    case "sysctl":
      return counted(Object.keys(resource.spec.values).length, "setting");
    case "service":
      return serviceSummary(found as ServiceObserved);
    case "autostart":
      return resource.spec.enabled ? "starts at boot" : "is started by hand";
    case "system-extension":
      return awaitedStep(resource.spec, found as SystemExtensionObserved) ?? (found as SystemExtensionObserved).state;
  }
}

function tunnelSummary({ running, silence, peers }: TunnelObserved): string {
  if (!running) return silence?.text ?? "its engine does not run";
  const last = Math.max(0, ...peers.map(({ lastHandshakeSeconds }) => lastHandshakeSeconds));
  const received = peers.reduce((sum, peer) => sum + peer.receivedBytes, 0);
  const sent = peers.reduce((sum, peer) => sum + peer.sentBytes, 0);
  const handshake = last === 0 ? "no handshake yet" : `last handshake ${new Date(last * 1000).toISOString()}`;
  return `${handshake}, ${received} B received, ${sent} B sent`;
}

function serviceSummary({ loaded, running, pid, lastExit }: ServiceObserved): string {
  const state = running ? `running${pid === undefined ? "" : `, process ${pid}`}` : loaded ? "loaded" : "not loaded";
  return lastExit === undefined ? state : `${state}, last ended with ${lastExit}`;
}

/** The summary of the packet filter, with the known limits of this host by number (law 10). */
function firewallSummary(
  { layers }: FirewallPolicy,
  { policy, guestBridges = [] }: FirewallObserved,
  { nftables, egressHook }: Capabilities,
): string {
  if (policy === null) return "damaged: it is unknown what it blocks";
  if (!layers.some(({ killSwitch }) => killSwitch)) return "kill switch off";
  const opens = layers.some(
    ({ endpoints, listens, bootstrapDns }) => endpoints.length + listens.length + bootstrapDns.length > 0,
  );
  return [
    "kill switch on",
    ...(nftables && !egressHook ? ["raw frames of root are not filtered (S12.3)"] : []),
    ...(guestBridges.length > 0 ? [`frames between ports of ${guestBridges.join(", ")} are not filtered (S9.4)`] : []),
    ...(opens && layers.some(({ serviceUid }) => serviceUid === 0)
      ? ["any root process can reach the endpoints (S12.4)"]
      : []),
  ].join("; ");
}

function conditionsOf(
  resources: readonly ResourceStatus[],
  { generation, desired, openJournal, openChange, openSinceMs, held = [] }: StatusInput,
): readonly Condition[] {
  const waiting = resources.filter(({ ready }) => !ready).map(({ key }) => key);
  const gone = resources.filter(({ summary }) => summary === GONE || summary === POLICY_GONE).map(({ key }) => key);
  const changed = resources.filter(({ drift }) => drift.length > 0).map(({ key }) => key);
  const isDrifted = gone.length + changed.length > 0;
  const applied = generation !== undefined && resources.length > 0;
  // A value equal to the apply's read-back counts as unchanged since then.
  const accepted = generation === undefined ? {} : { since: new Date(generation.acceptedMs).toISOString() };
  const protects = protection(resources, desired, openChange?.why === "awaiting-confirmation");
  return [
    {
      type: "Ready",
      status: applied && waiting.length === 0,
      reason: !applied
        ? "nothing is applied"
        : waiting.length === 0
          ? "every resource is in place"
          : `waiting for ${waiting.join(", ")}`,
    },
    protects.status && !protects.orphaned ? { ...protects.condition, ...accepted } : protects.condition,
    {
      type: "Drifted",
      status: isDrifted,
      reason: isDrifted
        ? driftText(gone, changed, openJournal !== undefined && openChange?.why !== "unwritten")
        : "as applied",
      ...(isDrifted ? {} : accepted),
    },
    {
      type: "Stalled",
      status: openJournal !== undefined || held.length > 0,
      reason: whatHolds(held, openJournal, openChange),
      ...(openJournal === undefined
        ? held.length > 0 || openChange !== undefined
          ? {}
          : accepted
        : openSinceMs === undefined
          ? {}
          : { since: new Date(openSinceMs).toISOString() }),
    },
  ];
}

function whatHolds(held: readonly string[], journal: string | undefined, open: OpenChange | undefined): string {
  if (open !== undefined && journal !== undefined) return `${whyOpen(open)}: ${journal}`;
  if (held.length > 0) return held.join("; ");
  return open === undefined ? "no apply is open" : whyOpen(open);
}

/** While a change is open, differences may come from it. */
function driftText(gone: readonly string[], changed: readonly string[], isOpen: boolean): string {
  const how = isOpen ? (changed.length === 1 ? "is not as accepted" : "are not as accepted") : "changed outside awg";
  const texts = [
    gone.length === 0 ? "" : `${gone.join(", ")} ${gone.length === 1 ? "is" : "are"} gone`,
    changed.length === 0 ? "" : `${changed.join(", ")} ${how}`,
  ];
  return texts.filter(Boolean).join("; ");
}

/** The damage to the packet filter as its host reports it; empty for another field. */
export function damageTexts({ field, before, after }: FieldChange): readonly string[] {
  if (field !== "/damage") return [];
  return [before, after].flatMap((value) => (Array.isArray(value) ? value.map(String) : []));
}

interface Protection {
  readonly status: boolean;
  readonly orphaned: boolean;
  readonly condition: Condition;
}

/** A policy without its keeper is still enforced by the kernel, but any program's flush removes it. */
function protection(resources: readonly ResourceStatus[], desired: DesiredState, isOnTrial: boolean): Protection {
  const policy = desired.resources.find(({ kind }) => kind === "firewall");
  const standing = resources.find(({ key }) => key === policy?.key);
  const report = (status: boolean, reason: string, orphaned = false): Protection => ({
    status,
    orphaned,
    condition: { type: "Protected", status, reason },
  });
  if (policy?.kind !== "firewall" || !policy.spec.layers.some(({ killSwitch }) => killSwitch)) {
    return report(false, "the kill switch is off");
  }
  const damage = standing?.drift.filter(({ field }) => field !== "/held") ?? [];
  if (standing?.ready !== true || damage.length > 0) {
    const [first] = standing?.drift.flatMap(damageTexts) ?? [];
    if (standing?.summary === POLICY_GONE) return report(false, `the packet filter ${POLICY_GONE}`);
    return report(false, first === DISREGARDED ? first : "the packet filter is not as applied");
  }
  // An apply is refused until the change is confirmed or reverted.
  const when = isOnTrial ? "once it is confirmed or reverted" : "";
  return standing.drift.length > 0
    ? report(
        true,
        `the kill switch is loaded without its keeper; orphaned: flushable, apply again ${when}`.trimEnd(),
        true,
      )
    : report(true, "the kill switch is on");
}
