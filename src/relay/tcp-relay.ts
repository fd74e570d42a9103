import { createServer, type Server, type Socket } from "node:net";
import type { Target } from "./protocol/dialogue.ts";
import type { Provider } from "./provider.ts";
import { bytesOf, LISTEN_ADDRESSES } from "./relay-address.ts";
import type { Traffic } from "./traffic.ts";

/** Each connection holds two descriptors. */
const MOST_CONNECTIONS = 8192;
const KEEP_ALIVE_MS = 60_000;
/** How long one direction may rest after the other has ended. */
const HALF_CLOSED_MS = 600_000;

export interface TcpRelayOptions {
  readonly provider: Pick<Provider, "dialTcp">;
  readonly traffic: Traffic;
  /** Bound, transparent descriptors; the server listens on them and closes them. */
  readonly listeners: readonly number[];
  /** The most connections at once. */
  readonly most?: number;
}

/** The relay of TCP. Disposing it stops accepting. */
export interface TcpRelay extends Disposable {
  /** What the open connections carried so far; `traffic` has those that ended. */
  openBytes(): Pick<Traffic, "sentBytes" | "receivedBytes">;
}

/**
 * Relays each connection that arrives on the listeners to the address its program connected to, which is the socket's
 * local address. A failed dial resets the connection.
 */
export function startTcpRelay({ provider, traffic, listeners, most = MOST_CONNECTIONS }: TcpRelayOptions): TcpRelay {
  const open = new Set<Socket>();
  const accept = (local: Socket): void => {
    local.on("error", () => {});
    const target = targetOf(local);
    if (target === undefined || traffic.openConnections >= most) {
      traffic.refused += 1;
      local.resetAndDestroy();
      return;
    }
    traffic.openConnections += 1;
    traffic.connections += 1;
    local.once("close", () => {
      traffic.openConnections -= 1;
    });
    void relay(local, target, provider, { traffic, open });
  };
  const servers = listeners.map((fd) => listenOn(fd, accept));
  return {
    openBytes: () => {
      const sum = { sentBytes: 0, receivedBytes: 0 };
      for (const { bytesRead, bytesWritten } of open) {
        sum.sentBytes += bytesRead;
        sum.receivedBytes += bytesWritten;
      }
      return sum;
    },
    [Symbol.dispose]: () => {
      for (const server of servers) server.close();
    },
  };
}

function listenOn(fd: number, accept: (local: Socket) => void): Server {
  const options = { allowHalfOpen: true, pauseOnConnect: true, noDelay: true, keepAlive: true };
  const server = createServer({ ...options, keepAliveInitialDelay: KEEP_ALIVE_MS }, accept);
  // Out of descriptors: accepting goes on when there are some.
  server.on("error", () => {});
  return server.listen({ fd, backlog: 1024 });
}

/** Undefined for a connection to the listener itself, which would be a loop, and for one that is gone already. */
function targetOf({ localAddress, localPort }: Socket): Target | undefined {
  if (localAddress === undefined || localPort === undefined) return undefined;
  const address = bytesOf(localAddress);
  const isListener = Object.values(LISTEN_ADDRESSES).some((own) => Buffer.compare(own, address) === 0);
  return address.length === 0 || isListener ? undefined : { address, port: localPort };
}

/** Where bytes are counted: of the connections that ended, and by those that are open. */
interface Counting {
  readonly traffic: Traffic;
  readonly open: Set<Socket>;
}

async function relay(
  local: Socket,
  target: Target,
  provider: TcpRelayOptions["provider"],
  { traffic, open }: Counting,
): Promise<void> {
  const dialled = await provider.dialTcp(target).catch(() => undefined);
  if (dialled === undefined) {
    traffic.refused += 1;
    local.resetAndDestroy();
    return;
  }
  const { socket: remote, early } = dialled;
  remote.on("error", () => {});
  if (local.destroyed) {
    remote.destroy();
    return;
  }
  if (early.length > 0) local.write(early);
  join(local, remote, { traffic, open });
}

/** `pipe` waits for the slower side, so a connection holds at most the two sockets' buffers. */
function join(local: Socket, remote: Socket, { traffic, open }: Counting): void {
  open.add(local);
  const endBoth = (first: Socket, other: Socket): void => {
    // An ended side is closed; a broken one is reset, so that its program does not take what it got for the whole.
    if (other.destroyed) return;
    if (first.readableEnded && first.writableFinished) other.destroySoon();
    else other.resetAndDestroy();
  };
  for (const [one, other] of [
    [local, remote],
    [remote, local],
  ] as const) {
    one.once("close", () => endBoth(one, other));
    one.once("end", () => other.setTimeout(HALF_CLOSED_MS, () => other.resetAndDestroy()));
    one.pipe(other);
  }
  local.once("close", () => {
    open.delete(local);
    traffic.sentBytes += local.bytesRead;
    traffic.receivedBytes += local.bytesWritten;
  });
}
