import assert from "node:assert/strict";
import type { Host, ShowNotification } from "../../src/host/ports/host.ts";
import type { NetworkEvent, NetworkEvents } from "../../src/host/ports/network-events.ts";
import type { ProcessPort, SocketTuple } from "../../src/host/ports/processes.ts";
import type { Route } from "../../src/host/ports/routes.ts";
import type { ServicePort } from "../../src/host/ports/services.ts";
import type { FirewallPolicy, PolicyLayer } from "../../src/model/firewall/policy.ts";
import { MARK_MASK, markOfPath, ROUTE_PROTOCOL, tableOfPath } from "../../src/model/ownership.ts";
import type { ClassifierHook } from "../../src/model/program/classifier.ts";
import type { LinkSpec } from "../../src/model/resources/link.ts";
import type { PolicyRule } from "../../src/model/resources/routes.ts";
import type { ServiceSpec } from "../../src/model/resources/service.ts";
import type { TunnelSpec } from "../../src/model/resources/tunnel.ts";
import type { SecretId } from "../../src/model/secret.ts";
import { SECOND_PEER_KEY } from "../support/config.ts";

/** A machine to hold the contract to: one physical device with a default route, and hands that are not awg's. */
export interface ContractWorld {
  readonly kind: HostName;
  readonly host: Host;
  /** The same machine through another process, with the same rights. */
  second(): Host;
  /** Lets somebody without root's rights at it; absent where there is nobody of that kind. */
  readonly asViewer?: (use: (host: Host, viewer: Viewer) => Promise<void>) => Promise<void>;
  /** What no Host has: each call is another process's view of the same machine. */
  readonly processes: () => ProcessPort;
  readonly networkEvents: () => NetworkEvents;
  /** Shows notifications, and tells what the machine's own program was told to show. */
  readonly notifications: { readonly show: ShowNotification; shown(): readonly string[] };
  /** Lets time pass until it is so; throws where it never is. */
  until(isSo: () => boolean): Promise<void>;
  /** The services of the machine by another process, and the service that clauses are about. */
  readonly services: () => ServicePort;
  serviceSpec(more: string): ServiceSpec;
  /** The physical device. */
  readonly uplink: string;
  readonly loopback: string;
  /** What our device is to be called; unique where sockets of engines lie in a folder shared by all namespaces. */
  readonly device: string;
  /** Secret ids that stand for real keys here. */
  readonly secrets: { readonly privateKey: SecretId; readonly presharedKey: SecretId };
  /** What somebody else does to the machine. */
  readonly others: OtherPrograms;
}

/** What somebody else does to the machine. */
export interface OtherPrograms {
  addDevice(name: string): void;
  addRoute(table: number, destination: string): void;
  addRule(preference: number): void;
  /** Deletes an entry of awg's: the rule of this preference, or on a Mac the route to this destination. */
  deleteOurs(entry: { readonly preference: number; readonly destination: string }): void;
  removeDevice(name: string): void;
  /** Takes away what attaches the classifier of sockets to one hook. */
  detachClassifier(hook: ClassifierHook): void;
  readResolver(): string;
  writeResolver(text: string): void;
  /** A program that does nothing until it is ended; its number. */
  startProcess(): Promise<number>;
  endProcess(pid: number): void;
  /** A listening TCP socket, and who holds it. */
  openSocket(): Promise<{ readonly tuple: SocketTuple; readonly pid: number; close(): void }>;
  /** Puts a text where the service is defined; null takes the file away. */
  writeService(text: string | null): void;
  /** Who sits at the screen allows the system extension. */
  approve(bundle: string): void;
  /** Whether somebody sits at a screen, and whether what shows notifications works. */
  screen(state: "there" | "nobody" | "broken"): void;
  /** A route into a device as wg-quick writes it. */
  addQuickRoute(device: string, destination: string): void;
  /** Starts an engine of another program on a device; its process. */
  startEngine(device: string): Promise<number>;
  /** The machine sleeps for so long and wakes, by itself with nobody there if that is dark; absent where no test can make it. */
  sleepFor?(milliseconds: number, wake?: "by its user" | "dark"): void;
  /** Somebody sits down at the machine; absent where it sleeps for no test. */
  userComes?(): void;
  /** More happens to the network than a listener's buffer holds; absent where that takes too long. */
  floodNetwork?(): void;
}

/** A call that must not be made of this machine: clauses that would are excused from it with a reason. */
export function notHere(what: string): never {
  throw new Error(`${what} is nothing that this machine has`);
}

/** What somebody without root's rights has besides a host. */
export interface Viewer {
  readonly processes: ProcessPort;
  readonly networkEvents: NetworkEvents;
  readonly services: ServicePort;
}

export type HostName = "simulated" | "linux" | "darwin";

/** The ports of a host. */
export type PortName =
  | "facts"
  | "links"
  | "engines"
  | "routes"
  | "firewall"
  | "classifier"
  | "sysctl"
  | "resolver"
  | "processes"
  | "networkEvents"
  | "notifications"
  | "probes"
  | "services"
  | "systemExtensions";

