import { BPF_ATTACH, countBpfPrograms } from "../../../native/linux/bpf/device-programs.ffi.ts";
import { hasErrno } from "../../../native/linux/errno.ts";
import type { NetlinkSocket } from "../../../native/linux/netlink/netlink-socket.ffi.ts";
import type { Link } from "../../../native/linux/rtnetlink/link.codec.ts";
import { openRouteNetlink } from "../../../native/linux/rtnetlink/route-netlink.ffi.ts";
import {
  CLASSIFY,
  decodeDiscipline,
  decodeFilter,
  encodeDisciplineDump,
  encodeFilterDump,
  type QueueingDiscipline,
} from "../../../native/linux/rtnetlink/traffic-control.codec.ts";

/**
 * The places on this network namespace's devices where filters of tc act on frames or BPF programs see them, as "eth0
 * (egress)": they can send frames on past the packet filter, or write into them behind it. Reads only.
 */
export function readTrafficHooks(): string[] {
  using netlink = openRouteNetlink();
  const links = new Map(netlink.links().map((link) => [link.index, link]));
  const filters = readDisciplines(netlink.socket).flatMap((discipline) => {
    const device = links.get(discipline.linkIndex)?.name;
    if (device === undefined) return [];
    return placesOf(discipline)
      .filter(([, parent]) => hasActions(netlink.socket, discipline.linkIndex, parent))
      .map(([place]) => `${device} (${place})`);
  });
  return [...new Set([...filters, ...[...links.values()].flatMap(programsAt)])];
}

/** Where a queueing discipline attaches filters, and the parent they name. A default discipline takes none. */
function placesOf({ kind, handle }: QueueingDiscipline): (readonly ["ingress" | "egress" | "queue", number])[] {
  if (kind === "ingress") return [["ingress", CLASSIFY.ingress]];
  if (kind === "clsact") {
    return [
      ["ingress", CLASSIFY.ingress],
      ["egress", CLASSIFY.egress],
    ];
  }
  return handle === 0 ? [] : [["queue", handle]];
}

/** Empty on a kernel without tc. */
function readDisciplines(socket: NetlinkSocket): QueueingDiscipline[] {
  try {
    const messages = socket.dump(encodeDisciplineDump(), "reading the queueing disciplines");
    return messages.flatMap((message) => decodeDiscipline(message) ?? []);
  } catch (error) {
    if (hasErrno(error, "EOPNOTSUPP")) return [];
    throw error;
  }
}

function hasActions(socket: NetlinkSocket, linkIndex: number, parent: number): boolean {
  const messages = socket.dump(encodeFilterDump(linkIndex, parent), `reading the filters of tc at link ${linkIndex}`);
  return messages.some((message) => decodeFilter(message) === true);
}

/** Programs that are attached without a tc filter (XDP). */
function programsAt({ index, name, kind, xdp }: Link): string[] {
  const hooks =
    kind === "netkit"
      ? ([
          ["egress", BPF_ATTACH.netkitPrimary],
          ["ingress", BPF_ATTACH.netkitPeer],
        ] as const)
      : [];
  const places = [["ingress", BPF_ATTACH.tcxIngress], ["egress", BPF_ATTACH.tcxEgress], ...hooks] as const;
  const found = places.filter(([, attachType]) => countBpfPrograms(index, attachType) > 0);
  return [...(xdp === true ? ["XDP"] : []), ...found.map(([place]) => place)].map((place) => `${name} (${place})`);
}
