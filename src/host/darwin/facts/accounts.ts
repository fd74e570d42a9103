import type { EngineUser } from "../../../model/keeper-protocol.ts";
import type { RunCommand } from "../command.ts";

const ID = "/usr/bin/id";

/** The uid of an account by its name, as Open Directory has it; undefined where there is none of that name. */
export async function uidOf(run: RunCommand, name: string): Promise<number | undefined> {
  if (!/^[A-Za-z0-9_][A-Za-z0-9_. -]*$/.test(name)) return undefined;
  const { status, stdout } = await run({ path: ID, args: ["-u", name] });
  const text = stdout.trim();
  return status === 0 && /^[0-9]{1,10}$/.test(text) ? Number(text) : undefined;
}

/**
 * Who the engines' sockets belong to: root. An engine sets its utun's mtu as it starts and makes its UAPI socket in a folder
 * of root's (wireguard-go tun/tun_darwin.go, ipc/uapi_bsd.go), so that it cannot run as another user.
 */
export const ENGINE_ACCOUNT: EngineUser = { uid: 0, gid: 0 };
