import { readFileSync } from "node:fs";
import { linuxProbes } from "../../../../src/host/linux/probes.ts";
import type { ProbeSpec } from "../../../../src/model/resources/probe.ts";

/** Runs probes in this network namespace, all at once, and prints their results in order. */
const probes = JSON.parse(readFileSync(0, "utf8")) as ProbeSpec[];
process.stdout.write(JSON.stringify(await Promise.all(probes.map((probe) => linuxProbes().run(probe)))));
