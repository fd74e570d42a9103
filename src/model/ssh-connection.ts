import { type IpAddress, parseIp } from "./ip.ts";

/** One SSH connection to this host. */
export interface SshConnection {
  readonly client: IpAddress;
  readonly clientPort: number;
  readonly server: IpAddress;
  readonly serverPort: number;
}

/** Reads SSH_CONNECTION (sshd(8)): "client port server port"; undefined when it is none. Pure. */
export function parseSshConnection(text: string): SshConnection | undefined {
  const [first = "", clientPort, second = "", serverPort, ...more] = text.trim().split(/\s+/);
  const [client, server] = [addressOf(first), addressOf(second)];
  if (client === undefined || server === undefined || !isPort(clientPort) || !isPort(serverPort)) return undefined;
  return more.length > 0
    ? undefined
    : { client, clientPort: Number(clientPort), server, serverPort: Number(serverPort) };
}

/** sshd writes mapped IPv4 addresses as such on a dual-stack socket, and link-local ones with their zone. */
function addressOf(text: string): IpAddress | undefined {
  return parseIp(text.replace(/%.*$/, "").replace(/^::ffff:(?=[0-9.]+$)/i, ""));
}

function isPort(text: string | undefined): boolean {
  return text !== undefined && /^[1-9][0-9]{0,4}$/.test(text) && Number(text) <= 0xffff;
}
