import { readFileSync, readlinkSync } from "node:fs";
import type { StateIdentity } from "./envelope.ts";

/** Which boot and which network namespace this process runs in; "unknown" where the system does not tell. */
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
