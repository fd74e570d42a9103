import { mergePrefixes, parsePrefix, prefixContains, renderPrefix } from "../model/prefix.ts";
import { devicePointer } from "../model/resources/lifecycle.ts";
import { list, map, type Outline, type OutlineEntry, scalar } from "./config-tree.ts";
import { type ImportFinding, importNote } from "./import-finding.ts";
import type { ImportedTunnel } from "./imported-tunnel.ts";
import type { Sourced } from "./wg-quick/read-section.ts";

export interface MachineInput {
  /** What was imported, for the comment at the top. */
  readonly source: string;
  /** The program that the source is for: "wg-quick", "sing-box". */
  readonly program: string;
  /** The path of the config to be written, as a word of a shell; absent if it goes to standard output. */
  readonly target?: string;
  readonly tunnels: readonly ImportedTunnel[];
  /** Rules of the source, before those of allowedIPs. */
  readonly rules?: readonly Outline[];
  /** DNS of the source, where no tunnel states it. */
  readonly dns?: { readonly servers: readonly Sourced[]; readonly search?: readonly Sourced[]; readonly via: string };
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
    { key: "apiVersion", value: scalar("awg/v1"), comment: heading(input) },
    { key: "tunnels", value: map(Object.fromEntries(tunnels.map(({ name, outline }) => [name, outline]))) },
  ];
  const rules = [...(input.rules ?? []), ...split.map(ruleOf)];
  if (rules.length > 0) {
    const comment =
      split.length > 0 ? splitComment(input.program) : [`The rules of ${input.program}; the first match wins.`];
    entries.push({ key: "rules", value: list(rules), comment });
  }
  entries.push({
    key: "default",
    value: map({ via: scalar(whole?.name ?? (routing.kind === "block" ? "block" : "direct")) }),
    comment: whole === undefined ? [routing.kind === "block" ? BLOCK_COMMENT : DIRECT_COMMENT] : [wholeComment(input)],
  });
  if (whole !== undefined) {
    const value = map({ enabled: scalar(true), allowLan: scalar(true) });
    entries.push({ key: "killSwitch", value, comment: killSwitchComment(input, whole) });
    reportMissingFamily(whole, input.program, findings);
  }
  const dns = dnsOf(input, whole, findings);
  if (whole !== undefined && !hasServers(input)) {
    const message = "no DNS server is imported: name queries go to the local link's servers, outside the tunnel";
    findings.push(importNote(input.source, message, `add dns: { servers: [ADDRESS], via: ${whole.name} }`));
  }
  if (dns !== undefined) entries.push({ key: "dns", value: dns });
  const { adopted = [] } = input;
  if (adopted.length > 0) {
    const answers = adopted.map((name) => [devicePointer(name), scalar("adopt")] as const);
    entries.push({ key: "conflicts", value: map(Object.fromEntries(answers)), comment: ADOPT_COMMENT });
  }
  return { kind: "map", entries };
}

function heading({ source, target }: MachineInput): string[] {
  const imported = `Imported from ${plain(source)}.`;
  return target === undefined ? [imported] : [imported, `See the changes with: sudo awg plan -f ${plain(target)}`];
}

function plain(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, "?");
}

function splitComment(program: string): string[] {
  return [
    `The peers' allowedIPs use the tunnel, as in ${program}. Only awg's routes drop them while it is down.`,
    "killSwitch: { enabled: true } drops them also if another program removes the routes.",
  ];
}

const DIRECT_COMMENT = "All other traffic goes direct.";
const BLOCK_COMMENT = "All other traffic is dropped.";

function wholeComment(input: MachineInput): string {
  return `All ${hasRules(input) ? "other " : ""}traffic uses the tunnel and is dropped while it is down.`;
}

