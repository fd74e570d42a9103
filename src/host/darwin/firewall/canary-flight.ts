import { AwgError } from "../../../model/error.ts";
import {
  CANARIES,
  type Canary,
  type CanaryFlight,
  DISREGARDED,
  isDisregarded,
} from "../../../model/firewall/canary.ts";
import type { Family } from "../../../model/ip.ts";
import { checkedCall, withSocket } from "../../../native/darwin/calls.ts";
import { SOCKET } from "../../../native/darwin/constants.ts";
import type { LibSystem } from "../../../native/darwin/libsystem.ts";
import { bindToInterface } from "../../../native/darwin/link/bound-interface.ts";
import { setNonblocking } from "../../../native/darwin/packet-io/udp-socket.ts";
import { encodeInet } from "../../../native/darwin/sockaddr.codec.ts";
import { uplinksOf } from "../facts/uplinks.ts";
import { readInterfaces } from "../links/interfaces.ts";
import { CANARY_WORDS } from "../pf/link-rules.ts";
import { pfLabel } from "../pf/pf-rule.ts";
import { type PrintedNames, type PrintedRule, parsePrintedRules } from "../pf/printed/parse-printed.ts";
import { PF_ANCHOR } from "../pf/render-pf.ts";
import { dumpRoutes } from "../routes/route-socket.ts";
import type { Pfctl } from "./pfctl.ts";
import { isStoppedBefore } from "./reach.ts";

/** One empty byte; POSIX does not define a write of zero bytes to a datagram socket. */
const NOTHING = Uint8Array.of(0);
/** The first router drops it. */
const ONE_HOP = new Uint8Array(Uint32Array.of(1).buffer);
/** Rules that are reloaded during a test count from 0 again. */
const FLIGHTS = 2;

/** PF under test, and the system calls for the test. */
export interface CanarySource {
  readonly pf: Pfctl;
  readonly names: PrintedNames;
  readonly system: LibSystem;
}

/**
 * Whether PF acts by its rules (S13.15): sends a forbidden packet by the interface of each family's default route, and reads
 * the counter of the rule that drops it. The result of the send proves nothing: for IPv4, ip_output (bsd/netinet/ip_output.c)
 * discards PF's verdict and the send succeeds; for IPv6 it fails, as it does without a route.
 *
 * @param rules the rules of the outer anchor, just read
 * @returns the problem, for people; empty if PF acts, or if the test is not possible: no default route, or a rule of
 * another program or a content filter that may have stopped the packet first
 */
export async function findDisregard(source: CanarySource, rules: readonly PrintedRule[]): Promise<string[]> {
  const { pf, names, system } = source;
  let before = rules;
  for (let flight = 1; flight <= FLIGHTS; flight += 1) {
    const sent = sendAll(system);
    if (!sent.some(({ taken }) => taken)) return [];
    const after = parsePrintedRules(await pf.rules(PF_ANCHOR), names);
    const flights = sent.map(({ family, taken }): CanaryFlight => {
      return { taken, stoppedBefore: stoppedBy(before, family), stoppedAfter: stoppedBy(after, family) };
    });
    if (!isDisregarded(flights)) return [];
    before = after;
  }
  return hasContentFilter(system) || (await isStoppedBefore(pf, names)) ? [] : [DISREGARDED];
}

function stoppedBy(rules: readonly PrintedRule[], family: Family): number {
  const label = pfLabel(`${CANARY_WORDS} ${family}`);
  return rules.find(({ rule }) => rule?.label === label)?.packets ?? 0;
}

interface SentCanary {
  readonly family: Family;
  readonly taken: boolean;
}

/** A canary for each family with a default route. */
function sendAll(system: LibSystem): readonly SentCanary[] {
  const names = new Map(readInterfaces(system).map(({ index, name }) => [index, name]));
  const uplinks = uplinksOf(dumpRoutes(system), names);
  return CANARIES.flatMap((canary) => {
    const device = uplinks.find(({ family }) => family === canary.family)?.device;
    const index = [...names].find(([, name]) => name === device)?.[0];
    return index === undefined ? [] : [{ family: canary.family, taken: isTaken(system, canary, index) }];
  });
}

/** An interface that disappears in this moment accepts no packet. */
function isTaken(system: LibSystem, canary: Canary, interfaceIndex: number): boolean {
  try {
    return send(system, canary, interfaceIndex);
  } catch (error) {
    if (error instanceof AwgError) return false;
    throw error;
  }
}

function send(system: LibSystem, { family, address, port }: Canary, interfaceIndex: number): boolean {
  const [domain, level, hops] =
    family === 4
      ? [SOCKET.AF_INET, SOCKET.IPPROTO_IP, SOCKET.IP_TTL]
      : [SOCKET.AF_INET6, SOCKET.IPPROTO_IPV6, SOCKET.IPV6_UNICAST_HOPS];
  return withSocket(system, { domain, type: SOCKET.SOCK_DGRAM, protocol: 0 }, (fd) => {
    setNonblocking(system, fd, "setting up a test of PF");
    checkedCall("setting up a test of PF", system.setsockopt(fd, level, hops, ONE_HOP));
    bindToInterface(system, fd, family, interfaceIndex);
    const hasRoute = system.connect(fd, encodeInet(address, { port })).value !== -1;
    return hasRoute && system.write(fd, NOTHING).value !== -1;
  });
}

/** A network extension can hold a socket's data before it becomes a packet (cfil_sock_data_out of sosend). */
function hasContentFilter(system: LibSystem): boolean {
  const count = new Uint8Array(4);
  const { value } = system.sysctlByName("net.cfil.active_count", count);
  return value !== -1 && count.some((byte) => byte !== 0);
}
