import { ENGINE_SIGN, protocolOfEngine } from "../../../model/engine-program.ts";
import type { LinkHolder } from "../../../model/resources/link.ts";
import { readTunHolders, type TunHolder } from "../../../native/linux/process/tun-holders.ts";
import type { HostFacts } from "../../ports/facts.ts";
import { processName } from "../processes/process-name.ts";

/** The process that holds a device awg did not make; an engine that could keep running comes first. Reads only. */
export function readLinkHolder(device: string): LinkHolder | undefined {
  const holders = readTunHolders(device);
  const holder = holders.find(isForeignEngine) ?? holders[0];
  if (holder === undefined) return undefined;
  return { program: processName(holder.pid), pid: holder.pid, isEngine: isForeignEngine(holder) };
}

/** The users of the engines that another program started on these devices, adopted or not. */
export function readForeignEngines(devices: readonly string[]): Pick<HostFacts, "foreignEngines"> {
  const found = devices.flatMap((device) => {
    const engine = readTunHolders(device).find(isForeignEngine);
    return engine === undefined ? [] : [[device, { uid: engine.uid }] as const];
  });
  return found.length === 0 ? {} : { foreignEngines: Object.fromEntries(found) };
}

function isForeignEngine({ program, environment }: TunHolder): boolean {
  const isSigned = environment.some((variable) => variable.startsWith(`${ENGINE_SIGN}=`));
  return protocolOfEngine(program) !== undefined && !isSigned;
}
