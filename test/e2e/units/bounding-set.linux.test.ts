import { execFile, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { CAPABILITIES } from "../../../src/resources/service/systemd-unit.ts";
import { renderJudgement } from "../../lab/judge/judge.ts";
import type { Session } from "../../lab/judge/session.ts";
import { judgedRun } from "../../lab/judged-run.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { writePrivateKey } from "../../support/config.ts";
import { temporaryFolder } from "../../support/folder.ts";
import {
  commandObstacle,
  makeNamespace,
  namespaceObstacle,
  type TestNamespace,
  tunObstacle,
} from "../../support/netns.ts";
import { AwgInWorld } from "../awg-in-world.ts";
import { expecting, sessionOptions, useJudgedWorld } from "../judged-world.ts";

const obstacle = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("ip", "nft", "setpriv", "unshare");
const EXAMPLES = join(import.meta.dirname, "..", "..", "..", "examples");
const names = readdirSync(EXAMPLES).filter((name) => existsSync(join(EXAMPLES, name, "config.yaml")));
const SET = ["-all", ...CAPABILITIES.map((one) => `+${one.slice("CAP_".length).toLowerCase()}`)].join(",");
const RIGHTS = ["setpriv", `--bounding-set=${SET}`];

/** The example with keys of this test, a port that needs a capability, addresses for names, and without services: they belong to the host. */
function adapted(name: string, key: string): string {
  return readFileSync(join(EXAMPLES, name, "config.yaml"), "utf8")
    .replaceAll(/\{ (file: \/etc\/awg\/\S+|env: \S+) \}/g, `{ file: ${key} }`)
    .replaceAll(/(vpn|gate)\.example\.(com|net)/g, "198.51.100.77")
    .replace(", atBoot: true", "")
    .replace(/^service:.*$/m, "")
    .replace("users: [alice]", "users: [nobody]")
    .replace("listenPort: 51820", "listenPort: 443")
    .replace("  protect: [tunnel/work]\n", "")
    .replace("moved:\n  - { from: tunnel/office, to: tunnel/work }\n", "");
}

describe.skipIf(obstacle !== undefined)(
  `the capabilities of the units suffice${obstacle === undefined ? "" : ` (${obstacle})`}`,
  () => {
    const program = useBuiltProgram();
    const folder = temporaryFolder("bounding");
    beforeAll(() => void writePrivateKey(folder));

    function makeHost(name: string): TestNamespace {
      const host = makeNamespace(`bounding-${names.indexOf(name)}`);
      const lines = [
        "link set lo up",
        "link add v0 type veth peer name v1",
        "link set v1 up",
        "link set v0 up",
        "address add 192.0.2.2/24 dev v0",
        "route add default via 192.0.2.1",
        "address add 2001:db8:1::2/64 dev v0 nodad",
        "route add default via 2001:db8:1::1",
      ];
      for (const line of lines) host.run(["ip", ...line.split(" ")]);
      mkdirSync(`/etc/netns/${host.name}`, { recursive: true });
      writeFileSync(`/etc/netns/${host.name}/resolv.conf`, "nameserver 192.0.2.1\n");
      return host;
    }

    function removeHost(host: TestNamespace): void {
      // The keeper stays for a while after a destroy.
      const left = spawnSync("ip", ["netns", "pids", host.name], { encoding: "utf8" }).stdout.trim().split("\n");
      for (const pid of left.filter((one) => one !== "")) process.kill(Number(pid), "SIGKILL");
      rmSync(`/etc/netns/${host.name}`, { recursive: true });
      host[Symbol.dispose]();
    }

    // Each waits 5 s for a handshake that does not come.
    test.concurrent.each(names)(
      "%s: apply, verify, diff, destroy",
      async (name) => {
        const host = makeHost(name);
        const config = join(folder, `${name}.yaml`);
        writeFileSync(config, adapted(name, join(folder, "key")));
        const place = ["--netns", host.name, "--state-dir", join(folder, name)];
        const awg = (...words: readonly string[]): string =>
          [...RIGHTS, process.execPath, program(), ...words, ...place].join(" ");
        // A folder of its own for sockets: tunnels of other tests on this host may have the same names.
        const run = join(folder, `run-${name}`);
        mkdirSync(join(run, "netns"), { recursive: true });
        const script = [
          "set -e",
          `mount --rbind /run/netns ${run}/netns`,
          `mount --rbind ${run} /run`,
          awg("apply", "-f", config, "--auto-approve"),
          // What it finds is the subject of other tests; here the proof must be able to read all it needs.
          `${awg("verify")} || [ $? -eq 6 ]`,
          awg("diff", "-f", config),
          awg("destroy", "--auto-approve"),
        ].join("\n");
        const argv = ["--mount", "sh", "-c", script];
        const failure = await promisify(execFile)("unshare", argv, { timeout: 120_000 }).then(
          () => undefined,
          (error: { readonly stdout: string; readonly stderr: string }) => error.stdout + error.stderr,
        );
        removeHost(host);
        expect(failure).toBeUndefined();
      },
      150_000,
    );
  },
);

const noLab = obstacle ?? whyNoLab();

describe.skipIf(noLab !== undefined)(`the same in the leak lab${noLab === undefined ? "" : ` (${noLab})`}`, () => {
  const judged = useJudgedWorld();
  const program = useBuiltProgram();

  test("law 1, law 5: nothing leaks while the keeper is killed, and the next one takes over", async () => {
    const { world, keys, first } = judged();
    const setUp = async (): Promise<AwgInWorld> => {
      const awg = new AwgInWorld(world, keys, program(), RIGHTS);
      await awg.apply(awg.config({ server: first, engine: "embedded" }));
      return awg;
    };
    const disturb = async (awg: AwgInWorld, session: Session): Promise<void> => {
      const before = await keeperAndEngine(awg);
      process.kill(before.keeper, "SIGKILL");
      await session.rounds(1);
      await awg.apply(awg.config({ server: first, engine: "embedded" }));
      const after = await keeperAndEngine(awg);
      expect(after.keeper).not.toBe(before.keeper);
      expect(before.engine).toBeGreaterThan(0);
      expect(after.engine).toBe(before.engine);
      const rights = spawnSync("setpriv", [`--bounding-set=${SET}`, "grep", "CapBnd", "/proc/self/status"]);
      expect(readFileSync(`/proc/${after.keeper}/status`, "utf8")).toContain(String(rights.stdout).trim());
    };
    const judgement = await judgedRun(world, expecting([first]), { setUp, disturb, session: sessionOptions });
    expect(judgement.outcome, renderJudgement(judgement)).toBe("pass");
  }, 400_000);
});

async function keeperAndEngine(awg: AwgInWorld): Promise<{ readonly keeper: number; readonly engine: number }> {
  const running = await awg.processes();
  const pidOf = (word: string): number => running.find(({ command }) => command.includes(` ${word} `))?.pid ?? 0;
  return { keeper: pidOf("keeper"), engine: pidOf("engine") };
}
