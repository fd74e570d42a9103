import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { useBuiltProgram } from "../../support/built-program.ts";
import { tunnelConfig, writePrivateKey } from "../../support/config.ts";
import { temporaryFolder } from "../../support/folder.ts";
import {
  commandObstacle,
  makeNamespace,
  namespaceObstacle,
  type TestNamespace,
  tunObstacle,
} from "../../support/netns.ts";
import { sized } from "../../support/size.ts";

// Rule S1.7: a flush is answered whatever the daemon is doing. Packets of a program that binds its socket to the uplink
// are counted on the other end of it.

const obstacle = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("ip", "nft", "python3");
const ROUNDS = sized(4, 8);
const LIMIT_MS = 60_000;
/** Before this repair had a path of its own it took 700 to 3,500 ms; other tests run beside the usual run. */
const PROMPT_MS = sized(500, 200);

const SENDER = `import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"v0")
while True:
    try: s.sendto(b"x", ("192.0.2.1", 9999))
    except OSError: pass
    time.sleep(0.002)`;
/** Prints "open" with the first packet after a pause, and after the last one for how many milliseconds they came. */
const LISTENER = `import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("192.0.2.1", 9999))
s.settimeout(0.05)
first = None
print("ready", flush=True)
while True:
    try:
        s.recv(10)
        last = time.monotonic()
        if first is None:
            first = last
            print("open", flush=True)
    except socket.timeout:
        if first is not None: print(round((last - first) * 1000), flush=True)
        first = None`;

describe.skipIf(obstacle !== undefined)(
  `law 1: a flush while the daemon is busy${obstacle === undefined ? "" : ` (${obstacle})`}`,
  () => {
    const program = useBuiltProgram();
    const folder = temporaryFolder("busy");
    const tunnel = `b${process.pid.toString(36)}`.slice(0, 10);
    const started: ChildProcess[] = [];
    let [client, router]: TestNamespace[] = [];
    let said = "";
    let isOpen = false;
    const openMs: number[] = [];

    const within = (): TestNamespace => client as TestNamespace;
    const argv = (...args: readonly string[]) => [
      process.execPath,
      program(),
      ...args,
      "--state-dir",
      join(folder, "s"),
    ];

    function start(where: TestNamespace, words: readonly string[]): ChildProcess {
      const child = spawn("ip", ["netns", "exec", where.name, ...words]);
      started.push(child);
      return child;
    }

    async function until(what: string, holds: () => boolean): Promise<void> {
      const endMs = Date.now() + LIMIT_MS;
      for (; !holds(); await sleep(3)) if (Date.now() > endMs) throw new Error(`${what} did not come: ${said}`);
    }

    /** Kills each keeper and flushes until packets leave, then waits until none leave. */
    async function flush(): Promise<void> {
      const times = openMs.length;
      await until("a flush", () => {
        const pids = within()
          .run(["ip", "netns", "pids", within().name])
          .stdout.split("\n")
          .filter(Boolean)
          .map(Number);
        for (const pid of pids.filter(isKeeper)) process.kill(pid, "SIGKILL");
        within().run(["nft", "flush", "ruleset"], { mayFail: true });
        return isOpen || openMs.length > times;
      });
      await until("the repair", () => openMs.length > times);
    }

    beforeAll(async () => {
      client = makeNamespace("busy");
      router = makeNamespace("busy-router");
      client.run(["ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1", "netns", router.name]);
      for (const [where, device, address] of [
        [client, "v0", "192.0.2.2/24"],
        [router, "v1", "192.0.2.1/24"],
      ] as const) {
        where.run(["ip", "address", "add", address, "dev", device]);
        where.run(["ip", "link", "set", device, "up"]);
      }
      client.run(["ip", "route", "add", "default", "via", "192.0.2.1"]);
      const config = join(folder, "config.yaml");
      const more = "name: busy\nreconcile: { driftEvery: 1h }\n";
      writeFileSync(config, tunnelConfig({ tunnel, keyFile: writePrivateKey(folder), more }));
      const daemon = start(client, argv("daemon", "--foreground", "-f", config));
      daemon.stderr?.setEncoding("utf8").on("data", (text: string) => {
        said = (said + text).slice(-4_000);
      });
      await until("the first apply", () => said.includes("in sync"));
      const listener = start(router, ["python3", "-c", LISTENER]);
      listener.stdout?.setEncoding("utf8").on("data", (text: string) => {
        for (const word of text.split("\n").filter(Boolean)) {
          isOpen = word === "open";
          if (/^[0-9]+$/.test(word)) openMs.push(Number(word));
        }
      });
      await once(listener.stdout as NodeJS.ReadableStream, "data");
      start(client, ["python3", "-c", SENDER]);
    });

    afterAll(async () => {
      for (const child of started.reverse()) {
        const ended = child.exitCode === null && child.signalCode === null ? once(child, "exit") : undefined;
        child.kill("SIGTERM");
        await ended;
      }
      client?.run(argv("destroy", "--auto-approve"), { mayFail: true });
      // An engine whose device and keeper went in the same moment may be left.
      const left = client?.run(["ip", "netns", "pids", client.name]).stdout.split("\n").filter(Boolean) ?? [];
      for (const pid of left) client?.run(["kill", "-9", pid], { mayFail: true });
      client?.[Symbol.dispose]();
      router?.[Symbol.dispose]();
    });

    test("packets stop as fast as without one", { timeout: 4 * LIMIT_MS }, async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        // A device that goes while a repair is under way comes back with its end, or its rollback.
        await until("the end of the last repair", () => said.trimEnd().endsWith("in sync"));
        said = "";
        within().run(["ip", "link", "delete", `awg-${tunnel}`], { mayFail: true });
        await until("a repair", () => said.includes("repairing: "));
        // The repair is in another step each time.
        await sleep((320 / ROUNDS) * round);
        await flush();
      }
      console.log(`S1.7: open for ${openMs.join(", ")} ms`);
      expect(openMs.toSorted((a, b) => a - b).at(-2)).toBeLessThanOrEqual(PROMPT_MS);
    });
  },
);

function isKeeper(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("\0keeper\0");
  } catch {
    return false;
  }
}
