import { describe, expect, test } from "vitest";
import { SourceCache } from "../../../src/dataplane/loop/source-cache.ts";

const NAME_BYTES = 28;
const view = new DataView(new ArrayBuffer(NAME_BYTES));

function four(address: readonly number[], port: number): void {
  view.setUint16(0, 2, true);
  view.setUint16(2, port);
  for (const [index, byte] of address.entries()) view.setUint8(4 + index, byte);
}

function six(last: number, port: number): void {
  for (let at = 0; at < NAME_BYTES; at += 1) view.setUint8(at, 0);
  view.setUint16(0, 10, true);
  view.setUint16(2, port);
  for (const [index, byte] of [0x20, 0x01, 0x0d, 0xb8].entries()) view.setUint8(8 + index, byte);
  view.setUint8(23, last);
}

/** How many of the sources are still known after all of them have sent once. */
function known(sources: number, write: (index: number) => void, seed: number): number {
  const cache = new SourceCache(seed);
  const made = Array.from({ length: sources }, (_, index) => {
    write(index);
    return cache.endpointAt(view, 0, -1);
  });
  // The newest first: who looks for one that is gone takes a place.
  return made.toReversed().filter((endpoint, fromEnd) => {
    write(sources - 1 - fromEnd);
    return cache.endpointAt(view, 0, -1) === endpoint;
  }).length;
}

describe("the endpoints of a socket's senders", () => {
  // 254 balls in 1,024 places leave 225 of them filled on the average.
  test.each([
    ["the hosts of a /24", (index: number) => four([192, 168, 1, index + 1], 51820)],
    ["the ports of one NAT", (index: number) => four([203, 0, 113, 7], 40_000 + index)],
    ["the hosts of an IPv6 network", (index: number) => six(index + 1, 51820)],
  ])("%s are spread over the table", (_name, write) => {
    for (const seed of [0, 1, 0x12345678, -1]) expect(known(254, write, seed)).toBeGreaterThan(180);
  });

  test("the seed decides which addresses share a slot, so no sender can choose it", () => {
    const sharing = (seed: number) => {
      const cache = new SourceCache(seed);
      four([192, 168, 1, 1], 51820);
      const first = cache.endpointAt(view, 0, -1);
      return Array.from({ length: 4096 }, (_, port) => port).filter((port) => {
        four([198, 51, 100, 1], port);
        cache.endpointAt(view, 0, -1);
        four([192, 168, 1, 1], 51820);
        const isGone = cache.endpointAt(view, 0, -1) !== first;
        return isGone;
      })[0];
    };
    expect(new Set([1, 2, 3, 4].map(sharing)).size).toBeGreaterThan(1);
  });
});
