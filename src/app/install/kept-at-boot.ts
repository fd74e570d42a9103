import type { HostParts } from "../parts.ts";
import { readServices } from "./service-control.ts";

/** Whether awg restores the accepted state at the next boot; undefined where no service manager could do it. */
export async function isKeptAtBoot(parts: HostParts): Promise<boolean | undefined> {
  try {
    const services = await readServices(parts);
    return services.some(({ autostart }) => autostart?.enabled === true);
  } catch {
    return undefined;
  }
}
