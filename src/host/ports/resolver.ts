import type { ResolverObserved, ResolverSpec } from "../../model/resources/resolver.ts";

/** The system resolver. The port keeps the original it replaced and puts it back byte for byte. */
export interface ResolverPort {
  read(): Promise<ResolverObserved>;
  ensure(spec: ResolverSpec): Promise<void>;
  /** Why `ensure` would fail on this host in any case, and the remedy; undefined when nothing is known. Reads only. */
  obstacle?(spec: ResolverSpec): ResolverObstacle | undefined;
  /** Restores the original if the current file is ours; otherwise leaves it and succeeds. */
  restore(): Promise<void>;
  /** The name servers that `restore` brings back; empty when unknown. Reads only. */
  replaced?(): Promise<readonly string[]>;
  /**
   * A saved original that could not be restored because something is in its place; undefined without one. Reads only.
   */
  unrestored?(): OriginalStatus | undefined;
}

/** The resolver's original, saved in a file, that could not be restored. */
export interface OriginalStatus {
  /** What is in its place, for people. */
  readonly obstacle: string;
  /** The path to restore it to. */
  readonly path: string;
  /** The file it is saved in: one line of JSON with its bytes in `contentBase64`. */
  readonly place: string;
  /** False when the original is "no file". */
  readonly isFile: boolean;
}

/** Why the resolver cannot be written, for people. */
export interface ResolverObstacle {
  readonly what: string;
  readonly remedy: string;
}
