import { map, type Outline, scalar } from "../config-tree.ts";
import { finish, hasErrors, type Imported, type ImportOptions, keyLike, tunnelName } from "../import-config.ts";
import { type ImportFinding, importError, importNote, showWord } from "../import-finding.ts";
import type { MachineInput } from "../imported-config.ts";
import { type ImportedTunnel, importTunnel } from "../imported-tunnel.ts";
import { itemsOf, joinEndpoint, objectOf, objectsOf, wordOf } from "../json/json-value.ts";
import type { ConfEntry, ConfSection } from "../wg-quick/conf-sections.ts";
import { importDns } from "./dns-servers.ts";
import { importRules, type Target } from "./route-rules.ts";

type Json = Readonly<Record<string, unknown>>;

interface Found {
  readonly outbound: Json;
  readonly tunnel: ImportedTunnel;
}

const TUNNEL_TYPES = ["wireguard", "socks", "http"];
/** Types without a tunnel of their own: awg has their meaning without a name. */
const PLAIN_TYPES = ["direct", "block", "dns", "selector"];

/**
 * Imports sing-box's JSON: endpoints and outbounds of type wireguard, socks and http. `route.final`, else the first
 * outbound, becomes the default path, or *block* if it is not imported. Everything else is reported.
 */
export function importSingBox(document: Json, options: ImportOptions): Imported {
  const findings: ImportFinding[] = [];
  const candidates = ["endpoints", "outbounds"].flatMap((section) =>
    itemsOf(document[section]).flatMap((one, index) => {
      const outbound = objectOf(one);
      return outbound === undefined ? [] : [{ outbound, place: `${options.source}: ${section}[${index}]` }];
    }),
  );
  const count = candidates.filter(({ outbound }) => isTunnel(outbound)).length;
  if (options.name !== undefined && count > 1) {
    findings.push(importNote(options.source, "--name is not used: it has several tunnels", "each is named by its tag"));
  }
  const names = new Set<string>();
  const found: Found[] = [];
  for (const { outbound, place } of candidates) {
    const name = freeName(outbound, names, count === 1 && isTunnel(outbound) ? options.name : undefined, findings);
    const tunnel = importOutbound(outbound, { ...options, name, place }, findings);
    if (tunnel === undefined) continue;
    names.add(name);
    found.push({ outbound, tunnel });
  }
  if (found.length === 0) findings.push(importError(options.source, "it contains no tunnel", TYPES));
  reportRest(document, ["endpoints", "outbounds", "route", "dns", "$schema"], options.source, findings);
  const route = objectOf(document["route"]) ?? {};
  reportRest(route, ["final", "rules"], `${options.source}: route`, findings);
  if (hasErrors(findings)) return { text: "", secrets: [], findings };
  const routing = routingOf(document, found, options.source, findings);
  const rest = routing.kind === "default" ? routing.tunnel : routing.kind === "block" ? "block" : "direct";
  const target = (tag: string | undefined): Target => targetOf(document, found, tag);
  const rules = importRules(route["rules"], { place: `${options.source}: route`, target, rest }, findings);
  const dns = importDns(document["dns"], { place: `${options.source}: dns`, target, rest }, findings);
  const tunnels = found.map(({ tunnel }) => tunnel);
  const asked = dns === undefined ? {} : { dns };
  return finish({ ...options, program: "sing-box", tunnels, routing, rules, ...asked }, findings);
}

function isTunnel({ type }: Json): boolean {
  return TUNNEL_TYPES.includes(wordOf(type) ?? "");
}

/** The path of an outbound, or of the one that a selector starts with. */
function targetOf(document: Json, found: readonly Found[], tag: string | undefined): Target {
  const tagged = [...objectsOf(document["endpoints"]), ...objectsOf(document["outbounds"])];
  const outbound = selected(tagged, tag === undefined ? undefined : named(tagged, tag));
  const tunnel = found.find((one) => one.outbound === outbound)?.tunnel;
  if (tunnel !== undefined) return { kind: "path", via: tunnel.name };
  const type = wordOf(outbound?.["type"]) ?? "";
  if (type === "dns") return { kind: "dns" };
  if (type === "direct" || type === "block") return { kind: "path", via: type };
  return { kind: "unknown", what: `its outbound ${showWord(tag ?? "") ?? "is missing and"} is not imported` };
}

function named(tagged: readonly Json[], tag: string): Json | undefined {
  return tagged.find((outbound) => wordOf(outbound["tag"]) === tag);
}

