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
 * Runs the bench of that name (bench/inside.ts) in namespaces of its own for network, mounts and processes, with an
 * uplink `up0` that leads nowhere, and gives its figures. Needs root.
 */
export async function benchInPrivatePlace(name: string): Promise<readonly Figure[]> {
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
  const program = [process.execPath, join(import.meta.dirname, "inside.ts"), name];
  const command = ["unshare", ...namespaces, "sh", "-c", SETUP, "sh", ...program];
  const child = spawn(command[0] as string, command.slice(1), {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, "close")]);
  if (code !== 0) throw new Error(`the bench ${name} ended with ${String(code)}`);
  return JSON.parse(output) as readonly Figure[];
}
