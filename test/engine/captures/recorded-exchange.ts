import { readdirSync } from "node:fs";
import { facts, readFacts } from "../../support/facts.ts";

const FOLDER = "amneziawg/captures";
const INDEX = "INDEX.json";

export type Side = "a" | "b";

/** One datagram as it was recorded, with what an independent decoder said of it. */
export interface RecordedPacket {
  readonly n: number;
  readonly from: Side;
  readonly unixSeconds: number;
  /** Since the first datagram. */
  readonly atMs: number;
  readonly payload: Uint8Array;
  readonly decoded: Decoded;
}

/** The fields of decoded.json that tests compare; which are there depends on the kind. */
export interface Decoded {
  readonly kind: "initiation" | "response" | "cookie-reply" | "transport" | "junk-or-signature";
  readonly padding: number;
  readonly padding_bytes: string;
  readonly header: number;
  readonly message: string;
  readonly trailer_len: number;
  readonly sender_index: number;
  readonly receiver_index: number;
  readonly ephemeral_private: string | null;
  readonly tai64n: string;
  readonly counter: number;
  readonly plaintext: string;
  readonly keepalive: boolean;
  readonly inner_len?: number;
  readonly nonce: string;
  readonly cookie: string;
  readonly mac1_used_as_ad: string;
  readonly secret_matches: readonly { readonly secret: string; readonly src_bytes: string }[];
  readonly transcript?: readonly { readonly token: string; readonly ck: string; readonly h: string }[];
  readonly mac2: string;
}

export interface RecordedSide {
  readonly privateKey: Uint8Array;
  readonly publicKey: Uint8Array;
  /** Parameters by their UAPI names. */
  readonly parameters: Readonly<Record<string, string>>;
}

export interface KeyLogEntry {
  readonly event: "initiation_created" | "response_created" | "session" | "cookie_secret";
  readonly local_index?: number;
  readonly send_key?: string;
  readonly recv_key?: string;
}

export interface Exchange {
  readonly name: string;
  readonly sides: Readonly<Record<Side, RecordedSide>>;
  readonly presharedKey: Uint8Array;
  readonly packets: readonly RecordedPacket[];
  readonly keyLog: Readonly<Record<Side, readonly KeyLogEntry[]>>;
}

/** Names of all recorded exchanges. */
export function exchangeNames(): readonly string[] {
  return readdirSync(facts(FOLDER))
    .filter((name) => name !== INDEX)
    .toSorted();
}

/** How many datagrams the index says there are, by exchange. */
export function indexedCounts(): ReadonlyMap<string, number> {
  const index = readFacts<readonly { readonly case: string; readonly packets: number }[]>(`${FOLDER}/${INDEX}`);
  return new Map(index.map((entry) => [entry.case, entry.packets]));
}

export function readExchange(name: string): Exchange {
  const part = <T>(file: string) => readFacts<T>(`${FOLDER}/${name}/${file}.json`);
  const parameters = part<{
    readonly peers: Record<Side, { private_key: string; public_key: string; awg: Record<string, string> }>;
    readonly preshared_key: string | null;
  }>("params");
  const packets = part<readonly { n: number; dir: string; t_ns: number; dt_ms: number; payload: string }[]>("packets");
  const { packets: decoded } = part<{ packets: readonly Decoded[] }>("decoded");
  const side = (of: Side): RecordedSide => ({
    privateKey: bytesOf(parameters.peers[of].private_key),
    publicKey: bytesOf(parameters.peers[of].public_key),
    parameters: parameters.peers[of].awg,
  });
  return {
    name,
    sides: { a: side("a"), b: side("b") },
    presharedKey: parameters.preshared_key === null ? new Uint8Array(32) : bytesOf(parameters.preshared_key),
    packets: packets.map(({ n, dir, t_ns, dt_ms, payload }, at) => ({
      n,
      from: dir === "a->b" ? "a" : "b",
      unixSeconds: Math.floor(t_ns / 1e9),
      atMs: dt_ms,
      payload: bytesOf(payload),
      decoded: decoded[at] as Decoded,
    })),
    keyLog: part("keylog"),
  };
}

export function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, "hex"));
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
