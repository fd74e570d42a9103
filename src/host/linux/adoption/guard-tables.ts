import type { Leftover } from "../../../model/resources/link.ts";
import { hasErrno } from "../../../native/linux/errno.ts";
import { encodeChain } from "../../../native/linux/nftables/chain.codec.ts";
import {
  commitNftChanges,
  type NftTableContents,
  openNetfilterSocket,
  readNftTable,
} from "../../../native/linux/nftables/nft-netlink.ffi.ts";
import { encodeRule } from "../../../native/linux/nftables/rule.codec.ts";
import { encodeTable, encodeTableDeletion } from "../../../native/linux/nftables/table.codec.ts";

const FAMILIES = ["ip", "ip6"] as const;

/** A table as a leftover records it: its family and name, and the messages that create it. */
interface TableForm {
  readonly family: (typeof FAMILIES)[number];
  readonly name: string;
  /** Base64. */
  readonly messages: readonly string[];
}

/** The tables that wg-quick loads to protect a device's addresses from spoofing and to mark replies. Reads only. */
export function readGuardTables(device: string): Leftover[] {
  using socket = openNetfilterSocket();
  const name = `wg-quick-${device}`;
  return FAMILIES.flatMap((family) => {
    const contents = readNftTable(socket, family, name);
    // wg-quick makes neither tables with an owner nor tables with sets that would have to be restored.
    if (contents === undefined || contents.table.owned || contents.sets.length > 0) return [];
    const form: TableForm = { family, name, messages: messagesOf(family, contents) };
    return [{ kind: "table", text: `table ${family} ${name}`, form: JSON.stringify(form) }];
  });
}

function messagesOf(family: TableForm["family"], { table, chains, rules }: NftTableContents): string[] {
  const messages = [
    encodeTable({ family, name: table.name }),
    ...chains.map((chain) => encodeChain(chain)),
    ...rules.map((rule) => encodeRule(rule)),
  ];
  return messages.map((bytes) => Buffer.from(bytes).toString("base64"));
}

/** Deletes the table that a leftover names; gone already is success. */
export function deleteTable(form: string): void {
  const { family, name } = JSON.parse(form) as TableForm;
  using socket = openNetfilterSocket();
  try {
    commitNftChanges(socket, [
      { message: encodeTableDeletion(family, name), action: `deleting table ${family} ${name}` },
    ]);
  } catch (error) {
    if (!hasErrno(error, "ENOENT")) throw error;
  }
}

/** Recreates the table of a leftover in one transaction; an existing table of that name stays as it is. */
export function putBackTable(form: string): void {
  const { family, name, messages } = JSON.parse(form) as TableForm;
  using socket = openNetfilterSocket();
  if (readNftTable(socket, family, name) !== undefined) return;
  const action = `restoring table ${family} ${name}`;
  commitNftChanges(
    socket,
    messages.map((text) => ({ message: new Uint8Array(Buffer.from(text, "base64")), action })),
  );
}
