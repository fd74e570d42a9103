import type { ResolverObserved, ResolverSpec } from "../../model/spec/resolver.ts";

/** The system resolver. The port keeps the original it replaced and puts it back byte for byte. */
export interface ResolverPort {
  read(): Promise<ResolverObserved>;
  ensure(spec: ResolverSpec): Promise<void>;
  /** Puts the original back if what stands there is ours; otherwise leaves it and succeeds. */
  restore(): Promise<void>;
}
