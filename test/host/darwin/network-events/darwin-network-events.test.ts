import { beforeEach, describe, expect, test } from "vitest";
import { darwinLinks } from "../../../../src/host/darwin/links/darwin-links.ts";
import { darwinNetworkEvents } from "../../../../src/host/darwin/network-events/darwin-network-events.ts";
import { openRouteSocket } from "../../../../src/host/darwin/routes/route-socket.ts";
import type { NetworkEvent } from "../../../../src/host/ports/network-events.ts";
import { parseIp } from "../../../../src/model/ip.ts";
import { constant, StructView, sizeOf } from "../fake/abi.ts";
import { FakeLibSystem } from "../fake/fake-libsystem.ts";
import { Looks } from "../fake/looks.ts";
import { type FakeInterface, type FakeMachine, macBook, prefixOf, type RouteSocketEvent } from "../fake/machine.ts";
import { ipSockaddr } from "../fake/route/sockaddr.ts";
import { HeldUtuns } from "../links/held-utuns.ts";

const OWN = 4242;
/** Indexes of the interfaces of `macBook`. */
const [LOOPBACK, WIFI, AWDL, UTUN] = [1, 3, 4, 5];

interface RouteText {
  readonly type?: string;
  readonly to?: string;
  readonly index?: number;
  readonly pid?: number;
  readonly seq?: number;
  readonly errno?: number;
  readonly flags?: number;
}

/** A message about a route; to 0.0.0.0 it is about the default. Its tail is not padded. */
function route({
  type = "RTM_ADD",
  to = "0.0.0.0",
  index = WIFI,
  pid = 0,
  seq = 0,
  errno = 0,
  flags = 0,
}: RouteText): Uint8Array {
  const address = parseIp(to);
  if (address === undefined) throw new Error(to);
  const destination = ipSockaddr(address);
  const bytes = new Uint8Array(sizeOf("rt_msghdr") + destination.length);
  const view = new StructView("rt_msghdr", bytes);
  for (const [field, value] of Object.entries({
    msglen: bytes.length,
    version: 5,
    type: constant(type),
    index,
    pid,
    seq,
    errno,
  })) {
    view.set(`rtm_${field}`, value);
  }
  view.set("rtm_flags", flags | (to === "0.0.0.0" || to === "::" ? 0 : constant("RTF_HOST")));
  view.set("rtm_addrs", constant("RTA_DST"));
  bytes.set(destination, sizeOf("rt_msghdr"));
  return bytes;
}

function address(type: string, index: number, text = "192.0.2.9"): Uint8Array {
  const parsed = parseIp(text);
  if (parsed === undefined) throw new Error(text);
  const own = ipSockaddr(parsed);
  const bytes = new Uint8Array(sizeOf("ifa_msghdr") + own.length);
  const view = new StructView("ifa_msghdr", bytes);
  view.set("ifam_msglen", bytes.length);
  view.set("ifam_version", 5);
  view.set("ifam_type", constant(type));
  view.set("ifam_addrs", constant("RTA_IFA"));
  view.set("ifam_index", index);
  bytes.set(own, sizeOf("ifa_msghdr"));
  return bytes;
}

function device(index: number, flags: number): Uint8Array {
  const bytes = new Uint8Array(sizeOf("if_msghdr"));
  const view = new StructView("if_msghdr", bytes);
  view.set("ifm_msglen", bytes.length);
  view.set("ifm_version", 5);
  view.set("ifm_type", constant("RTM_IFINFO"));
  view.set("ifm_index", index);
  view.set("ifm_flags", flags);
  return bytes;
}

