import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { hasProgram, tryRun, waitFor } from "../lab/world/command.ts";
import { place } from "../lab/world/place.ts";
import { python } from "../lab/world/tethered.ts";
import { whyNoLab } from "../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../support/built-program.ts";
import { AwgInWorld } from "./awg-in-world.ts";
import { useJudgedWorld } from "./judged-world.ts";

const reason = whyNoLab() ?? (hasProgram("nft") ? undefined : "needs nft");
const LONGEST_MS = 90_000;
/** Echo ports of the lab: one rule falls back directly, the other is dropped. */
const FALLS = 7;
const STAYS = 9;

/** Sends one datagram and says whether the echo came back. */
const ASK = `import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(1)
try:
    s.sendto(b"awg", (sys.argv[1], int(sys.argv[2])))
    print("answered" if s.recv(64) == b"awg" else "odd")
except OSError:
    print("nothing")`;

/** Counts, at the far end of the client's wire, what is addressed to the echo in the clear. */
const JUDGE = `table netdev judge {
  counter falls { }
  counter others { }
  chain wire {
    type filter hook ingress device client0 priority 0;
    ip daddr ${place.v4.echo} udp dport ${FALLS} counter name falls
    ip6 daddr ${place.v6.echo} udp dport ${FALLS} counter name falls
    ip daddr ${place.v4.echo} udp dport != ${FALLS} counter name others
    ip6 daddr ${place.v6.echo} udp dport != ${FALLS} counter name others
  }
}`;

describe.skipIf(reason !== undefined)(
  `fallback direct on a real kernel${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  () => {
    const judged = useJudgedWorld();
    const program = useBuiltProgram();
    let awg: AwgInWorld | undefined;
    let daemon: ChildProcess | undefined;
    let told = "";

    afterEach(() => void daemon?.kill("SIGKILL"));
    afterAll(async () => {
      await awg?.[Symbol.asyncDispose]();
    });

    function startDaemon(config: string): void {
      const [program = "", ...words] = (awg as AwgInWorld).argvInside("daemon", "--foreground", "-f", config);
      daemon = spawn(program, words);
      daemon.stderr?.setEncoding("utf8").on("data", (text: string) => {
        told += text;
      });
    }

    async function killDaemon(): Promise<void> {
      const gone = new Promise((resolve) => daemon?.on("exit", resolve));
      // `ip netns exec` became the daemon itself by execve.
      daemon?.kill("SIGKILL");
      await gone;
    }

    const ask = async (port: number, address: string): Promise<string> =>
      (await judged().world.inside("client", [python, "-c", ASK, address, String(port)])).trim();

    async function leaked(name: "falls" | "others"): Promise<number> {
      const text = await judged().world.inside("internet", ["nft", "list", "counter", "netdev", "judge", name]);
      return Number(/packets (\d+)/.exec(text)?.[1]);
    }

    async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
      await waitFor(what, holds, LONGEST_MS, 250).catch((cause) => {
        throw new Error(`${cause.message}; the daemon told:\n${told}`, { cause });
      });
    }

    const silence = (what: "begins" | "ends"): Promise<string> =>
      what === "begins"
        ? judged().world.inside("vpn", ["nft", "-f", "-"], silencer)
        : judged().world.inside("vpn", ["nft", "delete", "table", "inet", "silence"]);
    const silencer = `table inet silence {
  chain in { type filter hook input priority -300; udp dport ${place.serverPort} drop; }
  chain out { type filter hook output priority -300; udp sport ${place.serverPort} drop; }
}
`;

    test("law 1: down goes direct where the rule says so and else nowhere; up goes back; dead expires", {
      timeout: 600_000,
    }, async () => {
      const { world, keys, first } = judged();
      awg = new AwgInWorld(world, keys, program());
      const rule = `rules: [{ name: echo, destinations: [${place.v4.echo}, "${place.v6.echo}"], ports: ${FALLS}, protocol: udp, via: ${awg.tunnel}, fallback: direct }]\n`;
      const config = awg.config({ server: first, more: rule });
      writeFileSync(config, readFileSync(config, "utf8").replace(/^ +persistentKeepalive: 1s\n/m, ""));
      await world.inside("internet", ["nft", "-f", "-"], JUDGE);
      await awg.apply(config);
      const both = (port: number) => Promise.all([ask(port, place.v4.echo), ask(port, place.v6.echo)]);

      // Up: through the tunnel. Nobody is silent yet, and no daemon runs.
      const answers = (port: number) => async () => (await both(port)).every((answer) => answer === "answered");
      await until("the tunnel", answers(FALLS));
      await until("the other rule's answers", answers(STAYS));
      expect([await leaked("falls"), await leaked("others")]).toEqual([0, 0]);

      // Down, and no daemon: everything is dropped, however long.
      await silence("begins");
      for (let turn = 0; turn < 2; turn += 1) expect(await both(FALLS)).toEqual(["nothing", "nothing"]);
      expect([await leaked("falls"), await leaked("others")]).toEqual([0, 0]);

      // A daemon finds out and lets the rule fall back, and only that.
      startDaemon(config);
      await until("the direct way", answers(FALLS));
      expect(await both(STAYS)).toEqual(["nothing", "nothing"]);
      expect(await leaked("falls")).toBeGreaterThanOrEqual(2);
      expect(await leaked("others")).toBe(0);

      // It is no drift, makes no generation, and a second apply writes nothing.
      const generations = () => tryRun(awg?.argvInside("history", "--json") ?? []);
      const before = (await generations()).stdout;
      const diff = await awg.run("diff", "-f", config);
      expect(diff.status, diff.stdout + diff.stderr).toBe(0);
      const status = await awg.must("status", "--json");
      expect(JSON.parse(status)).toMatchObject({ fallback: [{ device: awg.device, rules: ["rules/0 (echo)"] }] });
      expect(await awg.must("apply", "-f", config, "--auto-approve")).toMatch(/no changes|nothing to do|in sync/i);
      expect((await generations()).stdout).toBe(before);
      await until("the direct way after an apply", answers(FALLS));

      // The daemon dies: the kernel ends it alone.
      await killDaemon();
      await until("the expiry", async () => {
        const before = await leaked("falls");
        await both(FALLS);
        return (await leaked("falls")) === before;
      });
      const atEnd = await leaked("falls");
      for (let turn = 0; turn < 2; turn += 1) expect(await both(FALLS)).toEqual(["nothing", "nothing"]);
      expect(await leaked("falls")).toBe(atEnd);

      // The next daemon does it again; then the server comes back and nothing is in the clear any more.
      startDaemon(config);
      await until("the direct way again", answers(FALLS));
      await silence("ends");
      await until("the tunnel again", async () => told.includes("nothing is on its fallback"));
      const atReturn = await leaked("falls");
      await until("answers by the tunnel", answers(FALLS));
      expect(await leaked("falls")).toBe(atReturn);
      expect(await leaked("others")).toBe(0);
      expect((await awg.run("diff", "-f", config)).status).toBe(0);
      await killDaemon();
    });
  },
);
