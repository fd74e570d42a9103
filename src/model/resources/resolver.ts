import type { NameService } from "../dns/name-service.ts";

/** How it is configured: resolv.conf rewritten, a link of systemd-resolved, or a key of macOS's dynamic store. */
export type ResolverMethod = "file" | "resolved" | "dynamic-store";

/** The system resolver. */
export interface ResolverSpec {
  readonly method: ResolverMethod;
  /** Numeric addresses in order of preference. */
  readonly servers: readonly string[];
  readonly search: readonly string[];
  /** Device with the servers, in systemd-resolved; unused by the other methods. */
  readonly device: string;
  /** Servers for names below single domains; absent if there are none. Only the dynamic store supports them. */
  readonly split?: Readonly<Record<string, readonly string[]>>;
  /** awg's own resolver, which is then the only server; absent if it is not needed (Linux). */
  readonly service?: NameService;
}

export interface ResolverObserved {
  readonly method: ResolverMethod;
  readonly servers: readonly string[];
  readonly search: readonly string[];
  readonly device: string;
  readonly split?: Readonly<Record<string, readonly string[]>>;
  readonly service?: NameService;
  /** Whether awg wrote the current content. */
  readonly ownedByAwg: boolean;
  /** An object in its place that can be neither read nor replaced, for people; absent if there is none. */
  readonly obstacle?: string;
}
