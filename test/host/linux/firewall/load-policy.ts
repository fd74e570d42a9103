import { text } from "node:stream/consumers";
import { linuxFirewall } from "../../../../src/host/linux/firewall/linux-firewall.ts";
import { localNftOwner } from "../../../../src/host/linux/firewall/nft-owner.ts";
import type { FirewallPolicy } from "../../../../src/model/firewall/policy.ts";
import { openNetfilterSocket } from "../../../../src/native/linux/nftables/nft-netlink.ffi.ts";

/** Run inside a namespace: loads the policy of its standard input and ends; the tables stay behind, orphaned. */
interface Request {
  readonly runDir: string;
  readonly policy: FirewallPolicy | null;
  /** Only read what is there. */
  readonly onlyRead?: boolean;
}

const { runDir, policy, onlyRead }: Request = JSON.parse(await text(process.stdin));
using socket = openNetfilterSocket();
const capabilities = () => ({ egressHook: true, ownedTables: true });
const firewall = linuxFirewall({ runDir, owner: localNftOwner(socket), capabilities });
if (!onlyRead) await firewall.load(policy);
process.stdout.write(JSON.stringify(await firewall.read()));
