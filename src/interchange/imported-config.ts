import { mergePrefixes, parsePrefix, prefixContains, renderPrefix } from "../model/prefix.ts";
import { devicePointer } from "../model/resources/lifecycle.ts";
import { list, map, type Outline, type OutlineEntry, scalar } from "./config-tree.ts";
import { type ImportFinding, importNote } from "./import-finding.ts";
import type { ImportedTunnel } from "./imported-tunnel.ts";
import type { Sourced } from "./wg-quick/read-section.ts";

export interface MachineInput {
  /** What was imported, for the comment at the top. */
  readonly source: string;
  readonly tunnels: readonly ImportedTunnel[];
  /** DNS servers for endpoints that are names, exempt from the kill switch. */
  readonly bootstrap: readonly string[];
  /** Names of tunnels with existing devices that are to be taken over. */
  readonly adopted?: readonly string[];
  /**
   * `allowed-ips`: what peers accept uses the tunnel, as in wg-quick. `default`: everything uses the named tunnel.
   * `none`: no path uses a tunnel. `block`: everything is blocked.
   */
  readonly routing:
    | { readonly kind: "allowed-ips" | "none" | "block" }
    | { readonly kind: "default"; readonly tunnel: string };
}

/** The config around the tunnels: default path, rules, kill switch and DNS with the effect of the imported file. */
export function machineOutline(input: MachineInput, findings: ImportFinding[]): Outline {
  const { tunnels, routing } = input;
  const routed = routing.kind === "allowed-ips" ? tunnels.filter(({ addsRoutes }) => addsRoutes) : [];
  const whole =
    routing.kind === "default"
      ? tunnels.find(({ name }) => name === routing.tunnel)
      : routed.find(({ prefixes }) => wholeFamilies(prefixes).length > 0);
  const split = whole === undefined ? routed.filter(({ prefixes }) => prefixes.length > 0) : [];
  const entries: OutlineEntry[] = [
    { key: "apiVersion", value: scalar("awg/v1"), comment: heading(input.source) },
    { key: "tunnels", value: map(Object.fromEntries(tunnels.map(({ name, outline }) => [name, outline]))) },
  ];
  if (split.length > 0) entries.push({ key: "rules", value: list(split.map(ruleOf)), comment: SPLIT_COMMENT });
  entries.push({
    key: "default",
    value: map({ via: scalar(whole?.name ?? (routing.kind === "block" ? "block" : "direct")) }),
    comment: whole === undefined ? [routing.kind === "block" ? BLOCK_COMMENT : DIRECT_COMMENT] : WHOLE_COMMENT,
  });
  if (whole !== undefined) {
    const value = map({ enabled: scalar(true), allowLan: scalar(true) });
    entries.push({ key: "killSwitch", value, comment: KILL_SWITCH_COMMENT });
    reportMissingFamily(whole, findings);
  }
  const dns = dnsOf(input, whole, findings);
  if (dns !== undefined) entries.push({ key: "dns", value: dns });
  const { adopted = [] } = input;
  if (adopted.length > 0) {
    const answers = adopted.map((name) => [devicePointer(name), scalar("adopt")] as const);
    entries.push({ key: "conflicts", value: map(Object.fromEntries(answers)), comment: ADOPT_COMMENT });
  }
  return { kind: "map", entries };
}

const heading = (source: string): string[] => [
  `Imported from ${source.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, "?")}.`,
  "Check it with: awg validate -f FILE. See the changes with: awg plan -f FILE.",
];
const SPLIT_COMMENT = ["The peers' allowedIPs use the tunnel, as in wg-quick. They are dropped while it is down."];
const WHOLE_COMMENT = ["All traffic uses the tunnel and is dropped while it is down."];
const DIRECT_COMMENT = "All other traffic goes direct.";
const BLOCK_COMMENT = "All other traffic is dropped.";
const KILL_SWITCH_COMMENT = [
  "wg-quick has no kill switch: without its routes, packets bypass the tunnel.",
  "Here they are dropped. allowLan lets all private networks bypass the tunnel.",
  "To allow SSH to this host from other networks, add:",
  "  allow: [{ direction: in, protocol: tcp, ports: [22] }]",
  "enabled: false behaves as wg-quick does.",
];

