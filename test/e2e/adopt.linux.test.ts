import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { place } from "../lab/world/place.ts";
import { whyNoLab } from "../lab/world/why-no-lab.ts";
import { commandObstacle } from "../support/netns.ts";
import { AwgInWorld } from "./awg-in-world.ts";
import { useJudgedWorld } from "./judged-world.ts";
import { PingStream } from "./ping-stream.ts";
import { ClearCounter, QuickTunnel } from "./quick-world.ts";

// A machine that Debian's wg-quick set up (wireguard-go, the rules of fwmark 51820, its nft tables) is taken over by awg.

const reason = whyNoLab() ?? commandObstacle("wg-quick", "ping");
const title = `adopting a tunnel of wg-quick${reason === undefined ? "" : ` (skipped: ${reason})`}`;

describe.skipIf(reason !== undefined)(title, { timeout: 400_000 }, () => {
  const judged = useJudgedWorld();
  const used: AsyncDisposable[] = [];
  afterEach(async () => {
    for (const one of used.splice(0).toReversed()) await one[Symbol.asyncDispose]();
  });

  async function quickMachine(allowedIPs: string, label: string) {
    const { world, keys, first } = judged();
    const tunnel = await QuickTunnel.up(world, keys, first, allowedIPs, label);
    used.push(tunnel);
    const awg = new AwgInWorld(world, keys);
    used.push(awg);
    const config = join(dirname(tunnel.conf), "awg.yaml");
    await awg.must("import", tunnel.conf, "--adopt", "--name", "office", "--out", config);
    return { world, tunnel, awg, config };
  }

  test("law 6: everything through the tunnel: no packet lost, none in the clear, the second plan empty", async () => {
    const { world, tunnel, awg, config } = await quickMachine("0.0.0.0/0, ::/0", "q");
    const clear = await ClearCounter.begin(world);
    await using stream = await PingStream.begin(world, place.v4.echo);
    const plan = await awg.must("plan", "-f", config);
    expect(plan).toContain("@ link/office");
    await awg.apply(config);
    const again = await awg.must("plan", "-f", config);
    const { sent, lost } = await stream.end();
    expect(again).toContain("No changes");
    expect([lost, await clear.packets()]).toEqual([0, 0]);
    expect(sent).toBeGreaterThan(20);
    const state = await tunnel.state();
    expect(state).toContain("alias awg:office");
    expect(state).not.toContain("51820");
  });
});
