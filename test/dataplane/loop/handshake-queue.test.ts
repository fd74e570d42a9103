import { describe, expect, test } from "vitest";
import { HandshakeQueue } from "../../../src/dataplane/loop/handshake-queue.ts";
import type { Endpoint } from "../../../src/engine/endpoint.ts";

const INITIATION = 148;
/** What one source may fill: half of the queue. */
const SHARE = 4096;
const ALL = 2 * SHARE;

function host(number: number, port = 9): Endpoint {
  return { address: Uint8Array.of(10, number >> 16, (number >> 8) & 255, number & 255), port, scope: 0 };
}

/** Serves once: the first byte of the datagram, and whether its source is crowded. */
function served(queue: HandshakeQueue): readonly [number, boolean] | undefined {
  let result: readonly [number, boolean] | undefined;
  queue.serve(({ datagram }, isCrowded) => {
    result = [datagram[0] as number, isCrowded];
  });
  return result;
}

function flood(queue: HandshakeQueue, from: Endpoint, count: number, first = 0): number {
  const datagram = new Uint8Array(INITIATION).fill(first);
  return Array.from({ length: count }).filter(() => queue.add(datagram, from)).length;
}

describe("handshakes that wait", () => {
  test("a source fills its share and is crowded; another is served next and is not", () => {
    const queue = new HandshakeQueue(1);
    expect(flood(queue, host(1), SHARE + 1000, 1)).toBe(SHARE);
    expect(flood(queue, host(2), 1, 2)).toBe(1);
    expect([served(queue), served(queue), served(queue)]).toEqual([
      [1, true],
      [2, false],
      [1, true],
    ]);
  });

  test("a burst within the share is not crowded, whatever its ports", () => {
    const queue = new HandshakeQueue(1);
    for (let port = 0; port < 3000; port += 1) expect(queue.add(new Uint8Array(INITIATION), host(1, port))).toBe(true);
    for (let number = 0; number < 3000; number += 1) expect(served(queue)).toEqual([0, false]);
    expect(queue.isEmpty).toBe(true);
    expect(served(queue)).toBeUndefined();
  });

  test("there is room for a new source beside 200 that flood, and its turn comes after one of each", () => {
    const queue = new HandshakeQueue(1);
    for (let round = 0; round < 100; round += 1)
      for (let number = 0; number < 200; number += 1) flood(queue, host(number), 1, 1);
    expect(flood(queue, host(999), 1, 2)).toBe(1);
    const order = Array.from({ length: 201 }, () => served(queue));
    expect(order.filter((one) => one?.[0] === 2)).toEqual([[2, false]]);
    expect(order.filter((one) => one?.[0] === 1 && one[1])).toHaveLength(200);
  });

  test("more addresses than there is room for are all crowded, until half is free", () => {
    const queue = new HandshakeQueue(1);
    const taken = Array.from({ length: ALL + 500 }, (_, number) => flood(queue, host(number), 1)).filter(
      (one) => one === 1,
    );
    expect(taken).toHaveLength(ALL);
    for (let number = 0; number < SHARE + 1; number += 1) expect(served(queue)).toEqual([0, true]);
    expect(served(queue)).toEqual([0, false]);
  });

  test("one /64 is one source, and large datagrams count for their bytes", () => {
    const queue = new HandshakeQueue(1);
    const six = (last: number): Endpoint => ({
      address: Uint8Array.of(32, 1, 13, 184, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last),
      port: 9,
      scope: 0,
    });
    const taken = Array.from({ length: 64 }, (_, last) => queue.add(new Uint8Array(60_000), six(last))).filter(Boolean);
    expect(taken.length).toBeLessThan(20);
    expect(taken.length).toBeGreaterThan(10);
  });

  test("what was queued is a copy", () => {
    const queue = new HandshakeQueue(1);
    const datagram = new Uint8Array(INITIATION);
    queue.add(datagram, host(1));
    datagram.fill(7);
    expect(served(queue)).toEqual([0, false]);
  });
});
