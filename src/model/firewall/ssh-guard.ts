import type { SshConnection } from "../ssh-connection.ts";
import { judge } from "./evaluate.ts";
import { PROTOCOL } from "./packet.ts";
import type { FirewallPolicy } from "./policy.ts";

/**
 * Why a policy would cut a connection that comes in by this device; undefined when it would not. Judged as a new one, since
 * nothing on a physical link relies on established flows. Pure.
 */
export function whySshIsCut(policy: FirewallPolicy, connection: SshConnection, device: string): string | undefined {
  const { client, clientPort, server, serverPort } = connection;
  const protocol = PROTOCOL.tcp;
  const coming = judge(policy, {
    hook: "input",
    protocol,
    inDevice: device,
    source: client,
    sourcePort: clientPort,
    destination: server,
    destinationPort: serverPort,
  });
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
