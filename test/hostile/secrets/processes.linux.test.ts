import { type ChildProcess, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../../support/folder.ts";
import { commandObstacle, namespaceObstacle, tunObstacle } from "../../support/netns.ts";
import { canariesIn, leakingFiles, modeOf } from "../canary.ts";
import { GuardedMachine, SECRETS, shownOf } from "./guarded-machine.ts";
import { searchMemory } from "./process-memory.ts";

const CANARIES = Object.values(SECRETS);
/** Of a machine so busy that a command line takes twenty seconds. */
const LONGEST_MS = 300_000;
const obstacle = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("ip", "nft");

describe.skipIf(obstacle !== undefined)(
  `secrets and processes${obstacle ? ` (${obstacle})` : ""}`,
  { timeout: LONGEST_MS },
  () => {
    let machine: GuardedMachine;
    const said: string[] = [];

    beforeAll(async () => {
      machine = new GuardedMachine();
      const { status, said: words } = await machine.awg("apply", "-f", machine.configFile, "--auto-approve", "--debug");
      expect(status, words).toBe(0);
      said.push(words);
      await machine.startDaemon();
    }, LONGEST_MS);
    afterAll(() => machine?.[Symbol.asyncDispose](), LONGEST_MS);

    test("F1: no argument, environment, log or file of any process shows a secret, sampled all the time", async () => {
      for (const args of [
        ["diff", "-f", machine.configFile],
        ["apply", "-f", join(machine.folder, "privateKey"), "--auto-approve", "--debug"],
      ]) {
        said.push((await machine.awg(...args)).said);
      }
      const shown = [...machine.shown.values()].flatMap((texts) => [...texts]);
      for (const verb of ["apply", "daemon", "keeper", "engine"]) {
        expect(shown.some((text) => text.split("\0").includes(verb))).toBe(true);
      }
      expect(canariesIn([...shown, ...said, machine.daemonLog].join("\n"), CANARIES)).toEqual([]);
      expect(readdirSync(machine.runFolder).length).toBeGreaterThan(0);
      expect(leakingFiles(machine.runFolder, CANARIES)).toEqual([]);
      const known = /^(privateKey|presharedKey|headerKey|state\/secrets\/[0-9a-f]{64}): /;
      expect(leakingFiles(machine.folder, CANARIES).filter((file) => !known.test(file))).toEqual([]);
    });

    test("F1: only root and the engine's own user reach what answers with keys", () => {
      const places = [machine.uapiSocket, machine.runFolder, machine.stateFolder, join(machine.stateFolder, "secrets")];
      for (const path of places) expect([path, modeOf(path) & 0o077]).toEqual([path, 0]);
    });

    test("F2: the lasting processes may leave no core dump, nor may what they start", () => {
      for (const [name, pid] of Object.entries(machine.lasting())) {
        const limit = shownOf(pid, "limits")
          .split("\n")
          .find((line) => line.startsWith("Max core file size"));
        expect([name, limit?.split(/\s{2,}/).slice(1, 3)]).toEqual([name, ["0", "0"]]);
      }
    });

    test("F2: no signal opens a debugger or writes a heap or a report, whatever NODE_OPTIONS say", async () => {
      const { keeper, engine, daemon } = machine.lasting();
      expect(shownOf(daemon, "environ")).toContain("--heapsnapshot-signal=SIGUSR2");
      for (const pid of [keeper, engine]) expect(shownOf(pid, "environ")).not.toContain("NODE_OPTIONS");
      for (const pid of [keeper, engine, daemon])
        for (const signal of ["SIGUSR1", "SIGUSR2"]) process.kill(pid, signal);
      // Whoever answers or acts afterwards has seen the signals: keeper and engine are asked, the daemon is woken.
      expect((await machine.awg("status", "--json")).status).toBe(0);
      await machine.disturb();
      expect(machine.lasting()).toEqual({ keeper, engine, daemon });
      expect(machine.listeningPorts()).toEqual([]);
      expect(readdirSync(machine.daemonFolder)).toEqual([]);
    });

    test("F2: the keeper holds each key once, as bytes that it wipes, and no string of it", async () => {
      const { keeper, engine } = machine.lasting();
      for (const [form, count] of Object.entries(searchMemory(keeper, FORMS))) {
        // Two more lie in memory that was given back; strings would be eight and more.
        expect([form, count <= (form.endsWith("hex") ? 5 : 0)], `${count} times`).toEqual([form, true]);
      }
      // The search finds what is there: the engine's packet thread has the key as soon as it took its settings.
      const found = () => searchMemory(engine, FORMS)["privateKey raw"];
      await expect.poll(found, { timeout: 10_000, interval: 500 }).toBeGreaterThan(0);
    });

    test("F2: a daemon that aborts leaves no core where another program leaves one", async ({ skip }) => {
      const control = temporaryFolder("core");
      spawnSync("sh", ["-c", "ulimit -c unlimited; kill -ABRT $$"], { cwd: control, timeout: 30_000 });
      const leavesCores = readdirSync(control).length > 0;
      rmSync(control, { recursive: true, force: true });
      if (!leavesCores) skip("this machine puts cores elsewhere, or forbids them");
      const daemon = machine.daemon as ChildProcess;
      const ended = once(daemon, "exit");
      daemon.kill("SIGABRT");
      expect((await ended)[1]).toBe("SIGABRT");
      expect(readdirSync(machine.daemonFolder)).toEqual([]);
    });
  },
);

/** Each key as a process may hold it; a private key is clamped as soon as it is read (RFC 7748 section 5). */
const FORMS = Object.fromEntries(
  Object.entries(SECRETS).flatMap(([name, { base64 }]) => {
    const bytes = Buffer.from(base64, "base64");
    if (name === "privateKey") {
      bytes[0] = (bytes[0] as number) & 248;
      bytes[31] = ((bytes[31] as number) & 127) | 64;
    }
    return [
      [`${name} raw`, bytes],
      [`${name} base64`, Buffer.from(base64)],
      [`${name} hex`, Buffer.from(bytes.toString("hex"))],
    ];
  }),
);
