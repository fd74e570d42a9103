/** More than the writes between two checks; forgotten ones are reported like other programs'. */
const MOST_WRITES = 256;

/** A change by this process to an interface, in the form of the kernel's event. */
export type LinkWrite =
  | {
      readonly what: "address";
      readonly change: "added" | "removed";
      readonly index: number;
      /** Canonical, without length; `prefix` is the destination of the kernel's route. */
      readonly address: string;
      readonly prefix: string;
    }
  | { readonly what: "state"; readonly index: number; readonly flags: number; readonly mtuBytes: number };

const own = { writes: [] as LinkWrite[], count: 0 };

/**
 * Records a change that this process is about to make to an interface: events about it name no process (RTM_NEWADDR,
 * RTM_IFINFO).
 */
export function noteLinkWrite(write: LinkWrite): void {
  own.writes.push(write);
  own.count += 1;
  if (own.writes.length > MOST_WRITES) own.writes.shift();
}

/** The number of recorded writes; a watcher stores it at each check. */
export function linkWriteCount(): number {
  return own.count;
}

/** The writes after the first `count`. */
export function linkWritesAfter(count: number): readonly LinkWrite[] {
  return own.count === count ? [] : own.writes.slice(-(own.count - count));
}
