import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { arpOf, neighbourDiscoveryOf } from "./judge/exception.ts";
import { renderJudgement } from "./judge/judge.ts";
import { judgedRun } from "./judged-run.ts";
import { HandMadeTunnel } from "./subjects/hand-made-tunnel.ts";
import { place } from "./world/place.ts";
import { whyNoLab } from "./world/why-no-lab.ts";
import { type KeyPair, newKeyPair, type Server, startServer } from "./world/wireguard.ts";
import { World } from "./world/world.ts";

// Zero leaks in n disturbances bounds the true rate at 3/n with 95 % confidence: the long form plays a thousand.

const reason = whyNoLab();
const disturbances = 1000;

describe.skipIf(reason !== undefined)(
  `the leak lab at length${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  () => {
    let world: World;
    let keys: KeyPair;
    let server: Server;

    beforeAll(async () => {
      world = await World.open();
      keys = await newKeyPair();
      server = await startServer(world, "first", keys);
    }, 120_000);

    afterAll(async () => {
      await world?.[Symbol.asyncDispose]();
    });

    test("law 1: a careful kill switch passes a thousand replacements", { timeout: 3_600_000 }, async () => {
      const setUp = async (): Promise<HandMadeTunnel> => {
        const tunnel = new HandMadeTunnel(world, server, { killSwitch: true });
        await tunnel.up(keys);
        return tunnel;
      };
      const disturb = async (tunnel: HandMadeTunnel): Promise<void> => {
        for (let time = 0; time < disturbances; time += 1) await tunnel.loadPolicy();
      };
      const expectation = {
        endpoints: [{ address: server.address4, port: server.port }],
        wire: "wireguard" as const,
        exceptions: [arpOf([place.v4.client]), neighbourDiscoveryOf([place.v6.client])],
        leastTunnelPackets: disturbances,
      };
      const judgement = await judgedRun(world, expectation, { setUp, disturb, session: { pauseMs: 5 } });
      expect(judgement.outcome, renderJudgement(judgement)).toBe("pass");
    });
  },
);
