import { readFileSync, readlinkSync } from "node:fs";
import type { StateIdentity } from "./envelope.ts";

/** This process's boot and network namespace; "unknown" where the system does not report them. */
export function readStateIdentity(): StateIdentity {
  return {
    bootId: orUnknown(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()),
    namespace: orUnknown(() => readlinkSync("/proc/self/ns/net")),
  };
}

function orUnknown(read: () => string): string {
  try {
    return read();
  } catch {
    return "unknown";
  }
}
