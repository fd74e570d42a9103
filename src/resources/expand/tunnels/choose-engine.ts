import type { TunnelSpec } from "../../../model/resources/tunnel.ts";
import type { ExpandContext, PlacedTunnel } from "../expansion.ts";

/**
 * `auto` is the embedded engine, whatever else is installed: it speaks every version and its performance is measured.
 * Sockets of the kernel module have no user, so the kill switch cannot match them (rule S12.7).
 */
export function chooseEngine(
  { key, tunnel, device }: Pick<PlacedTunnel, "key" | "tunnel" | "device">,
  { facts, unsupported }: Pick<ExpandContext, "facts" | "unsupported">,
): TunnelSpec["engine"] {
  const path = `tunnels.${key}.engine`;
  const { capabilities } = facts;
  const isPlain = tunnel.protocol === "wireguard";
  const wantsExternal = tunnel.engine === "userspace";
  const userspace = isPlain ? capabilities.userspaceWireguard : capabilities.userspaceAmneziawg;
  if (tunnel.engine === "kernel") return "kernel";
  if (!capabilities.tun) {
    unsupported.push({ path, message: "cannot open /dev/net/tun; run modprobe tun, or give the container the device" });
  } else if (wantsExternal && !userspace) {
    const program = isPlain ? "wireguard-go" : "amneziawg-go";
    unsupported.push({ path, message: `${program} is not installed; install it, or write engine: auto` });
  }
  // An engine that is taken over keeps running.
  const isTaken = tunnel.engine === "auto" && facts.foreignEngines?.[device] !== undefined;
  return wantsExternal || isTaken ? "userspace" : "embedded";
}
