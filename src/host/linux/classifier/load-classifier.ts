import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CLASS_MARK } from "../../../model/ownership.ts";
import type { ClassifierSpec } from "../../../model/program/classifier.ts";
import { attachToCgroup, openPinned, pin, replaceProgram } from "../../../native/linux/bpf/bpf-link.ffi.ts";
import { createMap, type MapShape, setInMap } from "../../../native/linux/bpf/bpf-map.ffi.ts";
import { CGROUP_ATTACH, loadProgram, PROGRAM_TYPE } from "../../../native/linux/bpf/bpf-program.ffi.ts";
import { readMemberOffsets } from "../../../native/linux/bpf/btf.codec.ts";
import { assemble } from "../../../native/linux/bpf/instruction.ts";
import { ATOMS_BYTES, KEY_BYTES, NAME_BYTES, SEEN_KEY_BYTES } from "./emit.ts";
import { KERNEL_MEMBERS } from "./kernel-members.ts";
import { classifierProgram } from "./program.ts";
import type { ClassifierMaps, ClassifierQuestion } from "./question.ts";
import { bitsOf, type ClassifierTables, classifierTables, type PathKeys, wordBytes } from "./tables.ts";

const TYPES_OF_KERNEL = "/sys/kernel/btf/vmlinux";

/** Where the classifier works, and where it is kept. */
export interface ClassifierPlace {
  /** The cookie of the network namespace (SO_NETNS_COOKIE). */
  readonly namespace: bigint;
  /** The root of cgroup v2. */
  readonly cgroup: string;
  /** A folder of its own on a bpf file system. */
  readonly folder: string;
}

const SHAPES: Readonly<Record<keyof ClassifierMaps, MapShape>> = {
  namespaces: { type: "hash", keyBytes: 8, valueBytes: 4, mostEntries: 1 },
  files: { type: "hash", keyBytes: KEY_BYTES, valueBytes: ATOMS_BYTES, mostEntries: 16_384 },
  folders: { type: "hash", keyBytes: KEY_BYTES, valueBytes: ATOMS_BYTES, mostEntries: 16_384 },
  names: { type: "hash", keyBytes: NAME_BYTES, valueBytes: ATOMS_BYTES, mostEntries: 4_096 },
  users: { type: "lpm", keyBytes: 8, valueBytes: ATOMS_BYTES, mostEntries: 4_096 },
  cgroups: { type: "hash", keyBytes: 8, valueBytes: ATOMS_BYTES, mostEntries: 4_096 },
  seen: { type: "recent", keyBytes: SEEN_KEY_BYTES, valueBytes: 4, mostEntries: 32_768 },
  classes: { type: "hash", keyBytes: 8, valueBytes: 4, mostEntries: 4_096 },
};

/**
 * Loads the classifier, or puts it in the place of the one that is loaded: its maps are filled before the first program
 * uses them, and every hook changes from one program to the other at once. Links and maps are pinned, so that it goes on
 * when every process of awg is gone.
 */
export function loadClassifier(spec: ClassifierSpec, place: ClassifierPlace, keys: PathKeys): void {
  const open: number[] = [];
  const opened = (descriptor: number): number => {
    open.push(descriptor);
    return descriptor;
  };
  try {
    const maps = createMaps(opened);
    fill(maps, place.namespace, classifierTables(spec, keys));
    const question = questionOf(spec, maps);
    const programs = Object.entries(CGROUP_ATTACH).map(([hook, attachType]) => {
      const kind = hook === "create" ? "socket" : "socketAddress";
      const code = assemble(classifierProgram(kind, question));
      return { hook, attachType, program: opened(loadProgram(`awg_${hook}`, PROGRAM_TYPE[kind], attachType, code)) };
    });
    mkdirSync(place.folder, { recursive: true, mode: 0o700 });
    for (const [name, descriptor] of Object.entries(maps)) pin(descriptor, newPath(place, name));
    const cgroup = opened(openSync(place.cgroup, "r"));
    for (const { hook, attachType, program } of programs) {
      const path = join(place.folder, hook);
      const link = openPinned(path);
      if (link === undefined) pin(opened(attachToCgroup(program, cgroup, attachType)), path);
      else replaceProgram(opened(link), program);
    }
    for (const name of Object.keys(maps)) renameSync(newPath(place, name), join(place.folder, name));
  } finally {
    for (const descriptor of open) closeSync(descriptor);
    for (const name of Object.keys(SHAPES)) rmSync(newPath(place, name), { force: true });
  }
}

/** Detaches the classifier; sockets keep the class they have. */
export function removeClassifier({ folder }: ClassifierPlace): void {
  rmSync(folder, { recursive: true, force: true });
}

function newPath({ folder }: ClassifierPlace, name: string): string {
  return join(folder, `${name}-new`);
}

function createMaps(opened: (descriptor: number) => number): ClassifierMaps {
  const create = (name: keyof ClassifierMaps) => opened(createMap(`awg_${name}`, SHAPES[name]));
  return {
    namespaces: create("namespaces"),
    files: create("files"),
    folders: create("folders"),
    names: create("names"),
    users: create("users"),
    cgroups: create("cgroups"),
    seen: create("seen"),
    classes: create("classes"),
  };
}

function fill(maps: ClassifierMaps, namespace: bigint, tables: ClassifierTables): void {
  setInMap(maps.namespaces, wordBytes(namespace), Uint8Array.of(1, 0, 0, 0));
  for (const name of ["files", "folders", "names", "users", "cgroups", "classes"] as const) {
    for (const [key, value] of tables[name]) setInMap(maps[name], key, value);
  }
}

function questionOf({ atoms, conditions, final }: ClassifierSpec, maps: ClassifierMaps): ClassifierQuestion {
  const asking = (...of: readonly string[]) =>
    bitsOf(atoms.flatMap((atom, position) => ("of" in atom && of.includes(atom.of) ? [position] : [])));
  return {
    offsets: readMemberOffsets(readFileSync(TYPES_OF_KERNEL), KERNEL_MEMBERS),
    maps,
    conditions,
    final: bitsOf(final)[0],
    own: asking("self", "self-or-ancestor"),
    inherited: asking("self-or-ancestor"),
    parents: asking("parent"),
    usesUsers: atoms.some((atom) => "users" in atom),
    usesCgroups: atoms.some((atom) => "cgroup" in atom),
    mark: CLASS_MARK,
  };
}
