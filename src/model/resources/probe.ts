/** The protocol of a probe. */
export type ProbeType = "ping" | "tcp" | "http" | "dns";

/** One network probe of the accepted state. */
export interface ProbeSpec {
  readonly name: string;
  readonly type: ProbeType;
  readonly target: ProbeTarget;
  /** The device it leaves by; absent: as the host's rules decide. */
  readonly device?: string;
  /** Its failure after an apply restores the old state. */
  readonly required: boolean;
  readonly everySeconds: number;
  readonly timeoutSeconds: number;
}

/** The target: an address in canonical text or a name; a port if the type has one; the whole URL of an http probe. */
export interface ProbeTarget {
  readonly host: string;
  readonly port?: number;
  readonly url?: string;
}

/** The result of one run. */
export interface ProbeResult {
  readonly passed: boolean;
  /** For people: "answered in 12 ms", "no answer in 5 s". */
  readonly detail: string;
  /** The address that was used, if the target is a name that resolved. */
  readonly address?: string;
}
