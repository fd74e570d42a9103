import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { STANDBY_MODES, type StandbyMode } from "../../../src/model/resources/desired-state.ts";
import { hasProgram } from "../../lab/world/command.ts";
import { place } from "../../lab/world/place.ts";
import { python } from "../../lab/world/tethered.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { countOf, sized } from "../../support/size.ts";
import { AwgInWorld } from "../awg-in-world.ts";
import { DaemonProcess } from "../daemon-process.ts";
import { useJudgedWorld } from "../judged-world.ts";
import { PERL } from "../programs/program-world.ts";
import { type Cell, FailoverLab, type Seen } from "./failover-lab.ts";

const reason = whyNoLab() ?? (hasProgram("nft") && hasProgram("perl") ? undefined : "needs nft and perl");
/** An echo of the lab, through a rule with failover. */
const ECHO_PORT = 7;
const SWITCHES = countOf("AWG_FAILOVERS", 1, 20);
/** A mode only changes what the second tunnel sends beforehand, so the usual run plays the default alone. */
const MODES = sized<readonly StandbyMode[]>(["cold"], STANDBY_MODES);
const FALLBACKS = ["block", "direct", "drop", "failover", "next_rule"] as const;

/** The table of docs: per fallback where a flow goes while the first tunnel is up, or down with the second up or down. */
const TABLE: Readonly<Record<(typeof FALLBACKS)[number], readonly [Seen, Seen, Seen]>> = {
  block: ["first", "nowhere", "nowhere"],
  direct: ["first", "clear", "clear"],
  drop: ["nowhere", "nowhere", "nowhere"],
  failover: ["first", "second", "nowhere"],
  next_rule: ["first", "second", "nowhere"],
};

const ASK = `import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(0.3)
try:
    s.sendto(b"awg", (sys.argv[1], ${ECHO_PORT}))
    print("answered" if s.recv(64) == b"awg" else "odd")
except OSError:
    print("nothing")`;

/** Another, through a rule that keeps its open connections. */
const KEPT_PORT = 80;

/** Holds a TCP connection until it ends, or a file exists, and says how it ended. */
const HOLD = `import errno, os, socket, sys, time
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
s.sendall(b"awg")
assert s.recv(3) == b"awg"
s.settimeout(0.2)
end = time.monotonic() + 50
while time.monotonic() < end and not os.path.exists(sys.argv[3]):
    try:
        print("closed" if s.recv(1) == b"" else "odd")
        break
    except TimeoutError:
        pass
    except OSError as error:
        print(errno.errorcode[error.errno])
        break
else:
    print("held")`;

