import { parentPort, workerData } from "node:worker_threads";
import { packetSystemHere } from "../../native/packet-system-here.ts";
import type { WorkerStart } from "../contract.ts";
import { runWorker } from "./run-worker.ts";

/** Runs when the data plane starts a thread with this file. */
if (parentPort !== null && (workerData as Partial<WorkerStart> | null)?.awgDataPlane === true) {
  runWorker(parentPort, workerData as WorkerStart, packetSystemHere());
}