describe("a Mac's network", () => {
  let machine: FakeMachine;
  let system: FakeLibSystem;
  let heard: NetworkEvent[];
  let look: Looks["look"];
  let steadyMs: number;
  let watch: AsyncDisposable;

  beforeEach(() => {
    machine = macBook();
    system = new FakeLibSystem(machine);
    heard = [];
    steadyMs = 0;
    const looks = new Looks();
    look = looks.look;
    const events = darwinNetworkEvents({
      system,
      clock: { wallMs: () => 1_700_000_000_000 + steadyMs, steadyMs: () => steadyMs },
      every: looks.every,
      programOf: (pid) => (pid === 77 ? "openvpn" : undefined),
    });
    watch = events.watch((event) => heard.push(event));
  });

  function hear(...messages: readonly Uint8Array[]): readonly NetworkEvent[] {
    for (const bytes of messages) machine.tell({ kind: "bytes", family: 4, bytes });
    look();
    return heard.splice(0);
  }

  test.each(["RTM_ADD", "RTM_DELETE", "RTM_CHANGE"])("H4: the primary service is another (%s)", (type) => {
    for (const to of ["0.0.0.0", "::"]) {
      expect(hear(route({ type, to }))).toEqual([{ what: "primary service", renumbered: true }]);
    }
  });

  test("the default route of one interface, or into a tunnel, is not the primary service's", () => {
    const scoped = route({ flags: constant("RTF_IFSCOPE") });
    expect(hear(scoped)).toEqual([{ what: "default route", renumbered: true }]);
    expect(hear(route({ type: "RTM_DELETE", index: UTUN }))).toEqual([{ what: "default route", renumbered: false }]);
    expect(hear(scoped, route({})).map(({ what }) => what)).toEqual(["primary service", "default route"]);
  });

  test("the default route counts by whatever interface: macOS's own VPN, or a black hole", () => {
    const { index } = machine.addInterface("ipsec0", 1, 0x8051, 1280);
    for (const by of [index, LOOPBACK]) {
      expect(hear(route({ index: by }))).toEqual([{ what: "primary service", renumbered: true }]);
      expect(hear(route({ index: by, to: "192.0.2.1" }))).toEqual([]);
    }
  });

  test("who wrote a route is named where it is one process that still runs", () => {
    const by = { pid: 77, program: "openvpn" };
    expect(hear(route({ to: "10.0.0.1", pid: 77, seq: 3 }))).toEqual([{ what: "routes", renumbered: false, by }]);
    expect(hear(route({ to: "10.0.0.1", pid: 78, seq: 3 }))).toEqual([{ what: "routes", renumbered: false }]);
    const two = [route({ to: "10.0.0.1", pid: 77, seq: 3 }), route({ to: "10.0.0.2", pid: 79, seq: 1 })];
    expect(hear(...two)).toEqual([{ what: "routes", renumbered: false }]);
  });

  test("a foreign change of a route with awg's mark is reported as one; what the kernel does has no writer", () => {
    const own = { to: "10.0.0.1", flags: constant("RTF_PROTO3"), type: "RTM_DELETE" } as const;
    const by = { pid: 77, program: "openvpn" };
    expect(hear(route({ ...own, pid: 77 }))).toEqual([{ what: "routes", renumbered: false, by, isOurs: true }]);
    expect(hear(route({ ...own, pid: 78 }))).toEqual([{ what: "routes", renumbered: false, isOurs: true }]);
    expect(hear(route(own))).toEqual([{ what: "routes", renumbered: false }]);
  });

  /** Adds a route to one host as this process does; its sequence. */
  function addOwn(address: string): number {
    let sequence = 0;
    const listener = (event: RouteSocketEvent): void => {
      if (event.kind === "bytes") sequence = new StructView("rt_msghdr", event.bytes).get("rtm_seq");
    };
    machine.listeners.add(listener);
    using socket = openRouteSocket(system);
    const destination = { family: 4, address, length: 32 } as const;
    const nextHop = { address: "192.168.1.1", scope: WIFI };
    expect(socket.write({ type: constant("RTM_ADD"), flags: 1, destination, nextHop }).errno).toBe(0);
    machine.listeners.delete(listener);
    return sequence;
  }

  test("own routes are not reported, and do not hide others' among them", () => {
    for (let n = 0; n < 50; n += 1) addOwn(`10.0.0.${n}`);
    expect(hear()).toEqual([]);
    for (let n = 50; n < 100; n += 1) {
      addOwn(`10.0.0.${n}`);
      if (n === 75) machine.tell({ kind: "bytes", family: 4, bytes: route({ to: "192.0.2.1" }) });
    }
    expect(hear()).toEqual([{ what: "routes", renumbered: false }]);
  });

  test("own is what has our number and a sequence of ours: neither alone", () => {
    const seq = addOwn("10.0.0.1");
    expect(seq).toBeGreaterThan(0);
    expect(hear()).toEqual([]);
    const others = { what: "routes", renumbered: false };
    const notSent = 1 + ((seq + 1_000_000) % 0x7fff_fffe);
    expect(hear(route({ to: "10.0.0.2", pid: OWN, seq: 0 }))).toEqual([others]);
    expect(hear(route({ to: "10.0.0.2", pid: OWN, seq: notSent }))).toEqual([others]);
    expect(hear(route({ to: "10.0.0.2", pid: OWN, seq: -seq }))).toEqual([others]);
    expect(hear(route({ to: "10.0.0.2", pid: 78, seq }))).toEqual([others]);
    expect(hear(route({ to: "10.0.0.2", pid: OWN, seq }))).toEqual([]);
  });

  describe("what this process does to an interface names no one", () => {
    const link = { device: "awg-office", type: "tun", tunnel: "office" } as const;
    const first = { ...link, addresses: ["10.8.0.2/24", "fd00:8::2/64"], mtuBytes: 1420 };
    let ensure: (spec: typeof first) => Promise<void>;
    let utun: FakeInterface;

    beforeEach(async () => {
      ensure = darwinLinks({ system, holder: new HeldUtuns(system) }).ensure;
      await ensure(first);
      const made = machine.interfaceNamed("utun1");
      if (made === undefined) throw new Error("no utun1");
      utun = made;
      look();
      heard.length = 0;
    });

    test("it is known by what it left, and its routes with it", async () => {
      await ensure({ ...first, addresses: ["10.8.0.2/32", "10.9.0.2/32"], mtuBytes: 1280 });
      utun.flags &= ~1;
      await ensure({ ...first, addresses: ["10.9.0.2/32"], mtuBytes: 1280 });
      expect(hear()).toEqual([]);
      expect(utun).toMatchObject({ flags: 0x8051, mtu: 1280 });
    });

    test("others' changes at the same time are not lost, nor those that come later", async () => {
      await ensure({ ...first, addresses: [...first.addresses, "10.9.0.2/32"] });
      machine.addAddress(utun, { prefix: prefixOf("10.7.0.1/32"), peer: undefined });
      expect(hear().map(({ what }) => what)).toEqual(["routes", "addresses"]);
      const ours = prefixOf("10.9.0.2/32");
      machine.removeAddress(utun, ours);
      expect(hear().map(({ what }) => what)).toContain("addresses");
      machine.addAddress(utun, { prefix: ours, peer: undefined });
      expect(hear().map(({ what }) => what)).toContain("addresses");
      await ensure({ ...first, mtuBytes: 1280 });
      expect(hear(device(utun.index, 0x8050))).toEqual([{ what: "devices", renumbered: false }]);
    });

    test("an address of the same text on another interface is another", async () => {
      await ensure({ ...first, addresses: [...first.addresses, "10.9.0.2/32"] });
      expect(hear(address("RTM_NEWADDR", WIFI, "10.9.0.2"))).toEqual([{ what: "addresses", renumbered: true }]);
    });
  });

  test.each([
    ["a look-up that failed", () => route({ type: "RTM_MISS", to: "192.0.2.1" })],
    ["a refused request", () => route({ to: "192.0.2.1", pid: 9, seq: 1, errno: 17 })],
    ["a cloned route", () => route({ to: "192.0.2.1", flags: 0x20000 })],
    ["a neighbour", () => route({ to: "192.0.2.1", flags: 0x400 })],
    ["a route of a peer-to-peer link", () => route({ to: "192.0.2.1", index: AWDL })],
    ["an address of the loopback", () => address("RTM_NEWADDR", LOOPBACK)],
    ["a peer-to-peer link", () => device(AWDL, 0x8843)],
    ["a multicast address", () => address("RTM_NEWMADDR", WIFI)],
  ])("%s is no change", (_what, message) => {
    expect(hear(message())).toEqual([]);
  });

  test.each(["awdl7", "llw0", "anpi0", "ipsec0", "gif7", "stf0", "lo7"])(
    "what comes and goes with %s, which is none of the network's, is no change",
    (name) => {
      const { index } = machine.addInterface(name, 6, 0x8843, 1500);
      heard.length = 0;
      expect(hear(route({ to: "192.0.2.1", index }), address("RTM_NEWADDR", index), device(index, 0x8802))).toEqual([]);
    },
  );

  test("an address moved: under a physical interface tunnels begin again, on a tunnel they do not", () => {
    expect(hear(address("RTM_NEWADDR", WIFI))).toEqual([{ what: "addresses", renumbered: true }]);
    expect(hear(address("RTM_DELADDR", UTUN))).toEqual([{ what: "addresses", renumbered: false }]);
  });

  test("a number that went from a tunnel to an adapter is the adapter's; one that is gone is who it was", () => {
    expect(hear(address("RTM_NEWADDR", UTUN))).toEqual([{ what: "addresses", renumbered: false }]);
    machine.removeInterface("utun0");
    heard.length = 0;
    expect(hear(address("RTM_DELADDR", UTUN))).toEqual([{ what: "addresses", renumbered: false }]);
    machine.interfaces.push({ name: "en8", index: UTUN, type: 6, flags: 0x8863, mtu: 1500, addresses: [] });
    expect(hear(address("RTM_NEWADDR", UTUN))).toEqual([{ what: "addresses", renumbered: true }]);
  });

  test("an interface is reported when its flags changed, not when only its counters did", () => {
    expect(hear(device(WIFI, 0x8843))).toEqual([{ what: "devices", renumbered: false }]);
    expect(hear(device(WIFI, 0x8843), device(WIFI, 0x8843))).toEqual([]);
    expect(hear(device(WIFI, 0x8802))).toEqual([{ what: "devices", renumbered: false }]);
  });

  test("H1: a socket that was shut down across sleep is opened again, and everything is looked at", () => {
    machine.tell({ kind: "shut down" });
    expect(hear()).toEqual([{ what: "the routing socket was opened again", renumbered: true }]);
    expect(system.openDescriptors).toEqual(["PF_ROUTE"]);
    expect(system.log.counts.get("setsockopt SO_RCVBUF")).toBe(2);
    expect(hear(route({}))).toHaveLength(1);
  });

  test("a message that cannot be read counts as a change of everything; hearing goes on", () => {
    const broken = route({});
    broken[0] = 255;
    expect(hear(broken)[0]).toMatchObject({ renumbered: true });
    expect(hear(route({}))).toEqual([{ what: "primary service", renumbered: true }]);
  });

  test("H2: a message of another version: what came with it is heard, all is read afresh, in one line; hearing goes on", () => {
    const sixth = route({});
    sixth[2] = 6;
    const afresh = {
      what: "lost kernel events (macOS sent a message that awg cannot read: version 6 of the routing protocol, where 5 is known)",
      renumbered: true,
    };
    const heardToo = { what: "addresses", renumbered: true };
    expect(hear(sixth, address("RTM_NEWADDR", WIFI), sixth)).toEqual([heardToo, afresh]);
    expect(hear(address("RTM_DELADDR", WIFI))).toEqual([heardToo]);
  });

  test("H2: a program that writes nonsense without end has no more than a look in five seconds, and hides nothing", () => {
    const flood = Array.from({ length: 300 }, () => Uint8Array.of(9, 0, 77, 1, 0, 0, 0, 0, 0));
    const looks = Array.from({ length: 40 }, (_, n) => {
      steadyMs = n * 250;
      return hear(...flood, route({ to: "192.0.2.1" }), ...flood).map(({ what }) => what.slice(0, 4));
    });
    expect(looks.filter((reported) => reported.includes("rout"))).toHaveLength(40);
    expect(looks.flatMap((reported, n) => (reported.includes("lost") ? [n] : []))).toEqual([0, 20]);
    steadyMs = 10_000;
    expect(hear()).toHaveLength(1);
    steadyMs = 20_000;
    expect(hear()).toEqual([]);
  });

  test("a socket that cannot be had is reported once and tried again", () => {
    machine.isFull = true;
    machine.tell({ kind: "shut down" });
    expect(hear()).toHaveLength(1);
    expect([...hear(), ...hear()]).toEqual([]);
    machine.isFull = false;
    expect(hear()).toEqual([{ what: "the routing socket was opened again", renumbered: true }]);
    expect(hear(route({}))).toEqual([{ what: "primary service", renumbered: true }]);
  });

  test("messages that were dropped without a word are made good once a minute", () => {
    steadyMs = 59_000;
    expect(hear()).toEqual([]);
    steadyMs = 60_000;
    expect(hear()).toEqual([{ what: "periodic check for dropped messages", renumbered: false }]);
    expect(hear()).toEqual([]);
  });

  test("disposing closes the socket", async () => {
    await watch[Symbol.asyncDispose]();
    expect(system.openDescriptors).toEqual([]);
  });

  describe("H4: after a sleep of a quarter of an hour", () => {
    const woke = "woke up after 900 s of sleep";
    const wokeForGood = { what: "woke up for good after 900 s of sleep", renumbered: true };
    const sleep = (wake: "by its user" | "dark") => machine.sleep.pass(1_700_000_000_000, 1_700_000_900_000, wake);

    test("with a user there tunnels begin again at once", () => {
      sleep("by its user");
      expect(hear()).toEqual([{ what: woke, renumbered: true }]);
      steadyMs = 61_000;
      expect(hear().map(({ what }) => what)).toEqual(["periodic check for dropped messages"]);
    });

    test("a dark wake asks for a look, though it took the socket; tunnels begin again when a user comes", () => {
      sleep("dark");
      machine.tell({ kind: "shut down" });
      expect(hear()).toEqual([
        { what: woke, renumbered: false },
        { what: "the routing socket was opened again", renumbered: false },
      ]);
      steadyMs = 59_000;
      expect(hear()).toEqual([]);
      machine.sleep.userComes();
      expect(hear()).toEqual([wokeForGood]);
      expect(hear()).toEqual([]);
    });

    test("what is seen to move in a dark wake is reported as ever", () => {
      sleep("dark");
      expect(hear()).toHaveLength(1);
      expect(hear(address("RTM_NEWADDR", WIFI))).toEqual([{ what: "addresses", renumbered: true }]);
    });

    test("awake for a minute without a user it is awake for good", () => {
      sleep("dark");
      expect(hear()).toHaveLength(1);
      steadyMs = 60_000;
      expect(hear()).toContainEqual(wokeForGood);
      machine.tell({ kind: "shut down" });
      expect(hear()).toEqual([{ what: "the routing socket was opened again", renumbered: true }]);
    });

    test("a kernel that does not report who came is awake for good after a minute", () => {
      const named = system.sysctlByName.bind(system);
      system.sysctlByName = (name, out) =>
        name.endsWith("_abs_time") ? { value: -1, errno: 2, length: 0 } : named(name, out);
      sleep("by its user");
      expect(hear()).toEqual([{ what: woke, renumbered: false }]);
      steadyMs = 60_000;
      expect(hear()).toContainEqual(wokeForGood);
    });
  });
});
