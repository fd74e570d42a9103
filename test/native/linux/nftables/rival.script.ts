// Runs inside a namespace of its own. As "writer" it swaps a table between two whole states without pause; without an
// argument it starts such a writer and reads the table meanwhile.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { AwgError } from "../../../../src/model/error.ts";
import { encodeChain } from "../../../../src/native/linux/nftables/chain.codec.ts";
import { verdict } from "../../../../src/native/linux/nftables/expression.ts";
import {
  commitNftChanges,
  openNetfilterSocket,
  readNftTable,
} from "../../../../src/native/linux/nftables/nft-netlink.ffi.ts";
import { encodeRule, encodeRuleRemoval } from "../../../../src/native/linux/nftables/rule.codec.ts";
import { encodeTable } from "../../../../src/native/linux/nftables/table.codec.ts";

const RULES = 300;
const at = { family: "inet", table: "swapped", chain: "c" } as const;

function state(code: "accept" | "drop"): { action: string; message: Uint8Array }[] {
  const rule = encodeRule({ ...at, expressions: [verdict(code)] });
  return [encodeRuleRemoval(at), ...Array.from({ length: RULES }, () => rule.slice())].map((message) => ({
    action: `writing ${code}`,
    message,
  }));
}

function write(): never {
  using socket = openNetfilterSocket();
  commitNftChanges(socket, [
    { action: "adding a table", message: encodeTable({ family: "inet", name: at.table }) },
    { action: "adding a chain", message: encodeChain({ family: "inet", table: at.table, name: at.chain }) },
    ...state("accept").slice(1),
  ]);
  process.stdout.write("ready");
  for (let round = 0; ; round++) {
    commitNftChanges(socket, state(round % 2 === 0 ? "drop" : "accept"));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3);
  }
}

async function read(): Promise<void> {
  const writer = spawn(process.execPath, [import.meta.filename, "writer"], { stdio: ["ignore", "pipe", "inherit"] });
  await once(writer.stdout, "data");
  using socket = openNetfilterSocket();
  const seen = { whole: 0, mixed: 0, gaveUp: 0 };
  const look = () => {
    const rules = readNftTable(socket, "inet", at.table)?.rules ?? [];
    const codes = new Set(rules.map(({ expressions }) => JSON.stringify(expressions)));
    if (rules.length === RULES && codes.size === 1) seen.whole++;
    else seen.mixed++;
  };
  for (let round = 0; round < 60; round++) {
    try {
      look();
    } catch (error) {
      if (!(error instanceof AwgError && error.message.includes("changed during each of"))) throw error;
      seen.gaveUp++;
    }
  }
  const exited = once(writer, "exit");
  writer.kill("SIGKILL");
  await exited;
  look();
  process.stdout.write(JSON.stringify(seen));
}

if (process.argv[2] === "writer") write();
else await read();
