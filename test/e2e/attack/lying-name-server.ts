import { expect } from "vitest";
import { canonicalAddress } from "../../lab/judge/dissect.ts";
import { type Exception, service } from "../../lab/judge/exception.ts";
import { renderJudgement } from "../../lab/judge/judge.ts";
import { judgedRun } from "../../lab/judged-run.ts";
import { waitFor } from "../../lab/world/command.ts";
import { place } from "../../lab/world/place.ts";
import { python } from "../../lab/world/tethered.ts";
import { DisruptedAwg } from "../daemon/disrupted-awg.ts";
import { NameServer, names } from "../daemon/name-server.ts";
import { expecting, type JudgedWorld, link, sessionOptions } from "../judged-world.ts";

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

/**
 * Security.md A7 and S12.14 (TunnelCrack ServerIP): a name server gives a victim's address for the server's name, and then the
 * true one. Throws where anything but initiations goes to the victim, or the tunnel does not come up with the truth.
 */
export async function lieAndRepent(
  { world, keys, first }: JudgedWorld,
  program: string,
  engine: "embedded" | "userspace",
): Promise<void> {
  const exceptions = [...link, initiation, ...names.bootstrap.map((address) => service("udp", address, 53))];
  const whileLying = expecting([], { exceptions, leastTunnelPackets: 0 });
  const liar = await NameServer.start(world, { ...first, address4: v4.echo, address6: v6.echo });
  await using servers = new AsyncDisposableStack();
  servers.use(liar);
  const judgement = await judgedRun(world, expecting([first], { exceptions }), {
    session: sessionOptions,
    setUp: () => DisruptedAwg.start(world, keys, first, { program, engine, named: names }),
    disturb: async (awg, session) => {
      const isCalled = (): boolean => (session.soFar(whileLying).excepted.get("initiation") ?? 0) >= 2;
      await waitFor("initiations to the victim", isCalled, 60_000, 500);
      const user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
      await world.inside("client", [...user, python, "-c", SEND, ...victims, String(serverPort), device]);
      await session.rounds(3);
      expect((await awg.status()).tunnel).toBe("blocked");
      const lied = session.soFar(whileLying);
      expect(lied.leaks, renderJudgement(lied)).toEqual([]);
      await liar[Symbol.asyncDispose]();
      servers.use(await NameServer.start(world, first));
      const isUp = async (): Promise<boolean> => (await awg.status()).tunnel === "connected";
      await waitFor("the tunnel, once the name server is truthful", isUp, 60_000, 500);
      await session.rounds(2);
    },
  });
  expect(judgement.outcome, renderJudgement(judgement)).toBe("pass");
  expect(judgement.excepted.get("initiation"), renderJudgement(judgement)).toBeGreaterThan(1);
}
