/** Loads, replaces or removes the classifier of the network namespace that it runs in; reads what to do from stdin. */
import { readFileSync } from "node:fs";
import { loadClassifier, removeClassifier } from "../../../../src/host/linux/classifier/load-classifier.ts";
import { pathKeys } from "../../../../src/host/linux/classifier/path-keys.ts";
import type { ClassifierSpec } from "../../../../src/model/program/classifier.ts";
import { ownNamespaceCookie } from "../../../../src/native/linux/process/namespace-cookie.ffi.ts";

interface Order {
  readonly folder: string;
  readonly cgroup: string;
  readonly spec: ClassifierSpec | null;
}

const { folder, cgroup, spec } = JSON.parse(readFileSync(0, "utf8")) as Order;
const place = { folder, cgroup, namespace: ownNamespaceCookie() };
if (spec === null) removeClassifier(place);
else loadClassifier(spec, place, pathKeys(cgroup));
