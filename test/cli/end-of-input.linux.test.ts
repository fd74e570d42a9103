import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { sampleConfig } from "../support/config.ts";
import { temporaryFolder } from "../support/folder.ts";
import { commandObstacle } from "../support/netns.ts";

const obstacle = process.platform === "linux" ? commandObstacle("python3") : "needs Linux";
const AWG = join(import.meta.dirname, "..", "..", "src", "cli", "awg.ts");

/** Runs a program on a terminal of its own, types Ctrl-D at its question, and prints what the terminal showed. */
const CTRL_D_AT_QUESTION = `
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0: os.execv(sys.argv[1], sys.argv[1:])
shown, answered = b"", False
while True:
    try: more = os.read(terminal, 65536)
    except OSError: break
    if not more: break
    shown += more
    if not answered and b"continue: " in shown:
        answered = True
        os.write(terminal, bytes([4]))
print(shown.decode("utf8", "replace"), flush=True)
os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

test.skipIf(obstacle !== undefined)(
  "Ctrl-D at the question of a terminal without a size refuses, on a line of its own",
  { timeout: 60_000 },
  () => {
    const folder = temporaryFolder("end-of-input");
    const config = join(folder, "awg.yaml");
    writeFileSync(config, sampleConfig("default: { via: direct }\nkillSwitch: { enabled: true }\n"), { mode: 0o600 });
    const argv = [process.execPath, AWG, "apply", "-f", config, "--host", `simulated:${join(folder, "host.json")}`];
    const env = { ...process.env, NO_COLOR: "1" };
    const done = spawnSync("python3", ["-c", CTRL_D_AT_QUESTION, ...argv], {
      env,
      encoding: "utf8",
      timeout: 50_000,
    });
    expect([done.status, done.stdout]).toEqual([
      64,
      expect.stringMatching(/continue: \r?\nawg: not approved; nothing was changed/),
    ]);
  },
);
