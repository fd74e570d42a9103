/**
 * Who holds the descriptors of utun interfaces: a process that outlives ours, since an interface goes with its
 * descriptor. By it alone awg knows which interfaces are its own; macOS keeps no mark on one.
 */
export interface UtunHolder {
  /** The interface of each device held, "awg-office" → "utun7"; empty when no holder runs. Reads only. */
  held(): Promise<ReadonlyMap<string, string>>;
  /** Those of the devices held whose interface was asked for by its number. */
  stated(): Promise<ReadonlySet<string>>;
  /**
   * Makes the interface of a device unless it is held already; gives its name. Starts the holder where none runs.
   *
   * @param unit the number that it is to have; the first free one when left out
   * @throws AwgError("conflict") when another program has the interface of that number.
   */
  hold(device: string, unit?: number): Promise<string>;
  /** Lets go of the device: its interface vanishes with its addresses and routes. One not held is success. */
  release(device: string): Promise<void>;
}

/** An interface's name as awg has it: the device of the tunnel that holds it, else its own. */
export function deviceOfInterface(held: ReadonlyMap<string, string>, interfaceName: string): string {
  for (const [device, name] of held) if (name === interfaceName) return device;
  return interfaceName;
}
