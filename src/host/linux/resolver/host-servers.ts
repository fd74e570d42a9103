import { join } from "node:path";
import { bytesToAddress } from "../../../native/linux/address.codec.ts";
import { openRouteNetlink } from "../../../native/linux/rtnetlink/route-netlink.ffi.ts";
import { readOriginal } from "./original-file.ts";
import { readRegularFile } from "./regular-file.ts";
import { parseResolvConf, type ResolvConf } from "./resolv-conf.ts";
import { openResolvedBus, type ResolvedBus } from "./resolved-bus.ts";
import { recordedDevice } from "./resolved-resolver.ts";

/** The host's name servers without awg's, and its search domains. */
export type HostServers = Pick<ResolvConf, "servers" | "search">;

/** Where awg keeps what it changed of the resolver. */
export interface ResolverPlaces {
  readonly resolvConf: string;
  /** resolv.conf before awg. */
  readonly original: string;
  /** The device with settings of awg in systemd-resolved. */
  readonly record: string;
}

/** The places below a state folder. */
export function resolverPlaces(stateDir: string, resolvConf = "/etc/resolv.conf"): ResolverPlaces {
  const inState = (name: string): string => join(stateDir, "resolver", name);
  return { resolvConf, original: inState("original.json"), record: inState("link.json") };
}

/**
 * The name servers that the host had before awg: the saved original while resolv.conf is ours, the other links' servers
 * while a link of systemd-resolved is ours, else those of resolv.conf. Empty if they cannot be read.
 */
export async function readHostServers(
  { resolvConf, original, record }: ResolverPlaces,
  open: () => ResolvedBus = () => openResolvedBus(),
): Promise<HostServers> {
  try {
    const now = parseResolvConf(textOf(readRegularFile(resolvConf)));
    // An empty file is ours, too, while an original is saved: its write was interrupted.
    if (now.ownedByAwg || now.servers.length === 0) return parseResolvConf(textOf(readOriginal(original)?.content));
    const device = recordedDevice(record);
    return device === undefined ? now : { servers: await otherLinksServers(device, open), search: now.search };
  } catch {
    // A user without root's rights cannot read the state folder, and resolved may be restarting.
    return { servers: [], search: [] };
  }
}

/** The servers of resolved that are not set on the device (org.freedesktop.resolve1(5), property DNS). */
async function otherLinksServers(device: string, open: () => ResolvedBus): Promise<string[]> {
  using bus = open();
  const variant = await bus.call({
    member: "Get",
    interface: "org.freedesktop.DBus.Properties",
    signature: "ss",
    body: ["org.freedesktop.resolve1.Manager", "DNS"],
  });
  const [, [servers]] = variant as [unknown, [readonly (readonly [number, number, Uint8Array])[]]];
  using netlink = openRouteNetlink();
  const ours = netlink.link(device)?.index;
  return servers.filter(([index]) => index !== ours).map(([, , address]) => bytesToAddress(Uint8Array.from(address)));
}

function textOf(content: Uint8Array | undefined): string {
  return Buffer.from(content ?? []).toString("utf8");
}
