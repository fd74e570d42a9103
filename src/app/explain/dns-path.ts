import { addressOfServer, type NameServer, portOfServer, serverText } from "../../model/dns/name-server.ts";
import { type NameService, serversByRule } from "../../model/dns/name-service.ts";
import { PROTOCOL } from "../../model/firewall/packet.ts";
import type { FirewallPolicy } from "../../model/firewall/policy.ts";
import { parseIp } from "../../model/ip.ts";
import { classOfMark } from "../../model/ownership.ts";
import type { Resource } from "../../model/resource.ts";
import type { KnownRouting } from "../../verify/routing/routing.ts";
import { sideOfPolicy } from "./explained-sides.ts";
import type { ExplainedDns } from "./explanation.ts";
import type { AskedFlow } from "./flow-packet.ts";

/** Where the sender's DNS queries go by the accepted state; undefined if awg manages no resolver. Pure. */
export function dnsOf(
  flow: AskedFlow,
  resources: readonly Resource[],
  policy: FirewallPolicy,
  routing: KnownRouting,
): ExplainedDns | undefined {
  const spec = resources.find((one) => one.kind === "resolver")?.spec;
  const service = spec?.service;
  const [server] = service === undefined ? (spec?.servers ?? []) : serversFor(service, flow.classMark, flow.sets);
  const address = server === undefined ? undefined : parseIp(addressOfServer(server));
  if (server === undefined || address === undefined) return undefined;
  const protocol = typeof server === "string" ? PROTOCOL.udp : PROTOCOL.tcp;
  const query = { ...flow, address, protocol, port: portOfServer(server), sets: [] };
  const { path, device, verdict } = sideOfPolicy(query, policy, routing);
  return { server: serverText(server), path, device, verdict, isByResolver: spec?.service !== undefined };
}

/** The servers that awg's resolver queries for a program of this class and a name of these sets. */
function serversFor(service: NameService, classMark: number, held: readonly string[]): readonly NameServer[] {
  const { listeners = [], rules = [], servers } = service;
  const own = listeners.find(({ classes }) => classes.includes(classOfMark(classMark)));
  return serversByRule(own?.rules ?? rules, held) ?? servers;
}