describe.skipIf(reason !== undefined)(
  `failover on a real kernel${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  { timeout: 1_800_000 },
  () => {
    const judged = useJudgedWorld();
    const program = useBuiltProgram();
    beforeAll(() => new FailoverLab(judged(), new AwgInWorld(judged().world, judged().keys)).count());

    test("S4.9: the table of fallbacks, cell by cell, by port, prefix, user and program", async () => {
      await using awg = new AwgInWorld(judged().world, judged().keys, program());
      const lab = new FailoverLab(judged(), awg);
      const cells = cellsOf(lab.names, judged().world.folder);
      const rules = cells.map(({ rule }) => rule);
      const config = lab.config(rules, `default: { via: ${lab.names[1]} }\nkillSwitch: { enabled: true }`);
      await lab.silence();
      await awg.apply(config);
      await using daemon = new DaemonProcess(awg.argvInside("daemon", "--foreground", "-f", config));
      daemon.start();
      const expected = (state: 0 | 1 | 2) =>
        Object.fromEntries(cells.map(({ name }) => [name, TABLE[name.split(" ")[0] as keyof typeof TABLE][state]]));
      const become = async (state: 0 | 1 | 2) => {
        let seen: Readonly<Record<string, Seen>> = {};
        await daemon
          .until("the table", async () => {
            seen = await lab.send(cells);
            return JSON.stringify(seen) === JSON.stringify(expected(state));
          })
          .catch((error: unknown) => {
            expect(seen, String(error)).toEqual(expected(state));
            throw error;
          });
      };
      const { first, second } = judged();
      await become(0);
      await lab.silence(first);
      await become(1);
      const status = JSON.parse(await awg.must("status", "--json"));
      expect(status.fallback).toContainEqual({
        device: `awg-${lab.names[0]}`,
        by: `awg-${lab.names[1]}`,
        rules: expect.arrayContaining(["rules/12 (failover port)"]),
        tunnel: lab.names[0],
        to: lab.names[1],
      });
      expect(Math.max(...(await lab.expiring()))).toBeLessThanOrEqual(30);
      expect((await awg.run("diff", "-f", config)).status).toBe(0);
      await lab.silence(first, second);
      await become(2);

      // Everything of ours dies: what was granted expires, and nothing is carried any more.
      await daemon.kill();
      await awg.killEverything();
      const nowhere = Object.fromEntries(cells.map(({ name }) => [name, "nowhere"]));
      await daemon.until("the expiry", async () => JSON.stringify(await lab.send(cells)) === JSON.stringify(nowhere));
      await lab.silence();
      expect(await lab.send(cells)).toEqual(nowhere);
      const direct = new Set(cells.filter(({ name }) => name.startsWith("direct")).map(({ port }) => port));
      expect(await lab.inTheClear((port) => !direct.has(port))).toBe(0);
    });

    test.each(MODES)("law 1: traffic moves to a %s second tunnel and back, no packet in the clear", async (mode) => {
      await using awg = new AwgInWorld(judged().world, judged().keys, program());
      const lab = new FailoverLab(judged(), awg);
      const [a, b] = lab.names;
      const config = lab.config(
        [
          `{ name: echo, ports: ${ECHO_PORT}, via: ${a} }`,
          `{ name: kept, ports: ${KEPT_PORT}, via: ${a}, openFlows: keep }`,
        ],
        "default: { via: block }\nkillSwitch: { enabled: true }",
        `failover: { tunnels: [${b}], mode: ${mode} }`,
      );
      await lab.silence();
      await awg.apply(config);
      await using daemon = new DaemonProcess(awg.argvInside("daemon", "--foreground", "-f", config));
      daemon.start();
      const ask = async () =>
        (await judged().world.inside("client", [python, "-c", ASK, place.v4.echo])).trim() === "answered";
      const cell: Cell = { name: "echo", rule: "", port: ECHO_PORT };
      const isAt = async (where: Seen) => (await lab.send([cell]))["echo"] === where;
      await daemon.until("the first tunnel", ask);
      expect(await handshakes(a)).toBe(1);
      await daemon.until("the standby", async () => (await handshakes(b)) === (mode === "cold" ? 0 : 1));
      const clearBefore = await lab.inTheClear(() => true);
      const tookMs: number[] = [];
      const returned = join(judged().world.folder, `returned-${mode}`);
      for (let turn = 0; turn < SWITCHES; turn += 1) {
        await daemon.until("the first tunnel again", async () => (await isAt("first")) && ask());
        const held = turn === 0 ? hold(ECHO_PORT) : "ECONNABORTED";
        const kept = turn === 0 ? hold(KEPT_PORT) : "closed";
        if (turn === 0) await new Promise((resolve) => setTimeout(resolve, 1_000));
        const startMs = performance.now();
        await lab.silence(judged().first);
        await daemon.until("an answer by the second tunnel", ask);
        tookMs.push(performance.now() - startMs);
        expect((await lab.send([cell]))["echo"]).toBe("second");
        expect((await held).trim()).toBe("ECONNABORTED");
        if (turn === 0) {
          expect(await connectionsTo(KEPT_PORT)).toBe(1);
          expect(await awg.must("verify")).toContain("Verified");
        }
        await lab.silence();
        await daemon.until("the return", () => isAt("first"));
        writeFileSync(returned, "");
        expect((await kept).trim()).not.toBe("ECONNABORTED");
      }
      expect((await lab.inTheClear(() => true)) - clearBefore).toBe(0);
      const sorted = tookMs.toSorted((x, y) => x - y);
      const at = (share: number) => Math.round(sorted[Math.ceil(share * sorted.length) - 1] ?? 0);
      console.log(`failover, ${mode}: ${SWITCHES} switches, p50 ${at(0.5)} ms, p95 ${at(0.95)} ms`);

      function hold(port: number): Promise<string> {
        return judged().world.inside("client", [python, "-c", HOLD, place.v4.echo, String(port), returned]);
      }

      async function connectionsTo(port: number): Promise<number> {
        const ask = ["ss", "-Htn", "state", "established", "dport", "=", `:${port}`];
        return (await judged().world.inside("client", ask)).split("\n").filter(Boolean).length;
      }

      async function handshakes(tunnel: string): Promise<number> {
        const status = JSON.parse(await awg.must("status", "--json")) as {
          readonly resources: readonly {
            readonly key: string;
            readonly tunnel?: { readonly peers: readonly { readonly lastHandshake: string | null }[] };
          }[];
        };
        const peers = status.resources.find(({ key }) => key === `tunnel/${tunnel}`)?.tunnel?.peers ?? [];
        return peers.filter(({ lastHandshake }) => lastHandshake !== null).length;
      }
    });
  },
);

function cellsOf([a, b]: readonly [string, string], folder: string): Cell[] {
  return FALLBACKS.flatMap((name, index): Cell[] => {
    const fallback = name === "failover" ? `{ failover: [${b}] }` : name;
    const rule = (kind: string, match: string) =>
      `{ name: ${name} ${kind}, ${match}, via: ${a}, fallback: ${fallback} }`;
    const destination = `198.51.100.${20 + index}`;
    const uid = 6000 + index;
    const program = join(folder, `cell-${name}`);
    copyFileSync(PERL, program);
    return [
      { name: `${name} port`, rule: rule("port", `ports: ${7100 + index}, protocol: udp`), port: 7100 + index },
      {
        name: `${name} prefix`,
        rule: rule("prefix", `destinations: [${destination}]`),
        port: 7200 + index,
        destination,
      },
      { name: `${name} user`, rule: rule("user", `users: [${uid}]`), port: 7300 + index, uid },
      {
        name: `${name} program`,
        rule: rule("program", `apps: [{ path: ${program} }]`),
        port: 7400 + index,
        program,
      },
    ];
  });
}
