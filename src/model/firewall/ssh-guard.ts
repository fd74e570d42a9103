import { renderIp } from "../ip.ts";
import type { SshConnection } from "../ssh-connection.ts";
import { judge } from "./evaluate.ts";
import { type Packet, PROTOCOL } from "./packet.ts";
import type { FirewallPolicy } from "./policy.ts";

/**
 * Why a policy would cut a connection that comes in by this device; undefined when it would not. Judged as a new one, since
 * nothing on a physical link relies on established flows. Pure.
 */
export function whySshIsCut(policy: FirewallPolicy, connection: SshConnection, device: string): string | undefined {
  const { client, clientPort, server, serverPort } = connection;
  const protocol = PROTOCOL.tcp;
  const coming = judge(policy, questionOf(connection, device));
  const going = judge(policy, {
    hook: "output",
    protocol,
    outDevice: device,
    reply: true,
    source: server,
    sourcePort: serverPort,
    destination: client,
    destinationPort: clientPort,
  });
  return [coming, going].find(({ verdict }) => verdict === "drop")?.reason;
}

/**
 * Why a policy would cut a connection to an address of this device whose client is answered by another one (S6.8); undefined
 * when it would not. By which device the connection comes in nobody tells: the one that has the address is taken for it. Pure.
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
