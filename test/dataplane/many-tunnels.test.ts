import { closeSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TunnelObservation } from "../../src/dataplane/contract.ts";
import { innerPacket, type UtunPair, utunPair } from "./darwin/utun-pair.ts";
import {
  at,
  type Engine,
  peerOf,
  publicKeyOf,
  START_MS,
  settingsOf,
  startEngine,
  startEngines,
  until,
} from "./support/engines.ts";

const isLinux = process.platform === "linux";
const MOST = 64;
const NEAR = 100;
const FAR = 300;
/** The kernel sends nothing there (EACCES) by a socket that is not for broadcasts (ip(7)). */
const NOBODY = Uint8Array.of(255, 255, 255, 255);

interface Link {
  readonly near: UtunPair;
  readonly far: UtunPair;
  readonly port: number;
}

describe.skipIf(!isLinux)(`many tunnels in one data plane${isLinux ? "" : " (needs Linux)"}`, () => {
  let near: Engine;
  let far: Engine;
  const links: Link[] = [];

  beforeAll(async () => {
    [near, far] = await startEngines();
    for (let number = 0; number < MOST; number += 1) links.push(await link(number));
  }, START_MS);
  afterAll(async () => {
    await near?.[Symbol.asyncDispose]();
    await far?.[Symbol.asyncDispose]();
  }, START_MS);

  async function link(number: number): Promise<Link> {
    const [mine, theirs] = [near.device(), far.device()];
    const open = { ...settingsOf(FAR + number, [peerOf(NEAR + number)]), name: `far ${number}`, tunFd: theirs.fd };
    const { listenPort: port } = await far.plane.addTunnel(open);
    await openNear(number, mine.fd, port);
    return { near: mine, far: theirs, port };
  }
  const openNear = (number: number, tunFd: number, port: number): Promise<TunnelObservation> =>
    near.plane.addTunnel({
      ...settingsOf(NEAR + number, [peerOf(FAR + number, at(port))]),
      name: `near ${number}`,
      tunFd,
    });

  /** A packet of each of these tunnels comes out at its other end; no other's does. */
  async function carry(numbers: readonly number[], mark: number): Promise<void> {
    for (const number of numbers) links[number]?.near.give(innerPacket(4, mark * 1000 + number, 200));
    for (const number of numbers) {
      const came = await until(`a packet of tunnel ${number}`, () => links[number]?.far.take());
      expect(new DataView(came.packet.buffer).getUint32(28)).toBe(mark * 1000 + number);
    }
  }

  it("each carry their own, sixty-four at once, and there is no room for another", async () => {
    const all = [...links.keys()];
    for (let round = 1; round <= 5; round += 1) await carry(all, round);
    const one = openNear(MOST, 0, 9);
    await expect(one).rejects.toMatchObject({ kind: "unsupported" });
  });

  it("go on under load when one is removed, one has a dead device, one a dead peer and one a machine that reads nothing", async () => {
    const [removed, dead, silent, full, ...others] = links.keys();
    const end = utunPair({ isEnded: true });
    try {
      await near.plane.remove(`near ${removed}`);
      await near.plane.remove(`near ${dead}`);
      await openNear(dead as number, end.fd, links[dead as number]?.port ?? 0);
      await near.plane.configure(
        `near ${silent}`,
        settingsOf(NEAR + (silent as number), [peerOf(FAR + (silent as number), at(9, NOBODY))]),
      );
      const load = setInterval(() => {
        for (const number of [silent, full] as number[]) {
          for (let burst = 0; burst < 20; burst += 1) links[number]?.near.give(innerPacket(4, burst, 1400));
        }
      }, 2);
      try {
        for (let round = 11; round <= 16; round += 1) await carry(others, round);
        await until("the dead device is told", () => near.events.find(({ kind }) => kind === "device-gone"));
        const refused = await until("the dead peer is told", () =>
          near.events.find((event) => event.kind === "send-refused" && event.tunnel === `near ${silent}`),
        );
        expect(refused).toMatchObject({ errno: "EACCES", endpoint: { port: 9 } });
        await until("the full device is felt", async () => {
          const { tunnels } = await far.plane.observe();
          return tunnels.find(({ name }) => name === `far ${full}`)?.counters["tunWriteDropped"] || undefined;
        });
        await carry(others, 17);
      } finally {
        clearInterval(load);
      }
      await openNear(removed as number, links[removed as number]?.near.fd ?? -1, links[removed as number]?.port ?? 0);
      await carry([removed as number, ...others], 18);
      expect(near.events.map(({ kind }) => kind)).not.toContain("crashed");
    } finally {
      await near.plane.remove(`near ${dead}`);
      closeSync(end.fd);
    }
  });

  it("hold up no peer of the same tunnel: one that is dead and one that never reads beside one that is served", async () => {
    const live = links.at(-1) as Link;
    const number = MOST - 1;
    const prefixes = (last: number) => [`10.77.${last}.0/24`];
    const deaf = await startEngine();
    try {
      const deafDevice = deaf.device();
      const { listenPort } = await deaf.plane.addTunnel({
        ...settingsOf(500, [peerOf(NEAR + number)]),
        name: "deaf",
        tunFd: deafDevice.fd,
      });
      await near.plane.configure(
        `near ${number}`,
        settingsOf(NEAR + number, [
          peerOf(FAR + number, at(live.port), prefixes(0)),
          peerOf(500, at(listenPort), prefixes(1)),
          peerOf(501, at(9, NOBODY), prefixes(2)),
        ]),
      );
      const to = (last: number, mark: number) => {
        const packet = innerPacket(4, mark, 1000);
        packet[18] = last;
        return packet;
      };
      let came = 0;
      for (let mark = 0; mark < 120; mark += 1) {
        for (const last of [1, 2, 1, 2]) live.near.give(to(last, mark));
        await until("room for a packet", () => live.near.give(to(0, mark)) || undefined);
        const { packet } = await until("the live peer's packet", () => live.far.take());
        came += new DataView(packet.buffer).getUint32(28) === mark ? 1 : 0;
      }
      expect(came).toBe(120);
      const { tunnels } = await near.plane.observe();
      const peers = tunnels.find(({ name }) => name === `near ${number}`)?.peers ?? [];
      const sent = (of: number) =>
        peers.find(({ publicKey }) => Buffer.compare(publicKey, publicKeyOf(of)) === 0)?.sentBytes ?? 0;
      expect(sent(500)).toBeGreaterThan(50_000);
      expect(deafDevice.take()).toBeDefined();
    } finally {
      await deaf[Symbol.asyncDispose]();
    }
  });
});
