import type { Config } from "../../config/config.ts";
import type { BesideTunnels } from "../expand/expansion.ts";

/**
 * The system extension that a config asks for. Pure.
 *
 * @param missing why this host cannot have one; undefined if it can
 */
export function wantedExtension({ systemExtension }: Config, missing: string | undefined): BesideTunnels {
  if (systemExtension === undefined) return { resources: [], notes: [], unsupported: [] };
  const { bundle, state } = systemExtension;
  if (missing !== undefined) {
    const unsupported = [{ path: "systemExtension", message: missing }];
    return { resources: [], notes: [], unsupported };
  }
  const key = `system-extension/${bundle}` as const;
  return { resources: [{ kind: "system-extension", key, spec: { bundle, state } }], notes: [], unsupported: [] };
}
