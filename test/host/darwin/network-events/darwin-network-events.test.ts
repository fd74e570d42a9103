import { beforeEach, describe, expect, test } from "vitest";
import { darwinNetworkEvents } from "../../../../src/host/darwin/network-events/darwin-network-events.ts";
import { wakeBetween } from "../../../../src/host/darwin/network-events/wake.ts";
import type { NetworkEvent } from "../../../../src/host/ports/network-events.ts";
import { parseIp } from "../../../../src/model/ip.ts";
import type { LibSystem } from "../../../../src/native/darwin/libsystem.ts";
import { abiObstacle, constant, StructView, sizeOf } from "../fake/abi.ts";
import { UnfaithfulCall } from "../fake/accepted.ts";
import { ipSockaddr, linkSockaddr } from "../fake/route/sockaddr.ts";

const INTERFACES = [
  { index: 1, type: 24, name: "lo0" },
  { index: 4, type: 6, name: "en0" },
  { index: 9, type: 6, name: "awdl0" },
  { index: 12, type: 1, name: "utun4" },
];
const OWN = 4242;

/** A routing socket as darwin-notes section 3 ("Watch") and 9 have it: one read one message, tails unpadded. */
class FakeRouteSocket {
  readonly waiting: (Uint8Array | "ENOTCONN" | "EBADF")[] = [];
  opened = 0;
  open = 0;
  refusesToOpen = false;
  wokeAtMs = 0;
  sleptAtMs = 0;

  socket(domain: number, type: number, protocol: number) {
    if (domain !== constant("PF_ROUTE") || type !== constant("SOCK_RAW") || protocol !== 0)
      throw new UnfaithfulCall("socket", "");
    if (this.refusesToOpen) return { value: -1, errno: constant("EMFILE") };
    this.opened += 1;
    this.open += 1;
    return { value: 30 + this.opened, errno: 0 };
  }

  setsockopt(_fd: number, _level: number, name: number, value: Uint8Array) {
    if (name !== constant("SO_RCVBUF") || new DataView(value.buffer).getUint32(0, true) < 256 * 1024) {
      throw new UnfaithfulCall("setsockopt", "SO_RCVBUF of at least 256 KiB (overflow is silent)");
    }
    return { value: 0, errno: 0 };
  }

  fcntl() {
    return { value: 0, errno: 0 };
  }

  close() {
    this.open -= 1;
    return { value: 0, errno: 0 };
  }

  read(fd: number, buffer: Uint8Array) {
    if (fd !== 30 + this.opened) throw new UnfaithfulCall("read", "a socket that was closed");
    const next = this.waiting.shift();
    if (typeof next === "string") return { value: -1, errno: constant(next) };
    if (next === undefined) return { value: -1, errno: constant("EAGAIN") };
    buffer.set(next);
    return { value: next.length, errno: 0 };
  }

  sysctl(mib: readonly number[], out: Uint8Array | undefined) {
    if (mib[4] !== constant("NET_RT_IFLIST2")) throw new UnfaithfulCall("sysctl", mib.join("."));
    const bytes = Uint8Array.from(INTERFACES.flatMap((one) => [...interfaceMessage(one)]));
    out?.set(bytes);
    return { value: 0, errno: 0, length: bytes.length };
  }

  sysctlByName(name: string, out: Uint8Array | undefined) {
    const ms = name === "kern.waketime" ? this.wokeAtMs : this.sleptAtMs;
    const view = new StructView("timeval", out ?? new Uint8Array(16));
    view.set("tv_sec", Math.floor(ms / 1000));
    return { value: 0, errno: 0, length: 16 };
  }

  getpid() {
    return OWN;
  }
}

