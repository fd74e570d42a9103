import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { place } from "../../lab/world/place.ts";
import { python } from "../../lab/world/tethered.ts";
import { keyFile, type Server } from "../../lab/world/wireguard.ts";
import { sampleConfig } from "../../support/config.ts";
import type { AwgInWorld } from "../awg-in-world.ts";
import type { JudgedWorld } from "../judged-world.ts";

/**
 * Where datagrams were seen: at the end of a tunnel, in the clear on the client's wire, or nowhere; at several places if the
 * path changed meanwhile.
 */
export type Seen = "first" | "second" | "clear" | "nowhere" | "several";

/** One flow of the table: its rule, and a port of its own by which it is counted. */
export interface Cell {
  readonly name: string;
  readonly rule: string;
  readonly port: number;
  readonly destination?: string;
  readonly uid?: number;
  /** A copy of perl that sends, instead of python. */
  readonly program?: string;
}

/** Sends three datagrams to each "ADDRESS PORT UID". */
const SEND = `import os, socket, sys, time
for line in sys.stdin:
    address, port, uid = line.split()
    if os.fork() == 0:
        os.setuid(int(uid))
        s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        for _ in range(3):
            try:
                s.sendto(b"cell", (address, int(port)))
            except OSError:
                pass
            time.sleep(0.1)
        os._exit(0)
while True:
    try:
        os.wait()
    except ChildProcessError:
        break`;

const SEND_BY_PROGRAM = `use Socket;
my ($address, $port) = @ARGV;
socket(my $s, AF_INET, SOCK_DGRAM, 0) or die $!;
for (1..3) { send($s, "cell", 0, sockaddr_in($port, inet_aton($address))); select(undef, undef, undef, 0.1); }`;

/** Two tunnels of a client whose packets are counted where they come out. */
export class FailoverLab {
  readonly names: readonly [string, string];
  readonly #judged: JudgedWorld;
  readonly #awg: AwgInWorld;

  constructor(judged: JudgedWorld, awg: AwgInWorld) {
    this.#judged = judged;
    this.#awg = awg;
    this.names = [awg.tunnel, `${awg.tunnel}b`];
  }

  /** Writes a config with both tunnels and gives its path. */
  config(rules: readonly string[], rest: string, ofFirst = ""): string {
    const { world, keys, first, second } = this.#judged;
    const key = keyFile(world, "failover.key", keys.privateKey);
    const tunnel = (name: string, { keys, address4, port, inside4, inside6 }: Server, more: string) => `  ${name}:
    protocol: wireguard
    engine: embedded
    privateKey: { file: ${key} }
    addresses: [${inside4.replace(/1$/, "2")}/32, ${inside6.replace(/1$/, "2")}/128]
    ${more}
    peers: [{ publicKey: ${keys.publicKey}, endpoint: "${address4}:${port}", allowedIPs: [0.0.0.0/0, "::/0"] }]
`;
    const [a, b] = this.names;
    const list = rules.map((rule) => `  - ${rule}\n`).join("");
    const path = join(world.folder, "failover.yaml");
    const tunnels = `tunnels:\n${tunnel(a, first, ofFirst)}${tunnel(b, second, "")}`;
    writeFileSync(path, sampleConfig(`${tunnels}rules:\n${list}${rest}\n`), { mode: 0o600 });
    return path;
  }

  /** Counts datagrams by port where they leave the tunnels, and in the clear on the client's wire. */
  async count(): Promise<void> {
    const { world, first, second } = this.#judged;
    const seen = (name: string) => `set ${name} { type inet_service; size 4096; flags dynamic; counter; }`;
    await world.inside(
      "vpn",
      ["nft", "-f", "-"],
      `table inet judge
delete table inet judge
table inet judge {
  ${seen("first")}
  ${seen("second")}
  chain pre {
    type filter hook prerouting priority -300;
    iifname "${first.device}" meta l4proto udp add @first { udp dport }
    iifname "${second.device}" meta l4proto udp add @second { udp dport }
  }
}`,
    );
    await world.inside(
      "internet",
      ["nft", "-f", "-"],
      `table netdev judge
delete table netdev judge
table netdev judge {
  ${seen("clear")}
  chain wire {
    type filter hook ingress device client0 priority 0;
    ip saddr ${place.v4.client} udp dport != { ${first.port}, ${second.port} } add @clear { udp dport }
    ip6 saddr ${place.v6.client} udp dport != { ${first.port}, ${second.port} } add @clear { udp dport }
  }
}`,
    );
  }

