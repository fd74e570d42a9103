import { LOOPBACK_DEVICE } from "../../../../model/firewall/packet.ts";
import { type ChainBase, PRIORITY } from "../../../../native/linux/nftables/chain.codec.ts";
import { RTN_LOCAL, verdict } from "../../../../native/linux/nftables/expression.ts";
import type { RenderPlace } from "./conditions.ts";

/** Where nearly all of loopback is from; the kernel lets no such address come or leave by another device. */
const LOOPBACK_PREFIXES = ["127.0.0.0/8", "::1/128"];

/**
 * Writes the chains that keep from connection tracking what goes over loopback in the name of an address that is not this
 * machine's (S2.1). Any program may send so by IPv6 (IPV6_FREEBIND), and one that asked itself in a neighbour's name had a flow
 * that the neighbour seemed to have opened, with answers to give past its own rule. Such packets arrive all the same; what a
 * raw socket puts into loopback comes by the second chain alone.
 */
export function writeStrangers({ writer, match }: RenderPlace): void {
  const chains = [
    { chain: "strangers-out", hook: "output", side: "oifname" },
    { chain: "strangers-in", hook: "prerouting", side: "iifname" },
  ] as const;
  for (const { chain, hook, side } of chains) {
    const base: ChainBase = { type: "filter", hook, priority: PRIORITY.raw, policy: "accept" };
    writer.chain(chain, { base, comment: "S2.1 loopback is asked for its senders" });
    writer.rule(chain, [match.field(side, LOOPBACK_DEVICE, { not: true })], verdict("accept"), "S2.1 by a device");
    for (const prefix of LOOPBACK_PREFIXES)
      writer.rule(chain, [match.saddr(prefix)], verdict("accept"), "S2.1 loopback's own address");
    const isStranger = match.field("fib.saddr.type", RTN_LOCAL, { not: true });
    writer.rule(chain, [isStranger], { kind: "notrack" }, "S2.1 in the name of another machine: opens no flow");
  }
}
