import { Socket, type SocketConstructorOpts } from "node:net";

/** All connections read into this: what arrives is taken out before the next read. */
const shared = Buffer.alloc(16 * 1024);

/**
 * The same connection, whose bytes go to `take` and must be copied there; no further bytes come after `take` gave false,
 * until `resume` is called. Node's own reading allocates 64 KB for each read, and its garbage is collected late: a client
 * that sends much made the daemon 20 MB larger.
 *
 * @param socket of a server, not read from yet; it is not to be used any more
 */
export function narrowSocket(socket: Socket, take: (bytes: Buffer) => boolean): Socket {
  // Node gives a server no way to choose how its connections read. Its server itself makes sockets of handles this way.
  const accepted = socket as unknown as { _handle: null };
  const options: SocketConstructorOpts = {
    onread: { buffer: shared, callback: (count) => take(shared.subarray(0, count)) },
  };
  const narrow = new Socket(Object.assign(options, { handle: accepted._handle, manualStart: true }));
  accepted._handle = null;
  socket.destroy();
  return narrow;
}
