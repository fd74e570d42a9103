// A send batch over a real socket that is given the options of the arguments: what the kernel refuses, and what then happens.
import { spawnSync } from "node:child_process";
import { setTimeout } from "node:timers/promises";
import { RouteCache } from "../../../src/dataplane/loop/route-cache.ts";
import { SendBatch } from "../../../src/dataplane/loop/send-batch.ts";
import { createWorkerResources } from "../../../src/dataplane/worker/create-worker-resources.ts";
import { checkedLibc } from "../../../src/native/linux/libc.ffi.ts";
import { openUdpSocket } from "../../../src/native/linux/packet-io/udp-socket.ffi.ts";
import { packetSystemHere } from "../../../src/native/packet-system-here.ts";

const { options, rounds, datagrams, bytes, narrow, wide } = JSON.parse(process.argv[2] ?? "{}") as {
  /** Level, name and value, as setsockopt(2) takes them. */
  readonly options: readonly (readonly [number, number, number])[];
  readonly rounds: number;
  readonly datagrams: number;
  readonly bytes: number;
  /** Commands before the first datagram, and after the last but one. */
  readonly narrow: readonly string[];
  readonly wide: readonly string[];
};
const run = ([command = "true", ...words]: readonly string[]) => {
  const { status, stderr } = spawnSync(command, words, { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
};
using socket = openUdpSocket({ family: 4, port: 0 });
for (const [level, name, value] of options) {
  checkedLibc(
    "setting an option",
    "setsockopt",
    socket.fd,
    level,
    name,
    new Uint8Array(Int32Array.of(value).buffer),
    4,
  );
}
const resources = createWorkerResources(true, packetSystemHere());
const refused = new Set<string>();
const sockets = { four: socket.fd, six: -1, segments: false };
const batch = new SendBatch(resources, sockets, new RouteCache(() => undefined), (_to, errno) => refused.add(errno));
const to = { address: Uint8Array.of(192, 0, 2, 2), port: 7, scope: 0 };
run(narrow);
let wasBlocked = false;
for (let round = 0; round < rounds; round += 1) {
  for (let count = 0; count < datagrams; count += 1) batch.addBytes(to, new Uint8Array(bytes));
  batch.flush();
  wasBlocked ||= batch.blocked;
}
run(wide);
while (batch.blocked) {
  await setTimeout(10);
  batch.flush();
}
const { messages, dropped } = batch.counters;
batch.addBytes(to, new Uint8Array(bytes));
batch.flush();
process.stdout.write(
  JSON.stringify({
    refused: [...refused],
    wasBlocked,
    sent: messages,
    dropped,
    last: batch.counters.messages - messages,
  }),
);
