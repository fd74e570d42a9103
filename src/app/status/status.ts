import type { Capabilities } from "../../host/ports/facts.ts";
import { serverText } from "../../model/dns/name-server.ts";
import type { FirewallObserved, FirewallPolicy } from "../../model/firewall/policy.ts";
import type { ProxyObserved } from "../../model/relay/proxy.ts";
import type { FieldChange, Observed, Resource } from "../../model/resource.ts";
import type { ResolverSpec } from "../../model/resources/resolver.ts";
import type { ServiceObserved } from "../../model/resources/service.ts";
import type { SystemExtensionObserved } from "../../model/resources/system-extension.ts";
import type { TunnelObserved, TunnelSpec } from "../../model/resources/tunnel.ts";
import { counted } from "../../model/text/counted.ts";
import { withIgnored } from "../../reconciler/plan/ignored.ts";
import { driverOf, isPolicyGone, type Observation } from "../../reconciler/plan/observation.ts";
import type { DriverRegistry } from "../../resources/driver.ts";
import { awaitedStep } from "../../resources/system-extension/system-extension.ts";
import type { ConditionInput } from "./conditions/change-conditions.ts";
import { conditionsOf, GONE, POLICY_GONE } from "./conditions/conditions.ts";
import { directRules } from "./direct-traffic.ts";
import type { ResourceStatus, Status } from "./status-report.ts";
import { hasAnswered } from "./tunnel-state.ts";
import { tunnelStatus } from "./tunnel-status.ts";

/** The host as read, and the state that it should have. */
export interface StatusInput extends ConditionInput {
  readonly observed: Observation;
  readonly capabilities: Capabilities;
  readonly registry: DriverRegistry;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
}

/** Compares the host with the accepted state: each resource, and the four conditions with their reasons. Pure. */
export function statusOf(input: StatusInput): Status {
  const resources = input.desired.resources.map((resource) => statusOfResource(resource, input));
  const direct = directRules(input.desired);
  return {
    generation: input.generation?.number ?? 0,
    conditions: conditionsOf(resources, input),
    resources,
    openJournal: input.openJournal,
    ...(input.fallback === undefined || input.fallback.length === 0 ? {} : { fallback: input.fallback }),
    ...(direct.length === 0 ? {} : { directRules: direct }),
    ...(input.unrecorded === undefined ? {} : { unrecorded: input.unrecorded }),
    ...(input.openChange === undefined ? {} : { openChange: input.openChange }),
  };
}

function statusOfResource(
  resource: Resource,
  { desired, observed, drifts, capabilities, registry, nowMs }: StatusInput,
): ResourceStatus {
  const { kind, key, spec } = resource;
  const driver = driverOf(registry, kind);
  const there = observed.current.get(kind)?.get(key);
  const isUnblocked = there !== undefined && isPolicyGone(driver, there);
  const found = isUnblocked ? undefined : there;
  const accepted = withIgnored(spec, key, { driver, observed: found, lifecycle: desired.lifecycle });
  const isDrifted = drifts.some((one) => one.key === key);
  const drift: readonly FieldChange[] = found === undefined || !isDrifted ? [] : driver.diff(accepted, found);
  return {
    key,
    enforcement: driver.enforcement?.(spec, capabilities) ?? "enforced",
    ready: found !== undefined && isUp(resource, found, drift, nowMs),
    drift,
    summary: isUnblocked ? POLICY_GONE : found === undefined ? GONE : summaryOf(resource, found, capabilities),
    ...(resource.kind === "tunnel" ? runningTunnel(found as TunnelObserved | undefined, resource.spec) : {}),
    ...(kind === "proxy" ? runningProxy(found as ProxyObserved | undefined) : {}),
    ...(kind === "firewall" && found !== undefined ? dropsOf(found as FirewallObserved) : {}),
  };
}

function dropsOf({ droppedPackets, droppedByRule }: FirewallObserved) {
  return { droppedPackets, ...(droppedByRule === undefined ? {} : { droppedByRule }) };
}

