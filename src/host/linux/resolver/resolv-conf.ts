import { FILE_HEADER } from "../../../model/ownership.ts";

/** The settings of a resolv.conf(5) that awg uses. */
export interface ResolvConf {
  readonly servers: readonly string[];
  readonly search: readonly string[];
  readonly ownedByAwg: boolean;
}

/** The text of a resolv.conf of ours. */
export function renderResolvConf({ servers, search }: Pick<ResolvConf, "servers" | "search">): string {
  const lines = [FILE_HEADER, ...servers.map((server) => `nameserver ${server}`)];
  if (search.length > 0) lines.push(`search ${search.join(" ")}`);
  return `${lines.join("\n")}\n`;
}

/** Parses any resolv.conf; the last search or domain line counts, as in the C library. */
export function parseResolvConf(text: string): ResolvConf {
  const servers: string[] = [];
  let search: readonly string[] = [];
  for (const line of text.split("\n")) {
    const [keyword, ...values] = line.trim().split(/\s+/);
    if (keyword === "nameserver" && values[0] !== undefined) servers.push(values[0]);
    if (keyword === "search" || keyword === "domain") search = values;
  }
  return { servers, search, ownedByAwg: isOurs(text) };
}

/** Whether awg wrote this text, by its first line. */
export function isOurs(text: string): boolean {
  return text.startsWith(`${FILE_HEADER}\n`);
}
