import { existsSync } from "node:fs";
import type { Config } from "../../config/config.ts";
import { renderBootTable } from "../../host/linux/nft/render/boot-table.ts";
import type { Host } from "../../host/ports/host.ts";
import type { BesideTunnels } from "../../resources/expand/expansion.ts";
import { wantedServices } from "../../resources/service/wanted-services.ts";
import { wantedExtension } from "../../resources/system-extension/wanted-extension.ts";
import { refuseHiddenProgram } from "./machine-steps.ts";

/** The boot unit runs nft from this path. */
const NFT = "/usr/sbin/nft";

/**
 * The services and system extensions of a config on this host. Reads only.
 *
 * @throws AwgError unsupported if services could not see this program
 */
export async function besideTunnels(
  { services, systemExtensions, name }: Host,
  config: Config,
): Promise<BesideTunnels> {
  const manager = (await services?.readManager()) ?? { kind: "none" as const, reason: "this host has none" };
  if (config.service?.install === true && manager.kind !== "none") refuseHiddenProgram(manager);
  const hasNft = name !== "linux" || existsSync(NFT);
  const wanted = wantedServices(config, manager, hasNft ? renderBootTable() : undefined);
  const missing = systemExtensions === undefined ? "only macOS has them" : await systemExtensions.readSupport();
  const extension = wantedExtension(config, missing);
  return {
    resources: [...wanted.resources, ...extension.resources],
    notes: [...wanted.notes, ...extension.notes],
    unsupported: [...wanted.unsupported, ...extension.unsupported],
  };
}
