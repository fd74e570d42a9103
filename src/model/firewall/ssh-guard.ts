import { renderIp } from "../ip.ts";
import type { SshConnection } from "../ssh-connection.ts";
import { judge } from "./evaluate.ts";
import { type Packet, PROTOCOL } from "./packet.ts";
import type { FirewallPolicy } from "./policy.ts";

/** sshd accepts connections as root, and may be older than the classifier. */
const SERVER_UID = 0;

/** The device that a connection arrives by, and whether a router leads back to its client. */
export interface SshRoute {
  readonly device: string;
  readonly byRouter?: boolean;
}

/**
 * The reason for which a policy cuts a connection that arrives by this device, or undefined. It is judged as a new connection,
 * because on physical devices no rule relies on established flows. Pure.
 */
export function whySshIsCut(
  policy: FirewallPolicy,
  connection: SshConnection,
  { device, byRouter = false }: SshRoute,
): string | undefined {
  const { client, clientPort, server, serverPort } = connection;
  const protocol = PROTOCOL.tcp;
  const coming = judge(policy, questionOf(connection, device));
  const going = judge(policy, {
    hook: "output",
    protocol,
    outDevice: device,
    byRouter,
    reply: true,
    uid: SERVER_UID,
    source: server,
    sourcePort: serverPort,
    destination: client,
    destinationPort: clientPort,
  });
  return [coming, going].find(({ verdict }) => verdict === "drop")?.reason;
}

/**
 * The reason for which a policy cuts a connection to an address of this device if its client is answered by another device
 * (S6.8), or undefined. The kernel does not report by which device a connection arrives; the one with the address is assumed. Pure.
 */
export function whySshIsUnheard(
  policy: FirewallPolicy,
  connection: SshConnection,
  { device, answeredBy }: { readonly device: string; readonly answeredBy: string },
): string | undefined {
  const { verdict, reason } = judge(policy, { ...questionOf(connection, device), forged: true });
  if (verdict !== "drop") return undefined;
  const [server, client] = [connection.server, connection.client].map(renderIp);
  return `${reason}: ${server} is on ${device}, by which no default route leads, and ${client} is answered by ${answeredBy}`;
}

function questionOf({ client, clientPort, server, serverPort }: SshConnection, device: string): Packet {
  return {
    hook: "input",
    protocol: PROTOCOL.tcp,
    inDevice: device,
    source: client,
    sourcePort: clientPort,
    destination: server,
    destinationPort: serverPort,
  };
}
