import { describe, expect, it } from "vitest";
import { RouteCache } from "../../../src/dataplane/loop/route-cache.ts";
import { SendBatch } from "../../../src/dataplane/loop/send-batch.ts";
import { SourceCache } from "../../../src/dataplane/loop/source-cache.ts";
import { MESSAGE_BYTES, type WorkerResources } from "../../../src/dataplane/loop/worker-resources.ts";
import type { Endpoint } from "../../../src/engine/endpoint.ts";
import { errnoName } from "../../../src/native/linux/errno.ts";
import { readSocketAddress, writeSocketAddress } from "../../../src/native/linux/packet-io/socket-address.codec.ts";
import type { RouteInfo } from "../../../src/native/packet-system.ts";
import { bytesAt, fakeResources, gather } from "./fake-resources.ts";

const near: Endpoint = { address: Uint8Array.of(192, 0, 2, 1), port: 51820, scope: 0 };
const far: Endpoint = { address: Uint8Array.of(192, 0, 2, 2), port: 7, scope: 0 };
const six: Endpoint = { address: new Uint8Array(16).fill(0xfd), port: 9, scope: 3 };
const EAGAIN = 11;
const EINVAL = 22;
const EMSGSIZE = 90;
const ENETUNREACH = 101;

interface Sent {
  readonly fd: number;
  readonly to: Endpoint;
  readonly bytes: number;
  readonly segment: number;
  /** The address it is to leave from; absent: the kernel's choice. */
  readonly source?: string;
}

/** What stands beside a message, read without the code under test (cmsg(3)). */
function controlIn(bytes: Uint8Array): { readonly segment: number; readonly source?: string } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const found = { segment: 0 };
  for (let at = 0; at + 16 <= bytes.length; at += Math.ceil(view.getUint32(at, true) / 8) * 8) {
    const [length, kind] = [
      view.getUint32(at, true),
      `${view.getUint32(at + 8, true)} ${view.getUint32(at + 12, true)}`,
    ];
    const data = bytes.subarray(at + 16, at + length);
    if (kind === "17 103" && length === 18) found.segment = view.getUint16(at + 16, true);
    else if (kind === "0 8" && length === 28) Object.assign(found, { source: data.subarray(4, 8).join(".") });
    else if (kind === "41 50" && length === 36)
      Object.assign(found, { source: Buffer.from(data.subarray(0, 16)).toString("hex") });
    else throw new Error(`what is ${kind} of ${length} bytes?`);
  }
  return found;
}

/** A kernel that takes messages until `answers` runs out; a negative answer is an errno. */
function recordingBatch(answers: (message: Sent) => number = () => 1, segments = true, route?: RouteInfo) {
  const sent: Sent[] = [];
  const refused: string[] = [];
  let failure = 0;
  const resources: WorkerResources = fakeResources((arena) => ({
    sendmmsg: (fd, messages, count) => {
      for (let index = 0; index < count; index += 1) {
        const at = messages - arena.base + index * MESSAGE_BYTES;
        const name = Number(arena.view.getBigUint64(at, true)) - arena.base;
        const address = Number(arena.view.getBigUint64(at + 32, true));
        const control = controlIn(bytesAt(arena, address, arena.view.getUint32(at + 40, true)));
        const message = {
          fd,
          to: readSocketAddress(arena.view, name),
          bytes: gather(arena, Number(arena.view.getBigUint64(at + 16, true)), 1).length,
          ...control,
        };
        failure = -answers(message);
        if (failure > 0) return index === 0 ? -1 : index;
        sent.push(message);
      }
      return count;
    },
    errno: () => errnoName(failure),
  }));
  const asked: Endpoint[] = [];
  const routes = new RouteCache((to) => {
    asked.push(to);
    return route;
  });
  const batch = new SendBatch(resources, { four: 4, six: 6, segments }, routes, (_to, errno) => refused.push(errno));
  return { batch, sent, refused, asked };
}

const datagram = (bytes: number) => new Uint8Array(bytes).fill(1);

