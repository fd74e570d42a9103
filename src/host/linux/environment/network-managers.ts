import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { namesIn, textOf } from "../../../native/linux/readable-files.ts";
import type { ResolverManager } from "../../ports/environment.ts";
import { ProcFolder } from "../processes/proc-folder.ts";

/** Folders of networkd's configuration (networkd.conf(5)). */
const NETWORKD_FOLDERS = ["etc/systemd", "run/systemd", "usr/local/lib/systemd", "usr/lib/systemd"];
/**
 * Of files with the same name, the one in the later folder counts. Files of the last folder are read after
 * NetworkManager.conf, the others before (NetworkManager.conf(5)).
 */
const MANAGER_FOLDERS = ["usr/lib/NetworkManager/conf.d", "run/NetworkManager/conf.d", "etc/NetworkManager/conf.d"];
/** The kernel keeps 15 bytes of a program's name (proc(5), comm). */
const NETWORKD = "systemd-network";
const MANAGER = "NetworkManager";
/** Folders of openresolv's data: up to 3.12, and since 3.13. */
const OPENRESOLV_FOLDERS = ["run/resolvconf/interfaces", "run/resolvconf/keys"];
/** Debian's resolvconf updates the file while this exists (resolvconf(8)). */
const RESOLVCONF_UPDATES = "run/resolvconf/enable-updates";

/** The evidence for programs that manage the host's network. */
export interface ManagerEvidence {
  /** The root folder of the host's files. */
  readonly root: string;
  /** Whether a program with this kernel name runs in this network namespace. */
  readonly runs: (name: string) => boolean;
}

/**
 * The evidence on this host. If other users' processes are hidden, every program counts as running, and its files in
 * /run decide.
 */
export function thisHost(proc = new ProcFolder()): ManagerEvidence {
  const own = proc.networkOf("self");
  const isHere = (pid: number): boolean => [own, undefined].includes(proc.networkOf(pid));
  const runs = (name: string): boolean => proc.pids().some((pid) => proc.read(pid)?.name === name && isHere(pid));
  return { root: "/", runs: (name) => proc.hidesOthers() || runs(name) };
}

/**
 * Whether systemd-networkd runs and removes other programs' routes and policy rules, its default. Since systemd 246 and
 * 249 it can be configured to keep them. Its folder in /run remains after it is stopped.
 */
export function removesForeignRules({ root, runs }: ManagerEvidence): boolean {
  if (!existsSync(join(root, "run/systemd/netif/state")) || !runs(NETWORKD)) return false;
  const files = NETWORKD_FOLDERS.map((folder) => join(root, folder)).flatMap((folder) => [
    join(folder, "networkd.conf"),
    ...namesIn(join(folder, "networkd.conf.d")).map((name) => join(folder, "networkd.conf.d", name)),
  ]);
  const text = files.map(textOf).join("\n");
  const isDisabled = (key: string): boolean => new RegExp(`^\\s*${key}\\s*=\\s*(no|false|0|off)\\s*$`, "im").test(text);
  return !(isDisabled("ManageForeignRoutes") && isDisabled("ManageForeignRoutingPolicyRules"));
}

/**
 * The other program that writes /etc/resolv.conf; undefined without one. NetworkManager keeps a copy in /run even when
 * it does not manage the file (`dns=none`, `rc-manager=unmanaged`) or is stopped.
 */
export function resolverManager({ root, runs }: ManagerEvidence): ResolverManager | undefined {
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

/** The keys of the section [main]; the last value counts. */
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
