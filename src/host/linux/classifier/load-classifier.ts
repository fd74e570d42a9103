import { closeSync, mkdirSync, openSync, readFileSync, rmdirSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { CLASS_MARK } from "../../../model/ownership.ts";
import { CLASSIFIER_HOOKS, type ClassifierSpec } from "../../../model/program/classifier.ts";
import { readCgroupLink } from "../../../native/linux/bpf/bpf-info.ffi.ts";
import { attachToCgroup, openPinned, pin, replaceProgram } from "../../../native/linux/bpf/bpf-link.ffi.ts";
import { createMap, type MapShape, setInMap } from "../../../native/linux/bpf/bpf-map.ffi.ts";
import { CGROUP_ATTACH, loadProgram, PROGRAM_TYPE } from "../../../native/linux/bpf/bpf-program.ffi.ts";
import { readMemberOffsets } from "../../../native/linux/bpf/btf.codec.ts";
import { clearClasses } from "../processes/clear-classes.ts";
import { moveClasses } from "../processes/move-classes.ts";
import type { ClassifierPlace } from "./classifier-place.ts";
import { type PatternTable, patternTable } from "./pattern-table.ts";
import { ATOMS_BYTES, ENTRY_BYTES, KEY_BYTES, NAME_BYTES, SEEN_KEY_BYTES } from "./program/emit.ts";
import { KERNEL_MEMBERS, TYPES_OF_KERNEL } from "./program/kernel-members.ts";
import { classifierProgram } from "./program/program.ts";
import type { ClassifierMaps, ClassifierQuestion } from "./program/question.ts";
import { readClassifier } from "./read-classifier.ts";
import { encodeSpecRecord } from "./spec-record.ts";
import { bitsOf, classifierTables, type PathKeys, type Row, resolvedPaths, wordBytes } from "./tables.ts";

/** Programs that were seen before; older ones are looked at again. */
const MOST_SEEN = 32_768;
const MARK_BYTES = 4;
/** The only element of an array. */
const FIRST = new Uint8Array(4);
const OWN_USERS = "/proc/self/ns/user";

/**
 * Loads the classifier, or puts it in the place of the one that is loaded: its maps are filled before the first program
 * uses them, and every hook changes from one program to the other at once. Links are pinned, and keep their programs and
 * maps, so that it goes on when every process of awg is gone. Open sockets get the numbers of their programs' new classes.
 */
export function loadClassifier(spec: ClassifierSpec, place: ClassifierPlace, keys: PathKeys): void {
  const open: number[] = [];
  const opened = (descriptor: number): number => {
    open.push(descriptor);
    return descriptor;
  };
  try {
    const patterns = patternTable(spec);
    const maps = filledMaps(spec, place, { keys, patterns }, opened);
    const question = questionOf(spec, maps, patterns);
    const programs = CLASSIFIER_HOOKS.map((hook) => {
      const kind = hook === "create" ? "socket" : "socketAddress";
      const code = classifierProgram(kind, question);
      const program = opened(loadProgram(`awg_${hook}`, PROGRAM_TYPE[kind], CGROUP_ATTACH[hook], code));
      return { hook, program };
    });
    const before = readClassifier(place, keys)?.spec;
    clearClasses(newNumbers(spec, before), place.namespace);
    mkdirSync(place.folder, { recursive: true, mode: 0o700 });
    const cgroup = opened(openSync(place.cgroup, "r"));
    for (const { hook, program } of programs) {
      const path = join(place.folder, hook);
      const link = openPinned(path);
      const isAttached = link !== undefined && readCgroupLink(opened(link)).attached;
      if (isAttached) replaceProgram(link, program);
      else {
        rmSync(path, { force: true });
        pin(opened(attachToCgroup(program, cgroup, CGROUP_ATTACH[hook])), path);
      }
    }
    moveClasses({ before, after: spec }, place.namespace);
  } finally {
    for (const descriptor of open) closeSync(descriptor);
  }
}

/**
 * Numbers that the classifier in force does not give, so that an open socket has them from an earlier one. A number of both
 * means the same in both (ADR 21).
 */
function newNumbers({ classes }: ClassifierSpec, before: ClassifierSpec | undefined): ReadonlySet<number> {
  const known = new Set(before?.classes.map(({ number }) => number));
  return new Set(classes.map(({ number }) => number).filter((number) => !known.has(number)));
}

/** Detaches the classifier; sockets keep the class they have. */
export function removeClassifier({ folder }: ClassifierPlace): void {
  rmSync(folder, { recursive: true, force: true });
  try {
    rmdirSync(dirname(folder));
  } catch {
    // Classifiers of other namespaces are there, or it is the root of the file system.
  }
}

/** New maps with what the spec says; each is as large as its content. */
function filledMaps(
  spec: ClassifierSpec,
  { namespace, inode }: ClassifierPlace,
  { keys, patterns }: { readonly keys: PathKeys; readonly patterns: PatternTable },
  opened: (descriptor: number) => number,
): ClassifierMaps {
  const tables = classifierTables(spec, keys);
  const filled = (name: keyof ClassifierMaps, shape: Omit<MapShape, "mostEntries">, rows: readonly Row[]): number => {
    const map = opened(createMap(`awg_${name}`, { ...shape, mostEntries: Math.max(1, rows.length) }));
    for (const [key, value] of rows) setInMap(map, key, value);
    return map;
  };
  const hash = (keyBytes: number, valueBytes = ATOMS_BYTES) => ({ type: "hash", keyBytes, valueBytes }) as const;
  const array = (valueBytes: number) => ({ type: "array", keyBytes: 4, valueBytes }) as const;
  const record = encodeSpecRecord({
    namespace: `${namespace}`,
    inode: `${inode}`,
    spec,
    paths: resolvedPaths(spec, keys),
  });
  const seen: MapShape = { type: "recent", keyBytes: SEEN_KEY_BYTES, valueBytes: MARK_BYTES, mostEntries: MOST_SEEN };
  return {
    namespaces: filled("namespaces", hash(8, MARK_BYTES), [[wordBytes(namespace), Uint8Array.of(1, 0, 0, 0)]]),
    files: filled("files", hash(KEY_BYTES), tables.files),
    entries: filled("entries", hash(ENTRY_BYTES), tables.entries),
    folders: filled("folders", hash(KEY_BYTES), tables.folders),
    names: filled("names", hash(NAME_BYTES), tables.names),
    users: filled("users", { type: "lpm", keyBytes: 8, valueBytes: ATOMS_BYTES }, tables.users),
    cgroups: filled("cgroups", hash(8), tables.cgroups),
    seen: opened(createMap("awg_seen", seen)),
    patterns: filled("patterns", array(patterns.bytes.length), [[FIRST, patterns.bytes]]),
    classes: filled("classes", hash(8, MARK_BYTES), tables.classes),
    spec: filled("spec", array(record.length), [[FIRST, record]]),
  };
}

function questionOf(
  { atoms, conditions, final }: ClassifierSpec,
  maps: ClassifierMaps,
  patterns: PatternTable,
): ClassifierQuestion {
  const asking = (...of: readonly string[]) =>
    bitsOf(atoms.flatMap((atom, position) => ("of" in atom && of.includes(atom.of) ? [position] : [])));
  return {
    offsets: readMemberOffsets(readFileSync(TYPES_OF_KERNEL), KERNEL_MEMBERS),
    maps,
    conditions,
    final: bitsOf(final)[0],
    own: asking("self", "self-or-ancestor"),
    inherited: asking("self-or-ancestor", "ancestor"),
    usesUsers: atoms.some((atom) => "users" in atom),
    usesCgroups: atoms.some((atom) => "cgroup" in atom),
    usesFolders: atoms.some((atom) => "folder" in atom),
    patterns,
    hostUsers: Number(statSync(OWN_USERS).ino),
    mark: CLASS_MARK,
  };
}
