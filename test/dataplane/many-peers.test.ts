import { expect, it } from "vitest";
import type { PeerChange } from "../../src/dataplane/contract.ts";
import { parsePrefix } from "../../src/model/prefix.ts";
import { innerPacket } from "./darwin/utun-pair.ts";
import { at, peerOf, START_MS, settingsOf, startEngines, until } from "./support/engines.ts";

const MANY = 1000;

/** A public key that nobody has. */
function keyOf(number: number): Uint8Array {
  const publicKey = new Uint8Array(32).fill(9);
  new DataView(publicKey.buffer).setUint32(0, number);
  return publicKey;
}

/** A peer with that key and one address. */
function added(number: number): PeerChange[] {
  const publicKey = keyOf(number);
  const add = [parsePrefix(`10.9.${number >> 8}.${number & 255}/32`)].flatMap((prefix) => prefix ?? []);
  return [
    { kind: "set", settings: { publicKey }, movesBack: false },
    { kind: "prefixes", publicKey, add, remove: [] },
  ];
}

it.skipIf(process.platform !== "linux")(
  "a tunnel gets and loses 1,000 peers in slices; the session of another stays, and its prefixes",
  async () => {
    const [near, far] = await startEngines();
    await using _near = near;
    await using _far = far;
    const [mine, theirs] = [near.device(), far.device()];
    const { listenPort: port } = await far.plane.addTunnel({
      ...settingsOf(2, [peerOf(1)]),
      name: "b",
      tunFd: theirs.fd,
    });
    await near.plane.addTunnel({ ...settingsOf(1, [peerOf(2, at(port))]), name: "a", tunFd: mine.fd });
    const through = async (number: number) => {
      mine.give(innerPacket(4, number, 200));
      await until("a packet", () => theirs.take());
    };
    await through(1);
    const numbers = Array.from({ length: MANY }, (_, number) => number);
    await far.plane.changePeers("b", numbers.flatMap(added));
    const { allowedIPs: _same, ...settings } = peerOf(1);
    await far.plane.changePeers("b", [{ kind: "set", settings, movesBack: false }]);
    const peers = async () => (await far.plane.observe()).tunnels[0]?.peers ?? [];
    expect((await peers()).length).toBe(1 + MANY);
    await through(2);
    await far.plane.changePeers(
      "b",
      numbers.map((number) => ({ kind: "remove", publicKey: keyOf(number) })),
    );
    await through(3);
    const [left, ...others] = await peers();
    expect(others).toEqual([]);
    expect(left).toMatchObject({ handshakeAttempts: 0, acceptedMessages: expect.toSatisfy((count) => count >= 3) });
    expect(left?.allowedIPs).toHaveLength(2);
  },
  START_MS,
);
