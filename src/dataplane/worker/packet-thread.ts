import { parentPort, workerData } from "node:worker_threads";
import { packetSystemHere } from "../../native/packet-system-here.ts";
import type { WorkerStart } from "../contract.ts";
import { runWorker } from "./run-worker.ts";

/** What a thread runs by loading this file, when the data plane started it. */
if (parentPort !== null && (workerData as Partial<WorkerStart> | null)?.awgDataPlane === true) {
  runWorker(parentPort, workerData as WorkerStart, packetSystemHere());
}
