// Hands a spare engine a device, gives it a key over UAPI, lets its clocks jump, deletes the device, and tells how the engine ended.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";
import { listenOnUnixSocket } from "../../src/native/linux/process/unix-exchange.ffi.ts";
import { makeSocketPair, sendDescriptors } from "../../src/native/linux/process/unix-socket.ffi.ts";
import { openTun } from "../../src/native/linux/tun.ffi.ts";

const { program, env, device, socket, sleep } = JSON.parse(await text(process.stdin)) as {
  readonly program: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly device: string;
  readonly socket: string;
  /** What is written where, and a pattern of what the engine says of it. */
  readonly sleep?: { readonly file: string; readonly offset: string; readonly said: string };
};
const [ours, theirs] = makeSocketPair();
const child: ChildProcess = spawn(process.execPath, program, {
  env,
  stdio: ["ignore", "pipe", "pipe", theirs, theirs],
});
let output = "";
for (const stream of [child.stdout, child.stderr]) {
  stream?.setEncoding("utf8").on("data", (chunk: string) => {
    output += chunk;
  });
}
const closed = once(child, "close");
const tun = openTun({ name: device, vnetHeader: true, nonBlocking: true });
sendDescriptors(ours, Uint8Array.of(1), [tun.fd, listenOnUnixSocket(socket)], 1000);
const client = connect(socket);
client.write(`set=1\nprivate_key=${"0b".repeat(32)}\n\n`);
await once(client, "data");
client.destroy();
if (sleep !== undefined) {
  writeFileSync(sleep.file, `${sleep.offset}\n`);
  while (!new RegExp(sleep.said).test(output)) await setTimeout(50);
}
spawnSync("ip", ["link", "delete", device]);
const [status] = await closed;
process.stdout.write(JSON.stringify({ status, output }));
process.exit(0);
