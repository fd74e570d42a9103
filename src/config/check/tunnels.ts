import { deviceOfTunnel } from "../../model/ownership.ts";
import { mergePrefixes, parsePrefix, renderPrefix } from "../../model/prefix.ts";
import { isNoiseTunnel } from "../config.ts";
import type { NoiseTunnel } from "../section/tunnel.ts";
import type { NodePath } from "../source/source-node.ts";
import type { CheckContext } from "./check-context.ts";

/** Smallest MTU with which a link may carry IPv6 (RFC 8200 section 5). */
const IPV6_MINIMUM_MTU = 1280;

/** Several servers of one provider account have one address; the path of each packet decides between them. */
const SAME_ACCOUNT = "keep it if both are servers of one account";

/** Tunnels fit together: no two share a port, interface, peer or prefix, and paths lead somewhere. */
export function checkTunnels(context: CheckContext): void {
  const addresses = new Firsts();
  const interfaces = new Firsts();
  const ports = new Firsts();
  for (const [name, tunnel] of Object.entries(context.config.tunnels)) {
    if (!isNoiseTunnel(tunnel)) continue;
    const path = ["tunnels", name];
    for (const [index, address] of tunnel.addresses.entries()) {
      const at = [...path, "addresses", index];
      const first = addresses.claim(address.slice(0, address.indexOf("/")), name);
      if (first !== undefined)
        context.report("duplicate-address", at, `tunnel ${first} has the same address`, SAME_ACCOUNT);
    }
    const interfaceName = tunnel.interface ?? deviceOfTunnel(name);
    const sameInterface = interfaces.claim(interfaceName, name);
    if (sameInterface !== undefined) {
      const at = tunnel.interface === undefined ? path : [...path, "interface"];
      context.reportKey(
        "duplicate-interface",
        at,
        `tunnel ${sameInterface} also has the interface ${interfaceName}`,
        "rename one",
      );
    }
    const samePort = tunnel.listenPort === 0 ? undefined : ports.claim(String(tunnel.listenPort), name);
    if (samePort !== undefined) {
      const message = `tunnel ${samePort} also listens on port ${tunnel.listenPort}`;
      context.report("duplicate-listen-port", [...path, "listenPort"], message, "use another port");
    }
    checkMtu(context, path, tunnel);
    checkPeers(context, path, tunnel);
  }
  checkUse(context);
}

/** Records the first owner of each value. */
class Firsts {
  readonly #owners = new Map<string, string>();

  /** The first owner, if there is one. */
  claim(thing: string, owner: string): string | undefined {
    const first = this.#owners.get(thing);
    if (first === undefined) this.#owners.set(thing, owner);
    return first;
  }
}

function checkMtu(context: CheckContext, path: NodePath, { mtu, addresses }: NoiseTunnel): void {
  if (mtu === "auto" || mtu >= IPV6_MINIMUM_MTU || !addresses.some((address) => address.includes(":"))) return;
  const message = `an MTU of ${mtu} is too small for IPv6`;
  context.report("mtu-ipv6", [...path, "mtu"], message, `use at least ${IPV6_MINIMUM_MTU}, or auto`);
}

function checkPeers(context: CheckContext, path: NodePath, tunnel: NoiseTunnel): void {
  const keys = new Firsts();
  const prefixes = new Firsts();
  for (const [index, peer] of tunnel.peers.entries()) {
    const at = [...path, "peers", index];
    const label = peer.name ?? `peer ${index + 1}`;
    const sameKey = keys.claim(peer.publicKey, label);
    if (sameKey !== undefined) {
      context.report(
        "duplicate-peer",
        [...at, "publicKey"],
        `${sameKey} has the same public key`,
        "merge them into one peer",
      );
    }
    for (const [position, prefix] of peer.allowedIPs.entries()) {
      const first = prefixes.claim(prefix, label);
      if (first === undefined) continue;
      const message = `${first} also has ${prefix}, and a prefix belongs to one peer`;
      context.report(
        "duplicate-allowed-prefix",
        [...at, "allowedIPs", position],
        message,
        "remove it from one of them",
      );
    }
    if (peer.allowedIPs.length === 0 && context.isUntouched(at)) {
      const remedy = "add allowedIPs, such as [0.0.0.0/0, ::/0]";
      context.reportKey("peer-without-allowed-ips", at, "the peer carries nothing: allowedIPs is empty", remedy);
    }
    checkKeepalive(context, [...at, "persistentKeepalive"], tunnel, peer.persistentKeepalive);
  }
}

function checkKeepalive(
  context: CheckContext,
  path: NodePath,
  { obfuscation }: NoiseTunnel,
  keepalive: readonly [number, number] | undefined,
): void {
  if (keepalive === undefined || keepalive[0] === keepalive[1] || Number(obfuscation?.version ?? 0) >= 3) return;
  const message = "a range of keepalives needs AmneziaWG 3.0";
  context.report("obfuscation-version", path, message, `use one value, or obfuscation: { version: "3.0" }`);
}

/** Tunnels that are a path can reach a peer. */
function checkUse(context: CheckContext): void {
  const { config } = context;
  const defaultTunnel = config.default.via.kind === "tunnel" ? config.default.via.tunnel : undefined;
  const used = [config.default.via, ...config.rules.map((rule) => rule.via)];
  for (const name of new Set(used.flatMap((via) => (via.kind === "tunnel" ? [via.tunnel] : [])))) {
    const tunnel = config.tunnels[name];
    if (!isNoiseTunnel(tunnel) || !context.isUntouched(["tunnels", name])) continue;
    if (tunnel.listenPort === 0 && tunnel.peers.every((peer) => peer.endpoint === undefined)) {
      const message = "this tunnel is used as a path, but no peer has an endpoint and it does not listen";
      context.reportKey("tunnel-without-endpoint", ["tunnels", name], message, "add an endpoint to a peer");
    }
    if (name === defaultTunnel) checkDefaultIsCarried(context, name, tunnel);
  }
}

function checkDefaultIsCarried(context: CheckContext, name: string, tunnel: NoiseTunnel): void {
  const allowed = tunnel.peers.flatMap((peer) => peer.allowedIPs).flatMap((text) => parsePrefix(text) ?? []);
  const covered = mergePrefixes(allowed).map(renderPrefix);
  if (covered.includes("0.0.0.0/0") || covered.includes("::/0")) return;
  const message = `the default path is ${name}, but its allowedIPs cover neither all of IPv4 nor all of IPv6`;
  context.report(
    "default-not-carried",
    ["default", "via"],
    message,
    "add 0.0.0.0/0 and ::/0 to allowedIPs of one peer",
  );
}