describe("datagrams on their route out", () => {
  it("go in one message when they are neighbours of one size to one endpoint; a smaller one ends it", () => {
    const { batch, sent } = recordingBatch();
    for (const bytes of [1000, 1000, 400, 1000, 1000]) batch.addBytes(near, datagram(bytes));
    batch.addBytes(far, datagram(1000));
    batch.addBytes(far, datagram(1200));
    batch.flush();
    expect(sent.map(({ bytes, segment }) => [bytes, segment])).toEqual([
      [2400, 1000],
      [2000, 1000],
      [1000, 0],
      [1200, 0],
    ]);
    expect(sent[2]?.to).toEqual(far);
  });

  it("never exceed 64 datagrams or 65,000 bytes a message", () => {
    const { batch, sent } = recordingBatch();
    for (let index = 0; index < 100; index += 1) batch.addBytes(near, datagram(100));
    for (let index = 0; index < 60; index += 1) batch.addBytes(near, datagram(1452));
    batch.flush();
    expect(sent.map(({ bytes }) => bytes)).toEqual([6400, 3600, 44 * 1452, 16 * 1452]);
  });

  it("go one by one where the kernel does not cut", () => {
    const { batch, sent } = recordingBatch(() => 1, false);
    for (let index = 0; index < 3; index += 1) batch.addBytes(near, datagram(100));
    batch.flush();
    expect(sent.map(({ bytes, segment }) => [bytes, segment])).toEqual([
      [100, 0],
      [100, 0],
      [100, 0],
    ]);
  });

  it("go by the socket of their family, in order", () => {
    const { batch, sent } = recordingBatch();
    for (const to of [near, six, near]) batch.addBytes(to, datagram(50));
    batch.flush();
    expect(sent.map(({ fd }) => fd)).toEqual([4, 6, 4]);
    expect(sent[1]?.to).toEqual(six);
  });

  it("stay when the kernel has no room, and go when it has", () => {
    let room = 1;
    const { batch, sent, refused } = recordingBatch(() => (room-- > 0 ? 1 : -EAGAIN));
    for (const bytes of [100, 200, 300]) batch.addBytes(near, datagram(bytes));
    batch.flush();
    expect([batch.blocked, batch.isEmpty, sent.length]).toEqual([true, false, 1]);
    batch.addBytes(near, datagram(50));
    room = 9;
    batch.flush();
    expect([batch.blocked, batch.isEmpty]).toEqual([false, true]);
    expect(sent.map(({ bytes }) => bytes)).toEqual([100, 200, 300, 50]);
    expect(refused).toEqual([]);
  });

  it("of one family wait for room while those of the other go, each by itself; nothing is thrown away", () => {
    let hasRoom = false;
    const { batch, sent, refused } = recordingBatch(({ fd }) => (fd === 6 || hasRoom ? 1 : -EAGAIN));
    for (const bytes of [100, 200]) batch.addBytes(near, datagram(bytes));
    batch.flush();
    for (const to of [six, near, six]) batch.addBytes(to, datagram(60));
    // The loop would never sleep if it asked the other family's socket for room: that has it.
    expect([4, 6].map((fd) => batch.awaitsRoomAt(fd))).toEqual([true, false]);
    expect([batch.blocked, batch.isEmpty, batch.counters.dropped]).toEqual([true, false, 0]);
    expect(sent.map(({ fd, bytes }) => [fd, bytes])).toEqual([
      [6, 60],
      [6, 60],
    ]);
    hasRoom = true;
    batch.flush();
    batch.addBytes(six, datagram(70));
    batch.flush();
    expect(sent.slice(2).map(({ fd, bytes }) => [fd, bytes])).toEqual([
      [4, 100],
      [4, 200],
      [4, 60],
      [6, 70],
    ]);
    expect([batch.blocked, batch.counters.dropped, refused]).toEqual([false, 0, []]);
    expect([4, 6].map((fd) => batch.awaitsRoomAt(fd))).toEqual([false, false]);
  });

  it("of the other family are dropped and reported if they cannot be sent while the first family waits", () => {
    const { batch, refused } = recordingBatch(({ fd }) => (fd === 6 ? -ENETUNREACH : -EAGAIN));
    batch.addBytes(near, datagram(100));
    batch.flush();
    batch.addBytes(six, datagram(60));
    expect([batch.blocked, batch.counters.dropped, refused]).toEqual([true, 1, ["ENETUNREACH"]]);
  });

  it("are bounded: what finds no room while the socket is blocked is counted as dropped", () => {
    const { batch } = recordingBatch(() => -EAGAIN);
    for (let index = 0; index < 3000; index += 1) batch.addBytes(near, datagram(1000));
    expect(batch.counters.dropped).toBeGreaterThan(2500);
    expect(batch.place(1000)).toBe(-1);
  });

  it.each([
    ["cannot be reached", "ENETUNREACH", ENETUNREACH],
    ["the card has no buffers for", "ENOBUFS", 105],
    ["the kill switch refuses", "EPERM", 1],
  ])("to one peer that %s do not hold up those to others", (_why, name, errno) => {
    const { batch, sent, refused } = recordingBatch(({ to }) => (to.port === near.port ? -errno : 1));
    for (const to of [near, far, near, far]) batch.addBytes(to, datagram(80));
    batch.flush();
    expect(sent.map(({ to }) => to.port)).toEqual([far.port, far.port]);
    expect(refused).toEqual([name, name]);
    expect(batch.counters.dropped).toBe(2);
  });

  it("are segmented by us when a segment exceeds the path MTU; then each is sent alone", () => {
    const { batch, sent, refused } = recordingBatch(({ segment, bytes }) =>
      segment > 0 ? -EINVAL : bytes > 500 ? -EMSGSIZE : 1,
    );
    for (const bytes of [1000, 1000, 400]) batch.addBytes(near, datagram(bytes));
    batch.flush();
    expect(sent.map(({ bytes }) => bytes)).toEqual([400]);
    expect(refused).toEqual(["EMSGSIZE"]);
    expect(batch.counters.dropped).toBe(2);
  });
});

