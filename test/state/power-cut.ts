import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { basename, dirname, join, relative, resolve, sep } from "node:path";

const CALLS = [
  "openSync",
  "writeSync",
  "fsyncSync",
  "closeSync",
  "renameSync",
  "unlinkSync",
  "ftruncateSync",
  "mkdirSync",
] as const;
type Call = (typeof CALLS)[number];
const real = Object.fromEntries(CALLS.map((name) => [name, fs[name]])) as unknown as Record<
  Call,
  (...v: never[]) => unknown
>;

interface FileNode {
  /** What the last fsync of it made durable, and what it holds now. */
  durable: Buffer;
  now: Buffer;
}

interface FolderNode {
  readonly durable: Map<string, Entry>;
  readonly now: Map<string, Entry>;
  /** Changes of names since the folder's last fsync: what stands there then; undefined is nothing. */
  pending: (readonly (readonly [string, Entry | undefined])[])[];
}

type Entry = FileNode | FolderNode;

/** What a power cut makes of what was not synced: whether a change of names happened, and what a file holds. */
export interface Fate {
  readonly happened: () => boolean;
  readonly contents: (durable: Buffer, now: Buffer) => Buffer;
}

const sizedZeros = (durable: Buffer, now: Buffer): Buffer =>
  Buffer.concat([durable.subarray(0, now.length), Buffer.alloc(Math.max(0, now.length - durable.length))]);

const CONTENTS: readonly Fate["contents"][] = [
  (durable) => durable,
  (_durable, now) => now,
  // The length was written, the blocks were not; or only the first of them were.
  sizedZeros,
  (durable, now) => now.subarray(0, durable.length + Math.floor((now.length - durable.length) / 2)),
];

/** The fates everybody thinks of: nothing, everything, names without data, data without names. */
export const PLAIN_FATES: readonly Fate[] = [
  { happened: () => false, contents: (durable) => durable },
  { happened: () => true, contents: (_durable, now) => now },
  { happened: () => true, contents: (durable) => durable },
  { happened: () => true, contents: sizedZeros },
  { happened: () => false, contents: (_durable, now) => now },
];

/** Any legal fate, drawn by `random`, which gives integers below its argument. */
export function randomFate(random: (below: number) => number): Fate {
  return {
    happened: () => random(2) === 1,
    contents: (durable, now) => (CONTENTS[random(CONTENTS.length)] as Fate["contents"])(durable, now),
  };
}

/** Paths below the root; a folder has no contents. */
export type Leftover = ReadonlyMap<string, Buffer | undefined>;

/** What the model of the disk leaves out, to show that it finds a program that leaves out the same. */
export type Neglect = "nothing" | "files" | "folders";

/**
 * A disk that keeps only what was synced: watches the calls of node:fs below a folder, which exists and is durable, and
 * can say at any call what a power cut may leave. Changes of names wait for an fsync of their folder, data for one of
 * their file; in which order they come to the disk before is free.
 */
export class FragileDisk implements Disposable {
  readonly #root: string;
  readonly #tree: FolderNode = emptyFolder();
  readonly #open = new Map<number, Entry>();
  readonly #neglect: Neglect;

