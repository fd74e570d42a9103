import { spawnSync } from "node:child_process";
import { text } from "node:stream/consumers";
import { linuxFirewall } from "../../../../src/host/linux/firewall/linux-firewall.ts";
import { localNftOwner } from "../../../../src/host/linux/firewall/nft-owner.ts";
import { AwgError } from "../../../../src/model/error.ts";
import type { FirewallPolicy } from "../../../../src/model/firewall/policy.ts";
import { openNetfilterSocket } from "../../../../src/native/linux/nftables/nft-netlink.ffi.ts";

/**
 * Run inside a namespace: loads the policy of its standard input unless there is none, runs the commands while this
 * process owns the tables, reads, and ends; the tables stay behind without an owner.
 */
interface Request {
  readonly runDir: string;
  readonly policy?: FirewallPolicy | null;
  readonly commands?: readonly (readonly string[])[];
  readonly capabilities?: { readonly egressHook: boolean; readonly ownedTables: boolean };
}

const { runDir, policy, commands = [], capabilities: told }: Request = JSON.parse(await text(process.stdin));
using socket = openNetfilterSocket();
const capabilities = () => told ?? { egressHook: true, ownedTables: true };
const firewall = linuxFirewall({ runDir, owner: localNftOwner(socket), capabilities });
let error: string | undefined;
try {
  if (policy !== undefined) await firewall.load(policy);
} catch (thrown) {
  if (!(thrown instanceof AwgError)) throw thrown;
  error = thrown.message;
}
const statuses = commands.map(([command = "", ...rest]) => spawnSync(command, rest, { timeout: 30_000 }).status);
process.stdout.write(JSON.stringify({ ...(await firewall.read()), statuses, error }));
