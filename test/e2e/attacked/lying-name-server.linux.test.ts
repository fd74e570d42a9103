import { describe, expect, test } from "vitest";
import { canonicalAddress } from "../../lab/judge/dissect.ts";
import { type Exception, service } from "../../lab/judge/exception.ts";
import { renderJudgement } from "../../lab/judge/judge.ts";
import { judgedRun } from "../../lab/judged-run.ts";
import { waitFor } from "../../lab/world/command.ts";
import { place } from "../../lab/world/place.ts";
import { python } from "../../lab/world/tethered.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { DisruptedAwg } from "../disrupted/disrupted-awg.ts";
import { NameServer, names } from "../disrupted/name-server.ts";
import { expecting, link, sessionOptions, useJudgedWorld } from "../judged-world.ts";

// security.md A7 and S12.14 (TunnelCrack ServerIP): a name server gives a victim's address for the server's name.

const reason = whyNoLab();
const { v4, v6, serverPort, device } = place;
const victims = [v4.echo, v6.echo];
const initiationBytes = 148;

/** WireGuard's first message to the victim, and nothing else that goes there: no data, no other size, no probe. */
const initiation: Exception = {
  name: "initiation",
  allows: ({ destination = "", destinationPort, payload }) =>
    victims.map(canonicalAddress).includes(destination) &&
    destinationPort === serverPort &&
    payload.length === initiationBytes &&
    payload[0] === 1,
};

/** A user's packets to the very port of the victim that the grant is for, in every way a user can choose. */
const SEND = `import socket, sys
for family, address in ((socket.AF_INET, sys.argv[1]), (socket.AF_INET6, sys.argv[2])):
    for device in (b"", sys.argv[4].encode()):
        s = socket.socket(family, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, 25, device)
        try:
            s.sendto(bytes([1, 0, 0, 0]) + b"a user's own words", (address, int(sys.argv[3])))
        except OSError:
            pass`;

describe.skipIf(reason !== undefined)(
  `a lying name server${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  () => {
    const judged = useJudgedWorld();
    const program = useBuiltProgram();

    test.each(["embedded", "userspace"] as const)(
      "A7, S12.14: the victim gets initiations of the tunnel's own socket, and nothing of anybody's: %s",
      {
        timeout: 400_000,
      },
      async (engine) => {
        const { world, keys, first } = judged();
        const exceptions = [...link, initiation, ...names.bootstrap.map((address) => service("udp", address, 53))];
        const expectation = expecting([], { exceptions, leastTunnelPackets: 0 });
        await using _liar = await NameServer.start(world, { ...first, address4: v4.echo, address6: v6.echo });
        const judgement = await judgedRun(world, expectation, {
          session: sessionOptions,
          setUp: () => DisruptedAwg.start(world, keys, first, { program: program(), engine, named: names }),
          disturb: async (awg, session) => {
            const isCalled = (): boolean => (session.soFar(expectation).excepted.get("initiation") ?? 0) >= 2;
            await waitFor("initiations to the victim", isCalled, 60_000, 500);
            const user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
            await world.inside("client", [...user, python, "-c", SEND, ...victims, String(serverPort), device]);
            await session.rounds(3);
            expect((await awg.status()).tunnel).toBe("blocked");
          },
        });
        expect(judgement.outcome, renderJudgement(judgement)).toBe("pass");
        expect(judgement.excepted.get("initiation"), renderJudgement(judgement)).toBeGreaterThan(1);
      },
    );
  },
);