  /** @param onCall told before each call that changes something */
  constructor(root: string, onCall: () => void, neglect: Neglect = "nothing") {
    this.#root = root;
    this.#neglect = neglect;
    load(this.#tree, root);
    for (const name of CALLS) {
      Object.assign(fs, {
        [name]: (...values: never[]) => {
          if (name !== "closeSync") onCall();
          return this.#play(name, values);
        },
      });
    }
    syncBuiltinESMExports();
  }

  /** What this fate leaves of the disk: files with their contents, folders without, by their path below the root. */
  left(fate: Fate): Leftover {
    const left = new Map<string, Buffer | undefined>();
    leave(this.#tree, fate, "", left);
    return left;
  }

  [Symbol.dispose](): void {
    restore();
  }

  #play(name: Call, values: readonly unknown[]): unknown {
    const path = typeof values[0] === "string" ? resolve(values[0]) : "";
    const highest = name === "mkdirSync" ? this.#missing(path) : [];
    // The real disk need not be waited for.
    const result = name === "fsyncSync" ? undefined : real[name](...(values as never[]));
    const entry = typeof values[0] === "number" ? this.#open.get(values[0]) : undefined;
    if (name === "openSync") this.#opened(path, result as number);
    else if (name === "closeSync") this.#open.delete(values[0] as number);
    else if (name === "mkdirSync") for (const made of highest) this.#change(made, [[basename(made), emptyFolder()]]);
    else if (name === "unlinkSync") this.#change(path, [[basename(path), undefined]]);
    else if (name === "renameSync") this.#renamed(path, resolve(values[1] as string));
    else if (entry === undefined) return result;
    else if (name === "fsyncSync") this.#synced(entry);
    else if ("now" in entry && Buffer.isBuffer(entry.now)) {
      const file = entry as FileNode;
      if (name === "ftruncateSync") file.now = file.now.subarray(0, values[1] as number);
      else {
        const from = (values[2] as number | undefined) ?? 0;
        file.now = Buffer.concat([file.now, (values[1] as Uint8Array).subarray(from, from + (result as number))]);
      }
    }
    return result;
  }

  #opened(path: string, fd: number): void {
    if (!this.#isBelow(path)) return;
    if (this.#at(path) === undefined)
      this.#change(path, [[basename(path), { durable: Buffer.alloc(0), now: Buffer.alloc(0) }]]);
    this.#open.set(fd, this.#at(path) as Entry);
  }

  #renamed(from: string, to: string): void {
    if (!this.#isBelow(from)) return;
    const moved = this.#at(from);
    this.#change(to, [
      [basename(from), undefined],
      [basename(to), moved],
    ]);
  }

  #synced(entry: Entry): void {
    if (isFile(entry)) {
      if (this.#neglect !== "files") entry.durable = entry.now;
    } else if (this.#neglect !== "folders") {
      for (const change of entry.pending) for (const [name, to] of change) put(entry.durable, name, to);
      entry.pending = [];
    }
  }

  #change(path: string, change: readonly (readonly [string, Entry | undefined])[]): void {
    if (!this.#isBelow(path)) return;
    const folder = this.#at(dirname(path)) as FolderNode;
    for (const [name, to] of change) put(folder.now, name, to);
    folder.pending.push(change);
  }

  #missing(path: string): readonly string[] {
    const missing: string[] = [];
    for (let at = path; this.#isBelow(at) && this.#at(at) === undefined; at = dirname(at)) missing.unshift(at);
    return missing;
  }

  #isBelow(path: string): boolean {
    return path === this.#root || path.startsWith(this.#root + sep);
  }

  #at(path: string): Entry | undefined {
    let entry: Entry | undefined = this.#tree;
    for (const name of relative(this.#root, path).split(sep).filter(Boolean)) {
      entry = entry === undefined || isFile(entry) ? undefined : entry.now.get(name);
    }
    return entry;
  }
}

function restore(): void {
  Object.assign(fs, real);
  syncBuiltinESMExports();
}

function emptyFolder(): FolderNode {
  return { durable: new Map(), now: new Map(), pending: [] };
}

function isFile(entry: Entry): entry is FileNode {
  return Buffer.isBuffer(entry.now);
}

function put(names: Map<string, Entry>, name: string, to: Entry | undefined): void {
  if (to === undefined) names.delete(name);
  else names.set(name, to);
}

function load(folder: FolderNode, path: string): void {
  for (const entry of fs.readdirSync(path, { withFileTypes: true })) {
    const at = join(path, entry.name);
    const bytes = entry.isDirectory() ? Buffer.alloc(0) : fs.readFileSync(at);
    const node: Entry = entry.isDirectory() ? emptyFolder() : { durable: bytes, now: bytes };
    if (!isFile(node)) load(node, at);
    folder.durable.set(entry.name, node);
    folder.now.set(entry.name, node);
  }
}

function leave(folder: FolderNode, fate: Fate, path: string, left: Map<string, Buffer | undefined>): void {
  const names = new Map(folder.durable);
  for (const change of folder.pending) {
    if (fate.happened()) for (const [name, to] of change) put(names, name, to);
  }
  for (const [name, entry] of names) {
    const at = join(path, name);
    left.set(at, isFile(entry) ? fate.contents(entry.durable, entry.now) : undefined);
    if (!isFile(entry)) leave(entry, fate, at, left);
  }
}

/** Puts leftovers into a folder that is there. */
export function layOut(left: Leftover, target: string): void {
  for (const [path, bytes] of left) {
    if (bytes === undefined) fs.mkdirSync(join(target, path), { mode: 0o700 });
    else fs.writeFileSync(join(target, path), bytes, { mode: 0o600 });
  }
}
