import { readFileSync, writeFileSync } from "node:fs";
import { expect } from "vitest";
import { EXIT } from "../../../src/cli/exit-code.ts";
import { tryRun } from "../../lab/world/command.ts";
import { place } from "../../lab/world/place.ts";
import { python } from "../../lab/world/tethered.ts";
import { AwgInWorld } from "../awg-in-world.ts";
import { DaemonProcess } from "../daemon-process.ts";
import type { JudgedWorld } from "../judged-world.ts";

/** Rule S4.9. */
const EXPIRES_AFTER_S = 30;
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

/** Counts from 0, at the far end of the client's wire, what is addressed to the echo in the clear. */
const JUDGE = `table netdev judge
delete table netdev judge
table netdev judge {
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

const SILENCER = `table inet silence {
  chain in { type filter hook input priority -300; udp dport ${place.serverPort} drop; }
  chain out { type filter hook output priority -300; udp sport ${place.serverPort} drop; }
}
`;

/**
 * A tunnel goes down and comes back. With `dies` the daemon is killed in between, the kernel ends the fallback alone, and the
 * next daemon begins anew. Throws where anything else goes directly, or something does not when it should.
 */
export async function fallBackAndReturn(
  judged: JudgedWorld,
  program: string,
  { engine, dies }: { readonly engine: "userspace" | "embedded"; readonly dies: boolean },
): Promise<void> {
  const { world, keys, first } = judged;
  await using awg = new AwgInWorld(world, keys, program);
  const rule = `rules: [{ name: echo, destinations: [${place.v4.echo}, "${place.v6.echo}"], ports: ${FALLS}, protocol: udp, via: ${awg.tunnel}, fallback: direct }]\n`;
  const config = awg.config({ server: first, engine, more: rule });
  writeFileSync(config, readFileSync(config, "utf8").replace(/^ +persistentKeepalive: 1s\n/m, ""));
  await world.inside("internet", ["nft", "-f", "-"], JUDGE);
  await awg.apply(config);
  await using daemon = new DaemonProcess(awg.argvInside("daemon", "--foreground", "-f", config));

  const ask = async (port: number, address: string): Promise<string> =>
    (await world.inside("client", [python, "-c", ASK, address, String(port)])).trim();
  const both = (port: number) => Promise.all([ask(port, place.v4.echo), ask(port, place.v6.echo)]);
  const answers = (port: number) => async () => (await both(port)).every((answer) => answer === "answered");
  const leaked = async (name: "falls" | "others"): Promise<number> => {
    const text = await world.inside("internet", ["nft", "list", "counter", "netdev", "judge", name]);
    return Number(/packets (\d+)/.exec(text)?.[1]);
  };

  // Up: through the tunnel. Nobody is silent yet, and no daemon runs.
  await daemon.until("the tunnel", answers(FALLS));
  await daemon.until("the other rule's answers", answers(STAYS));
  expect([await leaked("falls"), await leaked("others")]).toEqual([0, 0]);

  // Down, and no daemon: everything is dropped, however long.
  await world.inside("vpn", ["nft", "-f", "-"], SILENCER);
  for (let turn = 0; turn < 2; turn += 1) expect(await both(FALLS)).toEqual(["nothing", "nothing"]);
  expect([await leaked("falls"), await leaked("others")]).toEqual([0, 0]);

  // A daemon finds out and lets the rule fall back, and only that.
  daemon.start();
  await daemon.until("the direct way", answers(FALLS));
  expect(await both(STAYS)).toEqual(["nothing", "nothing"]);
  expect(await leaked("falls")).toBeGreaterThanOrEqual(2);
  expect(await leaked("others")).toBe(0);
  const sets = await world.inside("client", ["nft", "-j", "list", "sets", "inet"]);
  const left = [...sets.matchAll(/"expires": (\d+)/g)].map(([, seconds]) => Number(seconds));
  expect(left).toHaveLength(2);
  expect(Math.max(...left)).toBeLessThanOrEqual(EXPIRES_AFTER_S);

  // It is no drift, makes no generation, and a second apply writes nothing.
  const generations = () => tryRun(awg.argvInside("history", "--json"));
  const before = (await generations()).stdout;
  const diff = await awg.run("diff", "-f", config);
  expect(diff.status, diff.stdout + diff.stderr).toBe(0);
  const status = JSON.parse(await awg.must("status", "--json"));
  expect(status.fallback).toMatchObject([
    { device: awg.device, tunnel: awg.tunnel, to: "direct", rules: ["rules/0 (echo)"] },
  ]);
  expect(status.conditions).toContainEqual(
    expect.objectContaining({
      ...{ type: "Protected", status: false, reason: "FallbackDirect", causedBy: null },
      message: `the server of ${awg.tunnel} does not answer; its traffic goes direct until it does`,
    }),
  );
  expect(daemon.reported).toContain("Not protected: traffic of a tunnel that is down goes direct");
  expect((await awg.run("wait", "--for", "protected", "--timeout", "0")).status).toBe(EXIT.verification);
  expect((await awg.run("doctor")).stdout).toContain(`the server of ${awg.tunnel} does not answer`);
  expect(await awg.must("apply", "-f", config, "--auto-approve")).toMatch(/no changes|nothing to do|in sync/i);
  expect((await generations()).stdout).toBe(before);
  await daemon.until("the direct way after an apply", answers(FALLS));

  if (dies) {
    await daemon.kill();
    await daemon.until("the expiry", async () => {
      const before = await leaked("falls");
      await both(FALLS);
      return (await leaked("falls")) === before;
    });
    const atEnd = await leaked("falls");
    for (let turn = 0; turn < 2; turn += 1) expect(await both(FALLS)).toEqual(["nothing", "nothing"]);
    expect(await leaked("falls")).toBe(atEnd);
    daemon.start();
    await daemon.until("the direct way again", answers(FALLS));
  }

  // The server comes back, and nothing is in the clear any more.
  await world.inside("vpn", ["nft", "delete", "table", "inet", "silence"]);
  await daemon.until("the tunnel again", async () => daemon.reported.includes("no fallback is in use"));
  const atReturn = await leaked("falls");
  await daemon.until("answers by the tunnel", answers(FALLS));
  expect(await leaked("falls")).toBe(atReturn);
  expect(await leaked("others")).toBe(0);
  expect((await awg.run("diff", "-f", config)).status).toBe(0);
  expect((await awg.run("wait", "--for", "protected", "--timeout", "10s")).status).toBe(0);
  expect(daemon.reported).toContain("Protected: the kill switch is on");
}
