/** By what programs are sorted: the most first, but names and pids from the least. */
export const TOP_SORTS = ["rate", "received", "sent", "connections", "pid", "name"] as const;

export type TopSort = (typeof TOP_SORTS)[number];