describe("the address that answers leave from", () => {
  const spokenTo = (local: Uint8Array, at: Endpoint = near): Endpoint => ({ ...at, local });
  const route: RouteInfo = { mtuBytes: 1500, source: Uint8Array.of(192, 0, 2, 5) };
  const other = spokenTo(Uint8Array.of(192, 0, 2, 6));

  it("is set where it differs from the kernel's choice, and only there", () => {
    const { batch, sent } = recordingBatch(() => 1, true, route);
    batch.addBytes(other, datagram(100));
    batch.addBytes(spokenTo(Uint8Array.of(192, 0, 2, 5)), datagram(100));
    batch.addBytes(near, datagram(100));
    for (const bytes of [900, 900, 40]) batch.addBytes(other, datagram(bytes));
    batch.flush();
    expect(sent.map(({ source, segment }) => [source, segment])).toEqual([
      ["192.0.2.6", 0],
      [undefined, 0],
      [undefined, 0],
      ["192.0.2.6", 900],
    ]);
  });

  it("is the one that was spoken to for who has proved nothing, and costs no look at the route", () => {
    const { batch, sent, asked } = recordingBatch(() => 1, true, route);
    const linkLocal = spokenTo(new Uint8Array(16).fill(3), six);
    for (const to of [other, near]) batch.addBytes(to, datagram(64), true);
    batch.addBytes(linkLocal, datagram(64), true);
    batch.flush();
    expect(sent.map(({ source }) => source)).toEqual(["192.0.2.6", undefined, undefined]);
    expect(asked).toEqual([]);
    batch.addBytes(other, datagram(64));
    expect(asked).toEqual([other]);
  });

  it("is set in IPv6 too, but not for a link-local peer, where the interface decides", () => {
    const { batch, sent } = recordingBatch(() => 1, true, { mtuBytes: 1500, source: new Uint8Array(16).fill(2) });
    batch.addBytes(spokenTo(new Uint8Array(16).fill(3), { ...six, scope: 0 }), datagram(100));
    batch.addBytes(spokenTo(new Uint8Array(16).fill(3), six), datagram(100));
    batch.flush();
    expect(sent.map(({ source }) => source)).toEqual(["03".repeat(16), undefined]);
  });

  it.each([
    ["one datagram", [100], EINVAL],
    ["a joined message", [900, 900, 40], ENETUNREACH],
    ["a joined message whose datagrams go singly", [900, 900, 40], EINVAL],
  ])("is forgotten when it is not ours any more, and nothing is lost: %s", (_what, sizes, errno) => {
    const { batch, sent, refused } = recordingBatch(({ source }) => (source === undefined ? 1 : -errno), true, route);
    for (const bytes of sizes) batch.addBytes(other, datagram(bytes));
    batch.flush();
    batch.addBytes(other, datagram(50));
    batch.flush();
    expect(sent.every(({ source }) => source === undefined)).toBe(true);
    expect(sent.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(sizes.reduce((sum, bytes) => sum + bytes, 50));
    expect(refused).toEqual([]);
    expect(batch.counters.dropped).toBe(0);
  });
});

describe("sources of datagrams", () => {
  it("are the same object for the same address, and never another's", () => {
    const cache = new SourceCache(7);
    const view = new DataView(new ArrayBuffer(64));
    const endpoints = Array.from({ length: 5000 }, (_, index): Endpoint => {
      const last = Uint8Array.of(10, index >>> 8, index & 0xff, index % 3);
      return index % 2 === 0
        ? { address: last, port: 1000 + (index % 7), scope: 0 }
        : { address: Uint8Array.from([0xfd, ...new Uint8Array(11), ...last]), port: 1000, scope: index % 5 };
    });
    for (const endpoint of endpoints) {
      writeSocketAddress(view, 4, endpoint);
      const first = cache.endpointAt(view, 4, -1);
      expect(first).toEqual(endpoint);
      expect(cache.endpointAt(view, 4, -1)).toBe(first);
    }
  });

  it("that spoke to different addresses of ours are different, and know which", () => {
    const cache = new SourceCache(7);
    const view = new DataView(new ArrayBuffer(128));
    const spoken = (last: number, at: Endpoint) => {
      writeSocketAddress(view, 0, at);
      for (let index = 0; index < 16; index += 1) view.setUint8(64 + index, last);
      return cache.endpointAt(view, 0, 64);
    };
    for (const at of [near, six]) {
      const [one, two] = [spoken(1, at), spoken(2, at)];
      expect(one).toEqual({ ...at, local: new Uint8Array(at.address.length).fill(1) });
      expect(two.local?.[0]).toBe(2);
      expect(spoken(2, at)).toBe(two);
      writeSocketAddress(view, 0, at);
      expect(cache.endpointAt(view, 0, -1).local).toBeUndefined();
    }
  });

  it("that are IPv4 in IPv6 are IPv4", () => {
    const view = new DataView(new ArrayBuffer(28));
    const mapped = Uint8Array.from([...new Uint8Array(10), 0xff, 0xff, 192, 0, 2, 9]);
    writeSocketAddress(view, 0, { address: mapped, port: 5, scope: 0 });
    expect(readSocketAddress(view, 0)).toEqual({ address: Uint8Array.of(192, 0, 2, 9), port: 5, scope: 0 });
  });
});
