import { compareCommands, type Figure } from "./measure.ts";
import { installAwg, must, newKeys, writePrivate } from "./program.ts";

const RUNS = 41;
/** Link, tunnel and routes of each, and policy, firewall, resolver and settings of the machine: 22 resources. */
const TUNNELS = 6;

/** A cold `awg diff` of the built package, in sync, against node doing nothing. */
export async function benchColdDiff(): Promise<readonly Figure[]> {
  const awg = installAwg();
  const config = writePrivate("config.yaml", configText());
  must([awg, "apply", "-f", config, "--auto-approve"]);
  const resources = must([awg, "get"]).trim().split("\n").length;
  const diff = [awg, "diff", "-f", config];
  // The first leaves the compiled code that all later ones start from.
  must(diff);
  const { ours, peer } = compareCommands(diff, ["node", "-e", "0"], RUNS);
  const figure = (what: string, one: number, other: number): Figure => ({
    name: `cold awg diff of ${resources} resources, ${what}`,
    unit: "ms",
    ours: one,
    peer: { name: "node -e 0", value: other },
    atMost: 3,
  });
  return [figure("CPU time", ours.cpuMs, peer.cpuMs), figure("wall time", ours.wallMs, peer.wallMs)];
}

function configText(): string {
  const { publicKey } = newKeys();
  const tunnels = Array.from({ length: TUNNELS }, (_, n) => {
    const key = writePrivate(`t${n}.key`, newKeys().privateKey);
    return `  t${n}:
    protocol: wireguard
    privateKey: { file: ${key} }
    addresses: [10.8.${n}.2/32, "fd00:8:${n}::2/128"]
    peers:
      - { publicKey: "${publicKey}", endpoint: "198.51.100.${n + 1}:51820", allowedIPs: [0.0.0.0/0, "::/0"] }
`;
  });
  return `apiVersion: awg/v1
name: bench
tunnels:
${tunnels.join("")}rules:
  - { destinations: [203.0.113.0/24], via: t1 }
  - { destinations: [198.18.0.0/15], via: t2 }
default: { via: t0, fallback: block }
killSwitch: { enabled: true, allowLan: true }
dns: { servers: [10.8.0.1], via: t0 }
`;
}
