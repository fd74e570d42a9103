import type { LoginNetwork } from "../../host/ports/portal.ts";
import { AddressSet } from "../../model/firewall/address-set.ts";
import { parseIp } from "../../model/ip.ts";
import type { OpenPortal, PortalPolicy } from "../../model/portal/portal.ts";
import { placeOf } from "../../model/portal/portal-answer.ts";
import { canonicalPrefix, parsePrefix, renderPrefix } from "../../model/prefix.ts";

/** Addresses of one page that are opened. */
const MOST_ADDRESSES = 4;

/** A page before its name is looked up: nothing is open yet but the network's name server for awg's own queries. Pure. */
export function unresolvedPage(url: string, { gateway }: LoginNetwork): OpenPortal {
  const { host, ports } = placeOf(url);
  const isName = parseIp(host) === undefined;
  return { url, ...(isName ? { name: host } : {}), addresses: isName ? [] : [host], ports, servers: [gateway] };
}

/** Why a page stays closed; `isFinal`: another try would find the same. */
export interface Refusal {
  readonly refusal: string;
  readonly isFinal: boolean;
}

/**
 * The page with its addresses, or why it stays closed: a network that redirects to a stranger's address would else bring
 * traffic to that stranger out of the tunnels. Pure.
 */
export function placedPage(
  page: OpenPortal,
  found: readonly string[],
  network: LoginNetwork,
  { anywhere, probe }: PortalPolicy,
): { readonly page: OpenPortal } | Refusal {
  const addresses = (page.name === undefined ? page.addresses : found).slice(0, MOST_ADDRESSES);
  if (addresses.length === 0) return { refusal: `the name ${page.name ?? ""} was not found`, isFinal: false };
  const isNear = nearBy(network);
  // The probed address is declared: a network may answer in its place.
  const strangers = addresses.filter((address) => address !== probe && !isNear(address));
  if (strangers.length === 0 || anywhere) return { page: { ...page, addresses } };
  const where = `${strangers.join(", ")} is not in the local network`;
  return { refusal: `${where}; captivePortal.anywhere: true opens it, too`, isFinal: true };
}

/** Whether an address is in a network of the device, or the router's. */
function nearBy({ addresses, gateway }: LoginNetwork): (address: string) => boolean {
  const prefixes = addresses.map(parsePrefix).flatMap((one) => one ?? []);
  const near = new AddressSet([gateway, ...prefixes.map((one) => renderPrefix(canonicalPrefix(one)))]);
  return (address) => {
    const ip = parseIp(address);
    return ip !== undefined && near.has(ip);
  };
}
