import { LINK_LOCAL } from "../../../../../model/firewall/link-traffic.ts";
import { LOOPBACK_DEVICE } from "../../../../../model/firewall/packet.ts";
import { type ChainBase, PRIORITY } from "../../../../../native/linux/nftables/chain.codec.ts";
import { RTN_LOCAL, verdict } from "../../../../../native/linux/nftables/expression.ts";
import { PROXIED } from "../chain-names.ts";
import type { RenderPlace } from "./conditions.ts";
import { isReply } from "./grant-rules.ts";
import { hasSocket } from "./link-rules.ts";
import { refuse } from "./path-chains.ts";

/** Where nearly all of loopback is from; the kernel lets no such address come or leave by another device. */
const LOOPBACK_PREFIXES = ["127.0.0.0/8", "::1/128"];
/** The value of `socket transparent` where IP_TRANSPARENT is set; other sockets have 0, and without one the rule breaks off. */
const TRANSPARENT = 1;
const NO_VALUE = 2;

/**
 * Writes the chains for what goes over loopback in the name of an address that is not this machine's (S2.1). Any program may
 * send so by IPv6 (IPV6_FREEBIND). One that asked itself in a neighbour's name had a flow that the neighbour seemed to have
 * opened; one that asked the kernel (an echo, a closed port) had its own bytes answered to there as nobody's. So a program may
 * only where its socket is transparent, as those of proxies are; it opens no flow, and arrives where a socket waits for it.
 * What a packet socket puts into loopback comes by the second chain alone, and so does an answer whose translation was undone.
 *
 * @param sockets whether the kernel can ask for sockets (CONFIG_NFT_SOCKET)
 */
export function writeStrangers(place: RenderPlace, sockets: boolean): void {
  const { writer, match } = place;
  const proxied = verdict("goto", PROXIED);
  if (sockets) {
    writer.chain(PROXIED);
    writer.rule(PROXIED, [], [{ kind: "notrack" }, verdict("accept")], "S2.1 arrives, and opens no flow");
  }
  const out = "strangers-out";
  writeOthers(place, out, "output", "oifname");
  // Before Linux 5.18 a packet without a socket made nft_socket follow the null pointer of a device that output has not.
  if (sockets)
    writer.rule(
      out,
      [hasSocket(place), match.field("socket.transparent", TRANSPARENT)],
      proxied,
      "S2.1 of a transparent proxy",
    );
  writer.rule(out, [hasSocket(place)], refuse(), "S2.1 source of another host");
  writer.rule(out, [], { kind: "notrack" }, "S2.1 the kernel in the name of another machine: opens no flow");
  const into = "strangers-in";
  writeOthers(place, into, "prerouting", "iifname");
  writer.rule(into, [isReply(place)], verdict("accept"), "S2.1 an answer");
  // Here it is looked up on loopback, where no device's link-local address is found (nft_fib_ipv6.c).
  const linkLocal = match.saddr(LINK_LOCAL);
  writer.rule(into, [linkLocal], [{ kind: "notrack" }, verdict("accept")], "S2.1 judged where it was sent");
  const isAwaited = match.field("socket.transparent", NO_VALUE, { not: true });
  if (sockets) writer.rule(into, [isAwaited], proxied, "S2.1 a socket waits for it");
  writer.rule(into, [], refuse(), "S2.1 the kernel would answer another host");
}

/** The chain with the rules that leave alone what goes by other devices, or in this machine's own name. */
function writeOthers(
  { writer, match }: RenderPlace,
  chain: string,
  hook: "output" | "prerouting",
  side: "oifname" | "iifname",
): void {
  const base: ChainBase = { type: "filter", hook, priority: PRIORITY.raw, policy: "accept" };
  writer.chain(chain, { base, comment: "S2.1 checks senders on loopback" });
  writer.rule(chain, [match.field(side, LOOPBACK_DEVICE, { not: true })], verdict("accept"), "S2.1 by a device");
  for (const prefix of LOOPBACK_PREFIXES)
    writer.rule(chain, [match.saddr(prefix)], verdict("accept"), "S2.1 loopback's own address");
  writer.rule(chain, [match.field("fib.saddr.type", RTN_LOCAL)], verdict("accept"), "S2.1 this host's address");
}
