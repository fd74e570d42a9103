import type { ClassifierAtom, ClassifierSpec } from "../../../model/program/classifier.ts";
import { bytesToHex } from "../../../uapi/key-text.ts";
import { ATOMS_BYTES, NAME_BYTES } from "./program/emit.ts";
import type { Atoms } from "./program/question.ts";

/** Keys and values of the classifier's maps. */
export interface ClassifierTables {
  readonly files: readonly Row[];
  readonly entries: readonly Row[];
  readonly folders: readonly Row[];
  readonly names: readonly Row[];
  readonly users: readonly Row[];
  readonly cgroups: readonly Row[];
  readonly classes: readonly Row[];
}

export type Row = readonly [key: Uint8Array, value: Uint8Array];

/** A program by its folder and name, or by its inode. */
export interface FileKey {
  readonly kind: "entry" | "inode";
  readonly key: Uint8Array;
}

/** Turns paths into keys; undefined where nothing could be there. */
export interface PathKeys {
  readonly file: (path: string) => FileKey | undefined;
  readonly folder: (path: string) => Uint8Array | undefined;
  readonly cgroup: (path: string) => Uint8Array | undefined;
}

const LAST_UID = 0xffff_ffff;

/** The tables for a spec. A file, folder or group that does not exist matches nothing. */
export function classifierTables(spec: ClassifierSpec, keys: PathKeys): ClassifierTables {
  const rowsOf = (keyOf: (atom: ClassifierAtom) => Uint8Array | undefined) =>
    merged(
      spec.atoms.flatMap((atom, position) => {
        const key = keyOf(atom);
        return key === undefined ? [] : [[key, bitsOf([position])] as const];
      }),
    );
  const fileOf = (atom: ClassifierAtom, kind: FileKey["kind"]) => {
    const found = "file" in atom ? keys.file(atom.file) : undefined;
    return found?.kind === kind ? found.key : undefined;
  };
  return {
    files: rowsOf((atom) => fileOf(atom, "inode")),
    entries: rowsOf((atom) => fileOf(atom, "entry")),
    folders: rowsOf((atom) => ("folder" in atom ? keys.folder(atom.folder) : undefined)),
    names: rowsOf((atom) => ("name" in atom ? nameKey(atom.name) : undefined)),
    cgroups: rowsOf((atom) => ("cgroup" in atom ? keys.cgroup(atom.cgroup) : undefined)),
    users: userRows(spec.atoms),
    classes: spec.classes.map(({ number, conditions }) => [
      wordBytes(bitsOf(conditions)[0]),
      new Uint8Array(Uint32Array.of(number).buffer),
    ]),
  };
}

/** Where the paths of a spec lead, each as text; null where nothing could be there. */
export function resolvedPaths({ atoms }: ClassifierSpec, keys: PathKeys): Readonly<Record<string, string | null>> {
  const text = (key: Uint8Array | undefined) => (key === undefined ? null : bytesToHex(key));
  return Object.fromEntries(
    atoms.flatMap((atom): [string, string | null][] => {
      if ("file" in atom) return [[atom.file, text(keys.file(atom.file)?.key)]];
      if ("folder" in atom) return [[atom.folder, text(keys.folder(atom.folder))]];
      return "cgroup" in atom ? [[`cgroup ${atom.cgroup}`, text(keys.cgroup(atom.cgroup))]] : [];
    }),
  );
}

/** Atoms or conditions as bits. */
export function bitsOf(positions: readonly number[]): Atoms {
  const all = positions.reduce((bits, position) => bits | (1n << BigInt(position)), 0n);
  return [BigInt.asUintN(64, all), BigInt.asUintN(64, all >> 64n)];
}

/** The name of a program's file as the kernel's maps have it: padded with zeros, cut as the classifier cuts it. */
export function nameKey(name: string): Uint8Array {
  const key = new Uint8Array(NAME_BYTES);
  key.set(new TextEncoder().encode(name).subarray(0, NAME_BYTES - 1));
  return key;
}

function merged(rows: readonly (readonly [Uint8Array, Atoms])[]): Row[] {
  const byKey = new Map<string, { readonly key: Uint8Array; readonly atoms: Atoms }>();
  for (const [key, [low, high]] of rows) {
    const text = key.join();
    const before = byKey.get(text)?.atoms ?? [0n, 0n];
    byKey.set(text, { key, atoms: [before[0] | low, before[1] | high] });
  }
  return [...byKey.values()].map(({ key, atoms }) => [key, atomsBytes(atoms)]);
}

/** Prefixes of uids, each with all atoms that hold in it, since the longest match alone counts. */
function userRows(atoms: readonly ClassifierAtom[]): Row[] {
  const ranges = atoms.flatMap((atom, position) =>
    "users" in atom ? atom.users.map(([first, last]) => ({ first, last, position })) : [],
  );
  const starts = [...new Set(ranges.flatMap(({ first, last }) => [first, last + 1]))].sort((a, b) => a - b);
  return starts.flatMap((first, index) => {
    const last = (starts[index + 1] ?? LAST_UID + 1) - 1;
    const holding = ranges.filter((range) => range.first <= first && range.last >= last);
    if (holding.length === 0) return [];
    const value = atomsBytes(bitsOf([...new Set(holding.map(({ position }) => position))]));
    return prefixesOf(first, last).map((key) => [key, value] as const);
  });
}

/** The fewest prefixes that cover a range: four bytes of length, then the number with its highest byte first. */
function prefixesOf(first: number, last: number): Uint8Array[] {
  const keys: Uint8Array[] = [];
  for (let from = first; from <= last; ) {
    let bits = 0;
    while (bits < 32 && from % 2 ** (bits + 1) === 0 && from + 2 ** (bits + 1) - 1 <= last) bits += 1;
    const key = new Uint8Array(8);
    const view = new DataView(key.buffer);
    view.setUint32(0, 32 - bits, true);
    view.setUint32(4, from, false);
    keys.push(key);
    from += 2 ** bits;
  }
  return keys;
}

function atomsBytes([low, high]: Atoms): Uint8Array {
  const bytes = new Uint8Array(ATOMS_BYTES);
  bytes.set(wordBytes(low));
  bytes.set(wordBytes(high), 8);
  return bytes;
}

/** 64 bits, little-endian as on both supported architectures. */
export function wordBytes(word: bigint): Uint8Array {
  return new Uint8Array(BigUint64Array.of(word).buffer);
}
