import type { RenderedTable } from "../../../src/host/linux/nft/render/rendered-table.ts";
import type { Packet } from "../../../src/model/firewall/packet.ts";
import { parseIp } from "../../../src/model/ip.ts";
import type { ShownPacket } from "../../../src/verify/finding.ts";
import { runChain, type Wire } from "../../host/linux/nft/interpreter.ts";

const CHAINS: Readonly<Record<Packet["hook"], readonly string[]>> = {
  output: ["steer", "leaving", "source-guard"],
  input: ["arriving", "entering"],
  forward: ["arriving", "crossing", "leaving", "source-guard"],
};

/** A shown packet as the evaluator has it. */
export function packetOfShown(shown: ShownPacket): Packet {
  const { hook, source, destination, protocol, sourcePort, destinationPort, icmpType, icmpCode, uid } = shown;
  const [from, to] = [parseIp(source), parseIp(destination)];
  if (from === undefined || to === undefined) throw new Error(`${source} or ${destination} is no address`);
  return {
    hook: hook === "frame" ? "output" : hook,
    source: from,
    destination: to,
    protocol,
    ...(shown.bytes === undefined ? {} : { bytes: shown.bytes }),
    hopLimit: shown.hopLimit,
    mark: shown.mark,
    reply: shown.tracking === "answer" || shown.tracking === "related-answer",
    related: shown.tracking === "related" || shown.tracking === "related-answer",
    ...(sourcePort === undefined ? {} : { sourcePort }),
    ...(destinationPort === undefined ? {} : { destinationPort }),
    ...(icmpType === undefined ? {} : { icmpType }),
    ...(icmpCode === undefined ? {} : { icmpCode }),
    ...(shown.fragment === "later" ? { laterFragment: true } : {}),
    ...(uid === undefined ? {} : { uid }),
    ...(shown.inDevice === undefined ? {} : { inDevice: shown.inDevice }),
    ...(shown.outDevice === undefined ? {} : { outDevice: shown.outDevice }),
  };
}

/** What becomes of a packet by the test's own interpreter, which works on bytes: in the IP stack, and at egress. */
export function wayOf(
  [inet, netdev]: readonly RenderedTable[],
  packet: Packet,
  isFrame = false,
  wire: Wire = {},
): { readonly stack: "accept" | "drop"; readonly egress: "accept" | "drop" } {
  let mark = packet.mark ?? 0;
  let stack: "accept" | "drop" = "accept";
  if (inet !== undefined && !isFrame) {
    const isBase = (name: string) => inet.chains.some((chain) => chain.name === name && chain.base !== undefined);
    for (const chain of CHAINS[packet.hook].filter(isBase)) {
      const outcome = runChain(inet, chain, { ...packet, mark }, wire);
      mark = outcome.mark;
      if (outcome.verdict === "drop") stack = "drop";
    }
  }
  const covered = netdev?.chains.find(({ base }) => base?.hook === "egress")?.base?.devices ?? [];
  if (netdev === undefined || packet.hook === "input" || !covered.includes(packet.outDevice ?? ""))
    return { stack, egress: "accept" };
  const onWire = { ...wire, readsFragments: true };
  return { stack, egress: runChain(netdev, "frames", { ...packet, mark }, onWire).verdict };
}

/** What a shown packet has behind its IP header, for the interpreter. */
export function wireOf({ payload, tracking }: ShownPacket): Wire {
  const untracked = tracking === "invalid" || tracking === "untracked";
  const junk = new Uint8Array(8);
  if (payload !== undefined) junk.set(Buffer.from(payload, "hex"));
  return { untracked, junk };
}
