import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { waitFor } from "../../lab/world/command.ts";
import { place } from "../../lab/world/place.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { commandObstacle } from "../../support/netns.ts";
import { AwgInWorld } from "../awg-in-world.ts";
import { useJudgedWorld } from "../judged-world.ts";
import { PingStream } from "../ping-stream.ts";
import { firstApplyKilledAt } from "../recovery/killed/crash.ts";
import { ClearCounter, QuickTunnel } from "./quick-world.ts";

// A machine that Debian's wg-quick set up (wireguard-go, the rules of fwmark 51820, its nft tables) is taken over by awg.

const reason = whyNoLab() ?? commandObstacle("wg-quick", "ping");
const title = `adopting a tunnel of wg-quick${reason === undefined ? "" : ` (skipped: ${reason})`}`;
const limitMs = 180_000;
/** Of an apply's fsync calls one at which the device is taken over, and what wg-quick set up around it stands yet. */
const fsyncBehindTheDevice = 14;

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

  test("laws 5, 6: an adoption that is not confirmed restores wg-quick's state exactly", async () => {
    const { world, tunnel, awg, config } = await quickMachine("0.0.0.0/0, ::/0", "r");
    const before = await tunnel.state();
    const clear = await ClearCounter.begin(world);
    await using stream = await PingStream.begin(world, place.v4.echo);
    await awg.run("apply", "-f", config, "--auto-approve", "--confirm-within", "1s");
    await waitFor("the old state", async () => (await tunnel.state()) === before, limitMs, 200);
    expect(await clear.packets()).toBe(0);
    expect((await stream.end()).lost).toBe(0);
    expect(await awg.must("status", "--json")).not.toContain('"link/office"');
  });

  test("law 6: all traffic through the tunnel: no packet lost, none in the clear, the second plan empty", async () => {
    const { world, tunnel, awg, config } = await quickMachine("0.0.0.0/0, ::/0", "q");
    const clear = await ClearCounter.begin(world);
    await using stream = await PingStream.begin(world, place.v4.echo);
    const plan = await awg.must("plan", "-f", config);
    for (const step of ["@ link/office", "@ tunnel/office", "+ routes/office"]) expect(plan).toContain(step);
    await awg.apply(config);
    expect(await awg.must("plan", "-f", config)).toContain("No changes");
    const { sent, lost } = await stream.end();
    expect([lost, await clear.packets()]).toEqual([0, 0]);
    expect(sent).toBeGreaterThan(20);
    const state = await tunnel.state();
    expect(state).toContain("alias awg:office");
    expect(state).not.toMatch(/51820|0xca6c|from all lookup main suppress_prefixlength/);
    await survivesItsKeeper(awg, tunnel, config);
    await awg.must("destroy", "--auto-approve");
    expect(await tunnel.state()).not.toMatch(new RegExp(`dev ${tunnel.device} |${tunnel.device}: <`));
    expect(await clear.packets()).toBe(0);
  });

  /** The keeper that took the device over dies: the next one takes it, and the engine that still runs, over again. */
  async function survivesItsKeeper(awg: AwgInWorld, tunnel: QuickTunnel, config: string): Promise<void> {
    const engine = (await awg.processes()).find(({ command }) => command === `wireguard-go ${tunnel.device}`);
    const keeper = (await awg.processes()).find(({ command }) => command.includes(" keeper "));
    if (engine === undefined || keeper === undefined) throw new Error("engine or keeper does not run");
    process.kill(keeper.pid, "SIGKILL");
    await awg.apply(config);
    expect(await awg.must("plan", "-f", config)).toContain("No changes");
    expect((await awg.processes()).map(({ pid }) => pid)).toContain(engine.pid);
  }

  test("law 5: a destroy after a killed adoption restores wg-quick's state exactly", async () => {
    const { tunnel, awg, config } = await quickMachine("0.0.0.0/0, ::/0", "k");
    const before = await tunnel.state();
    expect(await firstApplyKilledAt(awg, config, "fsync", fsyncBehindTheDevice)).toBe(true);
    expect(await tunnel.state()).toMatch(/alias awg:office/);
    expect(await tunnel.state()).toMatch(/suppress_prefixlength/);
    const { status, stdout, stderr } = await awg.run("destroy", "--auto-approve");
    expect(status).toBe(0);
    expect(stdout).toContain("The host's own settings are restored");
    expect(`${stdout}${stderr}`).toContain(`${tunnel.device} goes back to the program that made it`);
    expect(await tunnel.state()).toBe(before);
    expect(await awg.must("status")).toContain("Nothing is applied on this host");
  });

  test("law 6: some traffic through the tunnel: a conflict names the owner until adoption is allowed", async () => {
    const { world, tunnel, awg, config } = await quickMachine("10.8.0.0/24", "p");
    const asserting = join(dirname(config), "asserting.yaml");
    const text = readFileSync(config, "utf8").replace("/link/office/device: adopt", "/link/office/device: assert");
    writeFileSync(asserting, text, { mode: 0o600 });
    const before = await tunnel.state();
    const { status, stderr } = await awg.run("apply", "-f", asserting, "--auto-approve");
    expect(stderr).toMatch(/link\/office is held by wireguard-go \(process \d+\)/);
    expect(status).toBe(8);
    expect(await tunnel.state()).toBe(before);
    await using stream = await PingStream.begin(world, place.v4.tunnelServer);
    await awg.apply(config);
    expect(await awg.must("plan", "-f", config)).toContain("No changes");
    expect((await stream.end()).lost).toBe(0);
    expect(await tunnel.state()).not.toContain(`10.8.0.0/24 dev ${tunnel.device} scope`);
  });
});
