import type { Writer } from "../host/ports/network-events.ts";
import { printableLine } from "../model/text/printable.ts";

const UNNAMED = {
  closed: (port: number) => `a program that has closed its netlink socket (port ${port}, as a rule its pid)`,
  unseen: (port: number) => `a program that cannot be seen from here (netlink port ${port})`,
  shared: (port: number) => `one of the programs that share a netlink socket (port ${port})`,
} as const;

/** The program that changed something, in one line for people. Pure. */
export function writerText(writer: Writer): string {
  if ("unnamed" in writer) return UNNAMED[writer.unnamed](writer.port);
  const { pid, program, unit, parent } = writer;
  const of =
    unit !== undefined
      ? `, of ${unit}`
      : parent === undefined
        ? ""
        : `, child of ${parent.program} (process ${parent.pid})`;
  return printableLine(`${program} (process ${pid})${unit?.startsWith(program) === true ? "" : of}`);
}

/** The same for all short-lived processes of one kind, which are not listed one by one. Pure. */
export function writerKind(writer: Writer): string {
  if ("unnamed" in writer) return writer.unnamed;
  return [writer.program, writer.unit ?? "", writer.parent?.program ?? ""].join("\n");
}
