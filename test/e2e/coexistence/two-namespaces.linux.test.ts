import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
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

const obstacle = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("ip", "nft", "wireguard-go");
const program = [process.execPath, "--disable-warning=ExperimentalWarning", join(ROOT, "src/cli/awg.ts")];

describe.skipIf(obstacle !== undefined)(
  `one tunnel name in two namespaces${obstacle === undefined ? "" : ` (${obstacle})`}`,
  () => {
    const folder = temporaryFolder("two");
    const config = join(folder, "config.yaml");
    const tunnel = `n${process.pid.toString(36)}`.slice(0, 10);
    let here: TestNamespace;
    let there: TestNamespace;

    const awg = (machine: TestNamespace, ...args: readonly string[]): CommandResult =>
      machine.run([...program, ...args, "--state-dir", join(folder, machine.name)], { mayFail: true });

    beforeAll(() => {
      here = makeNamespace("here");
      there = makeNamespace("there");
      for (const { name } of [here, there]) mkdirSync(join(folder, name), { mode: 0o700 });
      writePrivateKey(folder);
      writeFileSync(
        config,
        tunnelConfig({
          tunnel,
          keyFile: join(folder, "key"),
          settings: ["engine: userspace"],
          more: "name: two\n",
        }),
      );
    });

    afterAll(() => {
      for (const machine of [here, there]) {
        if (machine === undefined) continue;
        awg(machine, "destroy", "--auto-approve");
        machine[Symbol.dispose]();
      }
      rmSync(`/var/run/wireguard/awg-${tunnel}.sock`, { force: true });
    });

    test("law 6: the second is refused before any change, as a conflict that names the owner", () => {
      expect(awg(here, "apply", "-f", config, "--auto-approve")).toMatchObject({ status: 0 });
      for (const [name, listed] of [
        [here.name, `awg-${tunnel}`],
        [there.name, ""],
      ] as const) {
        const [node = "", ...flags] = [...program, "show", "interfaces", "--netns", name];
        expect(execFileSync(node, flags, { encoding: "utf8" }).trim()).toBe(listed);
      }
      for (const verb of [["plan"], ["diff"], ["apply", "--auto-approve"]]) {
        const { status, stderr } = awg(there, ...verb, "-f", config);
        expect([verb[0], status, stderr]).toEqual([
          verb[0],
          8,
          expect.stringContaining(`tunnel "${tunnel}": the control socket`),
        ]);
        expect(stderr).toMatch(
          /\/var\/run\/wireguard\/\S+ is in use by node awg\.ts \(pid \d+, another network namespace\)\. Set `tunnels\.\S+\.interface` to a different name; nothing was changed/,
        );
      }
      expect(there.run(["nft", "list", "tables"]).stdout).toBe("");
      expect(there.run(["ip", "-o", "link"]).stdout).not.toContain(tunnel);
    });

    test("its owner has no conflict with itself; once it is gone the other may use the name", () => {
      expect(awg(here, "plan", "-f", config).status).toBe(0);
      expect(awg(here, "destroy", "--auto-approve").status).toBe(0);
      expect(awg(there, "plan", "-f", config).status).toBe(0);
    });
  },
);
