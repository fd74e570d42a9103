import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { arpOf, type Exception, neighbourDiscoveryOf } from "../../lab/judge/exception.ts";
import { renderJudgement } from "../../lab/judge/judge.ts";
import type { SessionOptions } from "../../lab/judge/session.ts";
import { judgedRun } from "../../lab/judged-run.ts";
import { HandMadeTunnel } from "../../lab/subjects/hand-made-tunnel.ts";
import { run } from "../../lab/world/command.ts";
import { place } from "../../lab/world/place.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { DisruptedAwg } from "../daemon/disrupted-awg.ts";
import { expecting, localExceptions, sessionOptions, useJudgedWorld } from "../judged-world.ts";

// Attack A7: a LAN that says of public addresses, of the server's and of the tunnel's own that they are local
// (TunnelCrack LocalNet and ServerIP), and hands out routes past the tunnel (TunnelVision), while the LAN is allowed.

const reason = whyNoLab();
const { v4, v6, device } = place;

/** An address of its own that the rogue network gives the client, with the prefix that it claims. */
const claims = {
  "the internet": ["198.51.100.77/24", "2001:db8:100::77/64"],
  "the server's network": ["203.0.113.77/24", "2001:db8:9::77/64"],
  "the tunnel's network": ["10.8.0.77/24", "fd08::77/64"],
} as const;
/** Routes that are more special than any default (RFC 3442, RFC 4191). */
const routes = [
  ...["0.0.0.0/1", "128.0.0.0/1", "198.51.100.0/24", "203.0.113.9/32"].map((to) => `${to} via ${v4.router}`),
  ...["::/1", "8000::/1", "2001:db8:100::/48", "2001:db8:9::9/128"].map((to) => `${to} via ${v6.router}`),
];

const claimed = Object.values(claims)
  .flat()
  .map((text) => text.split("/")[0] ?? "");
/** What the link needs for these addresses, too. The LAN's own exceptions stay those of its real members. */
const exceptions: readonly Exception[] = [
  arpOf([v4.client, ...claimed]),
  neighbourDiscoveryOf([v6.client, ...claimed]),
  ...localExceptions,
];

describe.skipIf(reason !== undefined)(`a rogue LAN${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  const judged = useJudgedWorld();
  const program = useBuiltProgram();

  const session: SessionOptions = { ...sessionOptions, guest: false };

  /** A machine that forwards for nobody (S12.15 tells of others), in a network that answers for every address it claims. */
  beforeAll(async () => {
    await forward(0);
    const { world } = judged();
    await world.inside("internet", ["sysctl", "-q", "-w", "net.ipv6.conf.lan.proxy_ndp=1"]);
    for (const address of [v6.echo, v6.resolver, v6.server, v6.tunnelServer]) {
      await world.inside("internet", ["ip", "-6", "neighbour", "add", "proxy", address, "dev", "lan"]);
    }
  });
  afterAll(() => forward(1));

  async function forward(value: 0 | 1): Promise<void> {
    const settings = ["net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"].map((name) => `${name}=${value}`);
    await judged().world.inside("client", ["sysctl", "-q", "-w", ...settings]);
  }

  async function ip(...lines: readonly string[]): Promise<void> {
    await run(["ip", "-n", judged().world.namespace("client"), "-batch", "-"], lines.join("\n"));
  }

  /** One claim after another, then the routes; each is taken back, also after a failure. */
  async function attack(during: (what: string) => Promise<void>): Promise<void> {
    for (const [what, addresses] of Object.entries(claims)) {
      const all = (verb: string) => addresses.map((address) => `address ${verb} ${address} dev ${device}`);
      await ip(...all("add").map((line) => (line.includes("::") ? `${line} nodad` : line)));
      await during(what).finally(() => ip(...all("delete")));
    }
    await ip(...routes.map((route) => `route add ${route} dev ${device}`));
    await during("routes").finally(() => ip(...routes.map((route) => `route delete ${route} dev ${device}`)));
  }

  test("a tunnel made of routes alone leaks what the LAN claims", { timeout: 400_000 }, async () => {
    const { world, keys, first } = judged();
    const ordinary = ["u_udp4", "u_https6", "u_dns4"];
    const judgement = await judgedRun(world, expecting([first], { only: new Set(ordinary) }), {
      session,
      setUp: async () => {
        const tunnel = new HandMadeTunnel(world, first, { killSwitch: false });
        await tunnel.up(keys);
        return tunnel;
      },
      disturb: (_, prober) =>
        attack((what) => (what === "the internet" ? prober.awaitLeaks(ordinary) : Promise.resolve())),
    });
    expect(judgement.leaks.map(({ probe }) => probe).toSorted(), renderJudgement(judgement)).toEqual(
      ordinary.toSorted(),
    );
  });

  test("A7: with the LAN allowed, traffic to addresses that it falsely claims does not leave", {
    timeout: 600_000,
  }, async () => {
    const { world, keys, first } = judged();
    const judgement = await judgedRun(world, expecting([first], { exceptions }), {
      session,
      setUp: () => DisruptedAwg.start(world, keys, first, { program: program(), engine: "embedded", allowLan: true }),
      disturb: (_, prober) => attack(() => prober.rounds(4)),
    });
    expect(judgement.outcome, renderJudgement(judgement)).toBe("pass");
    expect(judgement.excepted.get("lan"), renderJudgement(judgement)).toBeGreaterThan(0);
  });
});
