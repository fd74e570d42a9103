import type { PeerChange } from "./contract.ts";

/** What the packet thread does in about an eighth of a millisecond, in prefixes: so much between looks at packets. */
const SLICE = 128;
/** A change costs as much as some prefixes, */
const CHANGE_WEIGHT = 5;
/** and more if it may begin a handshake, a quarter of a millisecond. */
const HANDSHAKE_WEIGHT = 128;

/** The changes in the same order, in slices. */
export function* slicesOf(changes: Iterable<PeerChange>): Generator<readonly PeerChange[]> {
  let slice: PeerChange[] = [];
  let room = SLICE;
  for (const change of changes) {
    const weight = weightOf(change);
    if (weight > room && slice.length > 0) {
      yield slice;
      slice = [];
      room = SLICE;
    }
    slice.push(change);
    room -= weight;
  }
  if (slice.length > 0) yield slice;
}

/** The changes, those that are larger than a slice in parts; prefixes are added before others are removed. */
export function* partsOf(changes: Iterable<PeerChange>): Generator<PeerChange> {
  const most = SLICE - CHANGE_WEIGHT;
  for (const change of changes) {
    if (change.kind !== "prefixes" || weightOf(change) <= SLICE) {
      yield change;
      continue;
    }
    const { add, remove } = change;
    for (let at = 0; at < add.length; at += most) yield { ...change, add: add.slice(at, at + most), remove: [] };
    for (let at = 0; at < remove.length; at += most) yield { ...change, add: [], remove: remove.slice(at, at + most) };
  }
}

function weightOf(change: PeerChange): number {
  if (change.kind === "prefixes") return CHANGE_WEIGHT + change.add.length + change.remove.length;
  const mayBegin = change.kind === "set" ? change.settings.endpoint !== undefined : change.kind !== "remove";
  return mayBegin ? HANDSHAKE_WEIGHT : CHANGE_WEIGHT;
}
