import type { ResolverObserved, ResolverSpec } from "../../model/spec/resolver.ts";

/** The system resolver. The port keeps the original it replaced and puts it back byte for byte. */
export interface ResolverPort {
  read(): Promise<ResolverObserved>;
  ensure(spec: ResolverSpec): Promise<void>;
  /** Why `ensure` would be refused here whatever happens before, and what to do; undefined when nothing is known. Reads only. */
  obstacle?(spec: ResolverSpec): ResolverObstacle | undefined;
  /** Puts the original back if what stands there is ours; otherwise leaves it and succeeds. */
  restore(): Promise<void>;
}

/** What stands against a resolver's being written, in words. */
export interface ResolverObstacle {
  readonly what: string;
  readonly remedy: string;
}
