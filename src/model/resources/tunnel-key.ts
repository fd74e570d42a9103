import { deviceOfTunnel } from "../ownership.ts";

/** The tunnel a device belongs to by its name: the inverse of `deviceOfTunnel`; another name stands for itself. */
export function tunnelOfDevice(device: string): string {
  const prefix = deviceOfTunnel("");
  return device.startsWith(prefix) && device.length > prefix.length ? device.slice(prefix.length) : device;
}

/** The number of an interface that is a utun of macOS's, "utun7" → 7; undefined for every other name. */
export function utunUnit(device: string): number | undefined {
  return /^utun(?:0|[1-9][0-9]{0,4})$/.test(device) ? Number(device.slice("utun".length)) : undefined;
}

/**
 * Whether a text can name a network interface everywhere it is written: 1 to 15 bytes of what wg-quick takes
 * (`[a-zA-Z0-9_=+.-]`), beginning with none that a command line, or a folder, could mistake.
 */
export function isDeviceName(text: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_=+.-]{0,14}$/.test(text);
}
