import { existsSync, lstatSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join, relative } from "node:path";
import type { World } from "../../lab/world/world.ts";
import type { AwgInWorld } from "../awg-in-world.ts";

/** Where the engines' sockets are, awg's and others'. */
export const SOCKET_FOLDERS = ["/var/run/wireguard", "/var/run/amneziawg"] as const;

/** What awg has on the disk and among the processes, with numbers and names of one run taken out of the paths. */
export interface Left {
  readonly runFolder: readonly string[];
  readonly stateFolder: readonly string[];
  readonly sockets: readonly string[];
  readonly processes: readonly string[];
}

/** Looks for it. What the tests' own peers have under the same roof is not named after the tunnel. */
export async function leftOf(awg: AwgInWorld): Promise<Left> {
  return {
    runFolder: runFolderOf(awg),
    stateFolder: pathsIn(awg.stateDir).map((path) => path.replace(/^secrets\/[0-9a-f]{64}$/, "secrets/ID")),
    sockets: SOCKET_FOLDERS.flatMap(namesIn).filter((name) => name.includes(awg.device)),
    processes: (await awg.processes()).map(({ command }) => command),
  };
}

/** What awg has of this namespace below /run. */
export function runFolderOf(awg: AwgInWorld): readonly string[] {
  const inode = basename(awg.runDir).replace("netns-", "");
  const general = (path: string): string => path.replaceAll(inode, "NS").replaceAll(awg.device, "DEVICE");
  const beside = existsSync("/run/awg") ? readdirSync("/run/awg").filter((name) => name.endsWith(inode)) : [];
  return beside
    .flatMap((name) => [name, ...pathsIn(join("/run/awg", name)).map((path) => `${name}/${path}`)])
    .map(general)
    .sort();
}

/** A file as its owner left it: bytes, mode, owner. */
export function fileShape(path: string): { readonly text: string; readonly mode: number; readonly owner: string } {
  const { mode, uid, gid } = statSync(path);
  return { text: readFileSync(path, "latin1"), mode, owner: `${uid}:${gid}` };
}

/** Things of others in the client's namespace that resemble awg's own, by every kind that awg makes. */
export async function settleStrangers(world: World): Promise<void> {
  const nft = `table inet stranger {
  set friends {
    type ipv4_addr
    flags interval
    elements = { 192.0.2.0/28 }
  }
  chain c {
    type filter hook output priority 10; policy accept;
    ip daddr @friends counter comment "awg"
  }
}
table ip awg {
  chain c {
  }
}
table netdev stranger {
  chain e {
    type filter hook egress device "lo" priority 0; policy accept;
  }
}
`;
  const ip = `link add stranger0 type veth peer name stranger1
link set stranger0 alias awg-like
address add 203.0.113.9/24 dev stranger0
address add 2001:db8:99::9/64 dev stranger0 nodad
link set stranger0 up
link set stranger1 up
route add 192.0.2.0/24 via 192.168.77.1 proto static
route add blackhole 192.0.2.7 table 4242
route add unreachable default metric 7 table 1635188000 proto 173
rule add pref 4242 from 192.0.2.9 table 4242
rule add pref 10099 fwmark 0x100/0xff00 table 4242 proto 173`;
  const ip6 = `route add 2001:db8:77::/48 dev stranger0 proto 175
route add prohibit default metric 9 table 4242
rule add pref 11000 to 2001:db8:77::/48 table 4242`;
  await world.inside("client", ["nft", "-f", "-"], nft);
  await world.inside("client", ["ip", "-batch", "-"], ip);
  await world.inside("client", ["ip", "-6", "-batch", "-"], ip6);
  await world.inside("client", [
    "sysctl",
    "-q",
    "-w",
    "net.ipv4.conf.all.rp_filter=1",
    "net.ipv4.conf.lo.arp_ignore=2",
  ]);
}

function pathsIn(folder: string): string[] {
  if (!lstatSync(folder).isDirectory()) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
