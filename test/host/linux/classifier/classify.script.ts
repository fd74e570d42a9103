/** Loads, replaces or removes the classifier of the network namespace that it runs in, and prints what is there then. */
import { readFileSync } from "node:fs";
import { loadClassifier, removeClassifier } from "../../../../src/host/linux/classifier/load-classifier.ts";
import { pathKeys } from "../../../../src/host/linux/classifier/path-keys.ts";
import { readClassifier } from "../../../../src/host/linux/classifier/read-classifier.ts";
import type { ClassifierSpec } from "../../../../src/model/program/classifier.ts";
import { ownNamespaceCookie } from "../../../../src/native/linux/process/namespace-cookie.ffi.ts";

interface Order {
  readonly folder: string;
  readonly cgroup: string;
  /** Absent: only reads. */
  readonly spec?: ClassifierSpec | null;
}

const { folder, cgroup, spec } = JSON.parse(readFileSync(0, "utf8")) as Order;
const place = { folder, cgroup, namespace: ownNamespaceCookie() };
if (spec === null) removeClassifier(place);
else if (spec !== undefined) loadClassifier(spec, place, pathKeys(cgroup));
process.stdout.write(JSON.stringify(readClassifier(place, pathKeys(cgroup)) ?? null));
