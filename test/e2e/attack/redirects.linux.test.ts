import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ENGINE_MARK } from "../../../src/model/ownership.ts";
import { renderJudgement } from "../../lab/judge/judge.ts";
import { judgedRun } from "../../lab/judged-run.ts";
import { HandMadeTunnel } from "../../lab/subjects/hand-made-tunnel.ts";
import { waitFor } from "../../lab/world/command.ts";
import { place } from "../../lab/world/place.ts";
import { Tethered } from "../../lab/world/tethered.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import type { Server } from "../../lab/world/wireguard.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { AwgInWorld } from "../awg-in-world.ts";
import { expecting, link, localExceptions, sessionOptions, useJudgedWorld } from "../judged-world.ts";
import { Redirects, type Wanted } from "./redirects.ts";

// Attack A20: a neighbour, or whoever speaks through the tunnel, tells the machine in the router's name (ICMP redirect) to
// send by way of the neighbour.

const reason = whyNoLab();
const limit = { timeout: 400_000 };
const { v4, v6, device } = place;

describe.skipIf(reason !== undefined)(`redirects${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  const judged = useJudgedWorld();
  const program = useBuiltProgram();

  /** As on a laptop: a machine that forwards for nobody believes redirects, those of IPv6 from its router's link-local address. */
  const believing = async (isHost: boolean): Promise<void> => {
    const forward = isHost ? 0 : 1;
    const settings = [`net.ipv4.ip_forward=${forward}`, `net.ipv6.conf.all.forwarding=${forward}`];
    const { world } = judged();
    await world.inside("client", ["sysctl", "-q", "-w", ...settings]);
    const router = isHost ? v6.linkLocal : v6.router;
    await world.inside("client", ["ip", "-6", "route", "replace", "default", "via", router, "dev", device]);
    await forget();
  };
  beforeAll(() => believing(true));
  afterAll(() => believing(false));

  async function forget(): Promise<void> {
    for (const family of ["-4", "-6"]) await judged().world.inside("client", ["ip", family, "route", "flush", "cache"]);
  }

  /** By way of whom the client sends to an address, as its kernel says. */
  async function routeTo(address: string, marked = 0): Promise<string> {
    const from = address.includes(":") ? [] : ["from", v4.client];
    const argv = ["ip", "-j", "route", "get", address, ...from, "mark", String(marked)];
    const [route] = JSON.parse(await judged().world.inside("client", argv)) as { gateway?: string; dev?: string }[];
    return route?.gateway ?? route?.dev ?? "nowhere";
  }

  async function portOf(tunnelDevice: string): Promise<number> {
    return Number(await judged().world.inside("client", ["wg", "show", tunnelDevice, "listen-port"]));
  }

  const anybodys: readonly Wanted[] = [v4.echo, v6.echo].map((target) => ({ target, sport: 40_000, dport: 9 }));
  const engines = (server: Server, sport: number): Wanted[] =>
    [server.address4, server.address6].map((target) => ({ target, sport, dport: server.port }));

  test("an unprotected host follows the neighbour's redirect", limit, async () => {
    const { world } = judged();
    await using redirects = await Redirects.begin(world, anybodys);
    await waitFor("the neighbour to be believed", async () => {
      for (const address of [v4.echo, v6.echo])
        await world.inside("client", ["ping", "-c", "1", "-W", "1", address]).catch(() => "unanswered");
      return redirects.strayed().length === 2;
    });
    expect(await routeTo(v4.echo)).toBe(v4.neighbour);
    expect(await routeTo(v6.echo)).toMatch(/^fe80:/);
    await redirects[Symbol.asyncDispose]();
    await forget();
  });

  test("so does a tunnel's socket if the filter accepts everything", limit, async () => {
    const { world, first, keys } = judged();
    await using tunnel = new HandMadeTunnel(world, first, {
      killSwitch: true,
      weakness: "established accepted on the physical link",
    });
    await tunnel.up(keys);
    await using redirects = await Redirects.begin(world, engines(first, await portOf(tunnel.device)));
    await waitFor("the neighbour to be believed", async () => {
      return redirects.strayed().includes(v4.server);
    });
    await redirects[Symbol.asyncDispose]();
    await forget();
  });

  test.each([
    { engine: "userspace", allowLan: false, overIpv6: false },
    { engine: "embedded", allowLan: true, overIpv6: false },
    { engine: "userspace", allowLan: true, overIpv6: true },
    { engine: "embedded", allowLan: false, overIpv6: true },
  ] as const)(
    "A20: a host with awg does not: $engine, allowLan $allowLan, over IPv6 $overIpv6",
    limit,
    async (wish) => {
      const { world, first, keys } = judged();
      const exceptions = wish.allowLan ? localExceptions : link;
      const judgement = await judgedRun(world, expecting([first], { exceptions }), {
        session: { ...sessionOptions, guest: false },
        setUp: async () => {
          const awg = new AwgInWorld(world, keys, program());
          try {
            await awg.apply(awg.config({ server: first, ...wish }));
            return awg;
          } catch (cause) {
            await awg[Symbol.asyncDispose]();
            throw cause;
          }
        },
        disturb: async (awg, session) => {
          const ours = engines(first, await portOf(awg.device));
          await using redirects = await Redirects.begin(world, [...anybodys, ...ours]);
          await using inside = await Redirects.begin(world, [...anybodys, ...ours], "vpn");
          await session.rounds(10);
          expect(redirects.strayed()).toEqual([]);
          expect(inside.strayed()).toEqual([]);
          expect(await routeTo(v4.server, ENGINE_MARK)).toBe(v4.router);
          expect(await routeTo(v6.server, ENGINE_MARK)).toBe(v6.linkLocal);
          for (const address of [v4.echo, v6.echo]) expect(await routeTo(address)).toBe(awg.device);
          await world.inside("client", ["ping", "-c", "1", "-W", "5", v4.echo]);
        },
      }).finally(forget);
      expect(judgement.outcome, renderJudgement(judgement)).toBe("pass");
    },
  );

  test("A20: nor does it accept a router advertisement through the tunnel", limit, async () => {
    const { world, first, keys } = judged();
    await using awg = new AwgInWorld(world, keys, program());
    await awg.apply(awg.config({ server: first }));
    await world.inside("client", ["ping", "-c", "1", "-W", "5", v6.tunnelServer]);
    await using router = new Tethered("advertise.py", [world.namespace("vpn"), first.device, v6.tunnel]);
    await waitFor("five advertisements", () => router.lines.length >= 5);
    await world.inside("client", ["ping", "-c", "1", "-W", "5", v6.tunnelServer]);
    expect(await world.inside("client", ["ip", "-6", "route", "show", "dev", awg.device, "proto", "ra"])).toBe("");
    expect(await world.inside("client", ["ip", "-6", "address", "show", "dev", awg.device])).not.toContain("fd99:");
  });
});
