import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "../repository/sources.ts";
import { useBuiltProgram } from "../support/built-program.ts";
import { sampleConfig } from "../support/config.ts";
import { temporaryFolder } from "../support/folder.ts";
import { commandObstacle, makeNamespace, namespaceObstacle } from "../support/netns.ts";

const obstacle = namespaceObstacle() ?? commandObstacle("ip");
const program = useBuiltProgram();

test.skipIf(obstacle !== undefined)(
  `a daemon goes on as what it was started as where another package took the place of its own, and says so (${obstacle ?? "on this kernel"})`,
  { timeout: 60_000 },
  async () => {
    const folder = temporaryFolder("exchanged");
    using space = makeNamespace("exchanged");
    const parts = join(folder, "dist");
    cpSync(dirname(program()), parts, { recursive: true });
    symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
    const config = join(folder, "config.yaml");
    const write = (killSwitch: string): void =>
      writeFileSync(config, sampleConfig(`default: { via: direct }\nkillSwitch: { enabled: ${killSwitch} }\n`), {
        mode: 0o600,
      });
    write("true");
    const words = [join(parts, "awg.cjs"), "--state-dir", join(folder, "state")];
    const awg = (...args: readonly string[]) => space.run([process.execPath, ...words, ...args]);
    awg("apply", "--auto-approve", "-f", config);
    const command = ["netns", "exec", space.name, process.execPath, ...words, "daemon", "--foreground", "-f", config];
    const daemon = spawn("ip", command);
    let reported = "";
    daemon.stderr.on("data", (text) => {
      reported += String(text);
    });
    const until = async (text: RegExp): Promise<void> => {
      while (!text.test(reported)) await once(daemon.stderr, "data");
    };
    const files = readdirSync(parts).filter((name) => name.endsWith(".cjs"));
    const texts = files.map((name) => readFileSync(join(parts, name)));
    const install = (textOf: (at: number, name: string) => string | Buffer): void => {
      for (const [at, name] of files.entries()) {
        rmSync(join(parts, name));
        writeFileSync(join(parts, name), textOf(at, name));
      }
    };
    try {
      await until(/in sync/);
      install((_at, name) => (name === "awg.cjs" ? "process.exitCode = 1;" : "({})"));
      reported = "";
      write("true, allowLan: true");
      await until(/done: |Stalled/);
      expect(reported).toContain("done: firewall/machine");
      expect(reported).toContain("another awg was installed in the place of this one, which goes on");
    } finally {
      daemon.kill();
      await once(daemon, "exit");
      install((at) => texts[at] ?? "");
      awg("destroy", "--auto-approve");
    }
  },
);
