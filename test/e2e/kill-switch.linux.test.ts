import { describe, expect, test } from "vitest";
import { service } from "../lab/judge/exception.ts";
import { type Judgement, renderJudgement } from "../lab/judge/judge.ts";
import type { Session } from "../lab/judge/session.ts";
import { judgedRun, type Subject } from "../lab/judged-run.ts";
import { place } from "../lab/world/place.ts";
import { whyNoLab } from "../lab/world/why-no-lab.ts";
import { AwgInWorld, type Wish } from "./awg-in-world.ts";
import { expecting, link, localExceptions, sessionOptions, useJudgedWorld } from "./judged-world.ts";

// The real awg on a real kernel under the leak judge (security.md A1, A2, A11, A12, A16–A20): zero packets outside the
// tunnel and the link's own exceptions.

const reason = whyNoLab();
const title = `awg under the judge${reason === undefined ? "" : ` (skipped: ${reason})`}`;
const limitMs = 400_000;

describe.skipIf(reason !== undefined)(title, { timeout: limitMs }, () => {
  const judged = useJudgedWorld();

  /** awg applied to the first server, then disturbed. */
  function applied(
    disturb: (awg: AwgInWorld, session: Session) => Promise<void>,
    wish: Partial<Wish> = {},
  ): Subject<AwgInWorld> {
    const setUp = async (): Promise<AwgInWorld> => {
      const { world, keys, first } = judged();
      const awg = new AwgInWorld(world, keys);
      try {
        await awg.apply(awg.config({ server: first, ...wish }));
        return awg;
      } catch (cause) {
        await awg[Symbol.asyncDispose]();
        throw cause;
      }
    };
    return { setUp, disturb, session: sessionOptions };
  }

  test("law 1: apply, then apply again", async () => {
    const { world, first } = judged();
    const again = applied(async (awg, session) => {
      await awg.apply(awg.config({ server: first }));
      await session.rounds(1);
    });
    expectPass(await judgedRun(world, expecting([first]), again));
  });

  test("law 1: a change of server, and back", async () => {
    const { world, first, second } = judged();
    const changed = applied(async (awg, session) => {
      await awg.apply(awg.config({ server: second }));
      await session.rounds(3);
      await awg.apply(awg.config({ server: first }));
    });
    expectPass(await judgedRun(world, expecting([first, second]), changed));
  });

  test("law 1: the LAN allowed: the LAN and no name query; forbidden again: nothing", async () => {
    const { world, first } = judged();
    const allowed = await judgedRun(
      world,
      expecting([first], { exceptions: localExceptions }),
      applied(nothing, { allowLan: true }),
    );
    expectPass(allowed);
    expect(allowed.excepted.get("lan"), renderJudgement(allowed)).toBeGreaterThan(0);
    const forbidden = applied(
      async (awg, session) => {
        await awg.apply(awg.config({ server: first, allowLan: false }));
        await session.rounds(1);
        await session.beginJudging();
      },
      { allowLan: true },
    );
    expectPass(await judgedRun(world, expecting([first]), forbidden));
  });

  test("without its kill switch awg is seen to leak, so the judge is not blind here", async () => {
    const { world, first } = judged();
    const probes = ["u_udpdevice4", "u_icmpdevice6", "l2_udp4", "o_icmp4"];
    const open = applied((_, session) => session.awaitLeaks(probes), { killSwitch: false });
    const judgement = await judgedRun(world, expecting([first]), open);
    expect(judgement.leaks.map((leak) => leak.probe)).toEqual(expect.arrayContaining(probes));
  });

  test("law 1: an endpoint by IPv6", async () => {
    const { world, first } = judged();
    expectPass(await judgedRun(world, expecting([first]), applied(nothing, { overIpv6: true })));
  });

  test("law 1: a rule that grants one prefix and one port directly grants nothing else", async () => {
    const { world, first } = judged();
    const more = `rules: [{ name: web, destinations: [${place.v4.echo}/32], ports: [443], protocol: tcp, via: direct }]`;
    const exceptions = [...link, service("tcp", place.v4.echo, 443)];
    const judgement = await judgedRun(world, expecting([first], { exceptions }), applied(nothing, { more }));
    expectPass(judgement);
    expect(judgement.excepted.get(`tcp ${place.v4.echo} port 443`), renderJudgement(judgement)).toBeGreaterThan(0);
  });

  test("law 1: kill -9 of everything holds, and the next apply adopts what stands", async () => {
    const { world, first } = judged();
    const killed = applied(async (awg, session) => {
      expect(await awg.killEverything()).toBeGreaterThan(0);
      await session.rounds(5);
      await awg.apply(awg.config({ server: first }));
      await session.rounds(3);
      const diff = await awg.run("diff", "-f", awg.config({ server: first }));
      expect(diff, diff.stdout + diff.stderr).toMatchObject({ status: 0 });
    });
    expectPass(await judgedRun(world, expecting([first]), killed));
  });

  test("law 1: foreign deletions hold, diff names them, apply repairs them", async () => {
    const { world, first } = judged();
    const meddled = applied(async (awg, session) => {
      const config = awg.config({ server: first });
      for (const meddle of meddling(awg.device)) {
        await world.inside("client", ["sh", "-c", meddle]);
        await session.rounds(1);
        const diff = await awg.run("diff", "-f", config);
        expect(diff.status, `${meddle}: ${diff.stdout}${diff.stderr}`).toBe(1);
        await awg.apply(config);
      }
      expect((await awg.run("diff", "-f", config)).status).toBe(0);
    });
    expectPass(await judgedRun(world, expecting([first]), meddled));
  });

  test("law 1: nft flush ruleset does not touch what a live keeper owns", async () => {
    const { world, first } = judged();
    const flushed = applied(async (awg, session) => {
      await world.inside("client", ["nft", "flush", "ruleset"]).catch(() => "refused");
      await session.rounds(3);
      expect((await awg.run("diff", "-f", awg.config({ server: first }))).status).toBe(0);
    });
    expectPass(await judgedRun(world, expecting([first]), flushed));
  });
});

async function nothing(): Promise<void> {}

/** What other programs do to routes and rules of ours (systemd-networkd, NetworkManager, people). */
function meddling(device: string): readonly string[] {
  const table = `table=$(ip -4 route show table all | sed -n 's/^default dev ${device} table \\([0-9]*\\).*/\\1/p' | head -n 1)`;
  return [
    `${table}; ip route delete default table $table; ip -6 route flush table $table`,
    "ip rule flush; ip rule add pref 32766 table main; ip rule add pref 32767 table default",
    "ip -6 rule flush; ip -6 rule add pref 32766 table main",
    `ip link set ${device} down`,
  ];
}

function expectPass(judgement: Judgement): void {
  expect(judgement.outcome, renderJudgement(judgement)).toBe("pass");
}
