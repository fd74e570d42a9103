// The data plane's thread with macOS's calls, which the C library of this Linux carries out.
import { parentPort, workerData } from "node:worker_threads";
import type { WorkerStart } from "../../../src/dataplane/contract.ts";
import { runWorker } from "../../../src/dataplane/worker/run-worker.ts";
import { linuxBeneath } from "./linux-beneath.ts";

if (parentPort !== null) runWorker(parentPort, workerData as WorkerStart, linuxBeneath().packets);
