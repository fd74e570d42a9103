import type { BundledExtension, ExtensionReplacement, SystemExtensionVersion } from "./system-extension.ts";

export interface ReplacementWishes {
  /** Replace although it is the same. */
  readonly forceUpdate: boolean;
  /** Nobody sits there to be asked. */
  readonly inBackground: boolean;
}

type StandingExtension = SystemExtensionVersion & Pick<BundledExtension, "bundleIdentifier">;

/**
 * Whether the extension that an app carries takes the place of one that macOS holds: forced always; one that waits for its
 * user, when there is a user; never by itself. Pure.
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
 * Whether what the app carries is to take the place of all that macOS holds of it; null where one of them is kept, or its user
 * switched it off, undefined where nothing stands that is not on its way out. Pure.
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
  const [stands, comes] = [standing.map(versionText), versionText(bundled)];
  return stands.includes(comes)
    ? { field: "/approval", before: "awaited", after: "asked for again" }
    : { field: "/version", before: stands.join(", "), after: comes };
}

/** As systemextensionsctl writes it. */
function versionText({ bundleShortVersion, bundleVersion }: Omit<BundledExtension, "bundleIdentifier">): string {
  return `${bundleShortVersion}/${bundleVersion}`;
}
