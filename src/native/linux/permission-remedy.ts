import { readFileSync } from "node:fs";

/** The capabilities that awg's calls need, by bit (include/uapi/linux/capability.h). */
const CAPABILITIES = { CAP_NET_ADMIN: 12, CAP_NET_RAW: 13, CAP_SYS_PTRACE: 19, CAP_SYS_ADMIN: 21 };

/** The remedy for a permission error; for root it names other causes, as far as they are visible. */
export function permissionRemedy(): string {
  if (process.geteuid?.() !== 0) return "run it as root";
  const missing = missingCapabilities();
  return missing === ""
    ? "root is not permitted to do this here: check for a read-only mount, a security module, a seccomp filter, or a user namespace that does not own this network namespace"
    : `root lacks ${missing} here, as in a container: add it`;
}

/** Read from the process's effective set (proc_pid_status(5)); empty where it cannot be read. */
function missingCapabilities(): string {
  try {
    const effective = BigInt(`0x${/^CapEff:\s*(\w+)$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1]}`);
    const missing = Object.entries(CAPABILITIES).filter(([, bit]) => !((effective >> BigInt(bit)) & 1n));
    return missing.map(([name]) => name).join(", ");
  } catch {
    return "";
  }
}
