import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run, tryRun } from "../lab/world/command.ts";
import { place } from "../lab/world/place.ts";
import type { KeyPair, Server } from "../lab/world/wireguard.ts";
import type { World } from "../lab/world/world.ts";

/** A client of a lab world whose tunnel wg-quick set up, as on any machine with Debian's wireguard-tools. */
export class QuickTunnel implements AsyncDisposable {
  readonly device: string;
  /** The conf that wg-quick was given, named after the device. */
  readonly conf: string;
  private readonly world: World;

  private constructor(world: World, label: string) {
    this.world = world;
    this.device = world.deviceName(label);
    mkdirSync(join(world.folder, label), { recursive: true });
    this.conf = join(world.folder, label, `${this.device}.conf`);
  }

  /** Writes the conf and runs `wg-quick up`. */
  static async up(world: World, keys: KeyPair, server: Server, allowedIPs: string, label = "q"): Promise<QuickTunnel> {
    const tunnel = new QuickTunnel(world, label);
    const text = `[Interface]
PrivateKey = ${keys.privateKey}
Address = ${server.inside4.replace(/1$/, "2")}/32, ${server.inside6.replace(/1$/, "2")}/128

[Peer]
PublicKey = ${server.keys.publicKey}
AllowedIPs = ${allowedIPs}
Endpoint = ${server.address4}:${server.port}
PersistentKeepalive = 1
`;
    writeFileSync(tunnel.conf, text, { mode: 0o600 });
    await world.inside("client", ["wg-quick", "up", tunnel.conf]);
    return tunnel;
  }

  /** Everything that awg may change on the client, as text: equal exactly when the machine is. */
  async state(): Promise<string> {
    const parts = [
      ["ip", "-4", "rule"],
      ["ip", "-6", "rule"],
      ["ip", "-4", "route", "show", "table", "all"],
      ["ip", "-6", "route", "show", "table", "all"],
      ["ip", "-details", "link", "show", this.device],
      ["ip", "address", "show", this.device],
      ["wg", "show", this.device, "fwmark"],
      ["nft", "list", "table", "ip", `wg-quick-${this.device}`],
      ["nft", "list", "table", "ip6", `wg-quick-${this.device}`],
    ];
    const texts: string[] = [];
    for (const argv of parts) {
      const { stdout, stderr } = await tryRun(["ip", "netns", "exec", this.world.namespace("client"), ...argv]);
      texts.push(`${argv.join(" ")}\n${stdout}${stderr}`);
    }
    return texts.join("\n").replaceAll(/qlen \d+|numtxqueues.*|valid_lft.*/g, "");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const client = this.world.namespace("client");
    await tryRun(["ip", "netns", "exec", client, "wg-quick", "down", this.conf]);
    await tryRun(["rm", "-f", `/var/run/wireguard/${this.device}.sock`]);
  }
}

/** What of the traffic to the echo came to the router in the clear since `begin`: packets of the client to that address. */
export class ClearCounter {
  private readonly world: World;

  private constructor(world: World) {
    this.world = world;
  }

  static async begin(world: World): Promise<ClearCounter> {
    const rules = `table netdev clear {
      chain in {
        type filter hook ingress device "client0" priority 0; policy accept;
        ip daddr ${place.v4.echo} counter
        ip6 daddr ${place.v6.echo} counter
      }
    }
`;
    await world.inside("internet", ["nft", "-f", "-"], rules);
    return new ClearCounter(world);
  }

  async packets(): Promise<number> {
    const listed = await run([
      "ip",
      "netns",
      "exec",
      this.world.namespace("internet"),
      "nft",
      "list",
      "table",
      "netdev",
      "clear",
    ]);
    return [...listed.matchAll(/counter packets (\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0);
  }
}
