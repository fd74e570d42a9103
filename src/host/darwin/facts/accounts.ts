import type { EngineUser } from "../../../model/keeper-protocol.ts";
import { DARWIN_SERVICE_USER } from "../../../model/ownership.ts";
import type { RunCommand } from "../command.ts";

const ID = "/usr/bin/id";

/** The uid of an account by its name, as Open Directory has it; undefined where there is none of that name. */
export async function uidOf(run: RunCommand, name: string): Promise<number | undefined> {
  return numberOf(run, "-u", name);
}

/** Who the engines' sockets belong to: `_awg` where it exists, else root. */
export async function serviceUser(run: RunCommand): Promise<EngineUser> {
  const [uid, gid] = [await numberOf(run, "-u", DARWIN_SERVICE_USER), await numberOf(run, "-g", DARWIN_SERVICE_USER)];
  return uid === undefined || gid === undefined ? { uid: 0, gid: 0 } : { uid, gid };
}

async function numberOf(run: RunCommand, flag: "-u" | "-g", name: string): Promise<number | undefined> {
  if (!/^[A-Za-z0-9_][A-Za-z0-9_. -]*$/.test(name)) return undefined;
  const { status, stdout } = await run({ path: ID, args: [flag, name] });
  const text = stdout.trim();
  return status === 0 && /^[0-9]{1,10}$/.test(text) ? Number(text) : undefined;
}
