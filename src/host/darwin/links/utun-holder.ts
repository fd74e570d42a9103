/**
 * The process that holds the descriptors of utun interfaces, which disappear with their descriptor, so it outlives
 * ours. It alone identifies awg's interfaces; macOS stores no mark on them.
 */
export interface UtunHolder {
  /** The interface of each held device, "awg-office" → "utun7"; empty without a holder. Reads only. */
  held(): Promise<ReadonlyMap<string, string>>;
  /** The held devices with a configured unit. */
  stated(): Promise<ReadonlySet<string>>;
  /**
   * Creates the interface of a device unless it is held, and returns its name. Starts a holder if none runs.
   *
   * @param unit the configured unit; the first free one when absent
   * @throws AwgError("conflict") when another program has the interface of that unit.
   */
  hold(device: string, unit?: number): Promise<string>;
  /** Releases the device: its interface is removed with its addresses and routes. Not held is success. */
  release(device: string): Promise<void>;
}

/** The device name of an interface: that of its tunnel, otherwise the interface's own. */
export function deviceOfInterface(held: ReadonlyMap<string, string>, interfaceName: string): string {
  for (const [device, name] of held) if (name === interfaceName) return device;
  return interfaceName;
}