  /** Sends the datagrams of these cells and says where each came out. */
  async send(cells: readonly Cell[]): Promise<Readonly<Record<string, Seen>>> {
    const before = await this.#counts();
    const [own, common] = [cells.filter(isOfProgram), cells.filter((cell) => !isOfProgram(cell))];
    const lines = common.map(({ destination = place.v4.echo, port, uid = 0 }) => `${destination} ${port} ${uid}\n`);
    await Promise.all([
      this.#judged.world.inside("client", [python, "-c", SEND], lines.join("")),
      ...own.map(({ program, port }) =>
        this.#judged.world.inside("client", [program, "-e", SEND_BY_PROGRAM, place.v4.echo, String(port)]),
      ),
    ]);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const after = await this.#counts();
    return Object.fromEntries(
      cells.map(({ name, port }) => {
        const places = (["first", "second", "clear"] as const).filter(
          (at) => (after[at].get(port) ?? 0) > (before[at].get(port) ?? 0),
        );
        return [name, places.length > 1 ? "several" : (places[0] ?? "nowhere")];
      }),
    );
  }

  /** How many datagrams to these ports were seen in the clear. */
  async inTheClear(isMeant: (port: number) => boolean): Promise<number> {
    const { clear } = await this.#counts();
    return [...clear].filter(([port]) => isMeant(port)).reduce((sum, [, count]) => sum + count, 0);
  }

  /** Drops all that goes to and comes from the servers' ends. */
  async silence(...servers: readonly Server[]): Promise<void> {
    await this.#lose(servers, "");
  }

  /** Drops every other packet to and from a server's end, by chance. */
  async loseHalf(server: Server): Promise<void> {
    await this.#lose([server], "numgen random mod 2 0 ");
  }

  async #lose(servers: readonly Server[], which: string): Promise<void> {
    const drops = (side: "dport" | "sport") => servers.map(({ port }) => `udp ${side} ${port} ${which}drop;`).join(" ");
    await this.#judged.world.inside(
      "vpn",
      ["nft", "-f", "-"],
      `table inet silence
delete table inet silence
table inet silence {
  chain in { type filter hook input priority -300; ${drops("dport")} }
  chain out { type filter hook output priority -300; ${drops("sport")} }
}
`,
    );
  }

  /** The kernel objects of the switches, with the seconds that they have left. */
  async expiring(): Promise<readonly number[]> {
    const sets = await this.#judged.world.inside("client", ["nft", "-j", "list", "sets", "inet"]);
    return [...sets.matchAll(/"expires": (\d+)/g)].map(([, seconds]) => Number(seconds));
  }

  get device(): string {
    return this.#awg.device;
  }

  async #counts(): Promise<Record<"first" | "second" | "clear", ReadonlyMap<number, number>>> {
    const { world } = this.#judged;
    const read = async (role: "vpn" | "internet", family: string, name: string) => {
      const text = await world.inside(role, ["nft", "list", "set", family, "judge", name]);
      return new Map(
        [...text.matchAll(/(\S+) counter packets (\d+)/g)].map(
          ([, port, count]) => [Number(port), Number(count)] as const,
        ),
      );
    };
    const [first, second, clear] = await Promise.all([
      read("vpn", "inet", "first"),
      read("vpn", "inet", "second"),
      read("internet", "netdev", "clear"),
    ]);
    return { first, second, clear };
  }
}

function isOfProgram(cell: Cell): cell is Cell & { readonly program: string } {
  return cell.program !== undefined;
}
