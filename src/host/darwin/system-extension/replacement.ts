import type { SystemExtensionVersion } from "../../../model/spec/system-extension.ts";

/** What names a version of an extension. */
export interface BundledExtension {
  readonly bundleIdentifier: string;
  readonly bundleVersion: string;
  readonly bundleShortVersion: string;
}

export interface ReplacementWishes {
  /** Replace although it is the same. */
  readonly forceUpdate: boolean;
  /** Nobody sits there to be asked. */
  readonly inBackground: boolean;
}

/**
 * Whether the extension that an app carries takes the place of one that macOS holds: forced always; one that waits for its
 * user, when there is a user; never by itself. Pure.
 */
export function decideReplacement(
  existing: SystemExtensionVersion & Pick<BundledExtension, "bundleIdentifier">,
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