/** What happens to packets outside the tunnel, to the local link and to name queries. */
function killSwitchComment(input: MachineInput, whole: ImportedTunnel): string[] {
  const isQuick = /quick/.test(input.program);
  const before = whole.hadKillSwitch
    ? `It replaces the kill switch in PostUp of ${input.program}: packets that would bypass the tunnel are dropped.`
    : isQuick
      ? `${input.program} has no kill switch: without its routes, packets bypass the tunnel. Here they are dropped.`
      : "Packets that would bypass the tunnel are dropped, also while it is down.";
  const dns = hasServers(input)
    ? "Name queries go to dns.servers only."
    : "No DNS server is set: name queries to the local link leave outside the tunnel.";
  return [
    before,
    hasRules(input)
      ? "The rules come first. allowLan: hosts on the local link stay reachable."
      : "allowLan: hosts on the local link stay reachable; private addresses behind the router go into the tunnel.",
    dns,
    "To allow SSH to this host from other networks, add:",
    "  allow: [{ direction: in, protocol: tcp, ports: [22] }]",
    ...(isQuick && !whole.hadKillSwitch ? [`enabled: false behaves as ${input.program} does.`] : []),
  ];
}

function hasRules({ rules = [] }: MachineInput): boolean {
  return rules.length > 0;
}

function hasServers({ tunnels, dns }: MachineInput): boolean {
  return dns !== undefined || tunnels.some(({ dnsServers }) => dnsServers.length > 0);
}

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

function reportMissingFamily({ prefixes }: ImportedTunnel, program: string, findings: ImportFinding[]): void {
  const families = wholeFamilies(prefixes);
  const [covered] = families;
  const place = prefixes[0]?.place;
  if (covered === undefined || families.length === 2 || place === undefined) return;
  const [missing, prefix] = covered === 4 ? ["IPv6", "::/0"] : ["IPv4", "0.0.0.0/0"];
  const message = `AllowedIPs has no ${prefix}: ${missing} is dropped; with ${program} it bypasses the tunnel`;
  findings.push(importNote(place, message, "add it on both peers to carry it"));
}

function dnsOf(input: MachineInput, whole: ImportedTunnel | undefined, findings: ImportFinding[]): Outline | undefined {
  const asked = input.dns ?? serversOf(input, whole, findings);
  const named = input.tunnels.find(({ namedEndpoint }) => namedEndpoint !== undefined)?.namedEndpoint;
  const isHidden = whole !== undefined || (asked !== undefined && asked.via !== "direct");
  const bootstrap = named === undefined || !isHidden ? [] : bootstrapFor(named, input, findings);
  if (asked === undefined) {
    if (bootstrap.length === 0) return undefined;
    return map({ bootstrap: list(bootstrap), leakProtection: scalar(false) });
  }
  const listed = (values: readonly Sourced[]) => list(onceEach(values).map(({ value, place }) => scalar(value, place)));
  const { search = [] } = asked;
  return map({
    servers: listed(asked.servers),
    via: scalar(asked.via),
    search: search.length === 0 ? undefined : listed(search),
    bootstrap: bootstrap.length === 0 ? undefined : list(bootstrap),
  });
}

function serversOf(
  { tunnels }: MachineInput,
  whole: ImportedTunnel | undefined,
  findings: ImportFinding[],
): MachineInput["dns"] {
  const tunnel = tunnels.find(({ dnsServers }) => dnsServers.length > 0);
  const servers = tunnel === undefined ? [] : reachable(tunnel, tunnel === whole, findings);
  if (tunnel === undefined || servers.length === 0) return undefined;
  const isCarried = tunnel === whole || carries(tunnel, servers[0]?.value ?? "");
  return { servers, search: tunnel.searchDomains, via: isCarried ? tunnel.name : "direct" };
}

/** Servers behind the tunnel, and a kill switch, are of no use for the name of the tunnel's own endpoint. */
function bootstrapFor(endpoint: Sourced, { bootstrap }: MachineInput, findings: ImportFinding[]): Outline[] {
  const message = `the endpoint is a name; awg asks ${bootstrap.join(", ")} for it, outside the tunnel`;
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
