import { readFileSync } from "node:fs";

/** The capabilities that awg's calls take, by their bit (include/uapi/linux/capability.h). */
const CAPABILITIES = { CAP_NET_ADMIN: 12, CAP_NET_RAW: 13, CAP_SYS_PTRACE: 19, CAP_SYS_ADMIN: 21 };

/** What to do about a refusal for want of rights: root is told what else stands in the way, as far as it can be seen. */
export function permissionRemedy(): string {
  if (process.geteuid?.() !== 0) return "run it as root";
  const missing = missingCapabilities();
  return missing === ""
    ? "root may not do it here: look for a read-only mount, a security module, a seccomp filter, or a user namespace that does not own this network namespace"
    : `root is without ${missing} here, as in a container: give it that`;
}

/** By the process's own effective set (proc_pid_status(5)); none where that cannot be read. */
function missingCapabilities(): string {
  try {
    const effective = BigInt(`0x${/^CapEff:\s*(\w+)$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1]}`);
    const missing = Object.entries(CAPABILITIES).filter(([, bit]) => !((effective >> BigInt(bit)) & 1n));
    return missing.map(([name]) => name).join(", ");
  } catch {
    return "";
  }
}
