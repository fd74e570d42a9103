import { readFileSync, writeFileSync } from "node:fs";
import { AwgError } from "../../model/error.ts";
import { noteOwnSetting } from "../../native/linux/netlink/own-writes.ts";
import { permissionRemedy } from "../../native/linux/permission-remedy.ts";
import type { SysctlPort } from "../ports/kernel/sysctl.ts";

const ROOT = "/proc/sys";

/** Kernel settings by /proc/sys, which shows those of the reader's network namespace. */
export function linuxSysctl(): SysctlPort {
  return {
    read: async (names) => {
      const values: Record<string, string> = {};
      for (const name of names) {
        const value = readSysctl(name);
        if (value !== undefined) values[name] = value;
      }
      return values;
    },
    write: async (values) => {
      for (const [name, value] of Object.entries(values)) writeSysctl(name, value);
    },
  };
}

/**
 * The file of a setting. As in sysctl(8) a slash inside a dotted name means a dot of a device's own name:
 * "net.ipv4.conf.eth0/10.rp_filter".
 *
 * @throws AwgError("bug") for a name that could lead out of /proc/sys.
 */
export function sysctlPath(name: string): string {
  const parts = name.split(".");
  if (parts.length < 2 || !parts.every((part) => /^[A-Za-z0-9_@:-][A-Za-z0-9_@:/-]*$/.test(part))) {
    throw new AwgError("bug", `"${name}" is not the name of a kernel setting`);
  }
  return [ROOT, ...parts.map((part) => part.replaceAll("/", "."))].join("/");
}

/** One setting of this network namespace; undefined where the kernel has none of that name. */
export function readSysctl(name: string): string | undefined {
  try {
    return readFileSync(sysctlPath(name), "utf8").trimEnd();
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw failure("reading", name, error);
  }
}

/** @throws AwgError("permission") or AwgError("host") that names the setting */
export function writeSysctl(name: string, value: string): void {
  noteOwnSetting(name, value);
  try {
    writeFileSync(sysctlPath(name), `${value}\n`, { flag: "r+" });
  } catch (error) {
    throw failure("writing", name, error);
  }
}

function isAbsent(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === "ENOENT" || code === "ENOTDIR";
}

function failure(what: string, name: string, cause: unknown): unknown {
  if (cause instanceof AwgError) return cause;
  const code = (cause as NodeJS.ErrnoException).code ?? "an error";
  const denied = code === "EACCES" || code === "EPERM" || code === "EROFS";
  return new AwgError(denied ? "permission" : "host", `${what} the kernel setting ${name} failed (${code})`, {
    cause,
    facts: { errno: code },
    ...(denied ? { remedy: `${permissionRemedy()}; /proc/sys must be writable` } : {}),
  });
}
