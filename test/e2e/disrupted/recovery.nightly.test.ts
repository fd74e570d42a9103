import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { sleep } from "../../lab/disruptions/disruption.ts";
import { dock } from "../../lab/disruptions/dock.ts";
import { bringUp } from "../../lab/disruptions/uplink.ts";
import { HandMadeTunnel } from "../../lab/subjects/hand-made-tunnel.ts";
import { run, tryRun, waitFor } from "../../lab/world/command.ts";
import { place } from "../../lab/world/place.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import type { World } from "../../lab/world/world.ts";
import { useJudgedWorld } from "../judged-world.ts";
import { Answers } from "./answers.ts";
import { DisruptedAwg } from "./disrupted-awg.ts";

// security.md A13 and A14: how soon traffic is back, with the daemon and without.

const reason = whyNoLab();
const limitMs = 300_000;

describe.skipIf(reason !== undefined)(`traffic is back${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  const judged = useJudgedWorld();

  test.each(["userspace", "embedded"] as const)(
    "A13: within a second of a renumbering, long before wireguard-go alone finds out: %s",
    { timeout: limitMs },
    async (engine) => {
      const { world, keys, first } = judged();
      const alone = await aloneMs(judged);
      await using awg = await DisruptedAwg.start(world, keys, first, { engine });
      await using answers = await Answers.begin(world);
      const times: number[] = [];
      for (let time = 0; time < renumberings; time += 1) {
        const [from, to] = time % 2 === 0 ? moves[0] : moves[1];
        await move(world, from, to);
        times.push(await answers.backAfter(Date.now()));
        await sleep(300);
      }
      const sorted = times.toSorted((a, b) => a - b).map(Math.round);
      const [median = 0, p95 = 0] = [sorted[renumberings >> 1], sorted[Math.floor(renumberings * 0.95)]];
      const told = `median ${median}, p95 ${p95}, longest ${sorted.at(-1)} ms of ${renumberings}; wireguard-go alone ${Math.round(alone)} ms`;
      console.log(`A13, ${engine}: back after ${told}`);
      expect(p95, `${told}; ${awg.lastWords}`).toBeLessThan(1_000);
      expect(alone / median, told).toBeGreaterThan(10);
    },
  );

  test("A14: within 3 s of a sleep of 5 s in which the link flapped and the address moved", {
    timeout: limitMs,
  }, async () => {
    const { world, keys, first } = judged();
    await using awg = await DisruptedAwg.start(world, keys, first);
    await using answers = await Answers.begin(world);
    const frozen = [...(await awg.pids("daemon")), ...(await awg.pids("engine")), ...(await awg.pids("keeper"))];
    expect(frozen.length).toBeGreaterThanOrEqual(3);
    for (const pid of frozen) process.kill(pid, "SIGSTOP");
    await world.inside("client", ["ip", "link", "set", place.device, "down"]);
    await sleep(2_500);
    await bringUp({ world, home: { v4: place.v4.client, v6: place.v6.client } });
    await move(world, ...moves[0]);
    await sleep(2_500);
    const wokenMs = Date.now();
    for (const pid of frozen) process.kill(pid, "SIGCONT");
    const backMs = await answers.backAfter(wokenMs);
    await move(world, ...moves[1]);
    console.log(`A14: back ${Math.round(backMs)} ms after waking`);
    expect(backMs, awg.lastWords).toBeLessThan(3_000);
  });

  test("A12: a flush in the moment in which no keeper owns the tables is made good by the daemon", {
    timeout: limitMs,
  }, async () => {
    const { world, keys, first } = judged();
    await using awg = await DisruptedAwg.start(world, keys, first, { engine: "embedded" });
    const times: number[] = [];
    for (let flush = 0; flush < flushes; flush += 1) {
      const keepers = await awg.pids("keeper");
      for (const pid of keepers) process.kill(pid, "SIGKILL");
      const listed = ["ip", "netns", "exec", world.namespace("client"), "nft", "list", "tables"];
      const isOpen = async (): Promise<boolean> => !(await tryRun(listed)).stdout.includes("inet awg");
      await waitFor("a flush that took", async () => {
        await tryRun([...listed.slice(0, -2), "flush", "ruleset"]);
        return isOpen();
      });
      const openMs = performance.now();
      await waitFor("the policy", async () => !(await isOpen()), 60_000, 5);
      times.push(Math.round(performance.now() - openMs));
      await waitFor("the whole machine", () => awg.saysInSync(), 60_000);
    }
    console.log(`A12: open for ${times.toSorted((a, b) => a - b).join(", ")} ms`);
    expect(times).toHaveLength(flushes);
  });

  test("A10: resolv.conf, rewritten fifty times at 10 Hz, is right again when that stops, without a war", {
    timeout: limitMs,
  }, async () => {
    const { world, keys, first } = judged();
    await using awg = await DisruptedAwg.start(world, keys, first);
    const ours = readFileSync(awg.resolvConf, "utf8");
    let [repairs, wasOurs] = [0, true];
    const look = setInterval(() => {
      const isOurs = readText(awg.resolvConf) === ours;
      if (isOurs && !wasOurs) repairs += 1;
      wasOurs = isOurs;
    }, 5);
    for (let write = 0; write < foreignWrites; write += 1) {
      writeFileSync(awg.resolvConf, `nameserver 192.168.77.${write}\n`);
      await sleep(100);
    }
    const stoppedMs = performance.now();
    await waitFor("the resolver's file", () => readText(awg.resolvConf) === ours, 60_000);
    console.log(
      `A10: right ${Math.round(performance.now() - stoppedMs)} ms after the last of ${foreignWrites}, ${repairs} repairs`,
    );
    clearInterval(look);
    expect(repairs).toBeLessThanOrEqual(foreignWrites);
  });
});

const foreignWrites = 50;
const renumberings = 40;
const flushes = 10;

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

const moves = [
  [place.v4.client, dock.renumbered4],
  [dock.renumbered4, place.v4.client],
] as const;

/** wireguard-go on the same machine with nobody to tell it. */
async function aloneMs(judged: ReturnType<typeof useJudgedWorld>): Promise<number> {
  const { world, keys, first } = judged();
  await using tunnel = new HandMadeTunnel(world, first, { killSwitch: false });
  await tunnel.up(keys);
  await using answers = await Answers.begin(world);
  await move(world, ...moves[0]);
  const ms = await answers.backAfter(Date.now());
  await move(world, ...moves[1]);
  return ms;
}

/** As a DHCP client does it: the old address goes, and the default route with it; both come anew. */
async function move(world: World, from: string, to: string): Promise<void> {
  const lines = [
    `address delete ${from}/24 dev ${place.device}`,
    `address add ${to}/24 broadcast + dev ${place.device}`,
    `route replace default via ${place.v4.router} dev ${place.device}`,
  ];
  await run(["ip", "-n", world.namespace("client"), "-batch", "-"], lines.join("\n"));
}
