import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasProgram, waitFor } from "../../lab/world/command.ts";
import { place } from "../../lab/world/place.ts";
import { python } from "../../lab/world/tethered.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { AwgInWorld } from "../awg-in-world.ts";
import { useJudgedWorld } from "../judged-world.ts";
import { ResidentProgram } from "../resident-program.ts";

const reason = whyNoLab() ?? (hasProgram("nft") ? undefined : "needs nft");
const LONGEST_MS = 90_000;
/** A port of the echo by which the tunnel is seen to carry packets. */
const ECHO = 7;
const OTHER_PORTS = [4011, 4012, 4013, 4014, 4015, 4016];

/** Sends one datagram as a user; whether it was refused or answered does not matter, the far end counts. */
const SEND = `import os, socket, sys
address, port, user = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
os.setuid(user)
s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(1)
try:
    s.sendto(b"awg", (address, port))
    if len(sys.argv) > 4: print(s.recv(64).decode())
except OSError as error:
    print(error)`;

/** Where a packet was seen: in the clear on the client's wire, come out of the tunnel, at home, or nowhere. */
type Fate = "tunnel" | "wire" | "here" | "nowhere";

/** One kind of answer: what is asked and what must be said; each has a port of its own, by which the far end knows it. */
interface Case {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly user?: number;
  readonly fate: Fate;
  readonly path: string;
  readonly says: string;
}

