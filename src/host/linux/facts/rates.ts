import { hasErrno } from "../../../native/linux/errno.ts";
import { encodeChain } from "../../../native/linux/nftables/chain.codec.ts";
import { verdict } from "../../../native/linux/nftables/expression.ts";
import { openNetfilterSocket } from "../../../native/linux/nftables/nft-netlink.ffi.ts";
import { encodeRule } from "../../../native/linux/nftables/rule.codec.ts";
import { encodeTable } from "../../../native/linux/nftables/table.codec.ts";
import { encodeLinkCreation } from "../../../native/linux/rtnetlink/link.codec.ts";
import { openRouteNetlink } from "../../../native/linux/rtnetlink/route-netlink.ffi.ts";
import { encodeDisciplineTrial } from "../../../native/linux/rtnetlink/traffic-control.codec.ts";
import type { FactsWanted, RateMechanisms } from "../../ports/facts.ts";
import { wouldAccept } from "./capabilities.ts";

const DENIED = ["EPERM", "EACCES"] as const;
const LOOPBACK_INDEX = 1;
/** No device has it, so the kernel refuses the link after it has found the kind. */
const IMPOSSIBLE_MTU = 0xffff_ffff;

/**
 * The mechanisms that keep rates, found by requests that the kernel must refuse after it has found the mechanism. Without the
 * right to ask they count as present.
 */
export function readRates(wanted: NonNullable<FactsWanted["rates"]>): RateMechanisms {
  const filter = triedOr(true, tryLimit);
  if (wanted === "filter") return { filter };
  return { filter, htb: triedOr(false, tryHtb), ifb: triedOr(false, tryIfb) };
}

function triedOr(withoutRight: boolean, attempt: () => boolean): boolean {
  try {
    return attempt();
  } catch (error) {
    if (hasErrno(error, ...DENIED)) return withoutRight;
    throw error;
  }
}

function tryLimit(): boolean {
  using socket = openNetfilterSocket();
  const [family, table, chain] = ["inet", "awg_probe", "probe"] as const;
  const limit = { kind: "limit", rate: 1n, unitSeconds: 1n, burst: 1, of: "bytes", inverted: true } as const;
  return wouldAccept(socket, [
    { message: encodeTable({ family, name: table }), action: "trying a table" },
    { message: encodeChain({ family, table, name: chain }), action: "trying a chain" },
    { message: encodeRule({ family, table, chain, expressions: [limit, verdict("drop")] }), action: "trying a rate" },
  ]);
}

/** Without options HTB refuses to begin (htb_init of net/sched/sch_htb.c); an unknown kind is not found. */
function tryHtb(): boolean {
  return isRefusedBy("EINVAL", encodeDisciplineTrial(LOOPBACK_INDEX, "htb"), "trying HTB");
}

function tryIfb(): boolean {
  const creation = { name: "awg-probe", kind: "ifb", mtu: IMPOSSIBLE_MTU };
  return isRefusedBy("EINVAL", encodeLinkCreation(creation), "trying IFB");
}

function isRefusedBy(errno: string, message: Uint8Array, action: string): boolean {
  using netlink = openRouteNetlink();
  try {
    netlink.socket.request(message, action);
    return true;
  } catch (error) {
    if (hasErrno(error, ...DENIED)) throw error;
    return hasErrno(error, errno);
  }
}
