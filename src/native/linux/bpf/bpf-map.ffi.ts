import { addressOf } from "../libc.ffi.ts";
import { BPF, bpf } from "./bpf.ffi.ts";
import { nameField } from "./object-name.ts";

/** Kinds of maps (enum bpf_map_type). `lpm`: keys are prefixes, the longest wins. `array`: keys are positions. `recent`: drops the least recently used. */
const MAP_TYPE = { hash: 1, array: 2, recent: 9, lpm: 11 } as const;
/** An LPM map allocates each element at its insertion, and must say so (linux/bpf.h, BPF_F_NO_PREALLOC). */
const NO_PREALLOC = 1;

const CREATE = { type: 0, key: 4, value: 8, entries: 12, flags: 16, name: 28, bytes: 72 } as const;
const ELEMENT = { map: 0, key: 8, value: 16, flags: 24, bytes: 32 } as const;

/** Sizes are in bytes. */
export interface MapShape {
  readonly type: keyof typeof MAP_TYPE;
  readonly keyBytes: number;
  readonly valueBytes: number;
  readonly mostEntries: number;
}

/** Creates a map, and returns its descriptor, which the caller closes. */
export function createMap(name: string, { type, keyBytes, valueBytes, mostEntries }: MapShape): number {
  const attributes = new Uint8Array(CREATE.bytes);
  const view = new DataView(attributes.buffer);
  view.setUint32(CREATE.type, MAP_TYPE[type], true);
  view.setUint32(CREATE.key, keyBytes, true);
  view.setUint32(CREATE.value, valueBytes, true);
  view.setUint32(CREATE.entries, mostEntries, true);
  view.setUint32(CREATE.flags, type === "lpm" ? NO_PREALLOC : 0, true);
  attributes.set(nameField(name), CREATE.name);
  return bpf(BPF.mapCreate, attributes, `creating the BPF map ${name}`);
}

/** Sets the value of a key. */
export function setInMap(map: number, key: Uint8Array, value: Uint8Array): void {
  bpf(BPF.mapUpdate, elementAttributes(map, key, value), "writing into a BPF map");
}

/** The value of a key in a map with values of this many bytes. */
export function getFromMap(map: number, key: Uint8Array, valueBytes: number): Uint8Array {
  const value = new Uint8Array(valueBytes);
  bpf(BPF.mapLookup, elementAttributes(map, key, value), "reading a BPF map");
  return value;
}

function elementAttributes(map: number, key: Uint8Array, value: Uint8Array): Uint8Array {
  const attributes = new Uint8Array(ELEMENT.bytes);
  const view = new DataView(attributes.buffer);
  view.setUint32(ELEMENT.map, map, true);
  view.setBigUint64(ELEMENT.key, addressOf(key), true);
  view.setBigUint64(ELEMENT.value, addressOf(value), true);
  return attributes;
}
