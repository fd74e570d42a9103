import { run, tryRun } from "../world/command.ts";
import { place } from "../world/place.ts";
import { type KeyPair, keyFile, type Server, startEngine } from "../world/wireguard.ts";
import type { World } from "../world/world.ts";
import { killSwitchText, type Weakness } from "./kill-switch.ts";

export interface TunnelOptions {
  readonly killSwitch: boolean;
  readonly weakness?: Weakness;
  readonly allowLan?: boolean;
  /** Whether the tunnel's routing table ends in `unreachable default`, so that a vanished device is no way out. */
  readonly unreachableDefault?: boolean;
}

const table = 51820;
const lanFirst = 1000;
const tunnelNext = 1001;
const { mark } = place;

/**
 * A client's tunnel made by hand with `wg`, `ip` and `nft`: the careful set-up that the judge must pass, or with one
 * weakness that it must catch. Disposing it puts the client back.
 */
export class HandMadeTunnel implements AsyncDisposable {
  readonly device: string;
  private readonly stack = new AsyncDisposableStack();
  private readonly world: World;
  private readonly server: Server;
  private readonly options: TunnelOptions;

  constructor(world: World, server: Server, options: TunnelOptions) {
    this.world = world;
    this.server = server;
    this.options = options;
    this.device = world.deviceName("c");
  }

  /** Firewall first, then device, addresses, routes and rules; a failure undoes what was done. */
  async up(keys: KeyPair): Promise<void> {
    this.stack.defer(() => this.remove());
    const answerAll = this.options.weakness === "arp answered for every address" || !this.options.killSwitch;
    await this.inClient(["sysctl", "-q", "-w", `net.ipv4.conf.all.arp_ignore=${answerAll ? 0 : 1}`]);
    if (this.options.killSwitch) await this.loadPolicy();
    this.stack.use(await startEngine(this.world, "client", this.device));
    await this.configure(keys);
    await this.route();
    if (this.options.weakness !== "no conntrack cut") await tryRun(this.argv(["conntrack", "-F"]));
  }

  /** Replaces the whole policy in one transaction. */
  async loadPolicy(): Promise<void> {
    await this.world.inside("client", ["nft", "-f", "-"], this.policy);
  }

  /** Deletes the policy: the first half of a swap in two transactions. */
  async dropPolicy(): Promise<void> {
    await this.world.inside("client", ["nft", "-f", "-"], "delete table inet ks\ndelete table netdev ks");
  }

  /** Deletes the tunnel's device, as a crashed engine does. */
  async loseDevice(): Promise<void> {
    await run(["ip", "-n", this.world.namespace("client"), "link", "del", this.device]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stack.disposeAsync();
  }

  private get policy(): string {
    const { weakness, allowLan = false } = this.options;
    const endpoint = { address: this.server.address4, port: this.server.port };
    return killSwitchText({ tunnel: this.device, endpoint, allowLan, weakness });
  }

  private async configure(keys: KeyPair): Promise<void> {
    const { server, device, world } = this;
    const key = keyFile(world, "client.key", keys.privateKey);
    const endpoint = ["endpoint", `${server.address4}:${server.port}`, "allowed-ips", "0.0.0.0/0,::/0"];
    const peer = ["peer", server.keys.publicKey, ...endpoint, "persistent-keepalive", "1"];
    await this.inClient(["wg", "set", device, "fwmark", String(mark), "private-key", key, ...peer]);
  }

  private async route(): Promise<void> {
    const { device } = this;
    const last = this.options.unreachableDefault === false ? [] : ["4", "6"];
    const any = { "4": "0.0.0.0/0", "6": "::/0" } as Record<string, string>;
    const lines = [
      `link set ${device} mtu 1420 up`,
      `address add ${place.v4.tunnel}/32 dev ${device}`,
      `address add ${place.v6.tunnel}/128 dev ${device} nodad`,
      ...last.map((family) => `route add unreachable ${any[family]} metric 4000000000 table ${table}`),
      `route add 0.0.0.0/0 dev ${device} table ${table}`,
      `route add ::/0 dev ${device} table ${table}`,
    ];
    await run(["ip", "-n", this.world.namespace("client"), "-batch", "-"], lines.join("\n"));
    for (const family of ["-4", "-6"]) {
      const rule = (preference: number, ...what: string[]): Promise<string> =>
        run(["ip", "-n", this.world.namespace("client"), family, "rule", "add", "pref", String(preference), ...what]);
      await rule(lanFirst, "table", "main", "suppress_prefixlength", "0");
      await rule(tunnelNext, "not", "fwmark", String(mark), "table", String(table));
    }
  }

  private async remove(): Promise<void> {
    const ip = ["ip", "-n", this.world.namespace("client")];
    for (const family of ["-4", "-6"]) {
      await tryRun([...ip, family, "rule", "del", "pref", String(lanFirst)]);
      await tryRun([...ip, family, "rule", "del", "pref", String(tunnelNext)]);
      await tryRun([...ip, family, "route", "flush", "table", String(table)]);
    }
    await tryRun([...ip, "link", "del", this.device]);
    for (const family of ["inet", "netdev"]) await tryRun(this.argv(["nft", "delete", "table", family, "ks"]));
    await tryRun(this.argv(["conntrack", "-F"]));
  }

  private inClient(argv: readonly string[]): Promise<string> {
    return this.world.inside("client", argv);
  }

  private argv(argv: readonly string[]): string[] {
    return ["ip", "netns", "exec", this.world.namespace("client"), ...argv];
  }
}
