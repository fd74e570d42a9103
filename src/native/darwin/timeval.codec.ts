import { LAYOUTS } from "./layouts.ts";
import { demandSize, readSigned, readSigned64 } from "./struct.codec.ts";

const { size, fields } = LAYOUTS.timeval;
const { tv_sec, tv_usec } = fields;

/** Milliseconds since 1970 of a struct timeval, from kern.sleeptime and kern.waketime. Throws for another size. */
export function decodeTimeval(bytes: Uint8Array): number {
  demandSize(bytes, size, "timeval");
  return Number(readSigned64(bytes, 0, tv_sec)) * 1000 + Math.floor(readSigned(bytes, 0, tv_usec) / 1000);
}
