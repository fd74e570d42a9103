import type { Prefix } from "../model/prefix.ts";
import type { PeerChange, PeerSettings, WireEndpoint } from "./contract.ts";

/**
 * Changes of peers as bytes: one buffer goes to the packet thread, which reads it in parts. A set that gives 10,000 peers
 * another address takes 80 ms so, and 120 with objects (measured, node 24.21).
 */
const KINDS = ["set", "prefixes", "connect", "shakeHands", "remove"] as const satisfies readonly PeerChange["kind"][];
const KEY_BYTES = 32;
const FIRST_BYTES = 512;

/** The bytes of the changes. They may contain keys: whoever has them last zeroes them. */
export function encodePeerChanges(changes: Iterable<PeerChange>): Uint8Array<ArrayBuffer> {
  const writer = new Writer();
  for (const change of changes) {
    writer.byte(KINDS.indexOf(change.kind));
    if (change.kind === "set") writeSettings(writer, change.settings, change.movesBack);
    else writer.key(change.publicKey);
    if (change.kind !== "prefixes") continue;
    for (const list of [change.add, change.remove]) {
      writer.number(list.length);
      for (const prefix of list) writer.prefix(prefix);
    }
  }
  return writer.written();
}

/** The changes, each read when it is asked for. Keys are parts of `bytes`, not copies. */
export function* decodePeerChanges(bytes: Uint8Array): Generator<PeerChange> {
  const reader = new Reader(bytes);
  while (!reader.isAtEnd) {
    const kind = KINDS[reader.byte()] as PeerChange["kind"];
    if (kind === "set") yield readSettings(reader);
    else if (kind === "prefixes")
      yield { kind, publicKey: reader.key(), add: readPrefixes(reader), remove: readPrefixes(reader) };
    else yield { kind, publicKey: reader.key() };
  }
}

type Settings = Omit<PeerSettings, "allowedIPs">;

const MOVES_BACK = 1;
const HAS_PRESHARED_KEY = 2;
const HAS_ENDPOINT = 4;
const HAS_ENDPOINTS = 8;
const HAS_KEEPALIVE = 16;

function writeSettings(writer: Writer, settings: Settings, movesBack: boolean): void {
  const { publicKey, presharedKey, endpoint, endpoints, persistentKeepalive } = settings;
  writer.byte(
    (movesBack ? MOVES_BACK : 0) |
      (presharedKey === undefined ? 0 : HAS_PRESHARED_KEY) |
      (endpoint === undefined ? 0 : HAS_ENDPOINT) |
      (endpoints === undefined ? 0 : HAS_ENDPOINTS) |
      (persistentKeepalive === undefined ? 0 : HAS_KEEPALIVE),
  );
  writer.key(publicKey);
  if (presharedKey !== undefined) writer.key(presharedKey);
  if (endpoint !== undefined) writer.endpoint(endpoint);
  if (endpoints !== undefined) {
    writer.number(endpoints.length);
    for (const one of endpoints) writer.endpoint(one);
  }
  if (persistentKeepalive === undefined) return;
  writer.number(persistentKeepalive.low);
  writer.number(persistentKeepalive.high);
}

function readSettings(reader: Reader): PeerChange {
  const flags = reader.byte();
  const settings: Settings = {
    publicKey: reader.key(),
    ...((flags & HAS_PRESHARED_KEY) === 0 ? {} : { presharedKey: reader.key() }),
    ...((flags & HAS_ENDPOINT) === 0 ? {} : { endpoint: reader.endpoint() }),
    ...((flags & HAS_ENDPOINTS) === 0
      ? {}
      : { endpoints: Array.from({ length: reader.number() }, () => reader.endpoint()) }),
    ...((flags & HAS_KEEPALIVE) === 0 ? {} : { persistentKeepalive: { low: reader.number(), high: reader.number() } }),
  };
  return { kind: "set", settings, movesBack: (flags & MOVES_BACK) !== 0 };
}

function readPrefixes(reader: Reader): readonly Prefix[] {
  const prefixes: Prefix[] = [];
  for (let left = reader.number(); left > 0; left -= 1) prefixes.push(reader.prefix());
  return prefixes;
}

class Writer {
  #bytes = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #end = 0;

  written(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#end);
  }

  byte(value: number): void {
    const at = this.#take(1);
    this.#view.setUint8(at, value);
  }

  number(value: number): void {
    const at = this.#take(4);
    this.#view.setUint32(at, value);
  }

  key(key: Uint8Array): void {
    const at = this.#take(KEY_BYTES);
    this.#bytes.set(key, at);
  }

  endpoint({ address, port, scope }: WireEndpoint): void {
    this.byte(address.length);
    const at = this.#take(address.length + 2);
    this.#bytes.set(address, at);
    this.#view.setUint16(at + address.length, port);
    this.number(scope);
  }

  prefix({ family, address, length }: Prefix): void {
    this.byte(family);
    this.byte(length);
    if (family === 4) {
      this.number(Number(address));
      return;
    }
    const at = this.#take(16);
    this.#view.setBigUint64(at, address >> 64n);
    this.#view.setBigUint64(at + 8, address);
  }

  /** The offset of so many bytes that are written next, in `#bytes` and `#view` as they are afterwards. */
  #take(count: number): number {
    const at = this.#end;
    this.#end += count;
    if (this.#end > this.#bytes.length) this.#grow();
    return at;
  }

  #grow(): void {
    const former = this.#bytes;
    this.#bytes = new Uint8Array(2 * former.length);
    this.#bytes.set(former);
    this.#view = new DataView(this.#bytes.buffer);
    former.fill(0);
  }
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  byte(): number {
    return this.#view.getUint8(this.#pass(1));
  }

  number(): number {
    return this.#view.getUint32(this.#pass(4));
  }

  key(): Uint8Array {
    const at = this.#pass(KEY_BYTES);
    return this.#bytes.subarray(at, at + KEY_BYTES);
  }

  endpoint(): WireEndpoint {
    const count = this.byte();
    const at = this.#pass(count);
    const address = this.#bytes.slice(at, at + count);
    return { address, port: this.#view.getUint16(this.#pass(2)), scope: this.number() };
  }

  prefix(): Prefix {
    const family = this.byte() as Prefix["family"];
    const length = this.byte();
    if (family === 4) return { family, address: BigInt(this.number()), length };
    const high = this.#view.getBigUint64(this.#pass(8));
    return { family, address: (high << 64n) | this.#view.getBigUint64(this.#pass(8)), length };
  }

  /** The offset of the next so many bytes, which are read now. */
  #pass(count: number): number {
    const at = this.#at;
    this.#at += count;
    return at;
  }
}
