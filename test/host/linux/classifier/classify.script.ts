/** Loads, replaces or removes the classifier of the network namespace that it runs in, and prints what is there then. */
import { readFileSync } from "node:fs";
import { loadClassifier, removeClassifier } from "../../../../src/host/linux/classifier/load-classifier.ts";
import { pathKeys } from "../../../../src/host/linux/classifier/path-keys.ts";
import { readClassifier, removeGoneClassifiers } from "../../../../src/host/linux/classifier/read-classifier.ts";
import type { ClassifierSpec } from "../../../../src/model/program/classifier.ts";
import { readNamespaceInode } from "../../../../src/native/linux/process/namespace.ffi.ts";
import { ownNamespaceCookie } from "../../../../src/native/linux/process/namespace-cookie.ffi.ts";

interface Order {
  readonly folder: string;
  readonly cgroup: string;
  /** Inodes of the namespaces that are taken to exist; the classifiers of others are removed first. */
  readonly live?: readonly string[];
  /** Absent: only reads. */
  readonly spec?: ClassifierSpec | null;
}

const { folder, cgroup, spec, live } = JSON.parse(readFileSync(0, "utf8")) as Order;
const place = { folder, cgroup, namespace: ownNamespaceCookie(), inode: readNamespaceInode() };
if (live !== undefined) removeGoneClassifiers(place, () => new Set(live));
if (spec === null) removeClassifier(place);
else if (spec !== undefined) loadClassifier(spec, place, pathKeys(cgroup));
process.stdout.write(JSON.stringify(readClassifier(place, pathKeys(cgroup)) ?? null));
