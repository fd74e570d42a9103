import type { OwnedSocket, ProcessPort } from "../../../host/ports/processes.ts";
import { AwgError } from "../../../model/error.ts";
import { withFallback } from "../../../model/firewall/fallback.ts";
import { compileFlowPath } from "../../../model/firewall/flow-path.ts";
import { flowOf, PROTOCOL } from "../../../model/firewall/packet.ts";
import type { FirewallPolicy } from "../../../model/firewall/policy.ts";
import { addressBits, type IpAddress, parseIp } from "../../../model/ip.ts";
import { markOfClass } from "../../../model/ownership.ts";
import { stepsOf } from "../../../model/plan.ts";
import { parsePrefix, prefixContains } from "../../../model/prefix.ts";
import type { Program } from "../../../model/program/program.ts";
import { programName } from "../../../model/program/program-name.ts";
import type { Resource } from "../../../model/resource.ts";
import type { HostParts } from "../../parts.ts";
import { type ClassesBy, processesOf, readClassesBy } from "../../programs/list-programs.ts";
import { tunnelNames } from "../../programs/program-rules.ts";
import type { Planned } from "../planned.ts";
import { type AffectedProgram, affectedPrograms, commonPath, type Deciding, pathName } from "./affected-programs.ts";

/** A program with an open flow whose path a plan changes. */
interface AffectedFlow {
  readonly pid: number;
  /** Its name for people. */
  readonly program: string;
  readonly protocol: "tcp" | "udp";
  readonly destination: string;
  readonly port: number;
  /** A tunnel, "direct" or "block". */
  readonly from: string;
  readonly to: string;
}

/** The programs and flows that a plan affects: of the flows the first ones, and how many more. */
export interface AffectedFlows {
  readonly programs: readonly AffectedProgram[];
  readonly flows: readonly AffectedFlow[];
  readonly more: number;
}

const NONE: AffectedFlows = { programs: [], flows: [], more: 0 };
const MOST_SHOWN = 12;
const NO_POLICY: FirewallPolicy = { steering: { rules: [], default: { kind: "direct" } }, layers: [] };

/**
 * The running programs and their open flows that take another path after a plan, or are blocked. Connections from outside
 * keep the path that they came by and are left out, and so is what awg sends itself. Reads only; empty where processes
 * cannot be read.
 */
export async function affectedFlows(parts: HostParts, { plan, desired }: Planned): Promise<AffectedFlows> {
  const isJudged = stepsOf(plan).some(({ kind }) => kind === "firewall" || kind === "classifier");
  if (!isJudged || parts.processes === undefined) return NONE;
  const accepted = (await parts.stores.generations.latest())?.desired.resources ?? [];
  const observed = await parts.host.firewall.read();
  const now = decidingOf(accepted, (policy) => withFallback(policy, observed.fallback ?? []));
  const then = decidingOf(desired.resources, (policy) => policy);
  const port = await processesOf(parts);
  const sockets = socketsOf(port);
  const isForeign = (socket: OwnedSocket) => !isOwn(socket, now) && !isOwn(socket, then);
  const held = heldBy(outgoing(sockets).filter(isForeign), port);
  const running = [...held, ...heldBy(unconnected(sockets).filter(isForeign), port)].map(({ program }) => program);
  const programs = [...new Map(running.map((program) => [program.pid, program])).values()];
  const classesBy = await readClassesBy(parts, programs);
  const [before, after] = [possibleClasses(now, programs, classesBy), possibleClasses(then, programs, classesBy)];
  // A connection without a class gets none later.
  const hasClasses = now.classifier !== undefined;
  const networks = (await parts.host.links.read()).flatMap(({ addresses }) => addresses);
  const pathBefore = pathFinder(now, networks);
  const pathAfter = pathFinder(then, networks);
  const flows = held.flatMap(({ socket, program }): AffectedFlow[] => {
    const { protocol, remote, uid } = socket;
    const from = commonPath(before.get(program.pid), (number) => pathBefore(socket, uid, number));
    const later = hasClasses ? after.get(program.pid) : undefined;
    const to = commonPath(later, (number) => pathAfter(socket, uid, number));
    if (from === undefined || to === undefined || from === to) return [];
    return [
      {
        pid: program.pid,
        program: programName(program),
        protocol,
        destination: remote.address,
        port: remote.port,
        from,
        to,
      },
    ];
  });
  const distinct = [...new Map(flows.map((flow) => [JSON.stringify(flow), flow])).values()];
  return {
    programs: affectedPrograms(programs, { ...now, classes: before }, { ...then, classes: after }),
    flows: distinct.slice(0, MOST_SHOWN),
    more: Math.max(0, distinct.length - MOST_SHOWN),
  };
}

