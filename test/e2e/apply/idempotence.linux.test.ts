import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { hasProgram, run, tryRun, waitFor } from "../../lab/world/command.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import type { World } from "../../lab/world/world.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { AwgInWorld } from "../awg-in-world.ts";
import { useJudgedWorld } from "../judged-world.ts";
import { machineText } from "../machine-text.ts";
import { writesIn } from "../trace.ts";
import { applyOver, shapeOf, wishesOf } from "./repeated.ts";

const reason = whyNoLab() ?? (hasProgram("strace") ? undefined : "needs strace (scripts/test-packages installs it)");

const commandLimitMs = 120_000;
const title = `awg twice and undone${reason === undefined ? "" : ` (skipped: ${reason})`}`;

describe.skipIf(reason !== undefined)(title, { timeout: 400_000 }, () => {
  const judged = useJudgedWorld();
  const program = useBuiltProgram();

  test("B11, laws 2, 3: a second apply writes nothing; a later one leaves the same state; diff and status never write", async () => {
    const { world, keys, first } = judged();
    await using awg = new AwgInWorld(world, keys, program());
    const config = awg.config({ server: first });
    await awg.apply(config);
    const other = awg.config({ server: first, allowLan: true });
    expect((await traced(awg, world, ["apply", "-f", other, "--auto-approve"])).length).toBeGreaterThan(5);
    const { newcomer = () => "", plain = () => "" } = wishesOf(awg, judged());
    const [, second, , fourth] = (await applyOver(awg, judged(), { newcomer, plain }, 4)).map(shapeOf);
    expect(fourth).toEqual(second);
    // At its first run a verb's compiled code is put beside the program.
    for (const verb of [["diff", "-f", config], ["status"]]) await awg.run(...verb);
    const before = await machineText(world);
    expect(await traced(awg, world, ["apply", "-f", config, "--auto-approve"])).toEqual([]);
    expect(await traced(awg, world, ["diff", "-f", config])).toEqual([]);
    expect(await traced(awg, world, ["status"])).toEqual([]);
    expect(await machineText(world)).toEqual(before);
  });

  test("B12, law 6: destroy restores the host exactly; the trace sees a first apply write", async () => {
    const { world, keys, first } = judged();
    const before = await machineText(world);
    await using awg = new AwgInWorld(world, keys, program());
    await awg.apply(awg.config({ server: first }));
    expect(await machineText(world)).not.toEqual(before);
    await awg.must("destroy", "--auto-approve");
    expect(await machineText(world)).toEqual(before);
    const left = await run(["ip", "netns", "pids", world.namespace("client")]);
    expect(
      (await awg.processes()).filter(({ command }) => command.includes("wireguard-go")),
      left,
    ).toEqual([]);
  });

  test("B12, law 6: objects that existed before are neither changed nor deleted", async () => {
    const { world, keys, first } = judged();
    await using awg = new AwgInWorld(world, keys, program());
    const foreign = [
      ["ip", "route", "add", "192.0.2.0/24", "via", "192.168.77.1", "proto", "static"],
      ["ip", "route", "add", "blackhole", "192.0.2.7", "table", "4242"],
      ["ip", "rule", "add", "pref", "4242", "from", "192.0.2.9", "table", "4242"],
      ["nft", "add table inet stranger; add chain inet stranger c; add rule inet stranger c counter"],
    ];
    for (const argv of foreign) await world.inside("client", argv);
    const before = await machineText(world);
    await awg.apply(awg.config({ server: first }));
    const during = await machineText(world);
    expect(during["routes4"]).toContain("192.0.2.0/24 via 192.168.77.1");
    expect(during["rules"]).toContain("4242:");
    expect(during["nft"]).toContain("table inet stranger");
    await awg.must("destroy", "--auto-approve");
    expect(await machineText(world)).toEqual(before);
  });
});

/**
 * Runs an awg command that must succeed and gives the writes of it and of the keeper that it may ask. The keeper must
 * run already: strace would wait for one that the command starts.
 */
async function traced(awg: AwgInWorld, world: World, verb: readonly string[]): Promise<readonly string[]> {
  const file = join(world.folder, "trace");
  const strace = ["-f", "-qq", "-s", "256", "-o"];
  const keepers = (await awg.processes()).filter(({ command }) => command.includes(" keeper "));
  const watched = keepers.map(({ pid }, index) => ({ pid, file: `${file}-keeper-${index}` }));
  const watchers = watched.map((one) =>
    spawn("strace", [...strace, one.file, "-p", String(one.pid)], { stdio: "ignore" }),
  );
  for (const { pid } of watched) await waitFor("strace on the keeper", () => isTraced(pid));
  const done = await tryRun(["strace", ...strace, file, ...awg.argv(...verb)], "", commandLimitMs);
  for (const watcher of watchers) await ended(watcher);
  expect(done.status, done.stderr).toBe(0);
  return [file, ...watched.map((one) => one.file)].flatMap((path) => writesIn(readFileSync(path, "utf8")));
}

function isTraced(pid: number): boolean {
  return /^TracerPid:\t[1-9]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
}

function ended(watcher: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    watcher.on("exit", () => resolve());
    watcher.kill("SIGINT");
  });
}