/** A selector starts with its default, else its first outbound. A cycle ends at one seen before. */
function selected(tagged: readonly Json[], from: Json | undefined): Json | undefined {
  let outbound = from;
  for (const seen = new Set<Json>(); outbound?.["type"] === "selector" && !seen.has(outbound); ) {
    seen.add(outbound);
    outbound = named(tagged, wordOf(outbound["default"]) ?? wordOf(itemsOf(outbound["outbounds"])[0]) ?? "");
  }
  return outbound;
}

const TYPES = "awg reads wireguard, socks and http";

/** The path of traffic that no rule matches. sing-box without outbounds adds a direct one. */
function routingOf(
  document: Json,
  found: readonly Found[],
  source: string,
  findings: ImportFinding[],
): MachineInput["routing"] {
  const final = wordOf(objectOf(document["route"])?.["final"]);
  const outbounds = objectsOf(document["outbounds"]);
  const tagged = [...objectsOf(document["endpoints"]), ...outbounds];
  if (final === undefined && outbounds.length === 0) {
    const message = "no path uses the tunnel: without route.final and outbounds sing-box sends everything direct";
    findings.push(importNote(source, message, "set default: { via: TUNNEL }, or add rules"));
    return { kind: "none" };
  }
  const outbound = selected(tagged, final === undefined ? outbounds[0] : named(tagged, final));
  const whole = found.find((one) => one.outbound === outbound);
  if (whole !== undefined) return { kind: "default", tunnel: whole.tunnel.name };
  if (outbound?.["type"] === "direct") return { kind: "none" };
  if (outbound?.["type"] !== "block") {
    const what = final === undefined ? "the first outbound" : `route.final ${showWord(final) ?? ""}`.trimEnd();
    const message = `${what} names no imported tunnel: traffic that no rule matches is dropped`;
    findings.push(importNote(source, message, "set another path with default: { via: … }"));
  }
  return { kind: "block" };
}

interface OutboundSource {
  readonly name: string;
  readonly place: string;
  readonly secretsDir: string;
}

function importOutbound(outbound: Json, where: OutboundSource, findings: ImportFinding[]): ImportedTunnel | undefined {
  const type = wordOf(outbound["type"]) ?? "";
  if (type === "wireguard") {
    reportRest(outbound, WIREGUARD_KEYS, where.place, findings);
    const spells = { PrivateKey: "private_key", PublicKey: publicKeyName(objectsOf(outbound["peers"])) };
    return importTunnel({ ...where, sections: wireguardSections(outbound, where.place, findings), spells }, findings);
  }
  if (type === "socks" || type === "http") return importProxy(type, outbound, where, findings);
  if (!PLAIN_TYPES.includes(type)) {
    findings.push(importNote(where.place, `the type ${showWord(type) ?? "of it"} is not imported`, TYPES));
  }
  return undefined;
}

/** Without `peers` the outbound itself contains the key of its only peer. */
function publicKeyName(peers: readonly Json[]): string {
  return peers.length > 0 ? "public_key" : "peer_public_key";
}

const WIREGUARD_KEYS = [
  ...["type", "tag", "system", "system_interface", "name", "interface_name", "gso", "workers", "udp_timeout"],
  ...["address", "local_address", "private_key", "listen_port", "mtu", "peers", "amnezia"],
  ...["server", "server_port", "peer_public_key", "pre_shared_key", "reserved"],
];
const PEER_KEYS = [
  ...["address", "port", "server", "server_port", "public_key", "pre_shared_key"],
  ...["allowed_ips", "persistent_keepalive_interval", "reserved"],
];

function wireguardSections(outbound: Json, place: string, findings: ImportFinding[]): ConfSection[] {
  const amnezia = objectOf(outbound["amnezia"]) ?? {};
  const own = [
    ...entries(outbound, place, [
      ["PrivateKey", "private_key"],
      ["Address", "address"],
      ["Address", "local_address"],
      ["ListenPort", "listen_port"],
      ["MTU", "mtu"],
    ]),
    ...entries(
      amnezia,
      `${place}.amnezia`,
      Object.keys(amnezia).map((key) => [key, key]),
    ),
  ];
  const written = objectsOf(outbound["peers"]);
  // Without `peers` the outbound's own fields are the only peer, which accepts everything.
  const single: Json = { ...outbound, address: undefined, allowed_ips: EVERYTHING };
  const peers = (written.length > 0 ? written : [single]).map((peer, index): ConfSection => {
    const at = written.length > 0 ? `${place}.peers[${index}]` : place;
    if (written.length > 0) reportRest(peer, PEER_KEYS, at, findings);
    if (itemsOf(peer["reserved"]).some((byte) => byte !== 0)) {
      findings.push(importNote(at, "reserved is not imported: awg sends WireGuard's own three zero bytes"));
    }
    return { kind: "peer", place: at, entries: peerEntries(peer, at, publicKeyName(written)) };
  });
  return [{ kind: "interface", place, entries: own }, ...peers];
}

