import { randomBytes } from "node:crypto";
import { rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../lab/world/command.ts";
import { place } from "../../lab/world/place.ts";
import { Tethered } from "../../lab/world/tethered.ts";
import { type KeyPair, keyFile, newKeyPair, type Server } from "../../lab/world/wireguard.ts";
import type { World } from "../../lab/world/world.ts";
import { sampleConfig } from "../../support/config.ts";

const program = join(import.meta.dirname, "..", "..", "..", "src", "cli", "awg.ts");

/** AmneziaWG as a generation changes how packets look. */
export interface Disguise {
  /** As `obfuscation` takes it. */
  readonly parameters: string;
  /** `s1` to `s4`. */
  readonly paddings: readonly number[];
}

/** Everything that 2.0 has, and no value that is plain WireGuard's. */
export const SECOND_GENERATION: Disguise = {
  parameters: `{ version: "2.0", jc: 4, jmin: 40, jmax: 70, s1: 72, s2: 45, s3: 8, s4: 5,
      h1: 100000-199999, h2: 200000-299999, h3: 300000-399999, h4: 400000-499999, i1: "<r 2><b 0x8580000100010000>" }`,
  paddings: [72, 45, 8, 5],
};

/** Everything that 3.1 adds, over WireGuard's own types: nothing but the mask stands between them and the wire. */
export function thirdGeneration(world: World): Disguise {
  const mask = keyFile(world, "mask.key", randomBytes(32).toString("base64"));
  return {
    parameters: `{ version: "3.1", jc: 4, jmin: 40, jmax: 70, s1: 72, s2: 45, s3: 30, s4: 12, h1: 1, h2: 2, h3: 3, h4: 4,
      headerProtectionKey: { file: ${mask} }, contentPaddingAddition: 16-100, randomTrailers: true }`,
    paddings: [72, 45, 30, 12],
  };
}

/** A VPN server of the lab's world that is awg with another configuration; it is undone and ended with the world. */
export async function startAmneziaServer(world: World, client: KeyPair, { parameters }: Disguise): Promise<Server> {
  const keys = await newKeyPair();
  const tunnel = world.deviceName("o").slice(0, 11);
  const { v4, v6, serverPort } = place;
  const server: Server = {
    keys,
    device: `awg-${tunnel}`,
    address4: v4.server,
    address6: v6.server,
    port: serverPort,
    inside4: v4.tunnelServer,
    inside6: v6.tunnelServer,
  };
  const config = join(world.folder, "server.yaml");
  const text = sampleConfig(`tunnels:
  ${tunnel}:
    protocol: amneziawg
    privateKey: { file: ${keyFile(world, "server.key", keys.privateKey)} }
    listenPort: ${server.port}
    addresses: [${server.inside4}/24, ${server.inside6}/64]
    obfuscation: ${parameters}
    peers: [{ publicKey: ${client.publicKey}, allowedIPs: [10.8.0.0/24, "fd08::/64"] }]
default: { via: direct }
`);
  writeFileSync(config, text);
  const where = ["--netns", world.namespace("vpn"), "--state-dir", join(world.folder, "server-state")];
  const awg = (...verb: string[]) =>
    run(["unshare", "--net", process.execPath, "--disable-warning=ExperimentalWarning", program, ...verb, ...where]);
  world.use({ [Symbol.asyncDispose]: () => undo(world, server, awg) });
  await awg("apply", "-f", config, "--auto-approve", "--confirm-within", "0");
  world.tunnelEnds.push(server.device);
  const services = world.use(new Tethered("responder.py", [world.namespace("vpn"), server.inside4, server.inside6]));
  await services.line("the VPN server's resolver", (line) => line === "ready");
  return server;
}

async function undo(world: World, { device }: Server, awg: (...verb: string[]) => Promise<string>): Promise<void> {
  await awg("destroy", "--auto-approve").catch(() => "the namespace goes with what is left");
  const left = await run(["ip", "netns", "pids", world.namespace("vpn")]);
  for (const pid of left.split("\n").filter(Boolean)) {
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch {}
  }
  rmSync(`/var/run/amneziawg/${device}.sock`, { force: true });
  const inode = statSync(`/run/netns/${world.namespace("vpn")}`).ino;
  for (const one of [`netns-${inode}`, `lock.${inode}`]) rmSync(`/run/awg/${one}`, { recursive: true, force: true });
}
