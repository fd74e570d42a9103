import { spawnSync } from "node:child_process";
import { hasProgram } from "./command.ts";

const programs = ["ip", "nft", "wg", "wireguard-go", "python3", "conntrack", "sysctl", "unshare"];

/** What the world is made of, tried in a namespace that ends with the trial. */
const trial = `ip link add b0 type bridge && ip link add v0 type veth peer name v1 && ip tuntap add mode tun name t0 && nft -f -`;
const rules = `
table netdev trial {
  chain out { type filter hook egress device "v0" priority 0; policy accept; }
}
table inet trial {
  chain hide { type nat hook postrouting priority 100; policy accept;
    ct state new masquerade
  }
}
`;

let answer: { readonly reason: string | undefined } | undefined;

/** Why the lab cannot run here, or undefined when it can. Tries once per process. */
export function whyNoLab(): string | undefined {
  answer ??= { reason: findReason() };
  return answer.reason;
}

function findReason(): string | undefined {
  if (process.platform !== "linux") return "the lab needs Linux";
  if (process.getuid?.() !== 0) return "the lab needs root";
  const missing = programs.filter((name) => !hasProgram(name));
  if (missing.length > 0) return `the lab needs ${missing.join(", ")} (scripts/test-packages installs them)`;
  const tried = spawnSync("unshare", ["--net", "sh", "-c", trial], { input: rules, encoding: "utf8", timeout: 30_000 });
  return tried.status === 0 ? undefined : `the lab needs what this kernel refuses: ${(tried.stderr ?? "").trim()}`;
}