const EVERYTHING = ["0.0.0.0/0", "::/0"];

function peerEntries(peer: Json, place: string, publicKey: string): ConfEntry[] {
  const host = wordOf(peer["address"]) ?? wordOf(peer["server"]);
  const port = wordOf(peer["port"]) ?? wordOf(peer["server_port"]);
  const endpoint =
    host === undefined || port === undefined ? [] : [{ key: "Endpoint", value: joinEndpoint(host, port), place }];
  return [
    ...entries(peer, place, [
      ["PublicKey", publicKey],
      ["PresharedKey", "pre_shared_key"],
      ["AllowedIPs", "allowed_ips"],
      ["PersistentKeepalive", "persistent_keepalive_interval"],
    ]),
    ...endpoint,
  ];
}

function entries(from: Json, place: string, keys: readonly (readonly [string, string])[]): ConfEntry[] {
  return keys.flatMap(([key, name]) =>
    itemsOf(from[name]).flatMap((one) => {
      const value = wordOf(typeof one === "boolean" ? String(one) : one);
      return value === undefined ? [] : [{ key, value, place: `${place}.${name}`, spelled: name }];
    }),
  );
}

const PROXY_KEYS = ["type", "tag", "server", "server_port", "version", "username", "password", "network"];

function importProxy(
  type: "socks" | "http",
  outbound: Json,
  { name, place, secretsDir }: OutboundSource,
  findings: ImportFinding[],
): ImportedTunnel | undefined {
  const version = wordOf(outbound["version"]) ?? "5";
  const needsTls = objectOf(outbound["tls"])?.["enabled"] === true;
  if (version !== "5" || needsTls) {
    const what = needsTls ? "a proxy over TLS" : `SOCKS ${showWord(`v${version}`) ?? "of this version"}`;
    findings.push(importNote(place, `${what} is not imported: awg has none`, TYPES));
    return undefined;
  }
  reportRest(outbound, PROXY_KEYS, place, findings);
  const [host, port] = [wordOf(outbound["server"]), wordOf(outbound["server_port"])];
  const server = host === undefined || port === undefined ? undefined : joinEndpoint(host, port);
  if (server === undefined) findings.push(importError(place, "server or server_port is missing", "add them"));
  const username = wordOf(outbound["username"]);
  const password = wordOf(outbound["password"]);
  const path = `${secretsDir.replace(/\/$/, "")}/${name}.password`;
  const auth =
    username === undefined || password === undefined
      ? undefined
      : map({ username: scalar(username, place), password: map({ file: scalar(path, place) }) });
  const outline: Outline = map({
    protocol: scalar(type === "socks" ? "socks5" : "http"),
    server: server === undefined ? undefined : scalar(server, place),
    auth,
  });
  const secrets = auth === undefined || password === undefined ? [] : [{ path, value: password }];
  const isNamed = host !== undefined && !/^[0-9.]+$|:/.test(host);
  const namedEndpoint = isNamed ? { value: host, place } : undefined;
  return {
    name,
    outline,
    secrets,
    prefixes: [],
    dnsServers: [],
    searchDomains: [],
    namedEndpoint,
    addsRoutes: false,
    hadKillSwitch: false,
    isObfuscated: false,
  };
}

function freeName(
  outbound: Json,
  taken: ReadonlySet<string>,
  wanted: string | undefined,
  findings: ImportFinding[],
): string {
  if (wanted !== undefined) return tunnelName({ name: wanted, source: "" }, findings);
  const made = keyLike(wordOf(outbound["tag"]) ?? "");
  const base = ["", "direct", "block", "drop", "default"].includes(made) ? "vpn" : made;
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? base : `${base.slice(0, 8)}-${number}`;
    if (!taken.has(name)) return name;
  }
}

/** Reports the keys that are not imported. */
function reportRest(from: Json, known: readonly string[], place: string, findings: ImportFinding[]): void {
  for (const [key, value] of Object.entries(from)) {
    const isEmpty = value === false || value === "" || value === null || (Array.isArray(value) && value.length === 0);
    if (known.includes(key) || isEmpty) continue;
    findings.push(importNote(place, `${showWord(key) ?? "a key"} is not imported`));
  }
}
