import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isFullSize, sized } from "../support/size.ts";
import { arpOf, type Exception, localNetwork, multicast, neighbourDiscoveryOf } from "./judge/exception.ts";
import { type Expectation, type Judgement, renderJudgement } from "./judge/judge.ts";
import type { Session } from "./judge/session.ts";
import { judgedRun, oneRun, type Subject } from "./judged-run.ts";
import { HandMadeTunnel, type TunnelOptions } from "./subjects/hand-made-tunnel.ts";
import type { Weakness } from "./subjects/kill-switch.ts";
import { WgQuick } from "./subjects/wg-quick.ts";
import { hasProgram } from "./world/command.ts";
import { place } from "./world/place.ts";
import { whyNoLab } from "./world/why-no-lab.ts";
import { type KeyPair, newKeyPair, type Server, startServer } from "./world/wireguard.ts";
import { World } from "./world/world.ts";

// The judge's own proof: it passes a careful kill switch, catches each way to write one wrong, and calls a run that
// proves nothing invalid. Nothing of the product runs here.

const reason = whyNoLab();
const replacements = sized(3, 1_000);
const { v4, v6 } = place;

const link: readonly Exception[] = [arpOf([v4.client]), neighbourDiscoveryOf([v6.client])];
const lan: readonly Exception[] = [
  ...link,
  multicast,
  localNetwork([v4.router, v4.neighbour, v4.broadcast, v6.router, v6.neighbour, v6.linkLocal]),
];

/** For each weakness, probes that must come out (others may too). */
const caught: Record<Weakness, readonly string[]> = {
  "ipv4 only": ["u_udpdevice6", "u_dnsgateway6", "n_markudp6", "l2_udp6"],
  "mark without uid": ["n_markep4"],
  "endpoint without owner": ["u_epdevice4", "n_markep4", "l2_ep4"],
  "endpoint without port": ["u_epportdevice4", "u_epdevice4"],
  "no egress hook": ["l2_udp4", "l2_udp6", "l2_fragment6", "l2_vlan", "l2_unknown"],
  "no forward chain": ["g_lanudp4", "g_lanudp6", "g_dnsgateway4", "g_dnsgateway6"],
  "no conntrack cut": ["u_udpheld4", "u_udpheld6", "u_tcpheld4", "u_tcpheld6"],
  "established accepted on the physical link": ["o_icmp4", "o_icmp6", "a_tcp4", "a_tcp6"],
  "dns judged after lan": ["u_dnsgateway4", "u_dnsgatewaytcp4", "u_dnsneighbour4", "u_dnsgateway6", "u_dnslinklocal6"],
  "tunnel source let out": ["r_spoofed"],
  "multicast let out": ["u_mdns4", "u_ssdp4", "u_llmnr4"],
  "icmp let out": ["u_icmpdevice4", "u_icmpdevice6", "u_lanicmp4"],
  "arp answered for every address": ["untagged"],
  "tunnel's address answered on the link": [
    ...["a_forgedtcp4", "a_forgedudp4", "a_forgedicmp4", "a_forgedtcp6", "a_forgedudp6", "a_forgedicmp6"],
  ],
};

