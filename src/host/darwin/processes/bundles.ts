import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { TtlCache } from "../../../model/program/ttl-cache.ts";
import { readPropertyText } from "../../../native/darwin/process/property-list.codec.ts";

/** Folders that are bundles of programs, by how their names end (Apple's Bundle Programming Guide). */
const BUNDLE = /\.(app|xpc|appex|systemextension|bundle|plugin)$/i;
/** Information files have a few thousand bytes. */
const MOST_BYTES = 1 << 20;
/** A bundle on the disk changes when it is updated, and then its programs are started anew. */
const KEPT_MS = 10_000;

/** What bundles a program's file lies in. */
export class BundleNames {
  readonly #root: string;
  readonly #nowMs: () => number;
  readonly #kept = new TtlCache<string | null | undefined>(KEPT_MS);

  /** @param root folder that stands for / */
  constructor(nowMs: () => number, root: string) {
    this.#nowMs = nowMs;
    this.#root = root;
  }

  /**
   * The identifiers (CFBundleIdentifier) of the bundles around a file, the nearest first: a browser's helper is of its own
   * bundle and of the browser's. Absent where one of them could not be read.
   */
  of(path: string): { readonly bundleIds?: readonly string[] } {
    const found = bundlesAround(path).map((bundle) => this.#kept.get(bundle, this.#nowMs(), () => this.#read(bundle)));
    if (found.includes(undefined)) return {};
    return { bundleIds: found.filter((id): id is string => typeof id === "string") };
  }

  /** null: the bundle has no identifier; undefined: it could not be read. */
  #read(bundle: string): string | null | undefined {
    try {
      const bytes = readRegularFile(join(this.#root, bundle, "Contents", "Info.plist"));
      return readPropertyText(bytes, "CFBundleIdentifier") ?? null;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      return code === "ENOENT" || code === "ENOTDIR" ? null : undefined;
    }
  }
}

/** The bundles that a file lies in, the nearest first: folders whose program lies in their Contents. Pure. */
export function bundlesAround(path: string): readonly string[] {
  const names = path.split("/");
  const found = names.flatMap((name, index) => {
    const isBundle = BUNDLE.test(name) && names[index + 1] === "Contents" && index + 2 < names.length;
    return isBundle ? [names.slice(0, index + 1).join("/")] : [];
  });
  return found.toReversed();
}

/** Any user may lay a pipe or a device where a bundle's file would be: only a regular file of bounded size is read. */
function readRegularFile(path: string): Uint8Array {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  try {
    const status = fstatSync(descriptor);
    if (!status.isFile() || status.size > MOST_BYTES) throw new Error(`${path} is no information file`);
    const bytes = new Uint8Array(status.size);
    return bytes.subarray(0, readSync(descriptor, bytes));
  } finally {
    closeSync(descriptor);
  }
}
