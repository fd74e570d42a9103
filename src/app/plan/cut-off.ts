import type { OtherTunnel } from "../../host/ports/facts.ts";
import { judge } from "../../model/firewall/evaluate.ts";
import { PORTED_PROTOCOLS, PROTOCOL } from "../../model/firewall/packet.ts";
import type { FirewallPolicy, FlowMatch } from "../../model/firewall/policy.ts";
import { type Family, type IpAddress, parseIp } from "../../model/ip.ts";
import { type Prefix, parsePrefix, prefixContains } from "../../model/prefix.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import type { PlanNote } from "./planned.ts";

/** Addresses for documentation (RFC 5737, RFC 3849): nothing else is said of them. */
const SOMEWHERE: Readonly<Record<Family, string>> = { 4: "198.51.100.1", 6: "2001:db8::1" };
const ITSELF: Readonly<Record<Family, string>> = { 4: "192.0.2.2", 6: "2001:db8:0:1::2" };
/** A shorter prefix covers more than one network: a route for a part of it says nothing about the rest. */
const LEAST_BITS = 8;
const HTTPS = 443;
const EPHEMERAL = 50_000;

/** Other programs' tunnels that the desired policy blocks, each with a remedy. Pure. */
export function cutOffNotes(
  { resources }: Pick<DesiredState, "resources">,
  tunnels: readonly OtherTunnel[],
): readonly PlanNote[] {
  const policy = resources.find((resource) => resource.kind === "firewall")?.spec;
  if (policy === undefined) return [];
  return tunnels
    .filter(({ device, destinations }) => !destinations.some((text) => mayLeave(policy, device, text)))
    .map(({ device }) => ({
      path: "killSwitch",
      isWarning: true,
      message: `${device} is another program's tunnel and will be blocked: allow its traffic and its server (killSwitch.allow), or import it (awg import, with --adopt while wg-quick runs it)`,
    }));
}

/** Whether anything to this prefix may leave by the device: of each kind that a rule or an exception lets go directly, one packet. */
function mayLeave(policy: FirewallPolicy, outDevice: string, text: string): boolean {
  const prefix = parsePrefix(text);
  if (prefix === undefined) return false;
  const direct = policy.steering.rules.filter(({ path }) => path.kind === "direct").map(({ match }) => match);
  const exceptions = policy.layers
    .flatMap(({ allow }) => allow.filter(({ direction }) => direction === "out"))
    .map(({ prefixes, ...match }) => ({ ...match, ...(prefixes === undefined ? {} : { destinations: prefixes }) }));
  return [{}, ...direct, ...exceptions].some((match) =>
    addressesIn(prefix, match).some((destination) => isLetOut(policy, outDevice, destination, match)),
  );
}

function isLetOut(policy: FirewallPolicy, outDevice: string, destination: IpAddress, match: FlowMatch): boolean {
  const source = parseIp(ITSELF[destination.family]);
  const protocol = match.protocol ?? PROTOCOL.tcp;
  const uid = match.uids?.[0]?.from;
  const ports = { sourcePort: EPHEMERAL, destinationPort: match.ports?.[0]?.from ?? HTTPS };
  if (source === undefined) return false;
  const packet = { hook: "output" as const, source, destination, outDevice, protocol };
  const more = { ...(PORTED_PROTOCOLS.includes(protocol) ? ports : {}), ...(uid === undefined ? {} : { uid }) };
  return judge(policy, { ...packet, ...more }).verdict === "accept";
}

/** One of a short prefix; of a longer one the first, and one of each that a match names within it. */
function addressesIn(prefix: Prefix, { destinations = [] }: FlowMatch): readonly IpAddress[] {
  const { family, address, length } = prefix;
  const somewhere = parseIp(SOMEWHERE[family]);
  if (length < LEAST_BITS && somewhere !== undefined) return [somewhere];
  const named = destinations.map(parsePrefix).filter((one) => one !== undefined && prefixContains(prefix, one));
  return [
    { family, value: address },
    ...named.flatMap((one) => (one === undefined ? [] : [{ family, value: one.address }])),
  ];
}
