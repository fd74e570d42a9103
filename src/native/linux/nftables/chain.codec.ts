import { AwgError } from "../../../model/error.ts";
import { attributeMap, eachAttribute, type MessageWriter, readText, readU32be } from "../attribute.codec.ts";
import { type NetlinkMessage, NLM } from "../netlink/message.codec.ts";
import type { TableFamily } from "./field.ts";
import { encodeNftMessage, NFGEN_BYTES, NFT_MESSAGE, nftFamily } from "./nft-message.codec.ts";
import { decodeComment, encodeComment } from "./userdata.codec.ts";

const NFTA_CHAIN = { table: 1, handle: 2, name: 3, hook: 4, policy: 5, type: 7, flags: 10, userdata: 12 } as const;
const NFTA_HOOK = { number: 1, priority: 2, device: 3, devices: 4 } as const;
const NFTA_DEVICE = { name: 1, prefix: 2 } as const;
/** NFT_CHAIN_BASE and NFT_CHAIN_BINDING of linux/netfilter/nf_tables.h. */
const FLAG = { base: 1, bound: 4 } as const;
const POLICY = { drop: 0, accept: 1 } as const;

const NETDEV_HOOKS = ["ingress", "egress"] as const;
const INET_HOOKS = ["prerouting", "input", "forward", "output", "postrouting", "ingress"] as const;
const ARP_HOOKS = ["input", "output", "forward"] as const;
export type HookName = (typeof INET_HOOKS)[number] | (typeof NETDEV_HOOKS)[number];

/** The hook of a base chain in the kernel's packet path. */
export interface ChainBase {
  readonly type: "filter" | "nat" | "route";
  readonly hook: HookName;
  /** Lower runs first; see PRIORITY. */
  readonly priority: number;
  readonly policy: "accept" | "drop";
  /**
   * Names of interfaces, for ingress and egress. A name ending in `*` matches every interface with that prefix,
   * including future ones (kernel 6.18 and later); nft 1.0.6 hangs when it lists such a chain.
   */
  readonly devices?: readonly string[];
}

export interface NftChain {
  readonly family: TableFamily;
  readonly table: string;
  readonly name: string;
  /** Absent for a chain that is only a jump target. */
  readonly base?: ChainBase;
  /** It is a part of a rule (`jump { … }`), and is deleted with that rule alone. */
  readonly isBound?: true;
  readonly comment?: string;
}

/** Priorities of the kernel's own hooks (include/uapi/linux/netfilter_ipv4.h), by nft's names. */
export const PRIORITY = {
  raw: -300,
  defragmentation: -400,
  conntrack: -200,
  mangle: -150,
  dstnat: -100,
  filter: 0,
  security: 50,
  srcnat: 100,
} as const;

/** Creates the chain, or changes the policy (and adds devices) of an existing one. */
export function encodeChain(chain: NftChain): Uint8Array {
  const { family, table, name, base, comment } = chain;
  return encodeNftMessage(NFT_MESSAGE.newChain, family, NLM.create, (writer) => {
    writer.attributeText(NFTA_CHAIN.table, table);
    writer.attributeText(NFTA_CHAIN.name, name);
    if (base !== undefined) writeBase(writer, family, base);
    if (comment !== undefined) writer.attribute(NFTA_CHAIN.userdata, encodeComment("chain", comment));
  });
}

/** Deletes an empty chain without references; or, with devices, removes only these from a netdev chain. */
export function encodeChainDeletion(chain: NftChain): Uint8Array {
  const { family, table, name, base } = chain;
  return encodeNftMessage(NFT_MESSAGE.deleteChain, family, 0, (writer) => {
    writer.attributeText(NFTA_CHAIN.table, table);
    writer.attributeText(NFTA_CHAIN.name, name);
    if (base?.devices !== undefined) writeHook(writer, family, base);
  });
}

/** Requests all chains. */
export function encodeChainDump(family: TableFamily | "all" = "all"): Uint8Array {
  return encodeNftMessage(NFT_MESSAGE.getChain, family, NLM.dump, () => {});
}

