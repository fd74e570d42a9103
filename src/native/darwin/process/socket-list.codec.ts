import { ipFromBytes, renderIp } from "../../../model/ip.ts";
import { malformed, readSigned, readUnsigned, readUnsigned64 } from "../struct.codec.ts";
import { SOCKET_RECORD } from "./process-constants.ts";
import { PROCESS_LAYOUTS } from "./process-layouts.ts";

const ENDS = PROCESS_LAYOUTS.xinpcb_n;
const OWNER = PROCESS_LAYOUTS.xsocket_n;
const FRAME = PROCESS_LAYOUTS.xinpgen;
/** struct xsocket_n of macOS 12 contains all fields in use. */
const LEAST_OWNER_BYTES = 76;
const LEAST_RECORD_BYTES = 8;
/** bsd/netinet/in_pcb.h: bits of inp_vflag. */
const INP_IPV4 = 1;
const INP_IPV6 = 2;

/** One endpoint in the kernel: canonical text, IPv4 dotted; port 0 is "any". */
export interface ListedEnd {
  readonly address: string;
  readonly port: number;
}

/** A socket of the lists net.inet.tcp.pcblist_n and net.inet.udp.pcblist_n. */
export interface ListedSocket {
  readonly local: ListedEnd;
  readonly remote: ListedEnd;
  /** A dual-stack socket bound to ::; its addresses are those of IPv6. */
  readonly isOfBoth: boolean;
  readonly uid: number;
  /** The process that used it last. */
  readonly lastPid: number;
  /** The process for which it is used; 0 where it is the same. */
  readonly behalfPid: number;
  /** The kernel's address of the socket, which the files of a process also have. */
  readonly socket: bigint;
}

type Ends = Pick<ListedSocket, "local" | "remote" | "isOfBoth">;

/**
 * Parses a list of sockets: a frame, then records with their length and kind, padded to 8 bytes, until one no longer
 * than a frame (darwin-notes section 7). Unknown kinds are skipped, and so is a socket without both records; their
 * sizes differ between versions.
 *
 * @throws AwgError("host") when a length is invalid, or the frame at the end is missing.
 */
export function decodeSocketList(bytes: Uint8Array): ListedSocket[] {
  const sockets: ListedSocket[] = [];
  const first = padded(readLength(bytes, 0));
  let at = first;
  let ends: Ends | undefined;
  while (at + LEAST_RECORD_BYTES <= bytes.length) {
    const length = readLength(bytes, at);
    if (length <= FRAME.size) return sockets;
    const kind = readUnsigned(bytes, at, ENDS.fields.xi_kind);
    const record = bytes.subarray(at, at + length);
    if (kind === SOCKET_RECORD.XSO_INPCB) ends = decodeEnds(record);
    else if (kind === SOCKET_RECORD.XSO_SOCKET && ends !== undefined) {
      sockets.push({ ...ends, ...decodeOwner(record) });
      ends = undefined;
    }
    at += padded(length);
  }
  // Without sockets the kernel writes only one frame (bsd/netinet/in_pcblist.c, get_pcblist_n).
  if (at !== first) throw malformed(`a list of ${bytes.length} bytes of sockets that does not end`);
  return sockets;
}

function readLength(bytes: Uint8Array, at: number): number {
  const length = readUnsigned(bytes, at, FRAME.fields.xig_len);
  if (length < LEAST_RECORD_BYTES || at + length > bytes.length) {
    throw malformed(`a record of ${length} bytes in a list of sockets where ${bytes.length - at} are left`);
  }
  return length;
}

function padded(length: number): number {
  return Math.ceil(length / 8) * 8;
}

function decodeEnds(record: Uint8Array): Ends {
  if (record.length < ENDS.size) throw malformed(`struct xinpcb_n of ${record.length} bytes`);
  const { inp_fport, inp_lport, inp_vflag } = ENDS.fields;
  // Both bits are set only for sockets bound to ::; an IPv4 address clears INP_IPV6 (bsd/netinet6/udp6_usrreq.c).
  const families = readUnsigned(record, 0, inp_vflag) & (INP_IPV4 | INP_IPV6);
  const isIpv4 = families === INP_IPV4;
  const end = ([at]: readonly [number, number], [port]: readonly [number, number]): ListedEnd => ({
    address: addressIn(record.subarray(at, at + 16), isIpv4),
    port: ((record[port] ?? 0) << 8) | (record[port + 1] ?? 0),
  });
  return {
    local: end(ENDS.fields["inp_dependladdr.inp6_local"], inp_lport),
    remote: end(ENDS.fields["inp_dependfaddr.inp6_foreign"], inp_fport),
    isOfBoth: families === (INP_IPV4 | INP_IPV6),
  };
}

/** An IPv4 address is in the last 4 of the 16 bytes; a link-local one may have its interface in bytes 2 and 3. */
function addressIn(bytes: Uint8Array, isIpv4: boolean): string {
  const own = Uint8Array.from(isIpv4 ? bytes.subarray(12) : bytes);
  if (!isIpv4 && own[0] === 0xfe && ((own[1] ?? 0) & 0xc0) === 0x80) own.fill(0, 2, 4);
  const address = ipFromBytes(own);
  if (address === undefined) throw malformed(`an address of ${bytes.length} bytes in a list of sockets`);
  return renderIp(address);
}

function decodeOwner(record: Uint8Array): Omit<ListedSocket, keyof Ends> {
  if (record.length < LEAST_OWNER_BYTES) throw malformed(`struct xsocket_n of ${record.length} bytes`);
  const { so_uid, so_last_pid, so_e_pid, xso_so } = OWNER.fields;
  return {
    uid: readUnsigned(record, 0, so_uid),
    lastPid: readSigned(record, 0, so_last_pid),
    behalfPid: readSigned(record, 0, so_e_pid),
    socket: readUnsigned64(record, 0, xso_so),
  };
}
