import type { EnginePort } from "../../host/ports/engines.ts";
import type { Host } from "../../host/ports/host.ts";
import type { TunnelObserved } from "../../model/resources/tunnel.ts";

/** Engines, with their replies to the last joint read. */
export interface EngineMemory extends EnginePort {
  /** Forgets the replies of these engines, or of all. */
  forget(devices?: readonly string[]): void;
  /** Whether the last look at all engines took one for what it had said before. */
  readonly isRemembered: boolean;
  /** The host with these remembered engines, in its looks too. */
  over(host: Host): Host;
}

/**
 * Reads an engine again only if it may have changed: to read sixty processes after each route change would delay that
 * change. The kernel sends no event when another program sets an engine; `forget` at the drift timer finds that. `read`
 * always queries.
 */
export function rememberEngines(engines: EnginePort): EngineMemory {
  let said = new Map<string, TunnelObserved>();
  let isRemembered = false;
  const forget = (devices?: readonly string[]): void => {
    said = new Map(devices === undefined ? [] : [...said].filter(([device]) => !devices.includes(device)));
  };
  const around = async (device: string, act: () => Promise<void> | undefined): Promise<void> => {
    try {
      await act();
    } finally {
      forget([device]);
    }
  };
  const readAll = async (source: EnginePort): Promise<readonly TunnelObserved[]> => {
    const before = said;
    const all = await source.readAll(before);
    isRemembered = all.some(({ device }) => before.has(device));
    // What was forgotten during the read may have been read before it changed.
    if (said === before) said = new Map(all.filter(({ running }) => running).map((engine) => [engine.device, engine]));
    return all;
  };
  const remembering = (source: EnginePort): EnginePort => ({
    ...engines,
    readAll: () => readAll(source),
    ensure: (spec) => around(spec.device, () => engines.ensure(spec)),
    remove: (device) => around(device, () => engines.remove(device)),
    ...(engines.refreshEndpoints === undefined
      ? {}
      : { refreshEndpoints: (device) => around(device, () => engines.refreshEndpoints?.(device)) }),
  });
  const seenBy = (host: Omit<Host, "snapshot">) => ({ ...host, engines: remembering(host.engines) });
  return {
    ...remembering(engines),
    forget,
    get isRemembered() {
      return isRemembered;
    },
    over: ({ snapshot, ...host }) => {
      const looking = snapshot === undefined ? {} : { snapshot: () => seenBy(snapshot()) };
      return { ...seenBy(host), ...looking };
    },
  };
}
