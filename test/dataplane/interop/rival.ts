import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import type { TestNamespace } from "../../support/netns.ts";

const BAD_LINK = fileURLToPath(new URL("bad-link.script.ts", import.meta.url));
/** Made by `wg genkey` for these tests. */
const OTHER_KEY = "aE+RC1FaB5wbcnNk9V0k0xfUYQz9fCM0HXFUpHxGp3U=";
let started = 0;

export interface RivalSettings {
  /** Base64. */
  readonly privateKey: string;
  readonly port: number;
  readonly addresses: readonly string[];
  readonly peer: string;
  readonly presharedKey?: string;
  readonly endpoint?: string;
}

/** Debian's wireguard-go with one peer, in a namespace. */
export interface Rival extends Disposable {
  readonly name: string;
  /** What `wg show NAME WHAT` prints. */
  show(what: string): string;
  /** Gives up its sessions, as when their time is over: what it sends next begins a handshake. */
  expireSessions(): void;
  /** Begins its next handshake without the preshared key. */
  forgetPresharedKey(): void;
}

/** Starts it and waits until its device is up. */
export async function startRival(namespace: TestNamespace, settings: RivalSettings): Promise<Rival> {
  const name = `g${process.pid}n${started++}`;
  const socket = `/var/run/wireguard/${name}.sock`;
  spawnSync("rm", ["-f", socket]);
  const go = spawn("ip", ["netns", "exec", namespace.name, "wireguard-go", "-f", name], { stdio: "ignore" });
  const stop = () => {
    go.kill("SIGKILL");
    spawnSync("rm", ["-f", socket]);
  };
  try {
    await expect.poll(() => spawnSync("test", ["-S", socket]).status, { timeout: 30_000 }).toBe(0);
    const { privateKey, port, peer, presharedKey, endpoint } = settings;
    const conf = [
      ...["[Interface]", `PrivateKey = ${privateKey}`, `ListenPort = ${port}`, "[Peer]", `PublicKey = ${peer}`],
      ...(presharedKey === undefined ? [] : [`PresharedKey = ${presharedKey}`]),
      ...(endpoint === undefined ? [] : [`Endpoint = ${endpoint}`]),
      "AllowedIPs = 0.0.0.0/0, ::/0",
    ].join("\n");
    namespace.run(["sh", "-c", `cat | wg setconf ${name} /dev/stdin`], { input: conf });
    for (const address of settings.addresses) {
      const plain = address.includes(":") ? ["nodad"] : [];
      namespace.run(["ip", "address", "add", address, "dev", name, ...plain]);
    }
    namespace.run(["ip", "link", "set", name, "mtu", "1420", "up"]);
  } catch (error) {
    stop();
    throw error;
  }
  return {
    name,
    show: (what) => namespace.run(["wg", "show", name, what]).stdout,
    // Another private key and the first one again (wireguard-go device.go SetPrivateKey, ExpireCurrentKeypairs).
    expireSessions() {
      for (const key of [OTHER_KEY, settings.privateKey]) {
        const set = ["sh", "-c", `cat >$1 && wg set ${name} private-key $1; status=$?; rm $1; exit $status`, "sh"];
        namespace.run([...set, `/tmp/${name}.key`], { input: `${key}\n` });
      }
    },
    forgetPresharedKey: () => {
      namespace.run(["wg", "set", name, "peer", settings.peer, "preshared-key", "/dev/null"]);
    },
    [Symbol.dispose]: stop,
  };
}

/** A link that loses, doubles and reorders, in front of a port of the same address. */
export interface BadLink extends Disposable {
  /** Moves both its ends to other ports. */
  roam(): Promise<void>;
}

export async function startBadLink(
  namespace: TestNamespace,
  settings: { readonly family: 4 | 6; readonly address: string; readonly listen: number; readonly target: number },
  seed: number,
): Promise<BadLink> {
  const argv = ["netns", "exec", namespace.name, process.execPath, BAD_LINK, JSON.stringify({ ...settings, seed })];
  const child: ChildProcess = spawn("ip", argv, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const ended = once(child, "exit").then(() => {
    throw new Error("the bad link ended");
  });
  ended.catch(() => undefined);
  const next = () => Promise.race([once(lines, "line"), ended]);
  await next();
  return {
    async roam() {
      const answered = next();
      child.stdin?.write("roam\n");
      await answered;
    },
    [Symbol.dispose]: () => {
      child.kill("SIGKILL");
    },
  };
}
