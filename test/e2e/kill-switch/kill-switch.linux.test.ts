import { describe, expect, test } from "vitest";
import { service } from "../../lab/judge/exception.ts";
import { type Expectation, type Judgement, renderJudgement } from "../../lab/judge/judge.ts";
import type { Session } from "../../lab/judge/session.ts";
import { judgedRun, type Subject } from "../../lab/judged-run.ts";
import { waitFor } from "../../lab/world/command.ts";
import { place } from "../../lab/world/place.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { AwgInWorld, type Wish } from "../awg-in-world.ts";
import { expecting, link, localExceptions, sessionOptions, useJudgedWorld } from "../judged-world.ts";

// The real awg on a real kernel under the leak judge (attacks A1, A2, A11, A12, A16–A20): zero packets outside the
// tunnel and the link's own exceptions.

const reason = whyNoLab();
const title = `awg under the judge${reason === undefined ? "" : ` (skipped: ${reason})`}`;
const limitMs = 400_000;

describe.skipIf(reason !== undefined)(title, { timeout: limitMs }, () => {
  const judged = useJudgedWorld();
  const program = useBuiltProgram();

  /** awg applied to the first server, then disturbed. */
  function applied(
    disturb: (awg: AwgInWorld, session: Session) => Promise<void>,
    wish: Partial<Wish> = {},
  ): Subject<AwgInWorld> {
    const setUp = async (): Promise<AwgInWorld> => {
      const { world, keys, first } = judged();
      const awg = new AwgInWorld(world, keys, program());
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

  test("law 1, A1, A8, A9, A16 to A20: apply, the same again, another engine, another server, the first by IPv6, and back", async () => {
    const { world, first, second } = judged();
    const expectation = expecting([first, second]);
    const moved = applied(async (awg, session) => {
      expectProbes(session);
      await awg.apply(awg.config({ server: first }));
      await session.rounds(1);
      await awg.apply(awg.config({ server: first, engine: "embedded" }));
      await session.rounds(1);
      await awg.apply(awg.config({ server: second }));
      await untilCarried(session, { ...expectation, endpoints: [{ address: second.address4, port: second.port }] });
      await session.rounds(3);
      await awg.apply(awg.config({ server: first, overIpv6: true }));
      await untilCarried(session, { ...expectation, endpoints: [{ address: first.address6, port: first.port }] });
      await session.rounds(3);
      await awg.apply(awg.config({ server: first }));
    });
    expectPass(await judgedRun(world, expectation, moved));
  });

  test("law 1: LAN allowed: no name query leaves; LAN forbidden: nothing; one prefix and port allowed: only that", async () => {
    const { world, first } = judged();
    const more = `rules: [{ name: web, destinations: [${place.v4.echo}/32], ports: [443], protocol: tcp, via: direct }]`;
    const local = expecting([first], { exceptions: localExceptions });
    const granted = expecting([first], { exceptions: [...link, service("tcp", place.v4.echo, 443)] });
    const stages = applied(
      async (awg, session) => {
        const allowed = session.soFar(local);
        expectPass(allowed);
        expect(allowed.excepted.get("lan"), renderJudgement(allowed)).toBeGreaterThan(0);
        await awg.apply(awg.config({ server: first, allowLan: false }));
        await session.rounds(1);
        expectPass(session.soFar(local));
        await session.beginJudging();
        await session.rounds(3);
        expectPass(session.soFar(expecting([first])));
        await awg.apply(awg.config({ server: first, more }));
      },
      { allowLan: true },
    );
    const judgement = await judgedRun(world, granted, stages);
    expectPass(judgement);
    expect(judgement.excepted.get(`tcp ${place.v4.echo} port 443`), renderJudgement(judgement)).toBeGreaterThan(0);
  });

  test("without its kill switch awg leaks, so the judge is not blind", async () => {
    const { world, first } = judged();
    const probes = ["u_udpdevice4", "u_icmpdevice6", "l2_udp4", "o_icmp4"];
    const open = applied((_, session) => session.awaitLeaks(probes), { killSwitch: false });
    const judgement = await judgedRun(world, expecting([first]), open);
    expect(judgement.leaks.map((leak) => leak.probe)).toEqual(expect.arrayContaining(probes));
  });

  test("law 1, A2, A11, A12: flushed, changed, killed: no leak, diff names it, apply repairs and adopts", async () => {
    const { world, first } = judged();
    const disturbed = applied(async (awg, session) => {
      const config = awg.config({ server: first });
      // A live keeper owns the tables: the kernel refuses, or flushes what is others'.
      await world.inside("client", ["nft", "flush", "ruleset"]).catch(() => "refused");
      await session.rounds(3);
      await expectDiff(awg, config, 0, "flushed");
      for (const meddle of meddling(awg.device)) {
        await world.inside("client", ["sh", "-c", meddle]);
        await session.rounds(1);
        await expectDiff(awg, config, 1, meddle);
        await awg.apply(config);
      }
      await expectDiff(awg, config, 0, "repaired");
      expect(await awg.killEverything()).toBeGreaterThan(0);
      await session.rounds(5);
      await awg.apply(config);
      await session.rounds(3);
      await expectDiff(awg, config, 0, "killed and adopted");
    });
    expectPass(await judgedRun(world, expecting([first]), disturbed));
  });
});

/** Rows of docs/reference/attacks.md that every run plays: which probes, and at least how many. */
const rows: readonly (readonly [string, RegExp, number])[] = [
  ["A8, plaintext to the server's own address", /^(u_ep|n_markep|l2_ep)/, 17],
  ["A9, name queries", /^(u_dns|u_do[tq]|n_markdns|g_dns)/, 26],
  ["A16, forwarded packets", /^g_/, 12],
  ["A17, flows opened before", /^u_(udp|tcp)(pre|held)/, 8],
  ["A18, raw protocols, bound sockets, marks", /^n_|^u_(fragments|pktinfo|unicastif|udpdevice|udpsource)/, 32],
  ["A19, frames", /^l2_/, 7],
  ["A20, a neighbour's packets", /^a_/, 19],
];

/** A control run without one of them seen on the wire is invalid, so that to be listed is to have been sent. */
function expectProbes({ probeNames }: Session): void {
  for (const [row, pattern, least] of rows)
    expect(probeNames.filter((name) => pattern.test(name)).length, row).toBeGreaterThanOrEqual(least);
}

/** Until a tunnel to these endpoints carried packets enough to prove something. */
async function untilCarried(session: Session, expectation: Expectation): Promise<void> {
  const isCarrying = (): boolean => session.soFar(expectation).tunnelPackets >= expectation.leastTunnelPackets;
  await waitFor("packets in the tunnel", isCarrying, 60_000, 150);
}

async function expectDiff(awg: AwgInWorld, config: string, status: number, when: string): Promise<void> {
  const diff = await awg.run("diff", "-f", config);
  expect(diff.status, `${when}: ${diff.stdout}${diff.stderr}`).toBe(status);
}

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
