import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { Figure } from "./measure.ts";

/** A tunnel's device, its engine's socket, routes and state: all of it goes with the namespaces. */
const SETUP = `
set -eu
mount -t tmpfs tmpfs /mnt && cp -a /etc/. /mnt/ && mount --move /mnt /etc
mount -t tmpfs -o mode=0755 tmpfs /run && mkdir -p /run/wireguard
mkdir -p /var/lib/awg && mount -t tmpfs -o mode=0700 tmpfs /var/lib/awg
mount -t tmpfs -o mode=0700 tmpfs /root
echo nameserver 192.0.2.53 >/etc/resolv.conf
ip link set lo up
ip link add up0 type veth peer name far0
ip link set far0 up
ip address add 192.0.2.2/24 dev up0
ip -6 address add 2001:db8::2/64 dev up0 nodad
ip link set up0 up
ip route add default via 192.0.2.1
exec "$@"
`;

/**
 * Runs the bench of that name (bench/inside.ts) in a private place and gives its figures.
 */
export async function benchInPrivatePlace(name: string): Promise<readonly Figure[]> {
  return JSON.parse(await runInPrivatePlace([join(import.meta.dirname, "inside.ts"), name])) as readonly Figure[];
}

/**
 * Runs a script with Node in namespaces of its own for network, mounts and processes, with an uplink `up0` that leads
 * nowhere, and gives its standard output. Needs root.
 */
export async function runInPrivatePlace(script: readonly string[]): Promise<string> {
  const namespaces = [
    "--net",
    "--mount",
    "--propagation",
    "private",
    "--pid",
    "--fork",
    "--mount-proc",
    "--kill-child",
  ];
  const child = spawn("unshare", [...namespaces, "sh", "-c", SETUP, "sh", process.execPath, ...script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, "close")]);
  if (code !== 0) throw new Error(`${script.join(" ")} ended with ${String(code)}`);
  return output;
}
