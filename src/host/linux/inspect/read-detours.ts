import { BPF_ATTACH, countBpfPrograms } from "../../../native/linux/bpf-programs.ffi.ts";
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
  type TrafficAction,
} from "../../../native/linux/rtnetlink/traffic-control.codec.ts";
import type { Detour, DetourAction } from "../../../verify/nft/checks/verify-detours.ts";

/**
 * tc filters and programs on this network namespace's devices that may forward frames before the packet filter. Reads
 * only.
 */
export function readDetours(): Detour[] {
  using netlink = openRouteNetlink();
  const links = new Map(netlink.links().map((link) => [link.index, link]));
  const filters = readDisciplines(netlink.socket).flatMap((discipline) => {
    const device = links.get(discipline.linkIndex)?.name;
    if (device === undefined) return [];
    return placesOf(discipline).flatMap(([place, parent]) =>
      readFilters(netlink.socket, discipline.linkIndex, parent)
        .flatMap((action) => actionOf(action, links) ?? [])
        .map((does): Detour => ({ device, place, does })),
    );
  });
  return [...filters, ...[...links.values()].flatMap(programsAt)];
}

/** Where a queueing discipline attaches filters, and the parent they name. A default discipline takes none. */
function placesOf({ kind, handle }: QueueingDiscipline): (readonly [Detour["place"], number])[] {
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

function readFilters(socket: NetlinkSocket, linkIndex: number, parent: number): TrafficAction[] {
  const messages = socket.dump(encodeFilterDump(linkIndex, parent), `reading the filters of tc at link ${linkIndex}`);
  return messages.flatMap((message) => decodeFilter(message) ?? []);
}

/** A redirect to a missing device drops the packet. */
function actionOf(action: TrafficAction, links: ReadonlyMap<number, Link>): DetourAction | undefined {
  if (action.kind !== "send") return action;
  const { copies, asArrived, linkIndex, isBlock } = action;
  if (isBlock) return { kind: "send", copies, asArrived };
  const link = links.get(linkIndex);
  if (link === undefined) return undefined;
  const { name, kind } = link;
  return { kind: "send", copies, asArrived, to: { name, ...(kind === undefined ? {} : { kind }) } };
}

/** Programs that are attached without a tc filter (XDP). */
function programsAt({ index, name, kind, xdp }: Link): Detour[] {
  const program = (place: Detour["place"]): Detour => ({ device: name, place, does: { kind: "program", name: "" } });
  const hooks =
    kind === "netkit"
      ? ([
          ["egress", BPF_ATTACH.netkitPrimary],
          ["ingress", BPF_ATTACH.netkitPeer],
        ] as const)
      : [];
  const places = [["ingress", BPF_ATTACH.tcxIngress], ["egress", BPF_ATTACH.tcxEgress], ...hooks] as const;
  const found = places.filter(([, attachType]) => countBpfPrograms(index, attachType) > 0);
  return [...(xdp === true ? [program("XDP")] : []), ...found.map(([place]) => program(place))];
}
