import { serverText } from "../../../model/dns/name-server.ts";
import type { NameService } from "../../../model/dns/name-service.ts";
import { classifierLines } from "../../../model/program/classifier-text.ts";
import type { ProxySpec } from "../../../model/relay/proxy.ts";
import type { Resource } from "../../../model/resource.ts";
import type { LinkSpec } from "../../../model/resources/link.ts";
import type { ResolverSpec } from "../../../model/resources/resolver.ts";
import type { RoutesSpec } from "../../../model/resources/routes.ts";
import type { ServiceSpec } from "../../../model/resources/service.ts";
import type { PeerSpec, TunnelSpec } from "../../../model/resources/tunnel.ts";
import { counted } from "../../../model/text/counted.ts";
import { SECRET_OBFUSCATION_KEY } from "../../../uapi/obfuscation.ts";
import { atMost, MOST_MEMBERS, policyLines } from "./policy-lines.ts";
import { listed } from "./policy-values.ts";

/** Characters of a public key that distinguish peers for people. */
const KEY_CHARACTERS = 8;
/** A parameter such as i1 may have a thousand characters. */
const MOST_CHARACTERS = 32;

/**
 * The desired state of a resource that comes or goes, a line for each property; secrets never. Long lists are cut
 * unless all of them is asked for.
 */
export function specLines({ kind, spec }: Pick<Resource, "kind" | "spec">, isVerbose = false): readonly string[] {
  const most = isVerbose ? Number.POSITIVE_INFINITY : MOST_MEMBERS;
  const resource = { kind, spec } as Resource;
  switch (resource.kind) {
    case "firewall":
      return policyLines(resource.spec, most);
    case "link":
      return linkLines(resource.spec);
    case "tunnel":
      return tunnelLines(resource.spec, most);
    case "proxy":
      return proxyLines(resource.spec);
    case "routes":
      return routesLines(resource.spec, most);
    case "resolver":
      return resolverLines(resource.spec);
    case "sysctl":
      return Object.entries(resource.spec.values).map(([name, value]) => `${name}: ${value}`);
    case "classifier":
      return atMost(classifierLines(resource.spec), most, "line");
    case "service":
      return serviceLines(resource.spec);
    case "autostart":
      return [`at boot: ${resource.spec.enabled ? "starts" : "does not start"}`];
    case "system-extension":
      return [`bundle: ${resource.spec.bundle}, ${resource.spec.state}`];
  }
}

function linkLines({ device, addresses, mtuBytes }: LinkSpec): readonly string[] {
  return [`device: ${device}, mtu ${mtuBytes}`, `addresses: ${addresses.join(", ") || "(none)"}`];
}

function proxyLines({ protocol, address, port, tls, username, udp }: ProxySpec): readonly string[] {
  const host = address.includes(":") ? `[${address}]` : address;
  return [
    `proxy: ${protocol} ${host}:${port}${tls === undefined ? "" : `, TLS to ${tls.serverName}`}`,
    `carries: ${udp ? "TCP and UDP" : "TCP"}${username === undefined ? "" : `, as ${username}`}`,
  ];
}

function tunnelLines(
  { protocol, engine, listenPort, obfuscation, peers }: TunnelSpec,
  most: number,
): readonly string[] {
  const port = listenPort === 0 ? "" : `, listens on UDP ${listenPort}`;
  const parameters = Object.entries(obfuscation).map(([name, value]) => `${name}=${shownParameter(name, value)}`);
  return [
    `protocol: ${protocol}, engine ${engine}${port}`,
    ...(parameters.length === 0 ? [] : [`obfuscation: ${parameters.join(", ")}`]),
    ...atMost(
      peers.map((peer) => peerLine(peer, most)),
      most,
      "peer",
    ),
  ];
}

function peerLine(peer: PeerSpec, most: number): string {
  return `peer ${shortKey(peer.publicKey)}: ${peerFacts(peer, most)}`;
}

/** A peer without its key: "203.0.113.9:51820, allowedIPs 0.0.0.0/0, ::/0, keepalive 25 s". */
export function peerFacts(peer: PeerSpec, most: number): string {
  const { presharedKey, endpoint, allowedIPs, persistentKeepaliveSeconds: keepalive } = peer;
  const facts = [
    endpoint ?? "no endpoint",
    `allowedIPs ${listed(allowedIPs, most, "prefixes")}`,
    ...(keepalive === 0 ? [] : [`keepalive ${keepalive} s`]),
    ...(presharedKey === undefined ? [] : ["preshared key"]),
  ];
  return facts.join(", ");
}

/** The beginning of a public key, as people compare it. */
export function shortKey(publicKey: string): string {
  return `${publicKey.slice(0, KEY_CHARACTERS)}…`;
}

function shownParameter(name: string, value: string): string {
  if (name === SECRET_OBFUSCATION_KEY) return "(secret)";
  return value.length > MOST_CHARACTERS ? `${value.slice(0, MOST_CHARACTERS)}…` : value;
}

function routesLines({ device, destinations, rules, pins = [] }: RoutesSpec, most: number): readonly string[] {
  const into = device === undefined ? "" : ` dev ${device}`;
  const isAll = most === Number.POSITIVE_INFINITY;
  return [
    ...(destinations.length === 0 ? [] : [`routes: ${listed(destinations, most, "prefixes")}${into}`]),
    ...(rules.length === 0 ? [] : [`policy rules: ${rules.length}${isAll ? "" : " (--verbose lists them)"}`]),
    ...(pins.length === 0
      ? []
      : [
          `past the tunnels: ${listed(
            pins.map(({ destination }) => destination),
            most,
            "routes",
          )}`,
        ]),
  ];
}

function resolverLines({ servers, search, service, ...rest }: ResolverSpec): readonly string[] {
  const split: NonNullable<NameService["split"]> = rest.split ?? service?.split ?? {};
  const names = service?.sets.reduce((sum, { domains }) => sum + domains.length, 0) ?? 0;
  return [
    `servers: ${servers.join(", ") || "(none)"}`,
    ...(service === undefined ? [] : [`awg's resolver queries: ${service.servers.map(serverText).join(", ")}`]),
    ...(names === 0 ? [] : [`rules by domain: ${counted(names, "domain")}`]),
    ...(search.length === 0 ? [] : [`search: ${search.join(", ")}`]),
    ...Object.entries(split).map(([domain, own]) => `${domain}: ${own.map(serverText).join(", ")}`),
  ];
}

function serviceLines({ path, keepRunning }: ServiceSpec): readonly string[] {
  return [`file: ${path}${keepRunning ? ", kept running" : ""}`];
}
