import type { ResolverObserved, ResolverSpec } from "../../model/resources/resolver.ts";

/** The system resolver. The port keeps the original it replaced and puts it back byte for byte. */
export interface ResolverPort {
  read(): Promise<ResolverObserved>;
  ensure(spec: ResolverSpec): Promise<void>;
  /** Why `ensure` would be refused here whatever happens before, and what to do; undefined when nothing is known. Reads only. */
  obstacle?(spec: ResolverSpec): ResolverObstacle | undefined;
  /** Puts the original back if what stands there is ours; otherwise leaves it and succeeds. */
  restore(): Promise<void>;
  /** The original that could not be put back for what stands in its place; undefined where there is none. Reads only. */
  kept?(): OriginalStatus | undefined;
}

/** What the resolver was before awg, kept in a file. */
export interface OriginalStatus {
  /** What stands in its place, in words. */
  readonly obstacle: string;
  /** Where it belongs. */
  readonly path: string;
  /** The file that keeps it: one line of JSON with its bytes in `contentBase64`. */
  readonly place: string;
  /** False where there was no file. */
  readonly isFile: boolean;
}

/** What stands against a resolver's being written, in words. */
export interface ResolverObstacle {
  readonly what: string;
  readonly remedy: string;
}
