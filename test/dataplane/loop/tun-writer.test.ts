import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TunWriter } from "../../../src/dataplane/loop/tun-writer.ts";
import { Superpacket } from "../../../src/dataplane/packet/superpacket.ts";
import { errnoName } from "../../../src/native/linux/errno.ts";
import { checkProperty } from "../../support/seeded.ts";
import { buildPacket, cutByHand, slowSum } from "../packet/packets.ts";
import { bytesAt, fakeResources, gather } from "./fake-resources.ts";

/** A writer over a device that keeps what was written to it, virtio headers included. */
function recordingWriter(offload: number, headerBytes = 10, errno = 0) {
  const written: Uint8Array[] = [];
  const refusals: string[] = [];
  const resources = fakeResources((arena) => ({
    write: (_fd, from, bytes) => {
      written.push(bytesAt(arena, from, bytes));
      return bytes;
    },
    writev: (_fd, vector, count) => {
      if (errno !== 0) return -1;
      written.push(gather(arena, vector, count));
      return 1;
    },
    errno: () => errnoName(errno),
  }));
  const tun = { name: "tun", fd: 3, headerBytes, offload };
  const writer = new TunWriter(resources, tun, (name) => refusals.push(name));
  let next = resources.openedArea + 64;
  const add = (packet: Uint8Array) => {
    resources.arena.bytes.set(packet, next);
    writer.add(next, packet.length);
    next += packet.length + 128;
  };
  const restart = () => {
    written.length = 0;
    next = resources.openedArea + 64;
  };
  return { resources, writer, written, refusals, add, restart };
}

/** What the kernel makes of writes: each cut as its virtio header says. */
function delivered(resources: ReturnType<typeof fakeResources>, writes: readonly Uint8Array[]): Uint8Array[] {
  const { arena } = resources;
  const cut = new Superpacket(arena, resources.sum);
  const area = resources.tunBuffer + 256;
  return writes.flatMap((bytes) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const packet = bytes.slice(10);
    if (view.getUint8(1) === 0) return [packet];
    arena.bytes.set(packet, area);
    expect(cut.open(area, packet.length, view.getUint8(1), view.getUint16(4, true))).toBe(true);
    return Array.from({ length: cut.count }, (_, index) => {
      const at = cut.write(index);
      return arena.bytes.slice(at, at + cut.lengthOf(index));
    });
  });
}

const sortedTexts = (packets: readonly Uint8Array[]) =>
  packets.map((one) => Buffer.from(one).toString("hex")).toSorted();

const burst = fc.record({
  six: fc.boolean(),
  protocol: fc.constantFrom("tcp" as const, "udp" as const),
  payload: fc.uint8Array({ minLength: 1, maxLength: 4000 }),
  segment: fc.integer({ min: 1, max: 1400 }),
  sequence: fc.nat(0xffffffff),
  flags: fc.constantFrom(0x10, 0x18, 0x11),
  sourcePort: fc.integer({ min: 1, max: 12 }),
  options: fc.constantFrom(new Uint8Array(), new Uint8Array(12).fill(1)),
});

describe("the writer of a TUN device", () => {
  it("joins packets so that the kernel, cutting again, sees each of them unchanged", () => {
    const { resources, writer, written, add, restart } = recordingWriter(0x67);
    checkProperty(
      fc.property(fc.array(burst, { minLength: 1, maxLength: 6 }), fc.boolean(), (bursts, mixed) => {
        restart();
        const flows = bursts.map(({ segment, ...options }) => cutByHand(options, segment));
        const order = mixed
          ? Array.from({ length: Math.max(...flows.map((flow) => flow.length)) }, (_, index) =>
              flows.flatMap((flow) => flow[index] ?? []),
            ).flat()
          : flows.flat();
        for (const packet of order.slice(0, 100)) add(packet);
        writer.flush();
        expect(sortedTexts(delivered(resources, written))).toEqual(sortedTexts(order.slice(0, 100)));
      }),
      40,
    );
  });

  it("writes a flow of many packets once", () => {
    const { writer, written, add } = recordingWriter(0x67);
    for (const packet of cutByHand({ payload: new Uint8Array(40_000) }, 1000)) add(packet);
    writer.flush();
    expect(written).toHaveLength(1);
    expect(writer.counters).toMatchObject({ packets: 40, writes: 1, dropped: 0 });
  });

  it("keeps the order within a flow when something comes that cannot be joined", () => {
    const { resources, writer, written, add } = recordingWriter(0x67);
    const data = cutByHand({ payload: new Uint8Array(3000) }, 1000);
    const fin = buildPacket({ payload: new Uint8Array(), sequence: 3001, flags: 0x11 });
    for (const packet of [...data, fin]) add(packet);
    writer.flush();
    const order = delivered(resources, written).map((packet) => new DataView(packet.buffer).getUint32(24));
    expect(order).toEqual([1, 1001, 2001, 3001]);
  });

  it("does not join packets with another window: the sender would miss the update", () => {
    const { resources, writer, written, add } = recordingWriter(0x67);
    const packets = [0, 65_535, 65_535].map((window, index) =>
      buildPacket({ payload: new Uint8Array(100), sequence: 1 + 100 * index, window }),
    );
    for (const packet of packets) add(packet);
    writer.flush();
    expect(written).toHaveLength(2);
    const windows = (some: readonly Uint8Array[]) => some.map((one) => Buffer.from(one).readUInt16BE(34));
    expect(windows(delivered(resources, written))).toEqual(windows(packets));
  });

  it("joins nothing with a wrong checksum, so that the kernel sees it is wrong", () => {
    const { writer, written, add } = recordingWriter(0x67);
    const [first, second] = cutByHand({ payload: new Uint8Array(2000) }, 1000) as [Uint8Array, Uint8Array];
    second[60] = 1;
    add(first);
    add(second);
    writer.flush();
    expect(written).toHaveLength(2);
    expect(slowSum(second.subarray(20), slowSum(second.subarray(12, 20)) + 6 + second.length - 20)).not.toBe(0xffff);
  });

  it("writes one by one where the device takes nothing joined, and without a header where it has none", () => {
    const { writer, written, add } = recordingWriter(0x1, 0);
    const packets = cutByHand({ payload: new Uint8Array(3000) }, 1000);
    for (const packet of packets) add(packet);
    writer.flush();
    expect(written).toEqual(packets);
  });

  it("stops joining when the kernel refuses it, and says what was lost", () => {
    const { writer, written, refusals, add } = recordingWriter(0x67, 10, 22);
    for (let round = 0; round < 2; round += 1) {
      for (const packet of cutByHand({ payload: new Uint8Array(3000) }, 1000)) add(packet);
      writer.flush();
    }
    expect(refusals).toEqual(["EINVAL"]);
    expect(written).toHaveLength(3);
    expect(writer.counters.dropped).toBe(3);
  });
});
