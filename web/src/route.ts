import { signal } from "@preact/signals";
import { type PageName, pageOf } from "./page-names.ts";

/** The page that the address names. */
export const page = signal<PageName>("overview");

/** Follows the address: links, back and forward work as everywhere. */
export function followAddress(): void {
  const read = (): void => {
    page.value = pageOf(location.hash) ?? "overview";
    scrollTo(0, 0);
  };
  addEventListener("hashchange", read);
  read();
}