describe.skipIf(reason !== undefined)(`the leak lab${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  let world: World;
  let keys: KeyPair;
  let server: Server;

  beforeAll(async () => {
    world = await World.open();
    keys = await newKeyPair();
    server = await startServer(world, "first", keys);
  });

  afterAll(async () => {
    await world?.[Symbol.asyncDispose]();
  });

  function expecting(exceptions: readonly Exception[] = link, more: Partial<Expectation> = {}): Expectation {
    const endpoints = [{ address: server.address4, port: server.port }];
    return { endpoints, wire: "wireguard", exceptions, leastTunnelPackets: 20, ...more };
  }

  function handMade(
    options: TunnelOptions,
    disturb?: (tunnel: HandMadeTunnel, session: Session) => Promise<void>,
  ): Subject<HandMadeTunnel> {
    const setUp = async (): Promise<HandMadeTunnel> => {
      const tunnel = new HandMadeTunnel(world, server, options);
      await tunnel.up(keys);
      return tunnel;
    };
    return { setUp, ...(disturb && { disturb }) };
  }

  // Zero leaks in n replacements bounds the true rate at 3/n with 95 % confidence: the full size makes a thousand.
  test(`law 1: a careful kill switch passes, also while its policy is replaced ${replacements} times`, {
    timeout: sized(120_000, 3_600_000),
  }, async () => {
    const replaced = handMade({ killSwitch: true }, async (tunnel, session) => {
      for (let time = 0; time < replacements; time += 1) {
        await tunnel.loadPolicy();
        if (!isFullSize) await session.rounds(1);
      }
    });
    const session = sized({}, { session: { pauseMs: 5 } });
    const leastTunnelPackets = sized(20, replacements);
    expectPass(await judgedRun(world, expecting(link, { leastTunnelPackets }), { ...replaced, ...session }));
  });

  test("law 1: with the LAN allowed, a careful kill switch lets out the LAN but no name query", async () => {
    const judgement = await judgedRun(world, expecting(lan), handMade({ killSwitch: true, allowLan: true }));
    expectPass(judgement);
    expect(judgement.excepted.get("lan")).toBeGreaterThan(0);
  });

  test.each(Object.entries(caught) as [Weakness, string[]][])("law 1: caught: %s", async (weakness, probes) => {
    const allowLan = weakness === "dns judged after lan";
    const options = { killSwitch: true, weakness, allowLan };
    const holed = handMade(options, (_, session) => session.awaitLeaks(probes));
    expectLeaks(await judgedRun(world, expecting(allowLan ? lan : link), holed), probes);
  });

  test("what leaves while judging pauses is no leak, and one afterwards is", async () => {
    const between = ["u_udpdevice4", "u_lanudp6"];
    const open = (isSeen: boolean) =>
      handMade({ killSwitch: true }, async (tunnel, session) => {
        session.pauseJudging();
        await tunnel.dropPolicy();
        await session.rounds(1);
        if (isSeen) await session.resumeJudging();
        await session.rounds(1);
        session.pauseJudging();
        await tunnel.loadPolicy();
        await session.resumeJudging();
      });
    expectPass(await judgedRun(world, expecting(), open(false)));
    expectLeaks(await judgedRun(world, expecting(), open(true)), between);
  });

  test("law 1: caught: a policy replaced in two transactions", async () => {
    const between = ["u_udpdevice4", "u_lanudp6", "l2_udp4"];
    const torn = handMade({ killSwitch: true }, async (tunnel, session) => {
      await tunnel.dropPolicy();
      await session.awaitLeaks(between);
      await tunnel.loadPolicy();
    });
    expectLeaks(await judgedRun(world, expecting(), torn), between);
  });

  test("law 1: caught: the old route removed before the new one exists", async () => {
    const between = ["u_udpdevice4", "u_lanudp4"];
    const retired = handMade({ killSwitch: true }, async (tunnel, session) => {
      await tunnel.dropPolicy();
      await tunnel.loseDevice();
      await session.awaitLeaks(between);
      await tunnel.loadPolicy();
    });
    expectLeaks(await judgedRun(world, expecting(), retired), between);
  });

  describe("routes alone, when the device vanishes", () => {
    const ordinary = new Set(["u_udp4", "u_udp6", "u_new4", "u_https4", "u_https6", "u_icmp4", "u_dns4"]);
    const lost = (unreachableDefault: boolean): Subject<HandMadeTunnel> =>
      handMade({ killSwitch: false, unreachableDefault }, async (tunnel, session) => {
        await tunnel.loseDevice();
        if (!unreachableDefault) await session.awaitLeaks([...ordinary]);
      });

    test("law 1: ordinary packets stay in where the table ends in unreachable", async () => {
      expectPass(await judgedRun(world, expecting(link, { only: ordinary }), lost(true)));
    });

    test("law 1: caught: no unreachable default", async () => {
      expectLeaks(await judgedRun(world, expecting(link, { only: ordinary }), lost(false)), [...ordinary]);
    });
  });

  test.skipIf(!hasProgram("wg-quick"))("law 1: wg-quick leaks, standing still and more when restarted", async () => {
    const setUp = async (): Promise<WgQuick> => {
      const quick = new WgQuick(world, server, keys);
      await quick.up();
      return quick;
    };
    const still = await judgedRun(world, expecting(), { setUp });
    expectLeaks(still, ["u_dnsgateway4", "u_udpdevice4", "n_markudp4", "l2_udp4", "o_icmp4"]);
    expect(still.leaks.length, renderJudgement(still)).toBeGreaterThan(30);
    expect(still.leaks.map((leak) => leak.probe)).not.toContain("u_udp4");
    const inTheGap = ["u_udp4", "u_https6", "u_dns4"];
    const disturb = async (quick: WgQuick, session: Session): Promise<void> => {
      await quick.down();
      await session.awaitLeaks(inTheGap);
      await quick.up();
    };
    expectLeaks(await judgedRun(world, expecting(), { setUp, disturb }), inTheGap);
  });

  describe("a run that proves nothing is invalid", () => {
    const short = { limitMs: 3000 };

    test("a probe that the control run did not see", async () => {
      await world.inside("client", ["nft", "add", "rule", "inet", "lab", "watch", "udp", "dport", "123", "drop"]);
      try {
        const judgement = await oneRun(world, expecting(), {
          ...handMade({ killSwitch: true }),
          session: short,
          rounds: 1,
        });
        expectInvalid(judgement, /never seen in the control run: .*u_ntp4, (.*, )?u_ntp6/);
      } finally {
        await world.inside("client", ["nft", "flush", "chain", "inet", "lab", "watch"]);
        await world.inside("client", ["nft", "add", "rule", "inet", "lab", "watch", "ct", "state", "new", "counter"]);
      }
    });

    test("a tunnel that carried nothing", async () => {
      const wrong = { ...server, keys: await newKeyPair() };
      const setUp = async (): Promise<HandMadeTunnel> => {
        const tunnel = new HandMadeTunnel(world, wrong, { killSwitch: true });
        await tunnel.up(keys);
        return tunnel;
      };
      expectInvalid(await oneRun(world, expecting(), { setUp }), /the tunnel carried 0 packets/);
    });

    test("a prober that stalled", async () => {
      const stalled = handMade({ killSwitch: true }, async (_, session) => session.freezeProber());
      expectInvalid(await oneRun(world, expecting(), { ...stalled, session: short, rounds: 1 }), /the prober stalled/);
    });

    test("a capture that dropped frames", async () => {
      const blind = handMade({ killSwitch: true }, async (_, session) => session.blindCapture(2));
      const judgement = await oneRun(world, expecting(), { ...blind, session: { captureBytes: 16_384 }, rounds: 1 });
      expectInvalid(judgement, /the capture dropped [1-9]\d* frames/);
    });
  });
});

function expectPass(judgement: Judgement): void {
  expect(judgement.outcome, renderJudgement(judgement)).toBe("pass");
}

function expectLeaks(judgement: Judgement, probes: readonly string[]): void {
  expect(judgement.outcome, renderJudgement(judgement)).toBe("leak");
  expect(
    judgement.leaks.map((leak) => leak.probe),
    renderJudgement(judgement),
  ).toEqual(expect.arrayContaining([...probes]));
}

function expectInvalid(judgement: Judgement, why: RegExp): void {
  expect(judgement.outcome, renderJudgement(judgement)).toBe("invalid");
  expect(judgement.invalid.join("\n")).toMatch(why);
}
