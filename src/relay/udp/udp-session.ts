import { createSocket } from "node:dgram";
import { isIPv6, type Socket } from "node:net";
import { decodeDatagram, encodeDatagram } from "../protocol/socks5.codec.ts";
import { type DatagramSink, type Datagrams, DialError } from "../provider.ts";

/**
 * The UDP part of a SOCKS5 association (RFC 1928, section 7), which lives as long as its TCP connection. Datagrams go to the
 * proxy's own address, whatever address it names: the packet filter lets nothing else out, and it could name any host.
 *
 * @param control the TCP connection; closed with the session
 * @throws DialError
 */
export function openUdpSession(
  control: Socket,
  { host, port }: { readonly host: string; readonly port: number },
  sink: DatagramSink,
): Promise<Datagrams> {
  if (port === 0) {
    control.destroy();
    throw new DialError("the proxy names no port for UDP", "command");
  }
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
    let isOpen = true;
    const close = (): void => {
      if (!isOpen) return;
      isOpen = false;
      control.destroy();
      socket.close();
      sink.onClose();
    };
    socket.on("message", (bytes) => {
      const received = decodeDatagram(bytes);
      if (received !== undefined) sink.onDatagram(received.source, received.data);
    });
    socket.once("error", (error) => {
      close();
      reject(new DialError("opening a UDP socket to the proxy failed", "command"));
      void error;
    });
    socket.connect(port, host, () => {
      // A connected socket reports ICMP errors; the proxy's silence ends the session, not they.
      socket.on("error", () => {});
      resolve({
        send: (to, data) => {
          if (isOpen) socket.send(encodeDatagram(to, data), () => {});
        },
        close,
      });
    });
    control.on("error", close).on("end", close).on("close", close);
    // Nothing is expected on it.
    control.on("data", () => {}).resume();
  });
}
