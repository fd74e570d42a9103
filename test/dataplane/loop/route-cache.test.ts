import { describe, expect, it } from "vitest";
import { type ReceivedControl, readControl } from "../../../src/dataplane/loop/message-control.ts";
import { RouteCache } from "../../../src/dataplane/loop/route-cache.ts";
import type { Endpoint } from "../../../src/engine/endpoint.ts";

const four: Endpoint = { address: Uint8Array.of(192, 0, 2, 1), port: 1, scope: 0, local: Uint8Array.of(192, 0, 2, 9) };
const six: Endpoint = { address: new Uint8Array(16).fill(1), port: 1, scope: 0 };

describe("the routes to endpoints", () => {
  it("are asked for once a second, and only for endpoints in use", () => {
    const asked: Endpoint[] = [];
    let mtuBytes = 1500;
    const routes = new RouteCache((to) => {
      asked.push(to);
      return { mtuBytes, source: Uint8Array.of(192, 0, 2, 5) };
    });
    routes.now = 10_000;
    expect([routes.payloadBytes(four), routes.payloadBytes(six), routes.payloadBytes(four)]).toEqual([
      1472, 1452, 1472,
    ]);
    mtuBytes = 1300;
    routes.now = 10_999;
    expect(routes.payloadBytes(four)).toBe(1472);
    expect(asked).toEqual([four, six]);
    routes.now = 11_000;
    expect(routes.payloadBytes(four)).toBe(1272);
    expect(asked).toEqual([four, six, four]);
    mtuBytes = 1400;
    routes.forget();
    expect(routes.payloadBytes(four)).toBe(1372);
  });

  it("limit nothing while there is none, and stay as they were when it is lost", () => {
    let way: { mtuBytes: number; source: Uint8Array } | undefined;
    const routes = new RouteCache(() => way);
    expect(routes.payloadBytes(four)).toBe(65_535);
    expect(routes.sourceFor(four)).toBeUndefined();
    way = { mtuBytes: 1300, source: Uint8Array.of(192, 0, 2, 5) };
    routes.now = 1000;
    expect([routes.payloadBytes(four), routes.sourceFor(four)]).toEqual([1272, four.local]);
    way = undefined;
    routes.now = 2000;
    expect([routes.payloadBytes(four), routes.sourceFor(four)]).toEqual([1272, four.local]);
  });

  it("forget a source address that the kernel refused, for as long as the peer speaks to no other", () => {
    const routes = new RouteCache(() => ({ mtuBytes: 1500, source: Uint8Array.of(192, 0, 2, 5) }));
    expect(routes.sourceFor(four)).toEqual(four.local);
    routes.refuseSource(four);
    routes.now = 5000;
    expect(routes.sourceFor(four)).toBeUndefined();
    expect(routes.sourceFor({ ...four })).toEqual(four.local);
  });
});

describe("what comes beside a message", () => {
  const control = (...parts: [level: number, kind: number, ...data: number[]][]): Uint8Array =>
    Uint8Array.from(
      parts.flatMap(([level, kind, ...data]) => {
        const head = [...new Uint8Array(Uint32Array.of(16 + data.length, 0, level, kind).buffer)];
        return [...head, ...data, ...new Array((8 - (data.length % 8)) % 8).fill(0)];
      }),
    );
  function read(bytes: Uint8Array): ReceivedControl {
    const into = { segmentBytes: 7, localAt: 7 };
    readControl(new DataView(bytes.buffer), 0, bytes.length, into);
    return into;
  }
  const pktinfo4 = [0, 8, 2, 0, 0, 0, 192, 0, 2, 9, 192, 0, 2, 10] as [number, number, ...number[]];
  const pktinfo6 = [41, 50, ...new Array<number>(16).fill(5), 3, 0, 0, 0] as [number, number, ...number[]];

  it.each([
    ["nothing", control(), { segmentBytes: 0, localAt: -1 }],
    ["a joined message", control([17, 104, 0xb0, 4, 0, 0]), { segmentBytes: 1200, localAt: -1 }],
    ["an address", control(pktinfo4), { segmentBytes: 0, localAt: 20 }],
    ["both", control([17, 104, 0xb0, 4, 0, 0], pktinfo4), { segmentBytes: 1200, localAt: 44 }],
    ["both, IPv6", control([17, 104, 0xb0, 4, 0, 0], pktinfo6), { segmentBytes: 1200, localAt: 40 }],
    ["something else first", control([1, 29, 1, 2, 3], pktinfo6), { segmentBytes: 0, localAt: 40 }],
    ["a part of no length", new Uint8Array(32), { segmentBytes: 0, localAt: -1 }],
  ])("%s", (_what, bytes, expected) => {
    expect(read(bytes)).toEqual(expected);
  });
});
