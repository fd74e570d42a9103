import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "vitest";
import { ReconcileLoop } from "../../src/daemon/reconcile-loop.ts";
import { watchConfig } from "../../src/daemon/watch/config-watcher.ts";
import { DEFAULT_BURST_LIMITS } from "../../src/reconciler/machine/burst-guard.ts";
import { temporaryFolder } from "../support/folder.ts";
import { VirtualTime } from "./virtual-time.ts";

const LONGEST_MS = 30_000;

let folder: string;
let file: string;
beforeEach(() => {
  folder = temporaryFolder("watch");
  file = join(folder, "config.yaml");
  writeFileSync(file, "0");
});

async function until(what: string, holds: () => boolean): Promise<void> {
  const endMs = Date.now() + LONGEST_MS;
  while (!holds()) {
    if (Date.now() > endMs) throw new Error(`${what} did not come about`);
    await sleep(10);
  }
}

/** Watches, and acts until the watcher says so: it tells nobody when it has begun. */
async function expectWoken(paths: readonly string[], act: (time: number) => void): Promise<void> {
  let woken = 0;
  await using _watch = watchConfig(paths, () => {
    woken += 1;
  });
  const endMs = Date.now() + LONGEST_MS;
  for (let time = 0; woken === 0; time += 1) {
    if (Date.now() > endMs) throw new Error("the watcher said nothing");
    act(time);
    await sleep(100);
  }
}

test("a list that a config names is watched from then on, also one that is renamed into its place", async () => {
  const list = join(temporaryFolder("list"), "list.txt");
  writeFileSync(list, "10.0.0.0/8");
  let woken: string[] = [];
  await using watcher = watchConfig([file], (path) => woken.push(path));
  watcher.follow([list]);
  watcher.follow([list]);
  for (let time = 0; time < 2; time += 1) {
    const endMs = Date.now() + LONGEST_MS;
    woken = [];
    while (!woken.includes(list) && Date.now() < endMs) {
      writeFileSync(`${list}.new`, `10.${Date.now() % 200}.0.0/16`);
      renameSync(`${list}.new`, list);
      await sleep(100);
    }
    expect(woken).toContain(list);
  }
});

/** As kubelet's atomic writer does it: a new folder, and the link to it renamed over the old one. */
function flipFolder(time: number): void {
  mkdirSync(join(folder, `..${time}`));
  writeFileSync(join(folder, `..${time}`, "config.yaml"), `${time}`);
  symlinkSync(`..${time}`, join(folder, "..new"));
  renameSync(join(folder, "..new"), join(folder, "..data"));
}

describe("D8: a config that changes under a daemon", () => {
  test.each<readonly [string, (time: number) => void]>([
    ["written in place", (time) => writeFileSync(file, `in place ${time}`)],
    ["written by halves", (time) => writeFileSync(file, "x".repeat(time + 1), { flag: "a" })],
    [
      "renamed over, as editors do",
      (time) => {
        writeFileSync(`${file}.new`, `renamed ${time}`);
        renameSync(`${file}.new`, file);
      },
    ],
    [
      "deleted and made anew",
      (time) => {
        rmSync(file);
        writeFileSync(file, `anew ${time}`);
      },
    ],
    [
      "a symlink that flips",
      (time) => {
        writeFileSync(join(folder, `target-${time}`), `target ${time}`);
        symlinkSync(`target-${time}`, `${file}.link`);
        renameSync(`${file}.link`, file);
      },
    ],
  ])("%s: it is told", async (_how, act) => expectWoken([file], act));

  test("a folder behind a symlink that flips, as kubelet mounts them: it is reported", async () => {
    flipFolder(9_999);
    rmSync(file);
    symlinkSync("..data/config.yaml", file);
    await expectWoken([file], flipFolder);
  });

  test("a file beside a named folder's is reported, and one beside a named file is not", async () => {
    await expectWoken([folder], (time) => writeFileSync(join(folder, `more-${time}.yaml`), "1"));
    let reported: readonly string[] = [];
    await using _watch = watchConfig([file], (path) => {
      reported = [...reported, path];
    });
    for (let time = 0; !reported.includes(file); time += 1) {
      writeFileSync(join(folder, "stranger.yaml"), `${time}`);
      writeFileSync(file, `${time}`);
      await sleep(50);
    }
    expect(new Set(reported)).toEqual(new Set([file]));
  });

  test("a thousand writes as fast as they go are one burst: at most two applies, and the last is what was written last", async () => {
    const time = new VirtualTime();
    const applied: string[] = [];
    let events = 0;
    const loop = new ReconcileLoop<{
      readonly keys: readonly string[];
      readonly proposed: boolean;
      readonly text: string;
    }>(
      {
        plan: async () => {
          const text = readFileSync(file, "utf8");
          return { keys: text === applied.at(-1) ? [] : ["link/office"], proposed: true, text };
        },
        apply: async ({ text }) => void applied.push(text),
      },
      {
        report: () => undefined,
        nowMs: () => time.nowMs,
        random: () => 0.5,
        setTimer: time.setTimer,
        limits: () => DEFAULT_BURST_LIMITS,
      },
    );
    await using _watch = watchConfig([file], () => {
      events += 1;
      loop.wake("config");
    });
    for (let begun = 0; events === 0; begun += 1) {
      writeFileSync(file, `begin ${begun}`);
      await sleep(20);
    }
    await time.pass(3_000);
    applied.length = 0;
    const before = events;
    for (let write = 0; write < 1_000; write += 1) {
      writeFileSync(file, `write ${write}`);
      // The loop's time stays within its quiet time, however late the kernel's events come.
      if (write % 10 === 9) {
        await sleep(0);
        await time.pass(1);
      }
    }
    await until("an event of the burst", () => events > before);
    for (let wait = 0; applied.at(-1) !== "write 999" && wait < LONGEST_MS / 10; wait += 1) {
      await sleep(10);
      await time.pass(250);
    }
    expect(applied.at(-1)).toBe("write 999");
    expect(applied.length).toBeLessThanOrEqual(2);
    await loop.stop();
  });
});
