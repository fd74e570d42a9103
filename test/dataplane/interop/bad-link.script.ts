// A UDP proxy that loses, doubles and reorders in both directions, by a seed. "roam" on its standard input moves both of its ends to
// new ports: each side hears the other from another address, and datagrams to the old ones still come through.
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { createInterface } from "node:readline";

const { family, address, listen, target, seed } = JSON.parse(process.argv[2] ?? "{}") as {
  readonly family: 4 | 6;
  readonly address: string;
  readonly listen: number;
  readonly target: number;
  readonly seed: number;
};
/** Of a thousand. */
const FAULTS = { lost: 20, doubled: 30, late: 30 } as const;
const LATE_MS = 5;

let client: RemoteInfo | undefined;
let [near, far]: Socket[] = [];
let state = seed >>> 0;

/** xorshift32. */
function below(limit: number): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % limit;
}

function pass(bytes: Buffer, send: (bytes: Buffer) => void): void {
  if (below(1000) < FAULTS.lost) return;
  const copies = below(1000) < FAULTS.doubled ? 2 : 1;
  for (let copy = 0; copy < copies; copy += 1) {
    if (below(1000) < FAULTS.late) setTimeout(() => send(bytes), LATE_MS);
    else send(bytes);
  }
}

async function open(port: number, onBytes: (bytes: Buffer, from: RemoteInfo) => void): Promise<Socket> {
  const socket = createSocket(family === 4 ? "udp4" : "udp6");
  socket.on("message", onBytes);
  socket.bind(port, address);
  await once(socket, "listening");
  return socket;
}

async function openBoth(port: number): Promise<void> {
  far = await open(0, (bytes) => {
    const to = client;
    if (to !== undefined) pass(bytes, (one) => near?.send(one, to.port, to.address));
  });
  near = await open(port, (bytes, from) => {
    client = from;
    pass(bytes, (one) => far?.send(one, target, address));
  });
}

await openBoth(listen);
process.stdout.write("ready\n");
for await (const line of createInterface({ input: process.stdin })) {
  if (line !== "roam") continue;
  await openBoth(0);
  process.stdout.write("roamed\n");
}
process.exit(0);
