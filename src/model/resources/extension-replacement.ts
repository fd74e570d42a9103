import type { BundledExtension, ExtensionReplacement, SystemExtensionVersion } from "./system-extension.ts";

export interface ReplacementWishes {
  /** Replace it even if it is the same. */
  readonly forceUpdate: boolean;
  /** No user is present to be asked. */
  readonly inBackground: boolean;
}

type StandingExtension = SystemExtensionVersion & Pick<BundledExtension, "bundleIdentifier">;

/**
 * Whether the app's extension replaces one that macOS has. Forced: always. One that awaits approval: if a user is
 * present. Otherwise never. Pure.
 */
export function decideReplacement(
  existing: StandingExtension,
  bundled: BundledExtension,
  { forceUpdate, inBackground }: ReplacementWishes,
): "replace" | "cancel" {
  if (forceUpdate) return "replace";
  if (existing.isAwaitingUserApproval && !inBackground) return "replace";
  const isSame =
    existing.bundleIdentifier === bundled.bundleIdentifier &&
    existing.bundleVersion === bundled.bundleVersion &&
    existing.bundleShortVersion === bundled.bundleShortVersion;
  return isSame ? "cancel" : "replace";
}

/**
 * Whether the app's extension replaces all versions that macOS has; null if one is kept, or disabled by its user;
 * undefined if none exists that is not being removed. Pure.
 */
export function replacementOf(
  versions: readonly SystemExtensionVersion[],
  bundle: string,
  bundled: BundledExtension,
  wishes: ReplacementWishes,
): ExtensionReplacement | null | undefined {
  const standing = versions.filter(({ isUninstalling }) => !isUninstalling);
  if (standing.length === 0) return undefined;
  const isKept = standing.some(
    (version) => decideReplacement({ ...version, bundleIdentifier: bundle }, bundled, wishes) === "cancel",
  );
  if (isKept || (!wishes.forceUpdate && standing.every(({ state }) => state === "disabled"))) return null;
  const [installed, next] = [standing.map(versionText), versionText(bundled)];
  return installed.includes(next)
    ? { field: "/approval", before: "awaited", after: "asked for again" }
    : { field: "/version", before: installed.join(", "), after: next };
}

/** As systemextensionsctl prints it. */
function versionText({ bundleShortVersion, bundleVersion }: Omit<BundledExtension, "bundleIdentifier">): string {
  return `${bundleShortVersion}/${bundleVersion}`;
}
