import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PlaneObservation } from "../../src/dataplane/contract.ts";
import { sampleConfig } from "../support/config.ts";
import { temporaryFolder } from "../support/folder.ts";
import { commandObstacle, namespaceObstacle, type TestNamespace, tunObstacle } from "../support/netns.ts";
import { KEYS, publicOf } from "./interop/talk-with-rival.ts";
import { type Lab, makeLab } from "./lab.ts";
import { FAKE_TIME, fakeTimeObstacle } from "./support/fake-time.ts";

const obstacle = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("ip", "nft", "ping") ?? fakeTimeObstacle;
const AWG = fileURLToPath(new URL("scripts/clocked-awg.script.ts", import.meta.url));
const DEVICE = "awg-clocked";
/** How much the clock is set back, and what a busy machine may take meanwhile. */
const BACK = { hours: 1, leastMs: 3_000_000 } as const;

/**
 * Initiations carry the time, and a peer takes one that is not later than the last for a replay (paper section 5.1). An engine
 * that starts anew while the clock is behind must go on from the time of the one before it: the keeper remembers that.
 */
describe.skipIf(obstacle !== undefined)(
  `B13: an engine killed while the clock is behind (${obstacle ?? "an hour"})`,
  () => {
    let lab: Lab;
    let folder = "";
    const at = (name: string): string => join(folder, name);
    /** In the namespace of end a, whose own data plane stays empty. */
    const inside: TestNamespace["run"] = (argv, options) => lab.a.namespace.run(argv, options);
    /** On a machine that is too busy a keeper takes too long to start, and the apply is rolled back. */
    const applied = () => {
      const words = [
        "apply",
        "-f",
        at("config.yaml"),
        "--auto-approve",
        "--confirm-within",
        "0",
        "--state-dir",
        at("state"),
      ];
      const apply = () => inside([at("node"), AWG, ...words], { mayFail: true });
      return expect.poll(() => apply().status, { timeout: 60_000, interval: 100 }).toBe(0);
    };
    const setClock = (offset: string): void => writeFileSync(at("wall"), `${offset}\n`);
    /** When the other end made the session it has, to the nanosecond. */
    const lastHandshake = async (): Promise<string | undefined> => {
      const { tunnels } = (await lab.b.tell("observe")) as PlaneObservation;
      return JSON.stringify(tunnels[0]?.peers[0]?.lastHandshake);
    };

    beforeAll(() => {
      folder = temporaryFolder("t-clock-back");
      lab = makeLab("clock-back");
      setClock("+0h");
      const fake = `FAKETIME_TIMESTAMP_FILE=${at("wall")} FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1`;
      const node = `${process.execPath} --disable-warning=ExperimentalWarning`;
      writeFileSync(
        at("node"),
        `#!/bin/sh\nexport LD_PRELOAD=${FAKE_TIME} ${fake} CLOCKED_NODE="$0"\nexec ${node} "$@"\n`,
        { mode: 0o755 },
      );
      writeFileSync(at("key"), `${KEYS.a}\n`, { mode: 0o600 });
      const peer = `{ publicKey: "${publicOf(KEYS.b)}", endpoint: "192.0.2.2:51002", allowedIPs: [10.77.0.0/24] }`;
      writeFileSync(
        at("config.yaml"),
        sampleConfig(`tunnels:
  clocked: { protocol: wireguard, privateKey: { file: ${at("key")} }, addresses: [10.77.0.1/24], peers: [${peer}] }
default: { via: direct }
`),
      );
    });
    afterAll(() => {
      try {
        inside([at("node"), AWG, "destroy", "--auto-approve", "--state-dir", at("state")]);
      } finally {
        for (const pid of pidsIn(lab.a.namespace.name)) end(pid);
        lab[Symbol.dispose]();
      }
    });

    it("is followed by one with a first handshake that the peer accepts", { timeout: 120_000 }, async () => {
      await lab.b.tell("open", {
        ...{ tun: "tun-b", addresses: ["10.77.0.2/24"], mtu: 1420, privateKey: KEYS.b, port: 51_002 },
        peers: [{ key: publicOf(KEYS.a) }],
      });
      await applied();
      inside(["ping", "-q", "-c", "1", "-w", "30", "10.77.0.2"]);
      const first = await lastHandshake();
      expect(first).toBeDefined();

      setClock(`-${BACK.hours}h`);
      const reported = Number(inside([at("node"), "-p", "Date.now()"]).stdout);
      expect(Date.now() - reported).toBeGreaterThan(BACK.leastMs);
      const killed = engineOf(lab.a.namespace.name);
      process.kill(killed, "SIGKILL");
      await expect.poll(() => engineOf(lab.a.namespace.name), { timeout: 30_000 }).not.toBeOneOf([killed, 0]);
      // Each second one more, until the first is answered.
      inside(["ping", "-q", "-c", "1", "-w", "30", "10.77.0.2"]);
      const second = await lastHandshake();
      expect(second).not.toBe(first);
      const { tunnels } = (await lab.b.tell("observe")) as PlaneObservation;
      expect(tunnels[0]?.counters).toMatchObject({ replayedHandshake: 0 });

      // Keeper and engine die at once: the next keeper knows of the clock by its folder alone.
      for (const pid of pidsIn(lab.a.namespace.name).filter(isOurs)) end(pid);
      await expect.poll(() => engineOf(lab.a.namespace.name), { timeout: 30_000 }).toBe(0);
      await applied();
      inside(["ping", "-q", "-c", "1", "-w", "30", "10.77.0.2"]);
      expect(await lastHandshake()).not.toBe(second);
      const after = (await lab.b.tell("observe")) as PlaneObservation;
      expect(after.tunnels[0]?.counters).toMatchObject({ replayedHandshake: 0 });
    });
  },
);

/** The process that carries the device's packets; 0 while there is none. */
function engineOf(namespace: string): number {
  return pidsIn(namespace).find(carries) ?? 0;
}

/** Keeper and engines; the lab's own end lives there too. */
function isOurs(pid: number): boolean {
  try {
    return /\0(?:keeper|engine)\0/.test(readFileSync(`/proc/${pid}/cmdline`, "latin1"));
  } catch {
    // It ended meanwhile.
    return false;
  }
}

function pidsIn(namespace: string): readonly number[] {
  const { stdout } = spawnSync("ip", ["netns", "pids", namespace], { encoding: "utf8" });
  return stdout.split("\n").filter(Boolean).map(Number);
}

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended meanwhile.
  }
}

function carries(pid: number): boolean {
  try {
    if (!/\0engine\0/.test(readFileSync(`/proc/${pid}/cmdline`, "latin1"))) return false;
    return readdirSync(`/proc/${pid}/fdinfo`).some((fd) =>
      readFileSync(`/proc/${pid}/fdinfo/${fd}`, "latin1").includes(`iff:\t${DEVICE}\n`),
    );
  } catch {
    // It ended meanwhile.
    return false;
  }
}
