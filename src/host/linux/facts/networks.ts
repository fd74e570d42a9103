import { existsSync } from "node:fs";
import type { Link } from "../../../native/linux/rtnetlink/link.codec.ts";
import type { Neighbour } from "../../../native/linux/rtnetlink/neighbour.codec.ts";
import { readSsid } from "../../../native/linux/wireless/ssid.ffi.ts";
import type { HostNetwork, Uplink } from "../../ports/facts.ts";

/** Names of a folder that a device has if it is a radio (cfg80211, and wext of older drivers). */
const RADIO = ["phy80211", "wireless"] as const;

/**
 * The networks that the host's default routes lead into, by the device, the gateway's address on the link, and the name of a
 * wireless network.
 */
export function networksOf(
  uplinks: readonly Uplink[],
  links: readonly Link[],
  neighbours: readonly Neighbour[],
): HostNetwork[] {
  return uplinks.map(({ device, gateway }) => {
    const index = links.find(({ name }) => name === device)?.index;
    const known = neighbours.find(({ linkIndex, address }) => linkIndex === index && address === gateway);
    const wired = !isRadio(device);
    const ssid = wired || index === undefined ? undefined : readSsid(index);
    return {
      device,
      wired,
      ...(ssid === undefined ? {} : { ssid }),
      ...(known?.hardwareAddress === undefined ? {} : { gatewayMac: known.hardwareAddress }),
    };
  });
}

/** Whether a device is a radio. */
export function isRadio(device: string): boolean {
  return RADIO.some((name) => existsSync(`/sys/class/net/${device}/${name}`));
}