/** Sockets with a program that holds them; the first of several. */
function heldBy<S extends OwnedSocket>(sockets: readonly S[], port: ProcessPort): { socket: S; program: Program }[] {
  return sockets.flatMap((socket) => {
    const program = socket.holders.map(({ pid }) => port.read(pid)).find((one) => one !== undefined);
    return program === undefined || isAwg(program) ? [] : [{ socket, program }];
  });
}

/** Whether a program is of this awg: an engine as root has sockets like any other program of root. */
function isAwg({ path, commandLine = [] }: Program): boolean {
  return path === process.execPath && commandLine.includes(process.argv[1] ?? "");
}

/** None where this host does not allow the read: a plan does not fail for it. */
function socketsOf(port: ProcessPort): readonly OwnedSocket[] {
  try {
    return port.sockets().sockets;
  } catch (error) {
    if (error instanceof AwgError) return [];
    throw error;
  }
}

type OutgoingSocket = OwnedSocket & Required<Pick<OwnedSocket, "remote">>;

/** Sockets with another end outside of this host that no program listens for. Pure. */
export function outgoing(sockets: readonly OwnedSocket[]): OutgoingSocket[] {
  const listening = new Set(
    sockets.filter(({ remote }) => remote === undefined).map(({ protocol, local }) => `${protocol} ${local.port}`),
  );
  return sockets.flatMap((socket) => {
    const { protocol, local, remote } = socket;
    if (remote === undefined || isLoopback(remote.address)) return [];
    return protocol === "tcp" && listening.has(`tcp ${local.port}`) ? [] : [{ ...socket, remote }];
  });
}

/** UDP sockets that may send to any address outside of this host. */
function unconnected(sockets: readonly OwnedSocket[]): OwnedSocket[] {
  return sockets.filter(
    ({ protocol, local, remote }) => protocol === "udp" && remote === undefined && !isLoopback(local.address),
  );
}

function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "::1";
}

function decidingOf(resources: readonly Resource[], inForce: (policy: FirewallPolicy) => FirewallPolicy): Deciding {
  const policy = resources.find((one) => one.kind === "firewall")?.spec;
  const classifier = resources.find((one) => one.kind === "classifier")?.spec;
  return { policy: policy === undefined ? NO_POLICY : inForce(policy), classifier, names: tunnelNames(resources) };
}

/** Whether awg sends it. Where its engines run as root, only the endpoint distinguishes them from other programs of root. */
function isOwn({ uid, remote }: OwnedSocket, { policy }: Deciding): boolean {
  return policy.layers.some(({ serviceUid, endpoints }) => {
    if (serviceUid !== uid) return false;
    return (
      uid !== 0 || endpoints.some((one) => one.address === remote?.address && (one.port ?? remote.port) === remote.port)
    );
  });
}

/** The possible classes of each program by one side, by its pid; none without a classifier. Pure. */
function possibleClasses(
  { classifier }: Deciding,
  programs: readonly Program[],
  classesBy: ClassesBy,
): ReadonlyMap<number, readonly number[]> {
  if (classifier === undefined) return new Map();
  const numbers = classesBy(classifier);
  return new Map(programs.map(({ pid }, index) => [pid, numbers[index] ?? []]));
}

/** The path that one side gives a socket's flow. Pure. */
function pathFinder(
  { policy, names }: Deciding,
  networks: readonly string[],
): (socket: OutgoingSocket, uid: number, number: number) => string {
  const layer = policy.layers.at(-1) ?? { dns: null, allow: [], allowLan: false };
  const pathOf = compileFlowPath(policy.steering, layer);
  return ({ protocol, local, remote }, uid, number) => {
    const [source, destination] = [parseIp(local.address), parseIp(remote.address)];
    if (source === undefined || destination === undefined) return "direct";
    const packet = {
      hook: "output" as const,
      source,
      destination,
      protocol: PROTOCOL[protocol],
      sourcePort: local.port,
      destinationPort: remote.port,
      byRouter: !networks.some((network) => isWithin(network, destination)),
      uid,
      mark: markOfClass(number),
    };
    return pathName(pathOf(flowOf(packet, new Set())).path, names);
  };
}

function isWithin(network: string, address: IpAddress): boolean {
  const prefix = parsePrefix(network);
  const { family, value } = address;
  return prefix !== undefined && prefixContains(prefix, { family, address: value, length: addressBits(family) });
}
