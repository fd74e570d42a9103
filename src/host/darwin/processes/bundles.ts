import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { TtlCache } from "../../../model/program/ttl-cache.ts";
import { readPropertyText } from "../../../native/darwin/process/property-list.codec.ts";

/** Bundle folders, by suffix (Apple's Bundle Programming Guide). */
const BUNDLE = /\.(app|xpc|appex|systemextension|bundle|plugin)$/i;
/** Limit for Info.plist files, which have a few thousand bytes. */
const MOST_BYTES = 1 << 20;
/** Cache time. A bundle changes when it is updated, and its programs are then restarted. */
const KEPT_MS = 10_000;

/** The bundles that contain a program's file. */
export class BundleNames {
  readonly #root: string;
  readonly #nowMs: () => number;
  readonly #kept = new TtlCache<string | null | undefined>(KEPT_MS);

  /** @param root folder used instead of / */
  constructor(nowMs: () => number, root: string) {
    this.#nowMs = nowMs;
    this.#root = root;
  }

  /**
   * The identifiers (CFBundleIdentifier) of the bundles around a file, innermost first: a browser's helper is in its
   * own bundle and the browser's. Absent where one of them could not be read.
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

/** The bundles that contain a file, innermost first: folders with the program in their Contents. Pure. */
export function bundlesAround(path: string): readonly string[] {
  const names = path.split("/");
  const found = names.flatMap((name, index) => {
    const isBundle = BUNDLE.test(name) && names[index + 1] === "Contents" && index + 2 < names.length;
    return isBundle ? [names.slice(0, index + 1).join("/")] : [];
  });
  return found.toReversed();
}

/** Reads only a regular file of limited size: a user may put a pipe or a device there. */
function readRegularFile(path: string): Uint8Array {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  try {
    const status = fstatSync(descriptor);
    if (!status.isFile() || status.size > MOST_BYTES) throw new Error(`${path} is not an Info.plist file`);
    const bytes = new Uint8Array(status.size);
    return bytes.subarray(0, readSync(descriptor, bytes));
  } finally {
    closeSync(descriptor);
  }
}
