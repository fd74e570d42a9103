import { readFileSync } from "node:fs";

/** Milliseconds since boot, sleep included: /proc/uptime counts CLOCK_BOOTTIME (fs/proc/uptime.c), to 10 ms. */
export function readBootTimeMs(): number {
  return Number.parseFloat(readFileSync("/proc/uptime", "latin1")) * 1000;
}
