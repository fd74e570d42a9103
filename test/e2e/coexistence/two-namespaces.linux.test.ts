import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ROOT } from "../../repository/sources.ts";
import { tunnelConfig, writePrivateKey } from "../../support/config.ts";
import { temporaryFolder } from "../../support/folder.ts";
import {
  type CommandResult,
  commandObstacle,
  makeNamespace,
  namespaceObstacle,
  type TestNamespace,
  tunObstacle,
} from "../../support/netns.ts";

const ENGINES = [
  ["embedded", []],
  ["userspace", ["wireguard-go"]],
] as const;
const program = [process.execPath, "--disable-warning=ExperimentalWarning", join(ROOT, "src/cli/awg.ts")];

for (const [engine, commands] of ENGINES) {
  const obstacle = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("ip", "nft", ...commands);
  describe.skipIf(obstacle !== undefined)(
    `one tunnel name in two namespaces, engine ${engine}${obstacle === undefined ? "" : ` (${obstacle})`}`,
    () => {
      const folder = temporaryFolder("two");
      const config = join(folder, "config.yaml");
      const tunnel = `${engine.charAt(0)}${process.pid.toString(36)}`.slice(0, 10);
      const shared = `/var/run/wireguard/awg-${tunnel}.sock`;
      const ports: Record<string, number> = {};
      let here: TestNamespace;
      let there: TestNamespace;

      const awg = (machine: TestNamespace, ...args: readonly string[]): CommandResult =>
        machine.run([...program, ...args, "--state-dir", join(folder, machine.name)], { mayFail: true });
      const wgVerb = (machine: TestNamespace, ...words: readonly string[]): string => {
        const [node = "", ...flags] = [...program, ...words, "--netns", machine.name];
        return execFileSync(node, flags, { encoding: "utf8" }).trim();
      };
      const socketOf = (machine: TestNamespace): string | undefined => {
        const { stdout } = awg(machine, "status", "--json");
        const { resources } = JSON.parse(stdout) as { resources: { tunnel?: { socket?: string } }[] };
        return resources.find((resource) => resource.tunnel !== undefined)?.tunnel?.socket;
      };

      beforeAll(() => {
        here = makeNamespace("here");
        there = makeNamespace("there");
        for (const { name } of [here, there]) mkdirSync(join(folder, name), { mode: 0o700 });
        writePrivateKey(folder);
        const settings = [`engine: ${engine}`];
        writeFileSync(config, tunnelConfig({ tunnel, keyFile: join(folder, "key"), settings, more: "name: two\n" }));
      });

      afterAll(() => {
        for (const machine of [here, there]) {
          if (machine === undefined) continue;
          awg(machine, "destroy", "--auto-approve");
          machine[Symbol.dispose]();
        }
        rmSync(shared, { force: true });
      });

      test("both are up: the second engine serves in the folder of its keeper, and plan and status say where", () => {
        const first = awg(here, "apply", "-f", config, "--auto-approve");
        expect(first).toMatchObject({ status: 0, stdout: expect.stringContaining("no route to 192.0.2.1:51820") });
        const place = /\/run\/awg\/netns-\d+\/keeper-\d+\/wireguard-awg-\S+\.sock/;
        const planned = JSON.parse(awg(there, "plan", "--json", "-f", config).stdout) as {
          notes: { path: string; message: string }[];
        };
        const notes = planned.notes.filter(({ path }) => path === `tunnels.${tunnel}`).map(({ message }) => message);
        const said = /^another network namespace has this name's control socket; this one is \/run\/awg\//;
        expect(notes).toContainEqual(expect.stringMatching(said));
        expect(notes).toContainEqual(expect.stringMatching(place));
        expect(awg(there, "apply", "-f", config, "--auto-approve")).toMatchObject({ status: 0 });
        expect([socketOf(here), socketOf(there)]).toEqual([undefined, expect.stringMatching(place)]);
        expect(awg(there, "status").stdout).toMatch(/control socket:\s+\/run\/awg\//);
        for (const machine of [here, there]) {
          expect(wgVerb(machine, "show", "interfaces")).toBe(`awg-${tunnel}`);
          ports[machine.name] = Number(wgVerb(machine, "show", `awg-${tunnel}`, "listen-port"));
          expect(awg(machine, "diff", "-f", config)).toMatchObject({ status: 0 });
        }
        expect(new Set(Object.values(ports)).size).toBe(2);
      });

      test("what ends one leaves the other: its engine answers where it did", () => {
        const place = socketOf(there) ?? "";
        wgVerb(there, "set", `awg-${tunnel}`, "listen-port", "40123");
        expect(wgVerb(here, "show", `awg-${tunnel}`, "listen-port")).toBe(String(ports[here.name]));
        expect(awg(there, "destroy", "--auto-approve")).toMatchObject({ status: 0 });
        expect([existsSync(place), existsSync(shared)]).toEqual([false, true]);
        expect(wgVerb(here, "show", `awg-${tunnel}`, "listen-port")).toBe(String(ports[here.name]));
        expect(awg(there, "apply", "-f", config, "--auto-approve")).toMatchObject({ status: 0 });
        expect(awg(here, "destroy", "--auto-approve")).toMatchObject({ status: 0 });
        expect(awg(there, "diff", "-f", config)).toMatchObject({ status: 0 });
        expect(wgVerb(there, "show", "interfaces")).toBe(`awg-${tunnel}`);
      });

      test("an apply after the other ended its tunnel has the shared name", () => {
        expect(awg(there, "destroy", "--auto-approve").status).toBe(0);
        expect(awg(there, "apply", "-f", config, "--auto-approve").status).toBe(0);
        expect(socketOf(there)).toBeUndefined();
      });
    },
  );
}
