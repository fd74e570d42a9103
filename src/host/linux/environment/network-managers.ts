import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { namesIn, textOf } from "../../../native/linux/readable-files.ts";
import { ProcFolder } from "../processes/proc-folder.ts";

/** A program that writes /etc/resolv.conf beside awg. */
export type ResolverManager = "NetworkManager" | "resolvconf";

/** Where systemd keeps what networkd is told (networkd.conf(5)). */
const NETWORKD_FOLDERS = ["etc/systemd", "run/systemd", "usr/local/lib/systemd", "usr/lib/systemd"];
/** Of files of one name the later folder's counts; the last folder's are read after NetworkManager.conf, the others' before (NetworkManager.conf(5)). */
const MANAGER_FOLDERS = ["usr/lib/NetworkManager/conf.d", "run/NetworkManager/conf.d", "etc/NetworkManager/conf.d"];
/** The kernel keeps 15 bytes of a program's name (proc(5), comm). */
const NETWORKD = "systemd-network";
const MANAGER = "NetworkManager";
/** Where openresolv keeps what it was told: up to 3.12, and since 3.13. */
const OPENRESOLV_FOLDERS = ["run/resolvconf/interfaces", "run/resolvconf/keys"];
/** Debian's resolvconf updates the file while this is there (resolvconf(8)). */
const RESOLVCONF_UPDATES = "run/resolvconf/enable-updates";

/** What tells which programs manage the network of a machine. */
export interface Premises {
  /** The root of its files. */
  readonly root: string;
  /** Whether a program that the kernel calls so runs in this network namespace. */
  readonly runs: (name: string) => boolean;
}

/** This machine. Where processes of others are hidden every program counts as running: what it left in /run then decides. */
export function thisMachine(proc = new ProcFolder()): Premises {
  const own = proc.networkOf("self");
  const isHere = (pid: number): boolean => [own, undefined].includes(proc.networkOf(pid));
  const runs = (name: string): boolean => proc.pids().some((pid) => proc.read(pid)?.name === name && isHere(pid));
  return { root: "/", runs: (name) => proc.hidesOthers() || runs(name) };
}

/**
 * Whether systemd-networkd runs and removes routes and policy rules of others. Since systemd 246 and 249 it can be told
 * to leave them alone; its default is to remove them. Its folder in /run stays when it is stopped.
 */
export function removesForeignRules({ root, runs }: Premises): boolean {
  if (!existsSync(join(root, "run/systemd/netif/state")) || !runs(NETWORKD)) return false;
  const files = NETWORKD_FOLDERS.map((folder) => join(root, folder)).flatMap((folder) => [
    join(folder, "networkd.conf"),
    ...namesIn(join(folder, "networkd.conf.d")).map((name) => join(folder, "networkd.conf.d", name)),
  ]);
  const text = files.map(textOf).join("\n");
  const isTold = (key: string): boolean => new RegExp(`^\\s*${key}\\s*=\\s*(no|false|0|off)\\s*$`, "im").test(text);
  return !(isTold("ManageForeignRoutes") && isTold("ManageForeignRoutingPolicyRules"));
}

/**
 * Who else writes /etc/resolv.conf; undefined where nobody does. NetworkManager keeps a copy of its own in /run also when
 * it is told to leave the file alone (`dns=none`, `rc-manager=unmanaged`), and when it is stopped.
 */
export function resolverManager({ root, runs }: Premises): ResolverManager | undefined {
  if (existsSync(join(root, "run/NetworkManager/resolv.conf")) && runs(MANAGER) && !leavesResolver(root)) {
    return "NetworkManager";
  }
  if (existsSync(join(root, RESOLVCONF_UPDATES))) return "resolvconf";
  if (/^\s*resolvconf=["']?no\b/im.test(textOf(join(root, "etc/resolvconf.conf")))) return undefined;
  return OPENRESOLV_FOLDERS.some((folder) => existsSync(join(root, folder))) ? "resolvconf" : undefined;
}

function leavesResolver(root: string): boolean {
  const folderOf = new Map(
    MANAGER_FOLDERS.flatMap((folder) =>
      namesIn(join(root, folder))
        .filter((name) => name.endsWith(".conf"))
        .map((name) => [name, folder] as const),
    ),
  );
  const pathsOf = (isOwn: boolean): string[] =>
    [...folderOf]
      .filter(([, folder]) => (folder === MANAGER_FOLDERS.at(-1)) === isOwn)
      .map(([name, folder]) => join(root, folder, name))
      .toSorted((a, b) => (basename(a) < basename(b) ? -1 : 1));
  const file = join(root, "etc/NetworkManager/NetworkManager.conf");
  const main = mainSection([...pathsOf(false), file, ...pathsOf(true)]);
  return main.get("dns") === "none" || main.get("rc-manager") === "unmanaged";
}

/** The keys of the section [main], of which the last counts. */
function mainSection(paths: readonly string[]): ReadonlyMap<string, string> {
  const keys = new Map<string, string>();
  for (const path of paths) {
    let section = "";
    for (const line of textOf(path)
      .split("\n")
      .map((one) => one.trim())) {
      section = /^\[(.*)\]$/.exec(line)?.[1] ?? section;
      const [, key, value] = /^([\w-]+)\s*=\s*(.*)$/.exec(line) ?? [];
      if (section === "main" && key !== undefined && value !== undefined) keys.set(key, value);
    }
  }
  return keys;
}
