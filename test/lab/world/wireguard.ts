import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run, tryRun, waitFor } from "./command.ts";
import { place } from "./place.ts";
import { Tethered } from "./tethered.ts";
import type { Role, World } from "./world.ts";

export interface KeyPair {
  readonly privateKey: string;
  readonly publicKey: string;
}

/** A fresh pair by `wg genkey`, base64. */
export async function newKeyPair(): Promise<KeyPair> {
  const privateKey = (await run(["wg", "genkey"])).trim();
  return { privateKey, publicKey: (await run(["wg", "pubkey"], privateKey)).trim() };
}

const starts = 3;
const startLimitMs = 10_000;

/**
 * Starts wireguard-go for a device in a role's namespace; it ends with the world or when disposed. Tries three times:
 * the folder of the engines' sockets is shared by the whole machine, and others clean it up.
 */
export async function startEngine(world: World, role: Role, device: string): Promise<Tethered> {
  for (let attempt = 1; ; attempt += 1) {
    rmSync(`/var/run/wireguard/${device}.sock`, { force: true });
    const engine = new Tethered("tether.py", [world.namespace(role), "wireguard-go", "-f", device]);
    try {
      await waitFor(`wireguard-go on ${device}`, () => answers(device), startLimitMs);
      return engine;
    } catch (cause) {
      await engine.end();
      if (attempt === starts) throw new Error(`wireguard-go did not come up: ${engine.stderr}`, { cause });
    }
  }
}

async function answers(device: string): Promise<boolean> {
  return (await tryRun(["wg", "show", device, "listen-port"])).status === 0;
}

/** Writes a private key to a file of the world, for `wg set … private-key`. */
export function keyFile(world: World, name: string, key: string): string {
  const path = join(world.folder, name);
  writeFileSync(path, `${key}\n`, { mode: 0o600 });
  return path;
}

/** A VPN server in the world: its key, where it listens, and what its tunnel's inside is called. */
export interface Server {
  readonly keys: KeyPair;
  readonly device: string;
  readonly address4: string;
  readonly address6: string;
  readonly port: number;
  readonly inside4: string;
  readonly inside6: string;
}

/**
 * A wireguard-go server that takes the client's key, forwards with NAT, and answers DNS on its inner addresses.
 * "first" and "second" differ in all addresses, so that a change of server can be watched on the wire.
 */
export async function startServer(world: World, which: "first" | "second", client: KeyPair): Promise<Server> {
  const { v4, v6, secondServer, serverPort } = place;
  const keys = await newKeyPair();
  const server: Server =
    which === "first"
      ? {
          keys,
          device: world.deviceName("s"),
          address4: v4.server,
          address6: v6.server,
          port: serverPort,
          inside4: v4.tunnelServer,
          inside6: v6.tunnelServer,
        }
      : {
          keys,
          device: world.deviceName("u"),
          address4: secondServer.v4,
          address6: secondServer.v6,
          port: serverPort + 1,
          inside4: secondServer.tunnel4,
          inside6: secondServer.tunnel6,
        };
  world.use(await startEngine(world, "vpn", server.device));
  world.tunnelEnds.push(server.device);
  const prefix4 = server.inside4.replace(/\.1$/, ".0/24");
  const prefix6 = server.inside6.replace(/::1$/, "::/64");
  const key = keyFile(world, `${which}.key`, keys.privateKey);
  const peer = ["peer", client.publicKey, "allowed-ips", `${prefix4},${prefix6}`];
  await world.inside("vpn", [
    "wg",
    "set",
    server.device,
    "listen-port",
    String(server.port),
    "private-key",
    key,
    ...peer,
  ]);
  await run(
    ["ip", "-n", world.namespace("vpn"), "-batch", "-"],
    [
      `address add ${server.inside4}/24 dev ${server.device}`,
      `address add ${server.inside6}/64 dev ${server.device} nodad`,
      `link set ${server.device} up`,
    ].join("\n"),
  );
  const services = world.use(new Tethered("responder.py", [world.namespace("vpn"), server.inside4, server.inside6]));
  await services.line("the VPN server's resolver", (line) => line === "ready");
  return server;
}
