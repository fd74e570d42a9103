import { closeSync, readdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { canonicalJson } from "../../../model/canonical.ts";
import { AwgError } from "../../../model/error.ts";
import { CLASSIFIER_HOOKS, type ClassifierHook, type ClassifierObserved } from "../../../model/program/classifier.ts";
import { openById, readCgroupLink, readMapIds, readMapInfo } from "../../../native/linux/bpf/bpf-info.ffi.ts";
import { openPinned } from "../../../native/linux/bpf/bpf-link.ffi.ts";
import { getFromMap } from "../../../native/linux/bpf/bpf-map.ffi.ts";
import { namesIn } from "../../../native/linux/readable-files.ts";
import type { ClassifierPlace } from "./classifier-place.ts";
import { decodeSpecRecord, SPEC_MAP, type SpecRecord } from "./spec-record.ts";
import { type PathKeys, resolvedPaths } from "./tables.ts";

const FIRST_ELEMENT = new Uint8Array(4);

/** The classifier that is pinned there; undefined if nothing is. */
export function readClassifier(place: ClassifierPlace, keys: PathKeys): ClassifierObserved | undefined {
  if (!isPinned(place.folder)) return undefined;
  const programs = new Map<ClassifierHook, number>();
  for (const hook of CLASSIFIER_HOOKS) {
    const program = attachedProgram(join(place.folder, hook));
    if (program !== undefined) programs.set(hook, program);
  }
  const missing = CLASSIFIER_HOOKS.filter((hook) => !programs.has(hook));
  const records = [...new Set(programs.values())].map((id) => recordOf(id));
  const [record] = records;
  const isWhole = records.every((one) => canonicalJson(one ?? null) === canonicalJson(record ?? null));
  if (record === undefined || !isWhole || record.namespace !== `${place.namespace}`) return { missing, replaced: [] };
  const now = resolvedPaths(record.spec, keys);
  const replaced = Object.keys(now).filter((path) => now[path] !== record.paths[path]);
  return { spec: record.spec, missing, replaced };
}

/**
 * Removes the classifiers of network namespaces that are gone, beside this one: each keeps one of the 64 places that a hook
 * has (BPF_CGROUP_MAX_PROGS of linux/bpf-cgroup.h).
 */
export function removeGoneClassifiers({ folder }: ClassifierPlace, live: () => ReadonlySet<string> | undefined): void {
  const others = namesIn(dirname(folder)).filter((name) => /^[0-9]+$/.test(name) && name !== basename(folder));
  if (others.length === 0) return;
  const known = live();
  if (known === undefined) return;
  for (const other of others.map((name) => join(dirname(folder), name))) {
    const inode = inodeIn(other);
    if (inode !== undefined && !known.has(inode)) rmSync(other, { recursive: true, force: true });
  }
}

/** The namespace of a pinned classifier; undefined if it cannot be read, which proves nothing. */
function inodeIn(folder: string): string | undefined {
  for (const hook of CLASSIFIER_HOOKS) {
    const program = attachedProgram(join(folder, hook));
    if (program !== undefined) return recordOf(program)?.inode;
  }
  return undefined;
}

function isPinned(folder: string): boolean {
  try {
    const names = new Set(readdirSync(folder));
    return CLASSIFIER_HOOKS.some((hook) => names.has(hook));
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : "";
    if (code === "ENOENT") return false;
    if (code === "EACCES") throw new AwgError("permission", `only root can read ${folder}`, { cause });
    throw cause;
  }
}

/** The id of the program that a pinned link attaches; undefined without the pin, or when it is detached. */
function attachedProgram(path: string): number | undefined {
  const link = openPinned(path);
  if (link === undefined) return undefined;
  try {
    const { program, attached } = readCgroupLink(link);
    return attached ? program : undefined;
  } finally {
    closeSync(link);
  }
}

function recordOf(programId: number): SpecRecord | undefined {
  const open: number[] = [];
  const opened = (descriptor: number): number => {
    open.push(descriptor);
    return descriptor;
  };
  try {
    for (const id of readMapIds(opened(openById("program", programId)))) {
      const map = opened(openById("map", id));
      const { name, valueBytes } = readMapInfo(map);
      if (name === SPEC_MAP) return decodeSpecRecord(getFromMap(map, FIRST_ELEMENT, valueBytes));
    }
    return undefined;
  } finally {
    for (const descriptor of open) closeSync(descriptor);
  }
}
