import { describe, expect, test } from "vitest";
import { run, waitFor } from "../../lab/world/command.ts";
import { place } from "../../lab/world/place.ts";
import { python, Tethered } from "../../lab/world/tethered.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { AwgInWorld } from "../awg-in-world.ts";
import { useJudgedWorld } from "../judged-world.ts";

// Rule S12.15: an answer to an address that this machine had for a while, of the tunnel's own network.

const reason = whyNoLab();
const { v4, device } = place;
const FORMER = "10.8.0.77";
const OTHER = "10.8.0.78/24";
const PORT = 4_077;

/** Answers every datagram a second and a half later, when the address that asked has been taken away. */
const ANSWER_LATE = `import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], int(sys.argv[2])))
print("ready", flush=True)
while True:
    data, asker = s.recvfrom(64)
    time.sleep(1.5)
    s.sendto(data, asker)`;

/** A program that asked for the address it has from the network. */
const ASK = `import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 0))
s.sendto(b"awg", (sys.argv[2], int(sys.argv[3])))`;

/** Counts at the ends of the client's wire and of its tunnel what goes to that address. */
const judge = (chain: string, wire: string) => `table netdev former {
  counter seen { }
  chain c { type filter hook ${chain} device ${wire} priority 0; ip daddr ${FORMER} udp sport ${PORT} counter name seen; }
}`;

describe.skipIf(reason !== undefined)(
  `an address that the LAN assigned and withdrew${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  () => {
    const judged = useJudgedWorld();
    const program = useBuiltProgram();

    test.each([
      ["a machine that forwards, and whose LAN still has that network", 1, ["10.8.0.0/24"], "leaves in clear"],
      ["a machine that forwards", 1, ["10.8.0.0/24"], "stays"],
      ["a machine that forwards for nobody", 0, ["10.8.0.0/24"], "stays"],
      ["a server that carries the tunnel's own address alone", 1, ["10.8.0.2/32"], "never comes"],
    ] as const)("S12.15: by %s", { timeout: 200_000 }, async (_, forwards, accepted, outcome) => {
      const { world, keys, first } = judged();
      const client = (...argv: string[]) => world.inside("client", argv);
      /** Another address of the network stays on the device, and a neighbour there claims the former one. */
      const joinNetwork = async (): Promise<void> => {
        const link = await world.inside("internet", ["cat", "/sys/class/net/client0/address"]);
        await client("ip", "address", "add", OTHER, "dev", device);
        await client("ip", "neighbour", "replace", FORMER, "lladdr", link.trim(), "dev", device);
      };
      const peer = ["wg", "set", first.device, "peer", keys.publicKey, "allowed-ips"];
      await world.inside("vpn", [...peer, [...accepted, "fd08::/64"].join(",")]);
      await client("sysctl", "-q", "-w", `net.ipv4.ip_forward=${forwards}`);
      await world.inside("internet", ["nft", "-f", "-"], judge("ingress", "client0"));
      await using awg = new AwgInWorld(world, keys, program());
      await using late = new Tethered("tether.py", [
        world.namespace("internet"),
        python,
        "-c",
        ANSWER_LATE,
        v4.echo,
        String(PORT),
      ]);
      await late.line("who answers late", (line) => line === "ready");
      if (outcome === "leaves in clear") await joinNetwork();
      await awg.apply(awg.config({ server: first, allowLan: true }));
      await waitFor("the tunnel", () => client("ping", "-c", "1", "-W", "1", v4.echo).catch(() => undefined));
      const seen = async (role: "internet" | "client"): Promise<number> =>
        Number(
          /packets (\d+)/.exec(await world.inside(role, ["nft", "list", "counter", "netdev", "former", "seen"]))?.[1],
        );
      await world.inside("client", ["nft", "-f", "-"], judge("ingress", awg.device));
      try {
        await client("ip", "address", "add", `${FORMER}/24`, "dev", device);
        await client(python, "-c", ASK, FORMER, v4.echo, String(PORT));
        await client("ip", "address", "delete", `${FORMER}/24`, "dev", device);
        if (outcome === "never comes") await run(["sleep", "4"]);
        else await waitFor("the answer by the tunnel", async () => (await seen("client")) > 0, 10_000);
        expect([await seen("client"), await seen("internet")]).toEqual(
          { "leaves in clear": [1, 1], stays: [1, 0], "never comes": [0, 0] }[outcome],
        );
      } finally {
        await client("nft", "delete", "table", "netdev", "former");
        await client("ip", "address", "delete", OTHER, "dev", device).catch(() => undefined);
        await world.inside("internet", ["nft", "delete", "table", "netdev", "former"]);
        await client("sysctl", "-q", "-w", "net.ipv4.ip_forward=1");
      }
    });
  },
);
