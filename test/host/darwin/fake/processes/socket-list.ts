import { ipToBytes, parseIp } from "../../../../../src/model/ip.ts";
import { constant, StructView, sizeOf } from "../abi.ts";
import type { FakeProcessList, FakeSocket } from "./process-list.ts";

/** bsd/netinet/in_pcb.h: bits of inp_vflag, which the core of the ABI table does not have. */
const [INP_IPV4, INP_IPV6] = [1, 2];

/** The list as get_pcblist_n writes it: a frame, per socket its records padded to 8, a frame. */
export function socketList(
  { sockets, socketRecordBytes }: Pick<FakeProcessList, "sockets" | "socketRecordBytes">,
  protocol: "tcp" | "udp",
): Uint8Array {
  const frame = record("xinpgen", sizeOf("xinpgen"), undefined, () => {});
  const of = sockets
    .filter((socket) => socket.protocol === protocol)
    .flatMap((socket) => records(socket, socketRecordBytes));
  return Uint8Array.from([frame, ...of, frame].flatMap((one) => [...one]));
}

function records(socket: FakeSocket, socketRecordBytes: number): Uint8Array[] {
  const isV4 = !socket.local[0].includes(":");
  const put = (view: StructView, side: "l" | "f", [address, port]: readonly [string, number]) => {
    const bytes = view.bytes(side === "l" ? "inp_dependladdr" : "inp_dependfaddr");
    const parsed = parseIp(address);
    if (parsed !== undefined) bytes.set(ipToBytes(parsed), isV4 ? 12 : 0);
    view.bytes(`inp_${side}port`).set([port >> 8, port & 0xff]);
  };
  const plain = (struct: string, kind: string) => record(struct, sizeOf(struct), constant(kind), () => {});
  return [
    record("xinpcb_n", sizeOf("xinpcb_n"), constant("XSO_INPCB"), (view) => {
      view.set("inp_vflag", families(socket));
      put(view, "l", socket.local);
      put(view, "f", socket.remote);
    }),
    record("xsocket_n", socketRecordBytes, constant("XSO_SOCKET"), (view) => {
      view.set("xso_so", socket.name);
      view.set("so_uid", socket.uid);
      view.set("so_last_pid", socket.lastPid);
      view.set("so_e_pid", socket.behalfPid ?? 0);
    }),
    plain("xsockbuf_n", "XSO_RCVBUF"),
    plain("xsockbuf_n", "XSO_SNDBUF"),
    plain("xsockstat_n", "XSO_STATS"),
    ...(socket.protocol === "tcp" ? [plain("xtcpcb_n", "XSO_TCPCB")] : []),
  ];
}

/** xnu marks what is bound to :: and may take IPv4 with both (udp6_attach and udp6_bind; netstat's "udp46"). */
function families({ local: [address], isV6Only }: FakeSocket): number {
  if (!address.includes(":")) return INP_IPV4;
  const isBoth = address === "::" && isV6Only !== true;
  return isBoth ? INP_IPV4 | INP_IPV6 : INP_IPV6;
}

function record(struct: string, length: number, kind: number | undefined, set: (view: StructView) => void): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(Math.max(length, sizeOf(struct)) / 8) * 8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length, true);
  if (kind !== undefined) view.setUint32(4, kind, true);
  set(new StructView(struct, bytes));
  return bytes.subarray(0, Math.ceil(length / 8) * 8);
}
