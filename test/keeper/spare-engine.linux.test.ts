import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FAKE_TIME, fakeTimeObstacle } from "../dataplane/support/fake-time.ts";
import { ROOT } from "../repository/sources.ts";
import { temporaryFolder } from "../support/folder.ts";
import { makeNamespace, namespaceObstacle, tunObstacle } from "../support/netns.ts";

const program = ["--disable-warning=ExperimentalWarning", join(ROOT, "src/cli/awg.ts"), "engine", "standby"];
const env = { WG_TUN_FD: "3", WG_UAPI_FD: "4", AWG_ENGINE_USER: "0:0", AWG_ENGINE_AWAITS_DESCRIPTORS: "1" };
const obstacle = namespaceObstacle() ?? tunObstacle();

test("an engine that was started ahead ends well when the keeper lets go of it, and says why", async () => {
  // Each pipe is a pair of unix sockets, as the keeper's.
  const child = spawn(process.execPath, program, { env, stdio: ["ignore", "pipe", "pipe", "pipe", "ignore"] });
  try {
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    child.stdio[3]?.destroy();
    const [status] = await once(child, "close");
    expect(output).toBe("a spare engine was not needed and ended\n");
    expect(status).toBe(0);
  } finally {
    child.kill("SIGKILL");
  }
});

test.skipIf(obstacle !== undefined)(
  `one that was given a device names that device when it ends (${obstacle ?? "deleted under it"})`,
  () => {
    expect(endOf("awg-given", {})).toEqual({
      status: 4,
      output: expect.stringContaining("the embedded engine of awg-given ended: its device is gone (EBADFD)"),
    });
  },
);

const noSleep = obstacle ?? fakeTimeObstacle;

test.skipIf(noSleep !== undefined)(`an engine's log says that the machine slept (${noSleep ?? "three hours"})`, () => {
  const file = join(temporaryFolder("t-clock"), "clock");
  writeFileSync(file, "+0h\n");
  try {
    const clock = { LD_PRELOAD: FAKE_TIME, FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: "1" };
    const said = "paused for 1[01][0-9]{3} s, as in a sleep: 0 of 0 sessions too old\n";
    expect(endOf("awg-slept", clock, { file, offset: "+3h", said }).output).toMatch(new RegExp(said));
  } finally {
    rmSync(join(file, ".."), { recursive: true, force: true });
  }
});

function endOf(device: string, more: NodeJS.ProcessEnv, sleep?: object): { status: number; output: string } {
  using namespace = makeNamespace("spare");
  const socket = `/tmp/${namespace.name}.sock`;
  try {
    const given = { program, env: { ...env, ...more }, device, socket, sleep };
    return namespace.runScript("test/keeper/spare-engine.script.ts", given) as ReturnType<typeof endOf>;
  } finally {
    rmSync(socket, { force: true });
  }
}
