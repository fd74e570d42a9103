import type { Link } from "../../src/native/linux/rtnetlink/link.codec.ts";

/** A network device that is up, as the kernel tells of it. */
export function linkOf(index: number, name: string, changes: Partial<Link> = {}): Link {
  return {
    index,
    name,
    mtu: 1500,
    up: true,
    running: true,
    loopback: false,
    pointToPoint: false,
    multicast: true,
    hardwareType: 1,
    operState: "up",
    carrier: true,
    ...changes,
  };
}