function runningProxy(found: ProxyObserved | undefined): Pick<ResourceStatus, "proxy"> {
  return found?.relay === undefined ? {} : { proxy: found.relay };
}

function runningTunnel(
  found: TunnelObserved | undefined,
  spec: TunnelSpec,
): Pick<ResourceStatus, "tunnel" | "silence"> {
  if (found?.silence !== undefined) return { silence: found.silence };
  return found?.running === true ? { tunnel: tunnelStatus(found, spec) } : {};
}

/**
 * A tunnel is ready while its handshakes are answered, an extension once it is approved, all else if it is as applied:
 * nothing passes by an empty route table. A packet filter without a keeper is enforced all the same.
 */
function isUp(resource: Resource, found: Observed, drift: readonly FieldChange[], nowMs: number): boolean {
  if (resource.kind === "system-extension") {
    return awaitedStep(resource.spec, found as SystemExtensionObserved) === undefined;
  }
  if (resource.kind === "proxy") return (found as ProxyObserved).relay?.state === "up";
  if (resource.kind !== "tunnel") return drift.every(({ field }) => field === "/held");
  const { peers } = tunnelStatus(found as TunnelObserved);
  return (found as TunnelObserved).running && (peers.length === 0 || peers.some((peer) => hasAnswered(peer, nowMs)));
}

function summaryOf(resource: Resource, found: Observed, capabilities: Capabilities): string {
  switch (resource.kind) {
    case "tunnel":
      return tunnelSummary(found as TunnelObserved);
    case "proxy":
      return proxySummary(found as ProxyObserved);
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
      return resolverSummary(resource.spec);
    case "sysctl":
      return counted(Object.keys(resource.spec.values).length, "setting");
    case "classifier":
      return counted(resource.spec.classes.length, "class", "classes");
    case "service":
      return serviceSummary(found as ServiceObserved);
    case "autostart":
      return resource.spec.enabled ? "starts at boot" : "is started by hand";
    case "system-extension":
      return awaitedStep(resource.spec, found as SystemExtensionObserved) ?? (found as SystemExtensionObserved).state;
  }
}

function resolverSummary({ servers, service }: ResolverSpec): string {
  const asked = service === undefined ? "" : `, which queries ${service.servers.map(serverText).join(", ")}`;
  return `${servers.join(", ")}${asked}`;
}

function tunnelSummary({ running, silence, peers }: TunnelObserved): string {
  if (!running) return silence?.text ?? "its engine does not run";
  const last = Math.max(0, ...peers.map(({ lastHandshakeSeconds }) => lastHandshakeSeconds));
  const received = peers.reduce((sum, peer) => sum + peer.receivedBytes, 0);
  const sent = peers.reduce((sum, peer) => sum + peer.sentBytes, 0);
  const handshake = last === 0 ? "no handshake yet" : `last handshake ${new Date(last * 1000).toISOString()}`;
  return `${handshake}, ${received} B received, ${sent} B sent`;
}

function proxySummary({ relay, udp }: ProxyObserved): string {
  if (relay === undefined) return "its relay does not run";
  const { state, latencyMs, reason, openConnections, openSessions, receivedBytes, sentBytes } = relay;
  const flows = counted(openConnections, "connection") + (udp ? `, ${counted(openSessions, "UDP session")}` : "");
  return [
    state === "up" ? "connected" : (reason ?? "not tried yet"),
    ...(state === "up" && latencyMs !== undefined ? [`${latencyMs} ms`] : []),
    ...(udp && relay.udp === false ? ["no UDP: the proxy refuses UDP ASSOCIATE"] : []),
    flows,
    `${receivedBytes} B received`,
    `${sentBytes} B sent`,
  ].join(", ");
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
      ? ["any root process can reach the endpoints of tunnels and proxies; see awg doctor (S12.4)"]
      : []),
  ].join("; ");
}
