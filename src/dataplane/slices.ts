import type { PeerChange } from "./contract.ts";

/** What the packet thread does in about an eighth of a millisecond, in prefixes; a change costs as much as some, */
const SLICE = 128;
const CHANGE_WEIGHT = 5;
/** and more if it may begin a handshake, a quarter of a millisecond. */
const HANDSHAKE_WEIGHT = 128;

/** The prefixes of a change that fills a slice. */
const PART = SLICE - CHANGE_WEIGHT;

/** The changes in the same order, in slices that cost the packet thread about as much time each. */
export function* slicesOf(changes: readonly PeerChange[]): Generator<readonly PeerChange[]> {
  let slice: PeerChange[] = [];
  let room = SLICE;
  for (const part of partsOf(changes)) {
    const weight = weightOf(part);
    if (weight > room && slice.length > 0) {
      yield slice;
      slice = [];
      room = SLICE;
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
function* partsOf(changes: readonly PeerChange[]): Generator<PeerChange> {
  for (const change of changes) {
    if (change.kind !== "prefixes" || weightOf(change) <= SLICE) {
      yield change;
      continue;
    }
    const { add, remove } = change;
    for (let at = 0; at < add.length; at += PART) yield { ...change, add: add.slice(at, at + PART), remove: [] };
    for (let at = 0; at < remove.length; at += PART) yield { ...change, add: [], remove: remove.slice(at, at + PART) };
  }
}
