import type { TunnelObserved } from "../../model/resources/tunnel.ts";
import type { Route, RuleEntry } from "../ports/routes.ts";
import { type MachineState, type SimulatedLink, type SimulatedService, sortAddresses } from "./machine-state.ts";

/**
 * The state as sorted text, one fact per line, so that states compare as texts. Omitted are values that change by
 * themselves: clock, interface indexes, traffic counters, handshake times, descriptors.
 */
export function printMachine(state: MachineState): string {
  return [
    ...sorted(state.links.map(printLink)),
    ...sorted(state.routes.map(printRoute)),
    ...sorted(state.rules.map(printRule)),
    ...sorted(state.engines.map(printEngine)),
    ...printFirewall(state),
    ...sorted(Object.entries(state.sysctls).map(([name, value]) => `sysctl ${name} = ${value}`)),
    ...printResolver(state),
    ...sorted((state.relays ?? []).map((relay) => `relay ${relay.name} ${canonical(relay)}`)),
    ...sorted(state.services.map(printService)),
    ...sorted(state.systemExtensions.map(({ bundle, state: held }) => `system extension ${bundle} ${held}`)),
    ...state.classifiers.map((classifier) => `classifier ${canonical(classifier)}`),
    "",
  ].join("\n");
}

function printLink(link: SimulatedLink): string {
  const facts = [link.medium, link.type, link.up ? "up" : "down", `mtu ${link.mtuBytes}`];
  if (link.alias !== null) facts.push(`alias "${link.alias}"`);
  if (link.unit !== undefined) facts.push(`utun${link.unit}`);
  return [`link ${link.device}`, ...facts, ...sortAddresses(link.addresses)].join(" ");
}

function printRoute(route: Route): string {
  const type = route.type === "unicast" ? "" : `${route.type} `;
  const gateway = route.gateway === undefined ? "" : ` via ${route.gateway}`;
  const device = route.device === undefined ? "" : ` dev ${route.device}`;
  return `route table ${route.table} ${type}${route.destination}${gateway}${device} metric ${route.metric} proto ${route.protocol}`;
}

function printRule({ rule, protocol, foreign }: RuleEntry): string {
  const { mark, source, destination, uids, protocol: carried, ports, sourcePorts, local } = rule.match;
  const selectors = [
    source === undefined ? "" : ` from ${source}`,
    destination === undefined ? "" : ` to ${destination}`,
    local === true ? " iif lo" : "",
    mark === undefined ? "" : ` fwmark 0x${mark.value.toString(16)}/0x${mark.mask.toString(16)}`,
    uids === undefined ? "" : ` uidrange ${uids.from}-${uids.to}`,
    carried === undefined ? "" : ` ipproto ${carried}`,
    sourcePorts === undefined ? "" : ` sport ${sourcePorts.from}-${sourcePorts.to}`,
    ports === undefined ? "" : ` dport ${ports.from}-${ports.to}`,
    foreign === undefined ? "" : ` ${foreign}`,
  ].join("");
  const suppress = rule.suppressPrefixLength === undefined ? "" : ` suppress_prefixlength ${rule.suppressPrefixLength}`;
  return `rule ipv${rule.family} ${String(rule.preference).padStart(5, "0")}${selectors} lookup ${rule.table}${suppress} proto ${protocol}`;
}

function printEngine(engine: TunnelObserved): string {
  const { peers, ...rest } = engine;
  const steady = peers.map(({ lastHandshakeSeconds: _h, receivedBytes: _r, sentBytes: _s, ...peer }) => peer);
  return `engine ${engine.device} ${canonical({ ...rest, peers: steady })}`;
}

function printFirewall(state: MachineState): string[] {
  const { policy, damage, isDisregarded } = state.firewall;
  return [
    ...(policy === null ? [] : [`firewall ${canonical(policy)}`]),
    ...(isDisregarded === true ? ["firewall does not act"] : []),
    ...damage.map((what) => `firewall damaged: ${what}`),
    ...sorted(state.foreignTables.map(({ name, drops }) => `table ${name} drops ${drops.join(" ")}`)),
  ];
}

function printResolver({ resolver }: MachineState): string[] {
  const links = Object.entries(resolver.links).map(
    ([device, { servers, search, split }]) =>
      `resolver ${device} ${servers.join(" ")} search ${search.join(" ")}${split === undefined ? "" : ` split ${canonical(split)}`}`,
  );
  const saved = resolver.saved === null ? [] : [`resolver saved ${JSON.stringify(resolver.saved)}`];
  const service = resolver.service === undefined ? [] : [`resolver service ${canonical(resolver.service)}`];
  return [`resolver ${resolver.method} ${JSON.stringify(resolver.text)}`, ...saved, ...service, ...sorted(links)];
}

function printService(service: SimulatedService): string {
  const { name, running, enabled, path, definition, loadedDefinition } = service;
  const facts = [
    running ? "running" : "stopped",
    enabled === true ? "enabled" : "",
    path ?? "",
    definition === undefined ? "" : JSON.stringify(definition),
    definition === loadedDefinition ? "" : `loaded ${JSON.stringify(loadedDefinition)}`,
  ];
  return [`service ${name}`, ...facts].filter(Boolean).join(" ");
}

/** JSON with the keys of every object sorted. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

function sorted(lines: readonly string[]): string[] {
  return [...lines].sort();
}
