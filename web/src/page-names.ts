/** Names of the pages, as they are in the address behind #. */
export const PAGES = ["overview", "programs", "changes", "where", "events"] as const;
export type PageName = (typeof PAGES)[number];

/** The page that this part of an address names; undefined for anything else, such as a code. Pure. */
export function pageOf(hash: string): PageName | undefined {
  return PAGES.find((name) => `#${name}` === hash);
}
