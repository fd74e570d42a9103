import type { Config } from "../../src/config/config.ts";
import { intendedPath, isIn, mayLeave, type OracleFacts } from "./oracle.ts";
import { outerPackets, probe, tunnelCarries } from "./probes.ts";
import type { World } from "./world.ts";

/** Between which two states the machine is; null where awg holds nothing. */
export interface Transition {
  readonly before: Config | null;
  readonly after: Config | null;
}

/** The facts of the simulated laptop in the oracle's words. */
export function oracleFacts(world: World): OracleFacts {
  const { os, serviceUid, users, hosts, links } = world.machine.live;
  const wires = links.filter(({ medium, up }) => medium === "physical" && up).flatMap(({ addresses }) => addresses);
  return { serviceUid, users, hosts, hasMarks: os === "linux", wires };
}

/**
 * Sends probes after every write to the machine, by awg or anybody: what leaves a wire must be granted by the old or the
 * new configuration (law 1). While one of the two is nothing and no policy stands, the machine is as open as it was; where
 * it `staysClosed`, a policy that stood once is not to go.
 */
export function watchForLeaks(
  world: World,
  transition: Transition,
  probesPerWrite: number,
  firstProbe: number,
  staysClosed = false,
): void {
  const { machine } = world;
  let stood = machine.live.firewall.policy !== null;
  const facts = oracleFacts(world);
  let next = firstProbe;
  let isOpenedByOthers = false;
  machine.watch((write) => {
    if (write.startsWith("store:")) return;
    const { policy, damage } = machine.live.firewall;
    stood ||= policy !== null;
    if (staysClosed && stood && policy === null)
      world.violation ??= new LawError(1, `the policy that stood was gone after ${write}`);
    // What others broke is open until the next load (S13.11).
    if (damage.length > 0) return;
    if (policy !== null) isOpenedByOthers = false;
    else if (write === "foreign flush-firewall") isOpenedByOthers = true;
    if (isOpenedByOthers || (policy === null && (transition.before === null || transition.after === null))) return;
    for (let count = 0; count < probesPerWrite; count += 1) {
      next += 1;
      checkProbe(world, facts, transition, next, write);
    }
  });
}

function checkProbe(world: World, facts: OracleFacts, transition: Transition, number: number, write: string): void {
  const packet = probe(number, wireOf(world));
  const outcome = world.machine.send(packet);
  if (outcome.kind !== "leaves" || !outcome.physical) return;
  const { before, after } = transition;
  const granted = [before, after].some((config) => config !== null && mayLeave(config, facts, packet, outcome.gateway));
  if (granted) return;
  const text = `${JSON.stringify(packet)} left ${outcome.device} after ${write}`;
  world.violation ??= new LawError(1, `${text}, which neither configuration grants`);
}

/** The wire that a probe is bound to. */
function wireOf({ machine: { live } }: World): string {
  return live.os === "darwin" ? "en0" : "eth0";
}

/** A law that does not hold. Not an AwgError, and thrown past everything that may catch those. */
export class LawError extends Error {
  readonly law: number;

  constructor(law: number, message: string) {
    super(`law ${law}: ${message}`);
    this.name = "LawError";
    this.law = law;
  }
}

/**
 * Whether the accepted configuration works, and not only blocks: what is to take a tunnel does, with the tunnel's own
 * address, direct flows leave by a wire, and the engines reach their endpoints.
 */
export function checkPaths(world: World, config: Config, count: number, firstProbe: number): void {
  const facts = oracleFacts(world);
  for (let number = firstProbe; number < firstProbe + count; number += 1) checkPath(world, config, facts, number);
  const ways = world.machine.routes.all([254]).filter(({ destination }) => destination.endsWith("/0"));
  for (const packet of outerPackets(config, facts, (wanted) => ways.some(({ family }) => family === wanted))) {
    const outcome = world.machine.send(packet);
    if (outcome.kind !== "leaves" || !outcome.physical) {
      throw new LawError(4, `our own ${JSON.stringify(packet)} does not get out: ${JSON.stringify(outcome)}`);
    }
  }
}

function checkPath(world: World, config: Config, facts: OracleFacts, number: number): void {
  // Who binds to a wire or wears our marks asks for trouble; here the others are to be served.
  const { boundDevice: _bound, mark: _mark, ...packet } = probe(number);
  if (mayLeave(config, facts, packet) && packet.uid === facts.serviceUid) return;
  const path = intendedPath(config, facts, packet);
  const outcome = world.machine.send(packet);
  const reported = `${JSON.stringify(packet)} should go ${path}, yet ${JSON.stringify(outcome)}`;
  // No socket of the simulated host has a class: where a rule by program blocks, none of its packets leaves (S4.13).
  if (config.rules.some(({ apps, via }) => apps !== undefined && via.kind === "block")) {
    if (config.killSwitch.enabled && isPhysical(outcome)) throw new LawError(1, reported);
    return;
  }
  if (isWayOfAll(world, config, packet.destination)) {
    if (config.killSwitch.enabled && path !== "direct" && isPhysical(outcome)) throw new LawError(1, reported);
    return;
  }
  if (path === "direct") {
    if (!isPhysical(outcome) && hasRoute(world, packet.destination)) {
      throw new LawError(4, reported);
    }
    return;
  }
  if (config.killSwitch.enabled && isPhysical(outcome)) throw new LawError(1, reported);
  // A link-local address means nothing without a device.
  if (packet.destination.startsWith("fe80:")) return;
  if (path === "block" || !tunnelCarries(config, path, packet.destination)) return;
  if (isStolen(world, packet.destination)) return;
  if (outcome.kind !== "leaves" || outcome.device !== `awg-${path}`) throw new LawError(4, reported);
  const own = world.machine.link(outcome.device)?.addresses.some((text) => text.startsWith(`${outcome.source}/`));
  if (own !== true) throw new LawError(4, `${reported}, with an address that is not the tunnel's`);
}

function isPhysical(outcome: ReturnType<World["machine"]["send"]>): boolean {
  return outcome.kind === "leaves" && outcome.physical;
}

/** Whether the bare machine, without anything of ours, could send there. */
function hasRoute(world: World, destination: string): boolean {
  const family = destination.includes(":") ? 6 : 4;
  return world.machine.routes.all([254]).some((route) => route.family === family && route.destination.endsWith("/0"));
}

/**
 * Whether a Mac, which has one way for all that goes to an address, has it for somebody: an endpoint, a DNS server, the
 * network of its own wire. What the policy wants elsewhere is dropped (docs/platforms.md).
 */
function isWayOfAll({ machine: { live } }: World, { tunnels, dns }: Config, destination: string): boolean {
  if (live.os !== "darwin") return false;
  const peers = Object.values(tunnels).flatMap((tunnel) => ("peers" in tunnel ? tunnel.peers : []));
  const hosts = peers.flatMap(({ endpoint }) => endpoint?.host ?? []);
  const endpoints = hosts.flatMap((host) => live.hosts[host] ?? [host]);
  const wires = live.links.filter(({ medium }) => medium === "physical").flatMap(({ addresses }) => addresses);
  return [...endpoints, ...(dns?.servers ?? [])].includes(destination) || isIn(wires, destination);
}

/** Whether somebody else's route in our tables, or packet filter, takes the destination. */
function isStolen(world: World, destination: string): boolean {
  return destination.startsWith("192.0.2.") || world.machine.live.foreignTables.length > 1;
}
