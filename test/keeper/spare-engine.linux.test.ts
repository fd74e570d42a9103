import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "../repository/sources.ts";

test("an engine that was started ahead ends when the keeper lets go of it", async () => {
  const program = ["--disable-warning=ExperimentalWarning", join(ROOT, "src/cli/awg.ts"), "engine", "awg-none"];
  const env = { WG_TUN_FD: "3", WG_UAPI_FD: "4", AWG_ENGINE_USER: "0:0", AWG_ENGINE_AWAITS_DESCRIPTORS: "1" };
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
    expect(output).toContain("it is not needed");
    expect(status).not.toBeNull();
  } finally {
    child.kill("SIGKILL");
  }
});