function interfaceMessage(one: (typeof INTERFACES)[number]): Uint8Array {
  const address = linkSockaddr(one);
  const padded = Math.ceil(address.length / 4) * 4;
  const bytes = new Uint8Array(sizeOf("if_msghdr2") + padded);
  const view = new StructView("if_msghdr2", bytes);
  view.set("ifm_msglen", bytes.length);
  view.set("ifm_version", constant("RTM_VERSION"));
  view.set("ifm_type", constant("RTM_IFINFO2"));
  view.set("ifm_addrs", constant("RTA_IFP"));
  view.set("ifm_index", one.index);
  bytes.set(address, sizeOf("if_msghdr2"));
  return bytes;
}

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
  index = 4,
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
    let kernel: FakeRouteSocket;
    let heard: NetworkEvent[];
    let look: () => void;
    let steadyMs: number;
    let watch: AsyncDisposable;

    beforeEach(() => {
      kernel = new FakeRouteSocket();
      heard = [];
      steadyMs = 0;
      const events = darwinNetworkEvents({
        system: kernel as unknown as LibSystem,
        clock: { wallMs: () => 1_700_000_000_000 + steadyMs, steadyMs: () => steadyMs },
        every: (onDue) => {
          look = onDue;
          return { [Symbol.dispose]: () => (look = () => {}) };
        },
        programOf: (pid) => (pid === 77 ? "openvpn" : undefined),
      });
      watch = events.watch((event) => heard.push(event));
    });

    function hear(...messages: readonly (Uint8Array | "ENOTCONN" | "EBADF")[]): readonly NetworkEvent[] {
      kernel.waiting.push(...messages);
      look();
      return heard.splice(0);
    }

    test("the way out moved: told, and tunnels begin anew", () => {
      expect(hear(route({}))).toEqual([{ what: "default route", renumbered: true }]);
      expect(hear(route({ type: "RTM_DELETE", index: 12 }))).toEqual([{ what: "default route", renumbered: false }]);
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
      ["a route of a peer-to-peer link", () => route({ to: "192.0.2.1", index: 9 })],
      ["an address of the loopback", () => address("RTM_NEWADDR", 1)],
      ["a peer-to-peer link", () => device(9, 0x8843)],
      ["a multicast address", () => address("RTM_NEWMADDR", 4)],
    ])("%s is no change", (_what, message) => {
      expect(hear(message())).toEqual([]);
    });

    test("an address moved: under a physical interface tunnels begin anew, on a tunnel they do not", () => {
      expect(hear(address("RTM_NEWADDR", 4))).toEqual([{ what: "addresses", renumbered: true }]);
      expect(hear(address("RTM_DELADDR", 12))).toEqual([{ what: "addresses", renumbered: false }]);
    });

    test("an interface is told when its flags changed, not when only its counters did", () => {
      expect(hear(device(4, 0x8843))).toEqual([{ what: "devices", renumbered: false }]);
      expect(hear(device(4, 0x8843), device(4, 0x8843))).toEqual([]);
      expect(hear(device(4, 0x8802))).toEqual([{ what: "devices", renumbered: false }]);
    });

    test("H1: a socket that was shut down across sleep is opened again, and everything is looked at", () => {
      expect(hear("ENOTCONN")).toEqual([{ what: "the routing socket had been shut down", renumbered: true }]);
      expect([kernel.opened, kernel.open]).toEqual([2, 1]);
      expect(hear(route({}))).toHaveLength(1);
    });

    test("a message that cannot be read counts as a change of everything; hearing goes on", () => {
      const broken = route({});
      broken[0] = 255;
      expect(hear(broken)[0]).toMatchObject({ renumbered: true });
      expect(hear(route({}))).toEqual([{ what: "default route", renumbered: true }]);
    });

    test("a socket that cannot be had is told once and tried again", () => {
      kernel.refusesToOpen = true;
      expect(hear("EBADF")).toHaveLength(1);
      expect([...hear(), ...hear()]).toEqual([]);
      kernel.refusesToOpen = false;
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
      [kernel.sleptAtMs, kernel.wokeAtMs] = [1_700_000_000_000, 1_700_000_900_000];
      expect(hear()).toEqual([{ what: "woke up after 900 s of sleep", renumbered: true }]);
      await watch[Symbol.asyncDispose]();
      expect(kernel.open).toBe(0);
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
