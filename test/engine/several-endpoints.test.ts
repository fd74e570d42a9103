import { describe, expect, test } from "vitest";
import type { Device, PeerConfig } from "../../src/engine/device.ts";
import type { Endpoint } from "../../src/engine/endpoint.ts";
import { deviceConfig, endpoint, innerPacket, numberIn, prefix, publicKeyOf, World } from "./support/link.ts";

const INITIATION_BYTES = 148;
const SERVER = publicKeyOf(2);
const [W, X, Y, Z] = [endpoint(19), endpoint(20), endpoint(21), endpoint(22)];

function server(endpoints: readonly Endpoint[], more: Partial<PeerConfig> = {}): PeerConfig {
  const [first] = endpoints;
  if (first === undefined) throw new Error("no endpoint");
  return { publicKey: SERVER, endpoint: first, endpoints, allowedIPs: [prefix("10.0.0.2/32")], ...more };
}

/** A client that knows the server at several addresses; it answers at those of `reached`. */
class Lab {
  readonly world = new World(11);
  readonly client: Device;
  #number = 0;

  constructor(endpoints: readonly Endpoint[], reached: readonly Endpoint[]) {
    this.client = this.world.add("1", deviceConfig(1, [], { peers: [server(endpoints)] }), endpoint(1));
    const [at = endpoint(99)] = reached;
    this.world.add("2", { ...deviceConfig(2, [1]) }, at);
    this.reach(...reached);
  }

  /** From now on the server is reached at these addresses alone. */
  reach(...reached: readonly Endpoint[]): void {
    for (const name of this.world.devices.keys()) if (name.startsWith("2 at ")) this.world.devices.delete(name);
    const { device, sources } = this.world.of("2");
    this.world.move("2", reached[0] ?? endpoint(99));
    for (const [index, at] of reached.slice(1).entries()) {
      this.world.devices.set(`2 at ${index}`, { device, sources, at });
    }
  }

