import { parsePrefix, prefixContains } from "../../../model/prefix.ts";
import { ADDRESS_FLAG, type InterfaceAddress } from "../../../native/linux/rtnetlink/interface-address.codec.ts";
import type { Link } from "../../../native/linux/rtnetlink/link.codec.ts";
import type { Route } from "../../../native/linux/rtnetlink/route.codec.ts";
import { ROUTE_TABLE } from "../../../native/linux/rtnetlink/rtnetlink-constants.ts";
import type { UnroutedAddress } from "../../ports/environment.ts";

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
    .filter(({ table, type }) => table === ROUTE_TABLE.local && type === "local")
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
