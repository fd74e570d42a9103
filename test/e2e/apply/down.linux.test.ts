import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { tryRun, waitFor } from "../../lab/world/command.ts";
import { place } from "../../lab/world/place.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { AwgInWorld } from "../awg-in-world.ts";
import { useJudgedWorld } from "../judged-world.ts";

const reason = whyNoLab();

describe.skipIf(reason !== undefined)(
  `awg down and awg up${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  { timeout: 180_000 },
  () => {
    const judged = useJudgedWorld();
    const program = useBuiltProgram();
    let awg: AwgInWorld;
    let daemon: ChildProcess | undefined;

    beforeEach(() => {
      const { world, keys } = judged();
      awg = new AwgInWorld(world, keys, program());
    });
    afterEach(async () => {
      if (daemon !== undefined && daemon.exitCode === null) {
        daemon.kill("SIGTERM");
        await new Promise((resolve) => daemon?.once("exit", resolve));
      }
      daemon = undefined;
      await awg[Symbol.asyncDispose]();
    });

    async function reaches(address: string): Promise<boolean> {
      const ping = ["ip", "netns", "exec", judged().world.namespace("client"), "ping", "-c1", "-W1", address];
      return (await tryRun(ping)).status === 0;
    }

    /** How a ping to the internet leaves. */
    async function path(): Promise<"tunnel" | "direct" | "nowhere"> {
      if (!(await reaches(place.v4.echo))) return "nowhere";
      const route = await judged().world.inside("client", ["ip", "route", "get", place.v4.echo]);
      return route.includes(`dev ${awg.device}`) ? "tunnel" : "direct";
    }

    async function startDaemon(config: string): Promise<() => string> {
      const [command = "", ...rest] = awg.argv("daemon", "--foreground", "-f", config);
      const child = spawn(command, rest, { stdio: ["ignore", "ignore", "pipe"] });
      daemon = child;
      let log = "";
      child.stderr.setEncoding("utf8").on("data", (text: string) => (log += text));
      await waitFor("the daemon", () => log.includes("in sync"), 30_000);
      return () => log;
    }

    test("laws 1, 5: with the kill switch nothing passes while it is down; daemon, repair and apply keep it", async () => {
      const { world, first } = judged();
      const config = awg.config({ server: first, more: "reconcile: { driftEvery: 2s }\n" });
      await awg.apply(config);
      const log = await startDaemon(config);
      const down = await awg.run("down", awg.tunnel, "-f", config);
      expect([down.status, down.stdout]).toEqual([
        0,
        expect.stringContaining(`Down and verified (generation 2): ${awg.tunnel}.\n`),
      ]);
      expect(await reaches(place.v4.echo)).toBe(false);
      await world.inside("client", ["nft", "flush", "ruleset"]);
      await waitFor("the repair", async () => log().includes("packet filter"), 20_000);
      expect(await reaches(place.v4.echo)).toBe(false);
      const applied = await awg.run("apply", "-f", config, "--auto-approve");
      expect([applied.status, applied.stdout]).toEqual([0, "No changes. The host is as the config says.\n"]);
      expect(applied.stderr).toContain(`tunnels.${awg.tunnel}: tunnel "${awg.tunnel}" is down on request; its traffic`);
      expect(await awg.must("status")).toContain(`Tunnel "${awg.tunnel}" is down on request. Bring it up: awg up`);
      const up = await awg.must("up", "-f", config);
      expect(up).toContain(`Tunnel "${awg.tunnel}" is up: handshake with`);
      expect(await reaches(first.inside4)).toBe(true);
      expect(JSON.parse(await awg.must("status", "--json")).down).toEqual([]);
    });

    test("a pause lets traffic go direct until its time is over, as the daemon ends it, and no longer", async () => {
      const { first } = judged();
      const config = awg.config({ server: first, more: "reconcile: { driftEvery: 30s }\n" });
      await awg.apply(config);
      const alone = await awg.run("pause", "-f", config, "--auto-approve");
      expect([alone.status, alone.stderr]).toEqual([13, expect.stringContaining("no daemon runs on this host")]);
      const log = await startDaemon(config);
      expect(await path()).not.toBe("direct");
      expect(await awg.must("pause", "-f", config, "--for", "6s", "--auto-approve")).toContain("Paused (generation 2)");
      const { override, conditions } = JSON.parse(await awg.must("status", "--json"));
      expect(override).toMatchObject({ what: "pause" });
      expect(conditions[1]).toMatchObject({
        type: "Protected",
        status: false,
        message: expect.stringMatching(/^paused/),
      });
      expect(await path()).toBe("direct");
      await waitFor("the end of the time", () => Date.now() > Date.parse(override.until) + 500, 10_000);
      expect(await path()).not.toBe("direct");
      await waitFor("the end", () => log().includes("a timed change has ended"), 20_000);
      expect(log()).toContain("paused: traffic goes direct until");
      expect(JSON.parse(await awg.must("status", "--json"))).toMatchObject({ override: null, generation: 3 });
      expect(await reaches(first.inside4)).toBe(true);
    });

    test("the keeper ends a pause if the daemon is killed; awg down --for ends, too", async () => {
      const { first } = judged();
      const config = awg.config({ server: first });
      await awg.apply(config);
      await startDaemon(config);
      await awg.must("pause", "-f", config, "--for", "6s", "--auto-approve");
      daemon?.kill("SIGKILL");
      expect(await path()).toBe("direct");
      await waitFor("the end", async () => (await path()) === "tunnel", 12_000);
      const status = async () => JSON.parse(await awg.must("status", "--json"));
      await waitFor("its record", async () => (await status()).generation === 3, 5_000);
      expect(await status()).toMatchObject({ override: null });
      await startDaemon(config);
      await awg.must("down", "-f", config, "--for", "2s");
      expect(await reaches(first.inside4)).toBe(false);
      await waitFor("the tunnel", () => reaches(first.inside4), 20_000);
      const back = await awg.run("rollback", "--auto-approve");
      expect([back.status, back.stdout]).toEqual([0, expect.stringContaining("No changes")]);
    });

    test("without the kill switch the host's own DNS is back while it is down", async () => {
      const { world, first } = judged();
      const config = awg.config({ server: first, killSwitch: false });
      const before = readFileSync(world.resolvConf, "utf8");
      await awg.apply(config);
      expect(readFileSync(world.resolvConf, "utf8")).not.toBe(before);
      await awg.must("down", "-f", config);
      expect(readFileSync(world.resolvConf, "utf8")).toBe(before);
      expect(await awg.must("down", "-f", config)).toBe("No changes. Every tunnel is down already.\n");
      await awg.must("up", awg.tunnel, "-f", config);
      expect(readFileSync(world.resolvConf, "utf8")).not.toBe(before);
      const other = awg.config({ server: first });
      const refused = await awg.run("down", "-f", other);
      expect([refused.status, refused.stderr]).toEqual([
        64,
        expect.stringContaining("this config is not the applied one"),
      ]);
    });
  },
);
