import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { useBuiltProgram } from "../support/built-program.ts";
import { tunnelConfig, writePrivateKey } from "../support/config.ts";
import { temporaryFolder } from "../support/folder.ts";
import { commandObstacle } from "../support/netns.ts";

const obstacle = process.platform === "linux" ? commandObstacle("python3") : "needs Linux";
const limitMs = 180_000;

/** Runs a program on a terminal of its own, and takes the terminal away once a text was shown; prints what was, and the code. */
const ON_A_TERMINAL = `
import os, pty, sys
text, *command = sys.argv[1:]
pid, terminal = pty.fork()
if pid == 0: os.execv(command[0], command)
shown = b""
while text.encode() not in shown:
    try: more = os.read(terminal, 65536)
    except OSError: break
    if not more: break
    shown += more
os.close(terminal)
print(shown.decode("utf8", "replace"), flush=True)
print("code", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
`;

// The end of an SSH session is the end of its terminal: SIGHUP, and EIO for whatever is written to it (tty_ioctl(4)).
describe.skipIf(obstacle !== undefined)(`law 5: a terminal that goes away${obstacle ? ` (${obstacle})` : ""}`, () => {
  const folder = temporaryFolder("hang-up");
  const config = join(folder, "good.yaml");
  const program = useBuiltProgram();
  const argv = (...args: readonly string[]) => [
    process.execPath,
    "--disable-warning=ExperimentalWarning",
    program(),
    ...args,
  ];
  const awg = (...args: readonly string[]) => {
    const [command = "", ...words] = argv(...args);
    return spawnSync(command, words, { encoding: "utf8" });
  };
  /** A simulated machine, and what others do to it while it is written. */
  const machine = (name: string, faults: readonly object[] = []): string => {
    writeFileSync(join(folder, name), JSON.stringify({ faults }));
    return `simulated:${join(folder, name)}`;
  };

  beforeAll(() => {
    writePrivateKey(folder);
    writeFileSync(config, tunnelConfig({ keyFile: join(folder, "key") }));
  });

  function untilGone(text: string, ...args: readonly string[]): ChildProcess & { reported: () => string } {
    const child = spawn("python3", ["-c", ON_A_TERMINAL, text, ...argv(...args)]);
    let reported = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (more: string) => {
        reported += more;
      });
    }
    return Object.assign(child, { reported: () => reported });
  }
  const ended = (child: ChildProcess): Promise<unknown> => new Promise((resolve) => child.on("close", resolve));

  test("what had begun is undone, though nothing can be said any more", { timeout: limitMs }, async () => {
    const sysctl = { act: "write-sysctl", name: "net.ipv4.conf.all.rp_filter", value: "0" };
    const host = machine("gone", [{ at: 7, fault: { kind: "foreign", act: sysctl } }]);
    const applying = untilGone("attempt 1", "apply", "-f", config, "--host", host, "--auto-approve");
    await ended(applying);
    expect(applying.reported()).toContain("code 129");
    const status = awg("status", "--host", host).stdout;
    expect(status).toContain("Nothing is applied");
    expect(status).not.toContain("journal");
  });

  test("B7: what waits to be confirmed goes on waiting, and is confirmed over a new connection", {
    timeout: limitMs,
  }, async () => {
    const host = machine("waits");
    const asked = ["apply", "-f", config, "--host", host, "--auto-approve", "--confirm-within", "1h"];
    const applying = untilGone("not confirmed", ...asked);
    const end = ended(applying);
    for (const endMs = Date.now() + limitMs; !applying.reported().includes("not confirmed"); ) {
      if (Date.now() > endMs) throw new Error(`it does not wait: ${applying.reported()}`);
      await new Promise((go) => setTimeout(go, 50));
    }
    expect(JSON.parse(awg("status", "--host", host, "--json").stdout).awaitingConfirmation).not.toBeNull();
    expect(awg("confirm", "--host", host).status).toBe(0);
    await end;
    expect(applying.reported()).toContain("code 0");
    expect(awg("diff", "-f", config, "--host", host).status).toBe(0);
  });
});