/** The chain of an NFT_MSG_NEWCHAIN; undefined for other messages and families. */
export function decodeChain(message: NetlinkMessage): NftChain | undefined {
  const family = nftFamily(message);
  if (message.type !== NFT_MESSAGE.newChain || family === undefined) return undefined;
  const attributes = attributeMap(message.payload, NFGEN_BYTES);
  const text = (type: number) => {
    const bytes = attributes.get(type);
    return bytes === undefined ? "" : readText(bytes);
  };
  const hook = attributes.get(NFTA_CHAIN.hook);
  const policy = attributes.get(NFTA_CHAIN.policy);
  const flags = attributes.get(NFTA_CHAIN.flags);
  const isBound = flags !== undefined && (readU32be(flags) & FLAG.bound) !== 0;
  const comment = decodeComment("chain", attributes.get(NFTA_CHAIN.userdata));
  const base =
    hook === undefined ? undefined : readBase(family, hook, text(NFTA_CHAIN.type), policy && readU32be(policy));
  return {
    family,
    table: text(NFTA_CHAIN.table),
    name: text(NFTA_CHAIN.name),
    ...(base === undefined ? {} : { base }),
    ...(isBound ? { isBound } : {}),
    ...(comment === undefined ? {} : { comment }),
  };
}

function hookNames(family: TableFamily): readonly HookName[] {
  if (family === "netdev") return NETDEV_HOOKS;
  return family === "arp" ? ARP_HOOKS : INET_HOOKS;
}

function writeBase(writer: MessageWriter, family: TableFamily, base: ChainBase): void {
  writeHook(writer, family, base);
  writer.attributeText(NFTA_CHAIN.type, base.type);
  writer.attributeU32be(NFTA_CHAIN.policy, POLICY[base.policy]);
  writer.attributeU32be(NFTA_CHAIN.flags, FLAG.base);
}

function writeHook(writer: MessageWriter, family: TableFamily, { hook, priority, devices }: ChainBase): void {
  const number = hookNames(family).indexOf(hook);
  if (number < 0) throw new AwgError("bug", `nf_tables has no ${hook} hook in the family ${family}`);
  const nest = writer.begin(NFTA_CHAIN.hook);
  writer.attributeU32be(NFTA_HOOK.number, number);
  writer.attributeU32be(NFTA_HOOK.priority, priority);
  if (devices !== undefined) {
    const list = writer.begin(NFTA_HOOK.devices);
    for (const device of devices) {
      if (device.endsWith("*")) writer.attributeText(NFTA_DEVICE.prefix, device.slice(0, -1));
      else writer.attributeText(NFTA_DEVICE.name, device);
    }
    writer.end(list);
  }
  writer.end(nest);
}

function readBase(family: TableFamily, hook: Uint8Array, type: string, policy: number | undefined): ChainBase {
  const attributes = attributeMap(hook);
  const number = attributes.get(NFTA_HOOK.number);
  const priority = attributes.get(NFTA_HOOK.priority);
  const devices = readDevices(attributes);
  return {
    type: type === "nat" || type === "route" ? type : "filter",
    hook: hookNames(family)[number === undefined ? 0 : readU32be(number)] ?? "prerouting",
    priority: priority === undefined ? 0 : readU32be(priority) | 0,
    policy: policy === POLICY.drop ? "drop" : "accept",
    ...(devices.length === 0 ? {} : { devices }),
  };
}

function readDevices(attributes: ReadonlyMap<number, Uint8Array>): string[] {
  const list = attributes.get(NFTA_HOOK.devices);
  const devices: string[] = [];
  if (list !== undefined) {
    eachAttribute(list, 0, list.length, (type, from, to) => {
      const name = readText(list.subarray(from, to));
      devices.push(type === NFTA_DEVICE.prefix ? `${name}*` : name);
    });
  }
  const single = attributes.get(NFTA_HOOK.device);
  return devices.length === 0 && single !== undefined ? [readText(single)] : devices;
}
