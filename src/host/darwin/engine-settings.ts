import type { Family } from "../../model/ip.ts";
import type { LibSystem } from "../../native/darwin/libsystem.ts";
import { uplinksOf } from "./facts/uplinks.ts";
import { readInterfaces } from "./links/interfaces.ts";
import { dumpRoutes } from "./routes/route-socket.ts";

const USUAL_MTU = 1420;

/** The interface to which an engine binds its sockets of one family. */
interface Uplink {
  readonly index: number;
  readonly mtuBytes: number;
}

/** What an engine needs of the host that UAPI does not carry. */
interface EngineSettings {
  readonly mtuBytes: number;
  readonly boundTo: { readonly four?: Uplink; readonly six?: Uplink };
}

/**
 * The utun's mtu, and the physical interface of each family's default route. The tunnel's sockets are bound to it, so
 * that their packets never enter a tunnel. A family without a default route is bound to none.
 */
export function readEngineSettings(system: LibSystem, device: string): EngineSettings {
  const interfaces = readInterfaces(system);
  const uplinks = uplinksOf(dumpRoutes(system), new Map(interfaces.map(({ index, name }) => [index, name])));
  const boundOf = (family: Family): Uplink | undefined => {
    const uplink = uplinks.find((one) => one.family === family);
    const found = interfaces.find(({ name }) => name === uplink?.device);
    return found === undefined ? undefined : { index: found.index, mtuBytes: found.mtuBytes };
  };
  const [four, six] = [boundOf(4), boundOf(6)];
  return {
    mtuBytes: interfaces.find(({ name }) => name === device)?.mtuBytes ?? USUAL_MTU,
    boundTo: { ...(four === undefined ? {} : { four }), ...(six === undefined ? {} : { six }) },
  };
}
