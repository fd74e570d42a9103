import { addressBits, type Family, type IpAddress, parseIp } from "../../../../src/model/ip.ts";
import { canonicalPrefix, type Prefix, parsePrefix, prefixContains } from "../../../../src/model/prefix.ts";
import type { PfPacket } from "../pf/judge-pf.ts";
import { FakeSleep } from "./processes/fake-sleep.ts";
import { FakeProcessList } from "./processes/process-list.ts";
import { FakeExtensions } from "./programs/fake-extensions.ts";
import { FakeLaunchd } from "./programs/fake-launchd.ts";
import { FakePf } from "./programs/fake-pf.ts";
import { FakeScreen } from "./programs/fake-screen.ts";
import { FakeStore } from "./programs/fake-scutil.ts";
import { passesPf } from "./programs/outgoing.ts";

/** An address of an interface; `prefix` keeps its host bits. */
export interface FakeAddress {
  readonly prefix: Prefix;
  /** The other end, on a point-to-point interface. */
  readonly peer: IpAddress | undefined;
}

export interface FakeInterface {
  readonly name: string;
  readonly index: number;
  /** IFT_*: 6 Ethernet, 24 loopback, 1 other (a utun). */
  readonly type: number;
  flags: number;
  mtu: number;
  readonly addresses: FakeAddress[];
}

/** Where a route goes: an address, or the link itself. */
export type FakeGateway = IpAddress | "link";

export interface FakeRoute {
  readonly prefix: Prefix;
  flags: number;
  gateway: FakeGateway;
  interfaceIndex: number;
  /** Index of the scope, 0 for none. */
  readonly scope: number;
  mtu: number;
}

/** Flags of a route by their values in net/route.h. */
export const ROUTE_FLAG = { up: 0x1, gateway: 0x2, host: 0x4, reject: 0x8, static: 0x800, blackhole: 0x1000 } as const;
const CLONING = 0x100;
const LOCAL = 0x20_0000;

/** The kernel of a Mac as far as networking goes: interfaces, routes, and what its route sockets hear. */
export class FakeMachine {
  readonly interfaces: FakeInterface[] = [];
  readonly routes: FakeRoute[] = [];
  /** Run once after somebody asked how large a table is, and before it is read. */
  afterEstimate: (() => void) | undefined;
  readonly pf = new FakePf();
  readonly store = new FakeStore();
  readonly launchd = new FakeLaunchd();
  readonly extensions = new FakeExtensions();
  readonly screen = new FakeScreen();
  /** How often a cache of names was flushed. */
  flushes = 0;
  readonly processes = new FakeProcessList();
  /** The name of this boot, a UUID. */
  bootSession = "5E7A1C0F-3B42-4D6E-9A11-8C0D2F64B7A3";
  readonly sleep = new FakeSleep();
  /** Packets that left by a physical interface. */
  readonly wire: PfPacket[] = [];
  /** Programs of Apple's whose packets some versions keep from PF; by name. */
  readonly exempt = new Set<string>();
  /** Network extensions that filter content: while there are any, what an unknown program sends waits for their word. */
  contentFilters = 0;
  /** The machine has no descriptors left: every socket is refused (ENFILE). */
  isFull = false;
  /** Signals that were sent. */
  readonly signals: { readonly pid: number; readonly signal: number }[] = [];
  /** Told of each change, with the pid and sequence of the writer, 0 for the kernel's own. */
  readonly listeners = new Set<(change: RouteSocketEvent) => void>();
  #lastIndex = 0;

