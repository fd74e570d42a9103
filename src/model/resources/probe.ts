/** How a target is asked. */
export type ProbeType = "ping" | "tcp" | "http" | "dns";

/** One check of the network as the accepted state holds it. */
export interface ProbeSpec {
  readonly name: string;
  readonly type: ProbeType;
  readonly target: ProbeTarget;
  /** The device it leaves by; absent: where the machine's rules send it. */
  readonly device?: string;
  /** Its failure after an apply puts the old state back. */
  readonly required: boolean;
  readonly everySeconds: number;
  readonly timeoutSeconds: number;
}

/** Who is asked: an address in canonical text or a name; a port where the type has one; the whole URL of an http probe. */
export interface ProbeTarget {
  readonly host: string;
  readonly port?: number;
  readonly url?: string;
}

/** What came of one run. */
export interface ProbeResult {
  readonly passed: boolean;
  /** For people: "answered in 12 ms", "no answer in 5 s". */
  readonly detail: string;
  /** The address that was asked, where the target is no address itself and one was found. */
  readonly address?: string;
}