const ADOPT_COMMENT = ["The device that wg-quick created is taken over; its engine keeps running."];

function ruleOf({ name, prefixes }: ImportedTunnel): Outline {
  const destinations = list(prefixes.map(({ value, place }) => scalar(value, place)));
  return map({ name: scalar(name), destinations, via: scalar(name) });
}

/** Families that the prefixes cover completely; two halves are a whole. */
function wholeFamilies(prefixes: readonly Sourced[]): (4 | 6)[] {
  const merged = mergePrefixes(prefixes.flatMap(({ value }) => parsePrefix(value) ?? [])).map(renderPrefix);
  return ([4, 6] as const).filter((family) => merged.includes(family === 4 ? "0.0.0.0/0" : "::/0"));
}

function reportMissingFamily({ prefixes }: ImportedTunnel, findings: ImportFinding[]): void {
  const families = wholeFamilies(prefixes);
  const [covered] = families;
  const place = prefixes[0]?.place;
  if (covered === undefined || families.length === 2 || place === undefined) return;
  const [missing, prefix] = covered === 4 ? ["IPv6", "::/0"] : ["IPv4", "0.0.0.0/0"];
  const message = `AllowedIPs has no ${prefix}: ${missing} is dropped; with wg-quick it bypasses the tunnel`;
  findings.push(importNote(place, message, "add it on both peers to carry it"));
}

function dnsOf(input: MachineInput, whole: ImportedTunnel | undefined, findings: ImportFinding[]): Outline | undefined {
  const tunnel = input.tunnels.find(({ dnsServers }) => dnsServers.length > 0);
  const named =
    whole === undefined ? undefined : input.tunnels.find(({ namedEndpoint }) => namedEndpoint !== undefined);
  const bootstrap = named?.namedEndpoint === undefined ? [] : bootstrapFor(named.namedEndpoint, input, findings);
  const asked = tunnel === undefined ? [] : reachable(tunnel, tunnel === whole, findings);
  if (tunnel === undefined || asked.length === 0) {
    if (bootstrap.length === 0) return undefined;
    return map({ bootstrap: list(bootstrap), leakProtection: scalar(false) });
  }
  const isCarried = tunnel === whole || carries(tunnel, asked[0]?.value ?? "");
  return map({
    servers: list(onceEach(asked).map(({ value, place }) => scalar(value, place))),
    via: scalar(isCarried ? tunnel.name : "direct"),
    bootstrap: bootstrap.length === 0 ? undefined : list(bootstrap),
  });
}

function bootstrapFor(endpoint: Sourced, { bootstrap }: MachineInput, findings: ImportFinding[]): Outline[] {
  const message = `the endpoint is a name; the kill switch allows queries for it to ${bootstrap.join(", ")} only`;
  findings.push(importNote(endpoint.place, message, "set other servers with --bootstrap, or use an address"));
  return bootstrap.map((address) => scalar(address));
}

/** All servers use one path: the tunnel if it carries any of them. Servers outside that path are left out. */
function reachable(tunnel: ImportedTunnel, isWhole: boolean, findings: ImportFinding[]): Sourced[] {
  const { dnsServers } = tunnel;
  const carried = dnsServers.filter(({ value }) => carries(tunnel, value));
  if (isWhole || carried.length === 0 || carried.length === dnsServers.length) return [...dnsServers];
  for (const { place } of dnsServers.filter((server) => !carried.includes(server))) {
    const message = "this DNS server is not imported: it is outside the tunnel that the others use";
    findings.push(importNote(place, message, "use servers of one path"));
  }
  return carried;
}

function carries({ prefixes, addsRoutes }: ImportedTunnel, address: string): boolean {
  const inner = parsePrefix(address);
  if (inner === undefined || !addsRoutes) return false;
  return prefixes.some(({ value }) => {
    const outer = parsePrefix(value);
    return outer !== undefined && prefixContains(outer, inner);
  });
}

function onceEach(servers: readonly Sourced[]): Sourced[] {
  const first = new Map(servers.toReversed().map((server) => [server.value, server]));
  return servers.filter((server) => first.get(server.value) === server);
}
