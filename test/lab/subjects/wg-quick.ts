import { tryRun } from "../world/command.ts";
import { place } from "../world/place.ts";
import { type KeyPair, keyFile, type Server } from "../world/wireguard.ts";
import type { World } from "../world/world.ts";

/** wg-quick as everybody uses it: a default route through the tunnel and no firewall. It must leak under the judge. */
export class WgQuick implements AsyncDisposable {
  private readonly world: World;
  private readonly file: string;

  constructor(world: World, server: Server, keys: KeyPair) {
    this.world = world;
    const text = `[Interface]
PrivateKey = ${keys.privateKey}
Address = ${place.v4.tunnel}/32, ${place.v6.tunnel}/128

[Peer]
PublicKey = ${server.keys.publicKey}
Endpoint = ${server.address4}:${server.port}
AllowedIPs = 0.0.0.0/0, ::/0
PersistentKeepalive = 1`;
    this.file = keyFile(world, `${world.deviceName("q")}.conf`, text);
  }

  async up(): Promise<void> {
    await this.world.inside("client", ["wg-quick", "up", this.file]);
  }

  async down(): Promise<void> {
    await this.world.inside("client", ["wg-quick", "down", this.file]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await tryRun(["ip", "netns", "exec", this.world.namespace("client"), "wg-quick", "down", this.file]);
  }
}