  addInterface(name: string, type: number, flags: number, mtu: number): FakeInterface {
    this.#lastIndex += 1;
    const made: FakeInterface = { name, index: this.#lastIndex, type, flags, mtu, addresses: [] };
    this.interfaces.push(made);
    return made;
  }

  /** The next interface gets the first number, as after a boot. */
  forgetNumbers(): void {
    this.#lastIndex = 0;
  }

  interfaceNamed(name: string): FakeInterface | undefined {
    return this.interfaces.find((one) => one.name === name);
  }

  interfaceAt(index: number): FakeInterface | undefined {
    return this.interfaces.find((one) => one.index === index);
  }

  /** The interface goes, and with it its addresses and routes. */
  removeInterface(name: string): void {
    const gone = this.interfaceNamed(name);
    if (gone === undefined) return;
    for (const { prefix } of [...gone.addresses]) this.removeAddress(gone, prefix);
    for (const route of this.routes.filter(({ interfaceIndex }) => interfaceIndex === gone.index))
      this.dropRoute(route);
    this.interfaces.splice(this.interfaces.indexOf(gone), 1);
  }

  /** Adds an address and the routes the kernel makes for it. */
  addAddress(to: FakeInterface, address: FakeAddress): void {
    this.removeAddress(to, address.prefix);
    to.addresses.push(address);
    this.#announce({ kind: "address", added: true, interfaceIndex: to.index, address });
    const { prefix, peer } = address;
    const bits = addressBits(prefix.family);
    const host = { family: prefix.family, address: peer?.value ?? prefix.address, length: bits };
    if (prefix.family === 4 && peer !== undefined) this.#ownRoute(to, host, ROUTE_FLAG.up | ROUTE_FLAG.host);
    else if (prefix.length === bits) this.#ownRoute(to, host, ROUTE_FLAG.up | ROUTE_FLAG.host | LOCAL);
    else this.#ownRoute(to, canonicalPrefix(prefix), ROUTE_FLAG.up | CLONING);
  }

  removeAddress(from: FakeInterface, prefix: Prefix): boolean {
    const at = from.addresses.findIndex(
      (one) => one.prefix.family === prefix.family && one.prefix.address === prefix.address,
    );
    const [gone] = at < 0 ? [] : from.addresses.splice(at, 1);
    if (gone === undefined) return false;
    const own = this.routes.filter(
      (route) =>
        route.interfaceIndex === from.index &&
        route.gateway === "link" &&
        (route.flags & ROUTE_FLAG.static) === 0 &&
        prefixContains(canonicalPrefix(gone.prefix), route.prefix),
    );
    // rt_newaddrmsg of bsd/net/rtsock.c: of what goes the route is told before the address, of what comes after it.
    for (const route of own) {
      this.dropRoute(route);
      this.#announce({ kind: "route", type: "RTM_DELETE", route, pid: 0, seq: 0, errno: 0 });
    }
    this.#announce({ kind: "address", added: false, interfaceIndex: from.index, address: gone });
    return true;
  }

  findRoute(prefix: Prefix, scope: number): FakeRoute | undefined {
    return this.routes.find((one) => samePrefix(one.prefix, prefix) && one.scope === scope);
  }

  dropRoute(route: FakeRoute): void {
    const at = this.routes.indexOf(route);
    if (at >= 0) this.routes.splice(at, 1);
  }

  /**
   * Longest match. A look-up in a scope sees the routes of that interface alone, so that a bound socket needs no host route
   * to leave past a tunnel (darwin-notes 4); one without sees no scoped rows.
   */
  lookUp(address: IpAddress, scope = 0): FakeRoute | undefined {
    const target = { family: address.family, address: address.value, length: addressBits(address.family) };
    const isSeen = (one: FakeRoute) => (scope === 0 ? one.scope === 0 : one.interfaceIndex === scope);
    return this.routes
      .filter((one) => isSeen(one) && prefixContains(one.prefix, target))
      .sort((a, b) => b.prefix.length - a.prefix.length || b.scope - a.scope)[0];
  }

  /** The interface by which a gateway is reached without another gateway: the far end of one, or a neighbour of one. */
  interfaceToward(gateway: IpAddress): FakeInterface | undefined {
    const target = { family: gateway.family, address: gateway.value, length: addressBits(gateway.family) };
    return this.interfaces.find(({ addresses }) =>
      addresses.some(
        ({ prefix, peer }) =>
          (peer?.family === gateway.family && peer.value === gateway.value) ||
          (prefix.family === gateway.family && prefixContains(canonicalPrefix(prefix), target)),
      ),
    );
  }

  /** A packet goes out by an interface, unless PF stops it. */
  emit(packet: PfPacket, program: string): "left" | "stopped" {
    if (!this.exempt.has(program) && !passesPf(this.pf, packet)) return "stopped";
    if (/^en/.test(packet.device)) this.wire.push(packet);
    return "left";
  }

  tell(event: RouteSocketEvent): void {
    this.#announce(event);
  }

  #ownRoute(to: FakeInterface, prefix: Prefix, flags: number): void {
    if (this.findRoute(prefix, 0) !== undefined) return;
    const route = { prefix, flags, gateway: "link" as const, interfaceIndex: to.index, scope: 0, mtu: 0 };
    this.routes.push(route);
    this.#announce({ kind: "route", type: "RTM_ADD", route, pid: 0, seq: 0, errno: 0 });
  }

  #announce(event: RouteSocketEvent): void {
    for (const listener of [...this.listeners]) listener(event);
  }
}

/** What a route socket hears: a routing message, an address, or an interface that changed; or that it is dead after sleep. */
export type RouteSocketEvent =
  | {
      readonly kind: "route";
      readonly type: "RTM_ADD" | "RTM_DELETE" | "RTM_CHANGE" | "RTM_MISS";
      readonly route: FakeRoute;
      readonly pid: number;
      readonly seq: number;
      readonly errno: number;
    }
  | {
      readonly kind: "address";
      readonly added: boolean;
      readonly interfaceIndex: number;
      readonly address: FakeAddress;
    }
  | { readonly kind: "interface"; readonly interfaceIndex: number }
  | { readonly kind: "shut down" }
  | { readonly kind: "bytes"; readonly family: Family; readonly bytes: Uint8Array };

/** A MacBook on Wi-Fi: lo0, en0 with both families and a default route, and the utun of Apple's own services. */
export function macBook(): FakeMachine {
  const machine = new FakeMachine();
  const loopback = machine.addInterface("lo0", 24, 0x8049, 16_384);
  machine.addAddress(loopback, { prefix: prefixOf("127.0.0.1/8"), peer: undefined });
  machine.addAddress(loopback, { prefix: prefixOf("::1/128"), peer: undefined });
  machine.addInterface("gif0", 55, 0x8010, 1280);
  const wifi = machine.addInterface("en0", 6, 0x8863, 1500);
  machine.addAddress(wifi, { prefix: prefixOf("192.168.1.20/24"), peer: undefined });
  machine.addAddress(wifi, { prefix: prefixOf("fe80::10c4:4e54:6ba0:3bfe/64"), peer: undefined });
  machine.addInterface("awdl0", 6, 0x8943, 1500);
  machine.addInterface("utun0", 1, 0x8051, 1380);
  const router = addressOf("192.168.1.1");
  const flags = ROUTE_FLAG.up | ROUTE_FLAG.gateway | ROUTE_FLAG.static;
  const toRouter = { flags, gateway: router, interfaceIndex: wifi.index, mtu: 0 };
  machine.routes.push({ ...toRouter, prefix: prefixOf("0.0.0.0/0"), scope: 0 });
  return machine;
}

export function addressOf(text: string): IpAddress {
  const address = parseIp(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return address;
}

export function prefixOf(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix === undefined) throw new Error(`${text} is no prefix`);
  return prefix;
}

function samePrefix(a: Prefix, b: Prefix): boolean {
  return a.family === b.family && a.address === b.address && a.length === b.length;
}
