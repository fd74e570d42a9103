/**
 * Clients of `GET /api/events`: `node event-clients.script.ts SOCKET GID COUNT ROUNDS`, beside the daemon. The kernel
 * records user and group of a peer when it connects, so one process of root plays users with as many connections as each
 * has places. Prints how long each event took from the daemon to each client, as JSON.
 */
import { spawnSync } from "node:child_process";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const [path = "", gid = "", count = "1", rounds = "1"] = process.argv.slice(2);
const EACH = 32;
const FIRST_USER = 30_001;
const WOKEN = /"type":"woken","at":"([^"]+)"/g;

const clients = Array.from({ length: Number(count) }, (_, index) => {
  process.setegid?.(Number(gid));
  process.seteuid?.(FIRST_USER + Math.floor(index / EACH));
  const socket = connect(path);
  process.seteuid?.(0);
  process.setegid?.(0);
  const client = { text: "", isKnown: false, isClosed: false, seen: 0, numbers: [] as number[] };
  socket.write("GET /api/events HTTP/1.1\r\nHost: awg\r\n\r\n");
  socket
    .on("error", () => undefined)
    .once("close", () => {
      client.isClosed = true;
    });
  socket.setEncoding("utf8").on("data", (part: string) => take(client, part));
  return client;
});
const latenciesMs: number[] = [];

function take(client: (typeof clients)[number], part: string): void {
  const nowMs = Date.now();
  client.text += part;
  const end = client.text.lastIndexOf("\n\n");
  if (end < 0) return;
  const whole = client.text.slice(0, end + 2);
  client.text = client.text.slice(end + 2);
  if (whole.includes("event: snapshot")) client.isKnown = true;
  for (const [, number] of whole.matchAll(/^id: [^-\n]+-([0-9]+)$/gm)) client.numbers.push(Number(number));
  for (const [, at = ""] of whole.matchAll(WOKEN)) {
    client.seen += 1;
    latenciesMs.push(nowMs - Date.parse(at));
  }
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const endMs = Date.now() + 20_000; !holds(); await sleep(5)) {
    if (Date.now() > endMs) throw new Error(`not in time: ${what}`);
  }
}

await until("the snapshots", () => clients.every(({ isKnown }) => isKnown));
for (let round = 1; round <= Number(rounds); round += 1) {
  spawnSync("pkill", ["-HUP", "-f", "daemon --foreground"]);
  await until(`event ${round}`, () => clients.every(({ seen }) => seen >= round));
  await sleep(300);
}
const hasGap = (numbers: readonly number[]): boolean =>
  numbers.some((number, index) => index > 0 && number - (numbers[index - 1] ?? 0) > 1);
process.stdout.write(
  JSON.stringify({
    latenciesMs,
    closed: clients.filter(({ isClosed }) => isClosed).length,
    gaps: clients.filter(({ numbers }) => hasGap(numbers)).length,
  }),
);
process.exit(0);
