import { LAYOUTS } from "./layouts.ts";
import { readUnsigned, readUnsigned64 } from "./struct.codec.ts";

const { tv_sec, tv_usec } = LAYOUTS.timeval.fields;

/** Milliseconds since 1970 of a struct timeval, as kern.sleeptime and kern.waketime give it. Throws when it is short. */
export function decodeTimeval(bytes: Uint8Array): number {
  return Number(readUnsigned64(bytes, 0, tv_sec)) * 1000 + Math.floor(readUnsigned(bytes, 0, tv_usec) / 1000);
}
