import type { PeerChange } from "./contract.ts";

/** What the packet thread does in about an eighth of a millisecond, in prefixes: so much between looks at packets. */
export const TURN_SLICE = 128;
/** What one message carries: reading it takes as long, and each message costs both threads more than its contents. */
export const MESSAGE_SLICE = 512;
/** A change costs as much as some prefixes, */
const CHANGE_WEIGHT = 5;
/** and more if it may begin a handshake, a quarter of a millisecond. */
const HANDSHAKE_WEIGHT = 128;

/** The changes in the same order, in slices of at most this size, in prefixes. */
export function* slicesOf(changes: readonly PeerChange[], size: number): Generator<readonly PeerChange[]> {
  let slice: PeerChange[] = [];
  let room = size;
  for (const part of partsOf(changes, size)) {
    const weight = weightOf(part);
    if (weight > room && slice.length > 0) {
      yield slice;
      slice = [];
      room = size;
    }
    slice.push(part);
    room -= weight;
  }
  if (slice.length > 0) yield slice;
}

function weightOf(change: PeerChange): number {
  if (change.kind === "prefixes") return CHANGE_WEIGHT + change.add.length + change.remove.length;
  const mayBegin = change.kind === "set" ? change.settings.endpoint !== undefined : change.kind !== "remove";
  return mayBegin ? HANDSHAKE_WEIGHT : CHANGE_WEIGHT;
}

/** The changes, those that are larger than a slice in parts; prefixes are added before others are removed. */
function* partsOf(changes: readonly PeerChange[], size: number): Generator<PeerChange> {
  const most = size - CHANGE_WEIGHT;
  for (const change of changes) {
    if (change.kind !== "prefixes" || weightOf(change) <= size) {
      yield change;
      continue;
    }
    const { add, remove } = change;
    for (let at = 0; at < add.length; at += most) yield { ...change, add: add.slice(at, at + most), remove: [] };
    for (let at = 0; at < remove.length; at += most) yield { ...change, add: [], remove: remove.slice(at, at + most) };
  }
}
