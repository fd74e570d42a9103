import type { Inspection, RouteAnswer } from "../../host/ports/inspection.ts";
import { judge, markAfterSteering } from "../../model/firewall/evaluate.ts";
import { type Packet, PROTOCOL } from "../../model/firewall/packet.ts";
import type { FirewallPolicy } from "../../model/firewall/policy.ts";
import { renderIp } from "../../model/ip.ts";
import { pathOfMark } from "../../model/ownership.ts";
import type { KnownRouting } from "../../verify/routing/routing.ts";
import { type FoundRoute, isByRouter, traceRoute } from "../../verify/routing/trace-route.ts";
import type { ExplainedSide } from "./explanation.ts";
import { type AskedFlow, outDeviceOf, packetOf, pointOf, RELAY_DEVICE, SOURCE_PORT } from "./flow-packet.ts";
import { isProxyMark, pathName, pathReason } from "./path-name.ts";
import { policyRuleText, routeText, routeTextOfMac } from "./texts.ts";

/** The flow by a policy and a set of routes: for the declared side, and for the live side of a simulated host. */
export function sideOfPolicy(flow: AskedFlow, policy: FirewallPolicy, routing: KnownRouting): ExplainedSide {
  const before = firstPacket(flow, routing);
  const mark = policy.layers.length === 0 ? flow.classMark : markAfterSteering(policy, before);
  const route = lookUp(flow, routing, mark);
  const packet = packetOf(flow, answerOf(route), mark);
  const said = judge(policy, packet);
  const device = packet.outDevice === RELAY_DEVICE ? RELAY_DEVICE : route.leadsTo;
  const isProxied = device === RELAY_DEVICE && isProxyMark(policy, mark);
  const { verdict, reason } =
    device === "(local)"
      ? { verdict: "accept" as const, reason: "S2.1 loopback" }
      : isProxied
        ? { verdict: "accept" as const, reason: "S5.7 to the relay of its proxy" }
        : said;
  return {
    path: pathName(policy, mark),
    reason: policy.layers.length === 0 ? "" : pathReason(policy, packet),
    mark,
    ...routeParts(route, routing),
    device,
    ...(leaves(device) || device === "(local)" || device === RELAY_DEVICE
      ? { verdict, verdictBy: [{ name: reason, verdict }] }
      : { verdict: "drop", verdictBy: [{ name: "no route", verdict: "drop" }] }),
  };
}

/**
 * The flow by the kernel's own rules and routes. The kernel names the device. Rule and route come from the observed
 * tables, and only if these lead to the same device.
 */
export function sideOfKernel(flow: AskedFlow, inspection: Inspection, routing: KnownRouting): ExplainedSide {
  const first = kernelRoute(flow, inspection);
  const steered = inspection.tracePacket(pointOf(flow, first, flow.classMark));
  const { mark } = steered;
  const answer = kernelRoute(flow, inspection, mark);
  const leadsTo = answer.leadsTo;
  const isRelayed = outDeviceOf(leadsTo, flow.address, flow.links) === RELAY_DEVICE;
  const device = isRelayed ? RELAY_DEVICE : leadsTo;
  const route = lookUp(flow, routing, mark);
  const traced = leaves(device) ? inspection.tracePacket(pointOf(flow, answer, flow.classMark)) : undefined;
  const isLocal = device === "(local)" || (isRelayed && isProxyMark(flow.policy, mark));
  const isFollowed = route.leadsTo === leadsTo || (!leaves(route.leadsTo) && !leaves(leadsTo) && !isLocal);
  return {
    // Some packets are refused before any mark is set.
    path: pathOfMark(mark) === 0 && steered.verdict === "drop" ? "block" : pathName(flow.policy, mark),
    reason: traced?.rules.find(({ name }) => name.includes(" steer: "))?.name ?? "",
    mark,
    ...(isFollowed ? routeParts(route, routing) : {}),
    device,
    verdict: traced?.verdict ?? (isLocal ? "accept" : "drop"),
    verdictBy: traced?.rules ?? [{ name: isLocal ? "loopback" : "no route", verdict: isLocal ? "accept" : "drop" }],
  };
}

/** How the kernel routes a packet of the flow with this mark. */
export function kernelRoute(flow: AskedFlow, inspection: Inspection, mark = flow.classMark): RouteAnswer {
  const { address, uid, protocol, port } = flow;
  const hasPorts = protocol === PROTOCOL.tcp || protocol === PROTOCOL.udp;
  const ports = port === undefined || !hasPorts ? {} : { ports: { protocol, source: SOURCE_PORT, destination: port } };
  return inspection.decideRoute({ destination: renderIp(address), mark, uid, ...ports });
}

/** Whether it is the name of a device, not a reason in brackets. */
export function leaves(device: string): boolean {
  return !device.startsWith("(");
}

function routeParts({ rule, route }: FoundRoute, { isFlat }: KnownRouting) {
  return {
    ...(rule === undefined ? {} : { policyRule: policyRuleText(rule), table: rule.table }),
    ...(route === undefined ? {} : { route: isFlat === true ? routeTextOfMac(route) : routeText(route) }),
  };
}

/** The route of the flow with this mark, by observed or declared tables. */
export function lookUp(flow: AskedFlow, routing: KnownRouting, mark = flow.classMark): FoundRoute {
  const { address, uid, protocol, port } = flow;
  const sourcePort = port === undefined ? {} : { port, sourcePort: SOURCE_PORT };
  return traceRoute(routing, { destination: address, mark, uid, protocol, ...sourcePort });
}

/** The first packet of the flow, before steering has marked it. */
export function firstPacket(flow: AskedFlow, routing: KnownRouting): Packet {
  return packetOf(flow, answerOf(lookUp(flow, routing)), flow.classMark);
}

function answerOf(found: FoundRoute): RouteAnswer {
  return { leadsTo: found.leadsTo, byRouter: isByRouter(found) };
}
