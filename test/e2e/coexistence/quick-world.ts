import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run, tryRun } from "../../lab/world/command.ts";
import { place } from "../../lab/world/place.ts";
import type { KeyPair, Server } from "../../lab/world/wireguard.ts";
import type { World } from "../../lab/world/world.ts";

const starts = 3;

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
    await tunnel.#up();
    return tunnel;
  }

  /** Tries three times: the folder of the engines' sockets is shared by the whole machine, and others clean it up. */
  async #up(): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.world.inside("client", ["wg-quick", "up", this.conf]);
        return;
      } catch (cause) {
        if (attempt === starts) throw cause;
      }
    }
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

  /** As `wg-quick down`, which does nothing where its engine is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    const inside = (...argv: string[]) => tryRun(["ip", "netns", "exec", this.world.namespace("client"), ...argv]);
    await inside("ip", "link", "delete", "dev", this.device);
    for (const family of ["4", "6"]) {
      await inside("ip", `-${family}`, "rule", "delete", "not", "fwmark", "51820", "table", "51820");
      await inside("ip", `-${family}`, "rule", "delete", "table", "main", "suppress_prefixlength", "0");
    }
    for (const family of ["ip", "ip6"]) await inside("nft", "delete", "table", family, `wg-quick-${this.device}`);
    rmSync(`/var/run/wireguard/${this.device}.sock`, { force: true });
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
