import { beforeEach, describe, expect, test } from "vitest";
import { darwinNetworkEvents } from "../../../../src/host/darwin/network-events/darwin-network-events.ts";
import { wakeBetween } from "../../../../src/host/darwin/network-events/wake.ts";
import type { NetworkEvent } from "../../../../src/host/ports/network-events.ts";
import { parseIp } from "../../../../src/model/ip.ts";
import { abiObstacle, constant, StructView, sizeOf } from "../fake/abi.ts";
import { FakeLibSystem } from "../fake/fake-libsystem.ts";
import { type FakeMachine, macBook } from "../fake/machine.ts";
import { ipSockaddr } from "../fake/route/sockaddr.ts";

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
  view.set("rtm_flags", flags | (to === "0.0.0.0" ? 0 : constant("RTF_HOST")));
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

describe.skipIf(abiObstacle !== undefined)(
  `a Mac's network${abiObstacle === undefined ? "" : ` (${abiObstacle})`}`,
  () => {
    let machine: FakeMachine;
    let system: FakeLibSystem;
    let heard: NetworkEvent[];
    let look: () => void;
    let steadyMs: number;
    let watch: AsyncDisposable;

    beforeEach(() => {
      machine = macBook();
      system = new FakeLibSystem(machine);
      heard = [];
      steadyMs = 0;
      const events = darwinNetworkEvents({
        system,
        clock: { wallMs: () => 1_700_000_000_000 + steadyMs, steadyMs: () => steadyMs },
        every: (onDue) => {
          look = onDue;
          return { [Symbol.dispose]: () => (look = () => {}) };
        },
        programOf: (pid) => (pid === 77 ? "openvpn" : undefined),
      });
      watch = events.watch((event) => heard.push(event));
    });

    function hear(...messages: readonly Uint8Array[]): readonly NetworkEvent[] {
      for (const bytes of messages) machine.tell({ kind: "bytes", family: 4, bytes });
      look();
      return heard.splice(0);
    }

    test("the way out moved: told, and tunnels begin anew", () => {
      expect(hear(route({}))).toEqual([{ what: "default route", renumbered: true }]);
      expect(hear(route({ type: "RTM_DELETE", index: UTUN }))).toEqual([{ what: "default route", renumbered: false }]);
    });

    test("who wrote a route is told where it is one process that still runs", () => {
      const by = { pid: 77, program: "openvpn" };
      expect(hear(route({ to: "10.0.0.1", pid: 77, seq: 3 }))).toEqual([{ what: "routes", renumbered: false, by }]);
      expect(hear(route({ to: "10.0.0.1", pid: 78, seq: 3 }))).toEqual([{ what: "routes", renumbered: false }]);
      const two = [route({ to: "10.0.0.1", pid: 77, seq: 3 }), route({ to: "10.0.0.2", pid: 79, seq: 1 })];
      expect(hear(...two)).toEqual([{ what: "routes", renumbered: false }]);
    });

    test("own routes are not told, and do not hide others' among them", () => {
      const own = Array.from({ length: 50 }, (_, n) => route({ to: `10.0.0.${n}`, pid: OWN, seq: n + 1 }));
      expect(hear(...own)).toEqual([]);
      expect(hear(...own.slice(0, 25), route({ to: "192.0.2.1" }), ...own.slice(25))).toEqual([
        { what: "routes", renumbered: false },
      ]);
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

    test("an address moved: under a physical interface tunnels begin anew, on a tunnel they do not", () => {
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

    test("an interface is told when its flags changed, not when only its counters did", () => {
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
      expect(hear(route({}))).toEqual([{ what: "default route", renumbered: true }]);
    });

    test("H2: a message of another version: what came with it is heard, all is read afresh, in one line; hearing goes on", () => {
      const sixth = route({});
      sixth[2] = 6;
      const afresh = {
        what: "more than could be read (macOS sent a message that awg cannot read: version 6 of the routing protocol, where 5 is known)",
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
      expect(looks.filter((told) => told.includes("rout"))).toHaveLength(40);
      expect(looks.flatMap((told, n) => (told.includes("more") ? [n] : []))).toEqual([0, 20]);
      steadyMs = 10_000;
      expect(hear()).toHaveLength(1);
      steadyMs = 20_000;
      expect(hear()).toEqual([]);
    });

    test("a socket that cannot be had is told once and tried again", () => {
      machine.isFull = true;
      machine.tell({ kind: "shut down" });
      expect(hear()).toHaveLength(1);
      expect([...hear(), ...hear()]).toEqual([]);
      machine.isFull = false;
      expect(hear()).toEqual([{ what: "the routing socket was opened again", renumbered: true }]);
      expect(hear(route({}))).toEqual([{ what: "default route", renumbered: true }]);
    });

    test("messages that were dropped without a word are made good once a minute", () => {
      steadyMs = 59_000;
      expect(hear()).toEqual([]);
      steadyMs = 60_000;
      expect(hear()).toEqual([{ what: "a look in case messages were dropped", renumbered: false }]);
      expect(hear()).toEqual([]);
    });

    test("waking up is told; disposing closes the socket", async () => {
      [machine.sleptAtMs, machine.wokeAtMs] = [1_700_000_000_000, 1_700_000_900_000];
      expect(hear()).toEqual([{ what: "woke up after 900 s of sleep", renumbered: true }]);
      await watch[Symbol.asyncDispose]();
      expect(system.openDescriptors).toEqual([]);
    });
  },
);

describe("sleep and clocks", () => {
  const at = { sleptAtMs: 0, wokeAtMs: 0, wallMs: 1_000_000, steadyMs: 1000 };
  test.each([
    ["nothing", { wallMs: 1_000_250, steadyMs: 1250 }, undefined],
    [
      "a dark wake of a short sleep",
      { sleptAtMs: 5_000, wokeAtMs: 60_000 },
      { what: "woke up after 55 s of sleep", renumbered: false },
    ],
    [
      "a night",
      { sleptAtMs: 5_000, wokeAtMs: 28_805_000 },
      { what: "woke up after 28800 s of sleep", renumbered: true },
    ],
    ["a clock set back", { wallMs: 990_000 }, { what: "the wall clock jumped by -10 s", renumbered: false }],
    [
      "a clock that ran through a sleep",
      { wallMs: 1_900_000 },
      { what: "the wall clock jumped by 900 s", renumbered: true },
    ],
  ])("%s", (_what, change, expected) => {
    expect(wakeBetween(at, { ...at, ...change })).toEqual(expected);
  });
});