describe.skipIf(reason !== undefined)(
  `awg explain on a real kernel${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  () => {
    const judged = useJudgedWorld();
    const program = useBuiltProgram();
    let awg: AwgInWorld;
    let cases: readonly Case[];

    const send = (address: string, port: number, user = 0, ...more: string[]): Promise<string> =>
      judged().world.inside("client", [python, "-c", SEND, address, String(port), String(user), ...more]);

    beforeAll(async () => {
      const { world, keys, first } = judged();
      awg = new AwgInWorld(world, keys, program());
      const { v4, v6 } = place;
      const office = awg.device;
      cases = [
        { name: "the default", address: v4.echo, port: 4001, fate: "tunnel", path: office, says: "S4.7" },
        { name: "the default by IPv6", address: v6.echo, port: 4002, fate: "tunnel", path: office, says: "S4.7" },
        { name: "a direct rule", address: v4.echo, port: 4003, fate: "wire", path: "direct", says: "mirror" },
        {
          name: "a user's rule",
          address: v4.echo,
          port: 4004,
          user: 1501,
          fate: "wire",
          path: "direct",
          says: "backup",
        },
        {
          name: "a blocked user",
          address: v4.echo,
          port: 4005,
          user: 1502,
          fate: "nowhere",
          path: "block",
          says: "games",
        },
        { name: "the LAN", address: v4.neighbour, port: 4006, fate: "wire", path: "direct", says: "S" },
        { name: "DNS elsewhere", address: v4.resolver, port: 53, fate: "nowhere", path: "block", says: "S4.3" },
        { name: "DNS as declared", address: first.inside4, port: 53, fate: "tunnel", path: office, says: "S4.2" },
        { name: "this machine", address: "127.0.0.1", port: 4009, fate: "here", path: "(unmarked)", says: "" },
      ];
      const rules = `rules:
  - { name: mirror, destinations: [${v4.echo}], ports: 4003, protocol: udp, via: direct }
  - { name: backup, users: ["1501"], via: direct }
  - { name: games, users: ["1502"], via: block }
`;
      const counters = [...cases.map(({ port }) => port), ...OTHER_PORTS]
        .map((port) => `counter p${port} { }`)
        .join("\n");
      const counts = (wire: string) =>
        [...cases.map(({ port }) => port), ...OTHER_PORTS].map(
          (port) => `${wire} udp dport ${port} counter name p${port}`,
        );
      await world.inside(
        "internet",
        ["nft", "-f", "-"],
        `table netdev judge {
${counters}
chain wire { type filter hook ingress device client0 priority 0;
${counts("").join("\n")}
}
}
`,
      );
      await world.inside(
        "vpn",
        ["nft", "-f", "-"],
        `table inet judge {
${counters}
chain inside { type filter hook prerouting priority -400;
${counts('iifname != "up0"').join("\n")}
}
}
`,
      );
      await awg.apply(awg.config({ server: first, allowLan: true, engine: "embedded", networks: true, more: rules }));
      await waitFor("the tunnel", async () => (await send(place.v4.echo, ECHO, 0, "ask")).trim() === "awg", LONGEST_MS);
    }, 300_000);
    afterAll(async () => {
      await awg?.[Symbol.asyncDispose]();
    });

    async function seen(role: "internet" | "vpn", port: number): Promise<number> {
      const family = role === "internet" ? "netdev" : "inet";
      const text = await judged().world.inside(role, ["nft", "list", "counter", family, "judge", `p${port}`]);
      return Number(/packets (\d+)/.exec(text)?.[1]);
    }

    /** What becomes of one datagram, as the far end sees it. One that is expected somewhere is sent until it is seen. */
    async function fateOf({ address, port, user = 0, fate }: Case): Promise<Fate> {
      const look = async (): Promise<Fate> => {
        await send(address, port, user);
        const [wire, tunnel] = await Promise.all([seen("internet", port), seen("vpn", port)]);
        if (wire > 0) return "wire";
        return tunnel > 0 ? "tunnel" : "nowhere";
      };
      if (fate === "nowhere" || fate === "here") {
        for (let turn = 0; turn < 3; turn += 1) if ((await look()) !== "nowhere") return look();
        return fate;
      }
      return waitFor(`port ${port}`, async () => ((await look()) === "nowhere" ? undefined : look()));
    }

    interface Side {
      readonly path: string;
      readonly device: string;
      readonly verdict: string;
      readonly reason: string;
      readonly verdictBy: readonly { readonly name: string }[];
    }

    function explain({ address, port, user = 0 }: Pick<Case, "address" | "port" | "user">) {
      return explainFor(address, port, "--uid", String(user));
    }

    async function explainFor(address: string, port: number, ...who: string[]) {
      const where = address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
      const done = await awg.run("explain", where, "--protocol", "udp", ...who, "--json");
      if (done.stdout === "") throw new Error(done.stderr);
      const said = JSON.parse(done.stdout) as {
        readonly agree: boolean;
        readonly flow: { readonly uid: number };
        readonly declared: Side;
        readonly live: Side;
        readonly disagreements: readonly string[];
        readonly notes: readonly string[];
      };
      return { status: done.status, ...said };
    }

    /** What an answer promises the packet. */
    function promised({ device, verdict }: Side): Fate {
      if (device === "(local)") return "here";
      if (verdict !== "accept") return "nowhere";
      return device === awg.device ? "tunnel" : "wire";
    }

    test("verify finds nothing on a healthy machine with a network as its tunnel's address", async () => {
      const routes = await judged().world.inside("client", ["ip", "route", "show", "table", "main"]);
      expect(routes).toMatch(new RegExp(`^10\\..*/24 dev ${awg.device} proto kernel`, "m"));
      const done = await awg.run("verify", "--json");
      expect({ status: done.status, findings: JSON.parse(done.stdout).findings }).toEqual({ status: 0, findings: [] });
    });

    test("law 9: predicts for each kind of flow what the far end sees", async () => {
      for (const one of cases) {
        const said = await explain(one);
        expect(said, one.name).toMatchObject({ status: 0, agree: true, disagreements: [] });
        expect([promised(said.declared), promised(said.live)], one.name).toEqual([one.fate, one.fate]);
        expect(said.live.path, one.name).toBe(one.path);
        expect(`${said.declared.reason} ${JSON.stringify(said.declared.verdictBy)}`, one.name).toContain(one.says);
        expect(await fateOf(one), one.name).toBe(one.fate);
      }
    }, 300_000);

    const noProgram = ["setpriv", "/bin/bash"].every(hasProgram) ? "" : " (skipped: needs setpriv and bash)";

    test.skipIf(noProgram !== "")(
      `law 9: predicts for a running program${noProgram}, by pid and by file, what the far end sees`,
      async () => {
        const address = place.v4.echo;
        const namespace = judged().world.namespace("client");
        using programs = new DisposableStack();
        const asked = (
          [
            [0, "tunnel"],
            [1501, "wire"],
            [1502, "nowhere"],
          ] as const
        ).map(([user, fate], index) => {
          const port = 4013 + index;
          return { user, fate, port, program: programs.use(new ResidentProgram(namespace, user, address, port)) };
        });
        const seenAt = (port: number) => Promise.all([seen("internet", port), seen("vpn", port)]);
        const passing = asked.filter(({ fate }) => fate !== "nowhere");
        await waitFor(
          "packets of the programs",
          async () =>
            (await Promise.all(passing.map(({ port }) => seenAt(port)))).every((counts) => Math.max(...counts) > 2),
          LONGEST_MS,
        );
        for (const { user, fate, port, program } of asked) {
          for (const who of [
            ["--pid", String(program.pid)],
            ["--app", program.file],
          ]) {
            const said = await explainFor(address, port, ...who);
            expect(said, `${user}`).toMatchObject({ status: 0, agree: true, flow: { uid: user } });
            expect([promised(said.declared), promised(said.live)]).toEqual([fate, fate]);
          }
          const [wire, tunnel] = await seenAt(port);
          expect({ wire: wire > 0, tunnel: tunnel > 0 }).toEqual({ wire: fate === "wire", tunnel: fate === "tunnel" });
        }
      },
      300_000,
    );

    test.each([["jumps over ours", ["goto", "32766"]]])(
      "law 9: names a policy rule that it does not model and follows the kernel's route: one that %s",
      async (_, does) => {
        const { world } = judged();
        const address = place.v4.echo;
        const rule = ["pref", "50", "to", address, "dport", "4016", "ipproto", "udp", ...does];
        await world.inside("client", ["ip", "rule", "add", ...rule]);
        try {
          const turned = { name: "", address, port: 4016, fate: "nowhere", path: "", says: "" } as const;
          const said = await explain(turned);
          expect(said).toMatchObject({
            status: 6,
            declared: { device: awg.device, verdict: "accept" },
            live: { device: place.device, verdict: "drop", policyRule: null, route: null },
          });
          expect(said.disagreements.join("\n")).toContain("verdict: declared accept, the kernel has drop");
          expect(said.notes.join("\n")).toMatch(/^the policy rule 50 \(.*is looked up before awg's/m);
          expect(await fateOf(turned)).toBe("nowhere");
          const verified = await awg.run("verify", "--json");
          const { findings } = JSON.parse(verified.stdout) as { findings: { kind: string; message: string }[] };
          expect([verified.status, findings.map(({ kind }) => kind)]).toEqual([6, ["unjudged"]]);
          expect(findings[0]?.message).toMatch(/^the policy rule 50 \(/);
        } finally {
          await world.inside("client", ["ip", "rule", "del", "pref", "50"]);
        }
      },
      300_000,
    );

    test("law 9: reports another program's rule that leads into the same tunnel", async () => {
      const { world } = judged();
      const routes = await world.inside("client", ["ip", "route", "show", "table", "all"]);
      const table = new RegExp(`^default dev ${awg.device} table (\\d+)`, "m").exec(routes)?.[1] ?? "";
      await world.inside("client", ["ip", "rule", "add", "pref", "100", "to", place.v4.echo, "lookup", table]);
      try {
        const same = { name: "", address: place.v4.echo, port: 4001, fate: "tunnel", path: "", says: "" } as const;
        const said = await explain(same);
        expect(said).toMatchObject({ status: 6, live: { device: awg.device, verdict: "accept" } });
        expect(said.disagreements).toEqual([
          expect.stringMatching(/^policy rule: declared 10\d+: .* has 100: from all/),
        ]);
        expect(await fateOf(same)).toBe("tunnel");
      } finally {
        await world.inside("client", ["ip", "rule", "del", "pref", "100"]);
      }
    }, 300_000);

    test("law 9: warns if another program's rule changes the path, and the packet takes that path", async () => {
      const { world } = judged();
      const [address] = [place.v4.echo];
      await world.inside("client", [
        "ip",
        "rule",
        "add",
        "pref",
        "50",
        "to",
        address,
        "dport",
        "4011",
        "ipproto",
        "udp",
        "lookup",
        "main",
      ]);
      await world.inside(
        "client",
        ["nft", "-f", "-"],
        `table inet theirs {
chain out { type filter hook output priority 10; ip daddr ${place.v4.neighbour} udp dport 4012 drop; }
}
`,
      );
      const turned = {
        name: "a foreign policy rule",
        address,
        port: 4011,
        fate: "nowhere",
        path: "",
        says: "",
      } as const;
      const said = await explain(turned);
      expect(said).toMatchObject({ status: 6, agree: false });
      expect(said.disagreements.join("\n")).toContain(`device: declared ${awg.device}, the kernel has ${place.device}`);
      expect(promised(said.declared)).toBe("tunnel");
      expect(promised(said.live)).toBe("nowhere");
      expect(await fateOf(turned)).toBe("nowhere");
      const dropped = { ...turned, name: "a foreign drop", address: place.v4.neighbour, port: 4012 };
      const other = await explain(dropped);
      expect(other).toMatchObject({ status: 6, declared: { verdict: "accept" }, live: { verdict: "drop" } });
      expect(other.live.verdictBy.map(({ name }) => name).join("\n")).toContain("inet theirs out");
      expect(await fateOf(dropped)).toBe("nowhere");
      const text = await awg.run("explain", `${address}:4011`, "--protocol", "udp", "--uid", "0");
      expect(text.stdout).toMatch(/^DISAGREE device: /m);
    }, 300_000);
  },
);
