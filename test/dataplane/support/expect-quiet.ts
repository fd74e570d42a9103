import { expect } from "vitest";
import { peerOf, settingsOf, startEngine, until } from "./engines.ts";
import { wanderingPeer } from "./wandering-peer.ts";

const [ENGINE, PEER] = [1, 2];
const WARM_UP = 2000;

/** Lets a wandering peer send so many packets, and expects that the engine tells of it once a second at the most. */
export async function expectQuiet(packets: number): Promise<{ readonly moves: number; readonly grownBytes: number }> {
  await using engine = await startEngine();
  const device = engine.device();
  const settings = settingsOf(ENGINE, [peerOf(PEER)]);
  const { listenPort } = await engine.plane.addTunnel({ ...settings, name: "a", tunFd: device.fd });
  const began = performance.now();
  using peer = await wanderingPeer(PEER, ENGINE, listenPort);
  await peer.send(WARM_UP);
  const before = process.memoryUsage().rss;
  await peer.send(packets);
  await until("the last packets", async () => {
    const count = async () => (await engine.plane.observe()).tunnels[0]?.counters["udpReceiveDatagrams"] ?? 0;
    const now = await count();
    await new Promise((resume) => setTimeout(resume, 100));
    return now > 0 && (await count()) === now ? true : undefined;
  });
  const grownBytes = process.memoryUsage().rss - before;
  const seconds = (performance.now() - began) / 1000;
  const moves = engine.events.filter(({ kind }) => kind === "roamed").length;
  expect(moves).toBeLessThanOrEqual(Math.ceil(seconds) + 1);
  return { moves, grownBytes };
}
