import { deviceOfTunnel } from "../ownership.ts";

/** The tunnel a device belongs to by its name: the inverse of `deviceOfTunnel`; another name stands for itself. */
export function tunnelOfDevice(device: string): string {
  const prefix = deviceOfTunnel("");
  return device.startsWith(prefix) && device.length > prefix.length ? device.slice(prefix.length) : device;
}
