import {
  receiveTransparent,
  sendRawPacket,
  type TransparentDatagram,
  untilReadable,
} from "../../native/linux/packet-io/transparent-socket.ffi.ts";
import { LISTEN_ADDRESSES } from "../relay-address.ts";
import { encodeUdpPacket } from "./udp-packet.codec.ts";
import type { Carried } from "./udp-relay.ts";

/** Other work comes between, however much arrives. */
const MOST_AT_ONCE = 64;
const LOOK_MS = 1000;

/** The descriptors of one family: a transparent listener, and a socket for whole packets. */
export interface UdpDescriptors {
  readonly listener: number;
  readonly sender: number;
}

/** Reads datagrams from the listeners until disposed. */
export function readDatagrams(descriptors: readonly UdpDescriptors[], take: (datagram: Carried) => void): Disposable {
  let isOver = false;
  const listeners = descriptors.map(({ listener }) => listener);
  const loop = async (): Promise<void> => {
    while (!isOver) {
      if (!(await untilReadable(listeners, LOOK_MS)) || isOver) continue;
      for (const listener of listeners) drain(listener, take);
    }
  };
  void loop();
  return {
    [Symbol.dispose]: () => {
      isOver = true;
    },
  };
}

function drain(listener: number, take: (datagram: Carried) => void): void {
  for (let count = 0; count < MOST_AT_ONCE; count += 1) {
    const received = receiveTransparent(listener);
    if (received === undefined) return;
    if (!isForListener(received)) take({ program: received.source, remote: received.destination, data: received.data });
  }
}

/** A datagram to the relay's own address would be a loop. */
function isForListener({ destination }: TransparentDatagram): boolean {
  return Object.values(LISTEN_ADDRESSES).some((own) => Buffer.compare(own, destination.address) === 0);
}

/** Sends a reply to its program as if it came from the remote host. Lost if the kernel refuses it, as datagrams may be. */
export function deliverDatagram(senders: Readonly<Record<4 | 6, number>>, { program, remote, data }: Carried): void {
  const packet = encodeUdpPacket(remote, program, data);
  if (packet === undefined) return;
  sendRawPacket(senders[program.address.length === 4 ? 4 : 6], packet, program.address);
}
