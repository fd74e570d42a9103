import { parsePrefix, prefixContains } from "../../model/prefix.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import { ADDRESS_FLAG, type InterfaceAddress } from "../../native/linux/rtnetlink/interface-address.codec.ts";
import type { Link } from "../../native/linux/rtnetlink/link.codec.ts";
import type { Route } from "../../native/linux/rtnetlink/route.codec.ts";
import { LOCAL_TABLE } from "../../verify/routing/routing.ts";
import { type Finding, shellWord } from "./finding.ts";

/** An address of a device that the kernel does not treat as local. */
export interface UnroutedAddress {
  readonly family: 4 | 6;
  readonly device: string;
  /** Without the length of its prefix. */
  readonly address: string;
}

const MOST_NAMED = 12;
/** The kernel adds an IPv6 route once duplicate address detection has passed. */
const NOT_YET = ADDRESS_FLAG.tentative | ADDRESS_FLAG.dadFailed;

/**
 * The addresses for which the kernel's own table `local` has no route. The kernel makes one with each address of a device that
 * is up (fib_add_ifaddr of net/ipv4/fib_frontend.c, __ipv6_ifa_notify of net/ipv6/addrconf.c); a device in a VRF has its own in
 * that VRF's table. Pure.
 */
export function unroutedAddresses(
  links: readonly Link[],
  addresses: readonly InterfaceAddress[],
  routes: readonly Route[],
): readonly UnroutedAddress[] {
  const known = routes
    .filter(({ table, type }) => table === LOCAL_TABLE && type === "local")
    .flatMap(({ destination }) => parsePrefix(destination) ?? []);
  const vrfs = links.filter(({ kind }) => kind === "vrf").map(({ index }) => index);
  const asked = new Map(
    links
      .filter(({ up, index, masterIndex = 0 }) => up && ![index, masterIndex].some((one) => vrfs.includes(one)))
      .map(({ index, name }) => [index, name]),
  );
  return addresses.flatMap(({ family, linkIndex, address: text, flags }) => {
    const device = asked.get(linkIndex);
    const [address = ""] = text.split("/");
    const own = parsePrefix(`${address}/${family === 4 ? 32 : 128}`);
    if (device === undefined || own === undefined || (flags & NOT_YET) !== 0) return [];
    return known.some((prefix) => prefixContains(prefix, own)) ? [] : [{ family, device, address }];
  });
}

/** Routes missing from the table `local` after a flush; the kernel does not restore them. Pure. */
export function judgeLocalRoutes(
  unrouted: readonly UnroutedAddress[],
  { resources }: DesiredState,
): readonly Finding[] {
  if (unrouted.length === 0) return [];
  const applied = resources.flatMap((one) => (one.kind === "link" ? [one.spec.device] : []));
  const ours = unrouted.filter(({ device }) => applied.includes(device));
  const named = [...ours, ...unrouted.filter((one) => !ours.includes(one))].slice(0, MOST_NAMED);
  const texts = named.map(({ address, device }) => `${address} (${device})`).join(", ");
  const more = unrouted.length > named.length ? `, and ${unrouted.length - named.length} more` : "";
  return [
    {
      id: "local-routes-missing",
      severity: ours.length > 0 ? "fault" : "note",
      what: `the kernel does not treat these addresses as local and delivers nothing sent to them: ${texts}${more}`,
      evidence: ["the table local has no route for them; ip route flush table all (or local) removes it"],
      remedy: [
        ...new Set(named.flatMap(commandsOf)),
        "routes of the table main may be missing too (ip route, ip -6 route): restart the service that configures the network",
      ],
    },
  ];
}

function commandsOf({ family, device, address }: UnroutedAddress): readonly string[] {
  const route = (destination: string): string =>
    `ip -${family} route replace local ${destination} dev ${shellWord(device)} table local proto kernel`;
  if (family === 6) return [route(address)];
  const whole = address.startsWith("127.") ? ["127.0.0.0/8"] : [];
  // The kernel takes a source once that is an address of its own.
  return [address, ...whole].map((destination) => `${route(destination)} scope host src ${address}`);
}
