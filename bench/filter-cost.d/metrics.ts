import { spawnSync } from "node:child_process";
import { must } from "../program.ts";

/** How much each measurement sends. */
export interface Amounts {
  readonly packets: number;
  readonly megabytes: number;
}

interface Metric {
  readonly name: "round trip" | "UDP of 64 bytes" | "TCP";
  readonly unit: string;
  /** What awg's policy may cost, as a ratio against no policy. */
  readonly demand: { readonly atMost: number } | { readonly atLeast: number };
  /** One measurement from a namespace to an address at which iperf3 listens. */
  readonly measure: (namespace: string, address: string, amounts: Amounts) => number;
}

/** Measurements, with what is demanded of each. */
export const METRICS: readonly Metric[] = [
  { name: "round trip", unit: "µs", demand: { atMost: 1.5 }, measure: roundTripMicros },
  { name: "UDP of 64 bytes", unit: "kpps", demand: { atLeast: 0.7 }, measure: udpKpps },
  { name: "TCP", unit: "Gbit/s", demand: { atLeast: 0.95 }, measure: tcpGigabits },
];

/** Time of `ping -f` for each packet: it sends the next one when the answer has come. The sum has more digits than its average. */
function roundTripMicros(namespace: string, address: string, { packets }: Amounts): number {
  const count = Math.ceil(packets / 4);
  const out = must(["ip", "netns", "exec", namespace, "ping", "-f", "-q", "-c", String(count), address]);
  const [, received, millis] = /(\d+) received.*time (\d+)ms/s.exec(out) ?? [];
  if (Number(received) !== count) throw new Error(`${namespace}: ${String(received)} of ${count} pings were answered`);
  return (Number(millis) * 1000) / count;
}

function udpKpps(namespace: string, address: string, { packets }: Amounts): number {
  const { end } = iperf(namespace, ["-c", address, "-u", "-l", "64", "-b", "0", "-k", String(packets)]);
  return end.sum.packets / end.sum.seconds / 1000;
}

function tcpGigabits(namespace: string, address: string, { megabytes }: Amounts): number {
  const { end } = iperf(namespace, ["-c", address, "-n", `${megabytes}M`]);
  return end.sum_received.bits_per_second / 1e9;
}

interface IperfReport {
  readonly end: {
    readonly sum: { readonly packets: number; readonly seconds: number };
    readonly sum_received: { readonly bits_per_second: number };
  };
  readonly error?: string;
}

function iperf(namespace: string, words: readonly string[]): IperfReport {
  for (let tries = 1; ; tries += 1) {
    const { stdout } = spawnSync("ip", ["netns", "exec", namespace, "iperf3", ...words, "--json"], {
      encoding: "utf8",
      timeout: 60_000,
    });
    const report = JSON.parse(stdout) as IperfReport;
    if (report.error === undefined) return report;
    if (tries === 5) throw new Error(`iperf3 in ${namespace}: ${report.error}`);
    spawnSync("sleep", ["0.2"]);
  }
}
