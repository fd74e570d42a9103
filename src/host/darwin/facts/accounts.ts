import type { EngineUser } from "../../../model/keeper-protocol.ts";
import type { RunCommand } from "../command.ts";

const ID = "/usr/bin/id";

/** The uid of an account from Open Directory; undefined for an unknown name. */
export async function uidOf(run: RunCommand, name: string): Promise<number | undefined> {
  if (!/^[A-Za-z0-9_][A-Za-z0-9_. -]*$/.test(name)) return undefined;
  const { status, stdout } = await run({ path: ID, args: ["-u", name] });
  const text = stdout.trim();
  return status === 0 && /^[0-9]{1,10}$/.test(text) ? Number(text) : undefined;
}

/**
 * The owner of the engines' sockets: root. An engine sets its utun's MTU as it starts and creates its UAPI socket in a
 * folder of root (wireguard-go tun/tun_darwin.go, ipc/uapi_bsd.go), so it cannot run as another user.
 */
export const ENGINE_ACCOUNT: EngineUser = { uid: 0, gid: 0 };
