import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { RELAY_MARK } from "../model/ownership.ts";
import type { RelaySettings } from "../model/relay/relay-settings.ts";
import { hasErrno } from "../native/linux/errno.ts";
import { closeDescriptor } from "../native/linux/libc.ffi.ts";
import { openRawSender, openTransparentSocket } from "../native/linux/packet-io/transparent-socket.ffi.ts";
import { openUnboundSocket } from "../native/linux/packet-io/unbound-socket.ffi.ts";
import {
  becomeUserWithRootSockets,
  dropCapabilities,
  forbidDumps,
  forbidNewPrivileges,
} from "../native/linux/process/credentials.ffi.ts";
import { ProxyProvider } from "./proxy-provider.ts";
import { LISTEN_ADDRESSES } from "./relay-address.ts";
import { serveState } from "./state-server.ts";
import { startTcpRelay, type TcpRelay } from "./tcp-relay.ts";
import { newTraffic } from "./traffic.ts";
import { deliverDatagram, readDatagrams, type UdpDescriptors } from "./udp/transparent-udp.ts";
import { UdpRelay } from "./udp/udp-relay.ts";

/** Between two attempts to reach the proxy, while it answers and while it does not. */
const PROBE_MS = { up: 10_000, down: 5_000 } as const;
const FAMILIES = [4, 6] as const;
const NOBODY = { uid: 65_534, gid: 65_534 } as const;

/**
 * Runs a relay in this process, which must start as root: it opens its listeners, gives up root for the user of the settings
 * (nobody for root), and relays until the process is ended.
 *
 * @param report takes lines for the log: the state of the proxy, when it changes
 */
export async function runRelay(settings: RelaySettings, report: (line: string) => void): Promise<never> {
  forbidDumps();
  const ca = settings.tls?.ca === undefined ? undefined : readFileSync(settings.tls.ca, "utf8");
  const provider = new ProxyProvider(settings, ca);
  const traffic = newTraffic();
  const families = FAMILIES.filter(hasFamily);
  const listen = (family: 4 | 6, stream: boolean) =>
    openTransparentSocket({
      family,
      stream,
      local: { address: LISTEN_ADDRESSES[family], port: settings.port },
      mark: RELAY_MARK,
    });
  const streams = families.map((family) => listen(family, true));
  const datagrams: UdpDescriptors[] = settings.udp
    ? families.map((family) => ({ listener: listen(family, false), sender: openRawSender(family, RELAY_MARK) }))
    : [];
  let tcp: TcpRelay | undefined;
  await serveState(settings.statePath, () => {
    const { localAddress } = provider;
    const from = localAddress === undefined ? {} : { localAddress };
    const open = tcp?.openBytes() ?? { sentBytes: 0, receivedBytes: 0 };
    const sentBytes = traffic.sentBytes + open.sentBytes;
    const receivedBytes = traffic.receivedBytes + open.receivedBytes;
    return { identity: settings.identity, ...provider.status, ...traffic, sentBytes, receivedBytes, ...from };
  });
  giveUpRoot(settings.user);
  tcp = startTcpRelay({ provider, traffic, listeners: streams });
  if (datagrams.length > 0) {
    const senders = { 4: datagrams[0]?.sender ?? -1, 6: datagrams[1]?.sender ?? -1 };
    const relay = new UdpRelay({ provider, traffic, deliver: (reply) => deliverDatagram(senders, reply) });
    readDatagrams(datagrams, (datagram) => relay.send(datagram));
  }
  let said = "";
  while (true) {
    const { state, reason } = await provider.connect();
    const line = reason === undefined ? `proxy ${state}` : `proxy ${state}: ${reason}`;
    if (line !== said) report(line);
    said = line;
    await sleep(state === "up" ? PROBE_MS.up : PROBE_MS.down);
  }
}

/** A kernel may be built or started without IPv6. */
function hasFamily(family: 4 | 6): boolean {
  try {
    closeDescriptor(openUnboundSocket({ family, stream: true }));
    return true;
  } catch (error) {
    if (hasErrno(error, "EAFNOSUPPORT")) return false;
    throw error;
  }
}

/**
 * Without the service user, the packet filter lets root's sockets reach the proxy (S12.4): only they remain root's. A user
 * namespace may lack nobody; then its root stays, without capabilities.
 */
function giveUpRoot(user: RelaySettings["user"]): void {
  if (user.uid === 0) {
    try {
      becomeUserWithRootSockets(NOBODY);
    } catch {
      dropCapabilities();
    }
  } else {
    // For all threads, and with it every capability (capabilities(7)).
    process.setgroups?.([]);
    process.setgid?.(user.gid);
    process.setuid?.(user.uid);
  }
  forbidNewPrivileges();
  // Changing the user makes a process dumpable again.
  forbidDumps();
}