  send(): void {
    this.#number += 1;
    this.world.send("1", innerPacket(1, 2, this.#number));
  }

  /** When each initiation left since `from`, and the last byte of where it went. */
  initiations(from = 0): [number, number | undefined][] {
    return this.world.sent
      .filter(({ at, from: name, bytes }) => at >= from && name === "1" && bytes.length === INITIATION_BYTES)
      .map(({ at, to }) => [at - from, to.address[3]]);
  }

  get arrived(): number[] {
    return this.world.delivered.filter(({ to }) => to !== "1").map(({ bytes }) => numberIn(bytes));
  }

  get at(): number | undefined {
    return this.client.peerByKey(SERVER)?.endpoint?.address[3];
  }
}

describe("a peer that may be at several addresses (RFC 8305 section 5)", () => {
  test("only the first is asked while it answers", () => {
    const lab = new Lab([X, Y, Z], [X]);
    lab.send();
    lab.world.runFor(3_000);
    expect(lab.initiations(1_000)).toEqual([[0, 20]]);
    expect(lab.arrived).toEqual([1]);
  });

  test("the next is asked after a quarter of a second, and where the answer comes from, there the peer is", () => {
    const lab = new Lab([X, Y, Z], [Z]);
    lab.send();
    lab.world.runFor(1_000);
    expect(lab.initiations(1_000)).toEqual([
      [0, 20],
      [250, 21],
      [500, 22],
    ]);
    expect(lab.arrived).toEqual([1]);
    expect(lab.at).toBe(22);
    expect(lab.world.events.map(({ event }) => event)).toContain("roamed");
    // One millisecond each way: the time that others were waited for is none of the round trip.
    expect(lab.client.peerByKey(SERVER)?.stats.roundTripMs).toBe(2);
    expect(lab.client.peerByKey(SERVER)?.stats.handshakeAttempts).toBe(0);
  });

  test("a server that two addresses lead to makes one session, at the one that came first", () => {
    const lab = new Lab([X, Y], [X, Y]);
    lab.world.faults = { loss: 0, duplication: 0, minDelay: 300, maxDelay: 300 };
    lab.send();
    lab.world.runFor(2_000);
    expect(lab.arrived).toEqual([1]);
    expect(lab.at).toBe(20);
    expect(lab.world.of("2").device.counters.replayedHandshake).toBe(1);
  });

  test("each repetition begins with another address: a path that loses answers does not hold up the other", () => {
    const lab = new Lab([X, Y], [X, Y]);
    // What the server sends from X is lost; it takes the first of two equal initiations, which comes there.
    lab.world.onFlight = (bytes, name) => (name === "2" ? undefined : bytes);
    lab.send();
    lab.world.runFor(4_000);
    expect(lab.arrived).toEqual([]);
    lab.world.runFor(2_000);
    expect(lab.arrived).toEqual([1]);
    expect(lab.at).toBe(21);
  });

  test.each([
    [[X, Y, Z], Z, 12],
    [[W, X, Y, Z], Z, 17],
    [[W, X, Y, Z], Y, 12],
  ])("one of several paths works in both directions, and there is always something to send", (all, good, seconds) => {
    const lab = new Lab(all, all);
    const deaf = all.filter((one) => one !== good);
    // The server takes the first of equal initiations and answers it from where it came to.
    const names = [...lab.world.devices].filter(([name, { at }]) => name !== "1" && deaf.includes(at));
    lab.world.onFlight = (bytes, from) => (names.some(([name]) => name === from) ? undefined : bytes);
    for (let step = 0; step < seconds * 2; step += 1) {
      lab.send();
      lab.world.runFor(500);
    }
    expect(lab.at).toBe(good.address[3]);
    expect(lab.arrived.at(-1)).toBe(seconds * 2);
  });

  test("a renewal without an answer queries the rest, though packets go on over the session", () => {
    const lab = new Lab([X, Y], [X]);
    lab.send();
    lab.world.runFor(121_000);
    lab.reach(Y);
    const renewal = lab.world.now;
    for (let second = 0; second < 10; second += 1) {
      lab.send();
      lab.world.runFor(1_000);
    }
    expect(lab.initiations(renewal).map(([, to]) => to)).toEqual([20, 21]);
    expect(lab.at).toBe(21);
  });

  test("a new list is begun from its front, however often the former one was asked", () => {
    const lab = new Lab([X, Y], []);
    lab.send();
    lab.world.runFor(7_000);
    const put = lab.world.now;
    lab.world.take("1", lab.client.setPeer(server([Z, W]), put));
    lab.world.runFor(1_000);
    expect(lab.initiations(put)).toEqual([
      [0, 22],
      [250, 19],
    ]);
  });

  test("while a session carries the packets its renewal queries one address; without an answer, the rest", () => {
    const lab = new Lab([X, Y], [X]);
    lab.send();
    lab.world.runFor(121_000);
    const renewal = lab.world.now;
    lab.reach(Y);
    lab.send();
    lab.world.runFor(1_000);
    expect(lab.initiations(renewal)).toEqual([[0, 20]]);
    lab.world.runFor(5_000);
    const [, ...repeated] = lab.initiations(renewal);
    expect(repeated.map(([, to]) => to)).toEqual([21]);
    expect(lab.at).toBe(21);
  });

  test("a server that moves is found without help when its session falls silent", () => {
    const lab = new Lab([X, Y, Z], [X]);
    lab.send();
    lab.world.runFor(1_000);
    lab.reach(Z);
    for (let second = 0; second < 30; second += 1) {
      lab.send();
      lab.world.runFor(1_000);
    }
    expect(lab.at).toBe(22);
    expect(lab.arrived.at(-1)).toBe(31);
  });

  test("a peer that is at one of its addresses is not moved by a list that still has it, and is by one that has not", () => {
    const lab = new Lab([X, Y], [Y]);
    lab.send();
    lab.world.runFor(1_000);
    expect(lab.at).toBe(21);
    const put = (peer: PeerConfig) => lab.world.take("1", lab.client.setPeer(peer, lab.world.now));
    put({ ...server([X, Z, Y]), endpoint: X });
    expect(lab.at).toBe(21);
    put({ ...server([Z]), endpoint: X });
    expect(lab.at).toBe(22);
    lab.reach(Z);
    lab.world.runFor(1_000);
    lab.send();
    lab.world.runFor(1_000);
    expect(lab.arrived).toEqual([1, 2]);
  });

  test("no address is queried once it was given up, and none twice when the list has the endpoint twice", () => {
    const lab = new Lab([X, X, Y], []);
    lab.send();
    lab.world.runFor(200_000);
    const sent = lab.initiations(1_000);
    expect(sent.slice(0, 2)).toEqual([
      [0, 20],
      [250, 21],
    ]);
    expect(lab.world.events.map(({ event }) => event)).toEqual(["unanswered"]);
    expect(lab.client.nextDeadline() - lab.world.now).toBeGreaterThan(60_000);
    expect(sent.length % 2).toBe(0);
  });
});
