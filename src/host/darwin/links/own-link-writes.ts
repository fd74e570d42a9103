/** More than is written between two looks; what is forgotten is told as others' would be. */
const MOST_WRITES = 256;

/** What this process did to an interface, as the kernel then tells it. */
export type LinkWrite =
  | {
      readonly what: "address";
      readonly change: "added" | "removed";
      readonly index: number;
      /** Canonical, without length, and the prefix that the kernel makes a route of. */
      readonly address: string;
      readonly prefix: string;
    }
  | { readonly what: "state"; readonly index: number; readonly flags: number; readonly mtuBytes: number };

const own = { writes: [] as LinkWrite[], count: 0 };

/** Remembers what this process is about to do to an interface: the messages about it name nobody (RTM_NEWADDR, RTM_IFINFO). */
export function noteLinkWrite(write: LinkWrite): void {
  own.writes.push(write);
  own.count += 1;
  if (own.writes.length > MOST_WRITES) own.writes.shift();
}

/** How many there were so far: what a watcher remembers at each look. */
export function linkWriteCount(): number {
  return own.count;
}

/** Those after the first so many. */
export function linkWritesAfter(count: number): readonly LinkWrite[] {
  return own.count === count ? [] : own.writes.slice(-(own.count - count));
}
