import { DNS_ENCRYPTED_PORT, DNS_PORT, protectedDnsPorts } from "../../model/firewall/flow-path.ts";
import { LINK_PREFIXES, PRIVATE_PREFIXES } from "../../model/firewall/link-traffic.ts";
import { PROTOCOL } from "../../model/firewall/packet.ts";
import {
  type AllowGrant,
  engineUids,
  type PathRef,
  type PolicyLayer,
  relayEndpoints,
  type Steering,
} from "../../model/firewall/policy.ts";
import type { Family } from "../../model/ip.ts";
import { ENGINE_MARK, MARK_MASK } from "../../model/ownership.ts";
import { addressIn, dnsPort, FROM, matchFormula, portIn, type Sides, TO } from "../space/conditions.ts";
import { all, any, deviceIn, type Formula, markIs, nextHopIs, not, numberIs } from "../space/packet-fields.ts";

/** A path, and a flag for queries to a declared DNS server. */
export interface FoundPath {
  readonly path: PathRef;
  readonly isDeclaredDns: boolean;
}

export interface PathQuestion {
  readonly family: Family;
  readonly steering: Steering;
  readonly layer: Pick<PolicyLayer, "dns" | "allow" | "allowLan">;
  readonly sides: Sides;
  /** Tunnels of all layers; what leaves by one is not on the link (S4.6). */
  readonly tunnelDevices: readonly string[];
  /** The required condition for packets on this path. */
  readonly isWanted: (found: FoundPath) => Formula;
}

/** S4: the packets that satisfy the condition for their path. The cases have the order of rules S4.2–S4.7. */
export function pathFormula(question: PathQuestion): Formula {
  const { family, steering, layer, sides, isWanted } = question;
  const cases: { when: Formula; yields: Formula }[] = [];
  const add = (when: Formula, path: PathRef, isDeclaredDns = false) =>
    cases.push({ when, yields: isWanted({ path, isDeclaredDns }) });
  const { dns } = layer;
  if (dns !== null) {
    const isDns = dnsPort(sides.port, [DNS_PORT, DNS_ENCRYPTED_PORT]);
    add(all(isDns, addressIn(sides.address, family, dns.servers)), dns.path, true);
    const watched = protectedDnsPorts(dns);
    const others = not(addressIn(sides.address, family, dns.ofTunnels ?? []));
    if (watched.length > 0) add(all(dnsPort(sides.port, watched), others), { kind: "block" });
  }
  for (const { match, path } of steering.rules) add(matchFormula(family, match, sides), path);
  for (const grant of layer.allow) {
    if (grant.direction === "out") add(grantFormula(grant, family, sides.address, sides.port), { kind: "direct" });
  }
  if (layer.allowLan) add(isLocal(question), { kind: "direct" });
  return { kind: "first", cases, otherwise: isWanted({ path: steering.default, isDeclaredDns: false }) };
}

/** S4.6. A sender is judged by its address alone. */
function isLocal({ family, sides, tunnelDevices }: PathQuestion): Formula {
  const outside = sides === TO ? [nextHopIs("destination"), not(deviceIn("out", tunnelDevices))] : [];
  return any(
    addressIn(sides.address, family, LINK_PREFIXES),
    all(addressIn(sides.address, family, PRIVATE_PREFIXES), ...outside),
  );
}

/** S3.1–S3.3, outgoing. */
export function ownOut(layer: PolicyLayer, family: Family): Formula {
  const marked = all(markIs(MARK_MASK, ENGINE_MARK), any(endpoints(layer, family, TO), listens(layer, "word0")));
  const ofService = any(bootstrap(layer, family, TO), toProxies(layer, family));
  return any(all(numberIs("user", layer.serviceUid), ofService), all(isEngineUser(layer), marked));
}

/** The sender runs as an engine user. Its sockets belong to our engines if they have our mark. */
export function isEngineUser(layer: PolicyLayer): Formula {
  return any(...engineUids(layer).map((uid) => numberIs("user", uid)));
}

/** S3.1–S3.3, incoming. */
export function ownIn(layer: PolicyLayer, family: Family): Formula {
  return any(endpoints(layer, family, FROM), listens(layer, "word2"), bootstrap(layer, family, FROM));
}

/** S3.4, incoming. */
export function allowIn(layer: PolicyLayer, family: Family): Formula {
  return allowed(layer, family, "source", "word2");
}

/** S3.4, outgoing. The caller checks that the packet is an answer. */
export function allowInAnswer(layer: PolicyLayer, family: Family): Formula {
  return allowed(layer, family, "destination", "word0");
}

function allowed(layer: PolicyLayer, family: Family, address: Sides["address"], port: Sides["port"]): Formula {
  const grants = layer.allow.filter(({ direction }) => direction === "in");
  return any(...grants.map((grant) => grantFormula(grant, family, address, port)));
}

function grantFormula(grant: AllowGrant, family: Family, address: Sides["address"], port: Sides["port"]): Formula {
  const { protocol, ports, prefixes } = grant;
  return all(
    ...(protocol === undefined ? [] : [numberIs("protocol", protocol)]),
    ...(ports === undefined ? [] : [portIn(port, ports)]),
    ...(prefixes === undefined ? [] : [addressIn(address, family, prefixes)]),
  );
}

/** S3.5: steering gives these packets the mark of engines. */
export function relayed(layer: PolicyLayer, family: Family): Formula {
  return all(numberIs("user", layer.serviceUid), toProxies(layer, family));
}

function toProxies(layer: PolicyLayer, family: Family): Formula {
  return endpoints({ endpoints: relayEndpoints(layer) }, family, TO);
}

function endpoints(layer: Pick<PolicyLayer, "endpoints">, family: Family, sides: Sides): Formula {
  return any(
    ...layer.endpoints.map(({ address, port, protocol }) =>
      all(
        addressIn(sides.address, family, [address]),
        numberIs("protocol", protocol),
        ...(port === undefined ? [] : [portIn(sides.port, [{ from: port, to: port }])]),
      ),
    ),
  );
}

function listens(layer: PolicyLayer, side: Sides["port"]): Formula {
  const ports = layer.listens.map(({ port }) => ({ from: port, to: port }));
  return all(numberIs("protocol", PROTOCOL.udp), portIn(side, ports));
}

function bootstrap(layer: PolicyLayer, family: Family, sides: Sides): Formula {
  return all(dnsPort(sides.port, [DNS_PORT]), addressIn(sides.address, family, layer.bootstrapDns));
}
