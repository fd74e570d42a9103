import { deviceOfTunnel } from "../ownership.ts";

/** The tunnel of a device by its name: the inverse of `deviceOfTunnel`; any other name is returned as it is. */
export function tunnelOfDevice(device: string): string {
  const prefix = deviceOfTunnel("");
  return device.startsWith(prefix) && device.length > prefix.length ? device.slice(prefix.length) : device;
}

/** The number of a macOS utun, "utun7" → 7; undefined for every other name. */
export function utunUnit(device: string): number | undefined {
  return /^utun(?:0|[1-9][0-9]{0,4})$/.test(device) ? Number(device.slice("utun".length)) : undefined;
}

/**
 * Whether a text is valid as a network interface everywhere: 1 to 15 bytes of what wg-quick accepts
 * (`[a-zA-Z0-9_=+.-]`), and no first character with a meaning on a command line or in a path.
 */
export function isDeviceName(text: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_=+.-]{0,14}$/.test(text);
}
