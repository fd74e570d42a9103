import { spawnSync } from "node:child_process";
import { must } from "../program.ts";

/** How much each measurement sends. */
export interface Amounts {
  readonly packets: number;
  readonly megabytes: number;
}

interface Metric {
  readonly name: "round trip" | "UDP of 64 bytes" | "TCP" | "one UDP packet";
  readonly unit: string;
  /** What awg's policy may cost, as a ratio against no policy; absent for a figure that only explains others. */
  readonly demand?: { readonly atMost: number } | { readonly atLeast: number };
  /** One measurement from a namespace to an address at which iperf3 listens. */
  readonly measure: (namespace: string, address: string, amounts: Amounts) => number;
}

/** A UDP port of the far end with a socket that nobody reads. */
const UNREAD_PORT = 9;

/** The program that holds that socket. */
export const UNREAD = `import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
s.bind(("", ${UNREAD_PORT}))
time.sleep(1e6)`;

/** Measurements, with what is demanded of each. */
export const METRICS: readonly Metric[] = [
  { name: "round trip", unit: "µs", demand: { atMost: 1.5 }, measure: roundTripMicros },
  { name: "UDP of 64 bytes", unit: "kpps", demand: { atLeast: 0.7 }, measure: udpKpps },
  { name: "TCP", unit: "Gbit/s", demand: { atLeast: 0.95 }, measure: tcpGigabits },
  { name: "one UDP packet", unit: "ns", measure: packetNanos },
];

/** Time of `ping -f` for each packet: it sends the next one when the answer has come. The sum has more digits than its average. */
function roundTripMicros(namespace: string, address: string, { packets }: Amounts): number {
  const out = must(["ip", "netns", "exec", namespace, "ping", "-f", "-q", "-c", String(packets), address]);
  const [, received, millis] = /(\d+) received.*time (\d+)ms/s.exec(out) ?? [];
  if (Number(received) !== packets)
    throw new Error(`${namespace}: ${String(received)} of ${packets} pings were answered`);
  return (Number(millis) * 1000) / packets;
}

function udpKpps(namespace: string, address: string, { packets }: Amounts): number {
  const { end } = iperf(namespace, ["-c", address, "-u", "-l", "64", "-b", "0", "-k", String(packets)]);
  return end.sum.packets / end.sum.seconds / 1000;
}

/** One call a packet, to a socket that nobody reads: the waking of a reader would cost more than the packet. */
const SEND = `import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect((sys.argv[1], ${UNREAD_PORT}))
send, payload, count = s.send, bytes(64), int(sys.argv[2])
for _ in range(200): send(payload)
begin = time.perf_counter_ns()
for _ in range(count): send(payload)
print((time.perf_counter_ns() - begin) / count)`;

function packetNanos(namespace: string, address: string, { packets }: Amounts): number {
  return Number(must(["ip", "netns", "exec", namespace, "python3", "-c", SEND, address, String(packets)]));
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
