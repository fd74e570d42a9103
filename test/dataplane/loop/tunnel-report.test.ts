import { describe, expect, it } from "vitest";
import type { PlaneEvent } from "../../../src/dataplane/contract.ts";
import { TunnelReport } from "../../../src/dataplane/loop/tunnel-report.ts";
import type { Peer } from "../../../src/engine/device.ts";

const peerOf = (last: number) => ({ publicKey: new Uint8Array(32).fill(last), endpoint: undefined }) as Peer;
const endpoint = { address: Uint8Array.of(192, 0, 2, 1), port: 1, scope: 0 };

function reporting() {
  const reported: PlaneEvent[] = [];
  const report = new TunnelReport("t", 10_000, (event) => reported.push(event));
  return { report, reported, kinds: () => reported.splice(0).map(({ kind }) => kind) };
}

describe("what a tunnel reports", () => {
  it("is limited to one event per second, peer and kind, from the first moment on", () => {
    const { report, reported, kinds } = reporting();
    const [one, other] = [peerOf(1), peerOf(2)];
    report.now = 0;
    for (let times = 0; times < 3; times += 1) {
      for (const peer of [one, other]) report.peer(peer, "roamed");
      report.peer(one, "handshake");
    }
    expect(reported).toHaveLength(3);
    expect(kinds()).toEqual(["roamed", "roamed", "handshake"]);
    report.now = 999;
    report.peer(one, "roamed");
    expect(kinds()).toEqual([]);
    report.now = 1000;
    for (let times = 0; times < 2; times += 1) report.peer(one, "roamed");
    expect(reported).toEqual([{ kind: "roamed", tunnel: "t", publicKey: one.publicKey }]);
  });

  it("is limited to one refusal per second and errno, separately for sending and the device", () => {
    const { report, reported, kinds } = reporting();
    for (let times = 0; times < 2; times += 1) {
      report.sendRefused(endpoint, "EIO");
      report.sendRefused(undefined, "EPERM");
      report.deviceRefused("EIO");
    }
    expect(reported.map((event) => ["errno" in event && event.errno, "endpoint" in event && event.endpoint])).toEqual([
      ["EIO", endpoint],
      ["EPERM", false],
      ["EIO", false],
    ]);
    expect(kinds()).toEqual(["send-refused", "send-refused", "device-refused"]);
    report.now += 1000;
    report.deviceRefused("EIO");
    expect(kinds()).toEqual(["device-refused"]);
  });
});
