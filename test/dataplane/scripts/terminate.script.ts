// A thread in the loop is terminated from outside: it must end, and the plane must say that it crashed.
import { Worker } from "node:worker_threads";
import { openEventCounter } from "../../../src/native/linux/packet-io/event-counter.ffi.ts";

const wake = openEventCounter();
const stop = new SharedArrayBuffer(4);
const file = new URL("../../../src/dataplane/worker/packet-thread.ts", import.meta.url);
const worker = new Worker(file, { workerData: { awgDataPlane: true, wakeFd: wake.fd, stop, openssl: true } });
worker.once("message", async () => {
  // The loop polls for up to a second and then turns; it must notice though it only ever calls into C.
  process.stdout.write(`ended ${await worker.terminate()}`);
});
