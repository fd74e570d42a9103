import { describe, expect, test } from "vitest";
import { REPLAY_WINDOW } from "../../../src/engine/constants.ts";
import { ReplayWindow } from "../../../src/engine/core/table/replay-window.ts";
import { createDevice } from "../../../src/engine/create-device.ts";
import { NOBLE_CRYPTO } from "../../../src/engine/crypto/noble.ts";
import type { Device, Output } from "../../../src/engine/device.ts";
import { PLAIN_WIRE } from "../../../src/engine/wire/plain.ts";
import { parsePrefix } from "../../../src/model/prefix.ts";
import { SeededSources } from "../support/sources.ts";

describe("what the gaps of counters show", () => {
  test("late messages are no loss, doubled ones are no gain", () => {
    const window = new ReplayWindow();
    expect(window.arrivals).toEqual({ expected: 0, accepted: 0 });
    for (const counter of [0, 1, 4, 3, 3, 9]) window.accept(counter);
    expect(window.arrivals).toEqual({ expected: 10, accepted: 5 });
    window.accept(2);
    expect(window.arrivals).toEqual({ expected: 10, accepted: 6 });
    window.accept(9 + REPLAY_WINDOW + 1);
    window.accept(5);
    expect(window.arrivals).toEqual({ expected: REPLAY_WINDOW + 11, accepted: 7 });
  });
});

describe("what a device measures of a peer", () => {
  const keys = [1, 2].map((seed) => new Uint8Array(32).fill(seed));
  const publicKeys = keys.map((key) => NOBLE_CRYPTO.publicKey(key));
  const endpoint = (last: number) => ({ address: Uint8Array.of(192, 0, 2, last), port: 51_820, scope: 0 });
  const everything = [parsePrefix("0.0.0.0/0")].filter((prefix) => prefix !== undefined);
  const packet = Uint8Array.from([0x45, 0, 0, 20, ...new Array(8).fill(0), 10, 0, 0, 1, 10, 0, 0, 2]);

  function device(self: 0 | 1): Device {
    return createDevice(
      {
        privateKey: (keys[self] as Uint8Array).slice(),
        wire: PLAIN_WIRE,
        mtuBytes: 1420,
        peers: [
          { publicKey: publicKeys[1 - self] as Uint8Array, endpoint: endpoint(2 - self), allowedIPs: everything },
        ],
      },
      { crypto: NOBLE_CRYPTO, sources: new SeededSources(self + 7) },
    );
  }

  const datagrams = (outputs: readonly Output[]) =>
    outputs.flatMap((one) => (one.kind === "datagram" ? [one.bytes] : []));
  const statsOf = (one: Device) => {
    const [peer] = one.peers();
    if (peer === undefined) throw new Error("no peer");
    return peer.stats;
  };

  test("the round trip of a handshake that it began, and how much of what was sent came", () => {
    const [a, b] = [device(0), device(1)];
    const [first] = datagrams(a.send(packet, 1000));
    expect(statsOf(a)).toMatchObject({ roundTripMs: undefined, handshakeAttempts: 1 });
    // Lost; the retry is answered, and only its own wait counts.
    expect(first?.length).toBe(148);
    const retryAt = a.nextDeadline();
    const [initiation] = datagrams(a.tick(retryAt));
    const [response] = datagrams(b.receive(initiation as Uint8Array, endpoint(1), retryAt + 20));
    const [data] = datagrams(a.receive(response as Uint8Array, endpoint(2), retryAt + 41));
    expect(statsOf(a)).toMatchObject({ roundTripMs: 41, handshakeAttempts: 0 });
    expect(statsOf(b).roundTripMs).toBeUndefined();

    b.receive(data as Uint8Array, endpoint(1), retryAt + 60);
    const sent = Array.from({ length: 9 }, () => datagrams(a.send(packet, retryAt + 100))[0] as Uint8Array);
    for (const one of sent.slice(3)) b.receive(one, endpoint(1), retryAt + 120);
    expect(statsOf(b)).toMatchObject({ expectedMessages: 10, acceptedMessages: 7 });
    expect(statsOf(a)).toMatchObject({ expectedMessages: 0, acceptedMessages: 0 });
  });
});