/** What can be the case when a method is called: it has work, none, nothing to find, no rights, half of it, or company. */
export const SITUATIONS = ["done", "already so", "gone", "refused", "partial", "concurrent"] as const;
export type Situation = (typeof SITUATIONS)[number];

/** A method and the situations a clause puts it in: `["links.ensure", "done", "already so"]`. */
export type Covered = readonly [method: string, ...situations: readonly Situation[]];

/** One promise of the ports, and how it is checked. It throws when it is broken. */
export interface Clause {
  readonly port: PortName;
  readonly promise: string;
  readonly covers: readonly Covered[];
  /** Hosts of which it cannot be asked, with the reason. */
  readonly notOn?: Partial<Record<HostName, string>>;
  /** It leaves nothing in the way of another that says so too: both may be checked on one machine, a device each. */
  readonly shares?: true;
  check(world: ContractWorld): Promise<void>;
}

export const TABLE = tableOfPath(1);

export function linkSpec({ device }: ContractWorld): LinkSpec {
  return { device, type: "tun", addresses: ["10.8.0.2/32", "fd00:8::2/128"], mtuBytes: 1420, tunnel: "one" };
}

export function tunnelSpec({ secrets, device }: ContractWorld): TunnelSpec {
  return {
    device,
    protocol: "wireguard",
    engine: "userspace",
    privateKey: secrets.privateKey,
    listenPort: 0,
    fwmark: markOfPath(63),
    peers: [
      {
        publicKey: SECOND_PEER_KEY,
        endpoint: "198.51.100.7:51820",
        allowedIPs: ["0.0.0.0/0"],
        persistentKeepaliveSeconds: 25,
      },
    ],
    obfuscation: {},
  };
}

export function route(destination: string, device: string): Route {
  return { ...place(destination), type: "unicast", device, metric: 0 };
}

/** An unreachable route, which answers when no other of its table does. */
export function guard(destination: "0.0.0.0/0" | "::/0"): Route {
  return { ...place(destination), type: "unreachable", metric: 4096 };
}

function place(destination: string): Pick<Route, "family" | "table" | "destination" | "protocol"> {
  return { family: destination.includes(":") ? 6 : 4, table: TABLE, destination, protocol: ROUTE_PROTOCOL };
}

export function rule(preference: number, family: 4 | 6 = 4): PolicyRule {
  return { family, preference, match: { mark: { value: markOfPath(1), mask: MARK_MASK } }, table: TABLE };
}

export const NO_CHANGE = { addRoutes: [], deleteRoutes: [], addRules: [], deleteRules: [] };

/** A small kill switch; the endpoint's port tells one from another. */
export function policy({ device }: ContractWorld, port = 51_820): FirewallPolicy {
  const flows = { rules: [], default: { kind: "tunnel", device, number: 1 } } as const;
  const layer: PolicyLayer = {
    killSwitch: true,
    tunnels: [{ device, number: 1, addresses: ["10.8.0.2", "fd00:8::2"], families: [4, 6] }],
    flows,
    endpoints: [{ address: "198.51.100.7", port, protocol: 17 }],
    listens: [],
    bootstrapDns: [],
    serviceUid: 0,
    allowLan: true,
    allow: [],
    dns: null,
  };
  return { steering: flows, layers: [layer] };
}

/** The routes in our table, as text, sorted. */
export async function routeTexts({ host }: ContractWorld): Promise<string[]> {
  const routes = await host.routes.readRoutes([TABLE]);
  return routes
    .map(({ type, destination, device = "-", protocol }) => `${type} ${destination} ${device} ${protocol}`)
    .sort();
}

/** Preferences of the rules that are ours. */
export async function ownRules({ host }: ContractWorld): Promise<number[]> {
  const entries = await host.routes.readRules();
  return entries.filter(({ protocol }) => protocol === ROUTE_PROTOCOL).map(({ rule: { preference } }) => preference);
}

/** Demands a failure of this kind. */
export async function refuses(kind: string, call: () => Promise<unknown>): Promise<void> {
  await assert.rejects(call, (error: unknown) => {
    assert.equal((error as { kind?: string }).kind, kind, String(error));
    return true;
  });
}

/** Demands an answer, or that it takes more rights: nothing else. */
export async function answersOrRefuses(call: () => Promise<unknown>): Promise<void> {
  await call().catch((error: unknown) => {
    assert.equal((error as { kind?: string }).kind, "permission", String(error));
  });
}

/** Routes that put everything of IPv4 into the tunnel: a table's default on Linux, two halves on a Mac. */
export function tunnelRoutes({ kind, device }: ContractWorld): Route[] {
  if (kind !== "darwin") return [route("0.0.0.0/1", device), route("128.0.0.0/1", device)];
  return ["0.0.0.0/1", "128.0.0.0/1"].map((destination) => ({ ...route(destination, device), table: 254 }));
}

/** Listens until it is stopped; everything heard so far. */
export function listen(events: NetworkEvents): {
  readonly heard: NetworkEvent[];
  stop(): Promise<void>;
} {
  const heard: NetworkEvent[] = [];
  const watch = events.watch((event) => heard.push(event));
  return { heard, stop: async () => watch[Symbol.asyncDispose]() };
}
