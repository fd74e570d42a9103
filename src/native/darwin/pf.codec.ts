import { type Family, ipToBytes, parseIp } from "../../model/ip.ts";
import { PF, SOCKET } from "./constants.ts";
import { LAYOUTS } from "./layouts.ts";
import { encodeNetmask } from "./sockaddr.codec.ts";
import {
  demandSize,
  readCharacters,
  readSigned,
  readUnsigned,
  readUnsigned64,
  writeCharacters,
  writeNumber,
  writeNumber64,
} from "./struct.codec.ts";

const TOKEN = LAYOUTS.pfioc_token;
const TOKENS = LAYOUTS.pfioc_tokens;
const REMOVE = LAYOUTS.pfioc_remove_token;
const STATUS = LAYOUTS.pf_status;
const KILL = LAYOUTS.pfioc_state_kill;
const RULE_ADDRESS = LAYOUTS.pf_rule_addr;

/** A reference that keeps PF enabled, and its owner. */
export interface PfToken {
  readonly token: bigint;
  readonly pid: number;
  readonly program: string;
}

/** The argument of DIOCSTARTREF, which writes the token into it. */
export function newToken(): Uint8Array {
  return new Uint8Array(8);
}

/** The token that DIOCSTARTREF wrote. */
export function decodeToken(argument: Uint8Array): bigint {
  demandSize(argument, 8, "uint64_t");
  return readUnsigned64(argument, 0, [0, 8]);
}

/** The argument of DIOCSTOPREF; PF stops when the last token is gone. */
export function encodeRemoveToken(token: bigint): Uint8Array {
  const bytes = new Uint8Array(REMOVE.size);
  writeNumber64(bytes, 0, REMOVE.fields.token_value, token);
  return bytes;
}

/** The argument of DIOCGETSTARTERS with the buffer it points to, room for `count` tokens. */
export function tokensRequest(count: number): {
  readonly argument: Uint8Array;
  readonly pointerAt: number;
  readonly buffer: Uint8Array;
} {
  const argument = new Uint8Array(TOKENS.size);
  const buffer = new Uint8Array(count * TOKEN.size);
  writeNumber(argument, 0, TOKENS.fields.size, buffer.length);
  return { argument, pointerAt: TOKENS.fields.pgt_u[0], buffer };
}

/** The tokens that DIOCGETSTARTERS wrote; `size` of its argument says how many bytes there are. */
export function decodeTokens(argument: Uint8Array, buffer: Uint8Array): PfToken[] {
  demandSize(argument, TOKENS.size, "pfioc_tokens");
  const filled = Math.min(readSigned(argument, 0, TOKENS.fields.size), buffer.length);
  const tokens: PfToken[] = [];
  for (let at = 0; at + TOKEN.size <= filled; at += TOKEN.size) {
    tokens.push({
      token: readUnsigned64(buffer, at, TOKEN.fields.token_value),
      pid: readSigned(buffer, at, TOKEN.fields.pid),
      program: readCharacters(buffer, at, TOKEN.fields.proc_name),
    });
  }
  return tokens;
}

/** The argument of DIOCGETSTATUS. */
export function newStatus(): Uint8Array {
  return new Uint8Array(STATUS.size);
}

/** Whether PF is enabled, and how many states it holds, as DIOCGETSTATUS wrote it. */
export function decodeStatus(argument: Uint8Array): { readonly enabled: boolean; readonly states: number } {
  demandSize(argument, STATUS.size, "pf_status");
  return {
    enabled: readUnsigned(argument, 0, STATUS.fields.running) !== 0,
    states: readUnsigned(argument, 0, STATUS.fields.states),
  };
}

/** One endpoint of the states to kill; without a port, all ports. */
export interface StateEnd {
  readonly address: string;
  readonly port?: number;
}

/**
 * The argument of DIOCKILLSTATES for the states from one address to another. The kernel writes the number of killed
 * states into psk_af modulo 256, so it is not used.
 */
export function encodeKillStates(options: {
  readonly family: Family;
  /** IP protocol number; 0 for all. */
  readonly protocol: number;
  readonly source?: StateEnd;
  readonly destination?: StateEnd;
  readonly device?: string;
}): Uint8Array {
  const { family, protocol, source, destination, device } = options;
  const bytes = new Uint8Array(KILL.size);
  writeNumber(bytes, 0, KILL.fields.psk_af, family === 4 ? SOCKET.AF_INET : SOCKET.AF_INET6);
  writeNumber(bytes, 0, KILL.fields.psk_proto, protocol);
  if (source !== undefined) writeEnd(bytes, KILL.fields.psk_src[0], family, source);
  if (destination !== undefined) writeEnd(bytes, KILL.fields.psk_dst[0], family, destination);
  if (device !== undefined) writeCharacters(bytes, 0, KILL.fields.psk_ifname, device);
  return bytes;
}

function writeEnd(bytes: Uint8Array, base: number, family: Family, { address, port }: StateEnd): void {
  const { fields } = RULE_ADDRESS;
  const ip = parseIp(address);
  if (ip !== undefined) bytes.set(ipToBytes(ip), base + fields["addr.v.a.addr"][0]);
  const mask = encodeNetmask(family, family === 4 ? 32 : 128);
  bytes.set(family === 4 ? mask.subarray(4, 8) : mask.subarray(8, 24), base + fields["addr.v.a.mask"][0]);
  writeNumber(bytes, base, fields["addr.type"], PF.PF_ADDR_ADDRMASK);
  if (port === undefined) return;
  const at = base + fields["xport.range.port"][0];
  bytes.set([port >> 8, port & 0xff, port >> 8, port & 0xff], at);
  writeNumber(bytes, base, fields["xport.range.op"], PF.PF_OP_EQ);
}
