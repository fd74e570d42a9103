import type { SystemExtensionState, SystemExtensionVersion } from "../../../model/resources/system-extension.ts";

/** One line of `systemextensionsctl list`. */
export interface ListedExtension extends SystemExtensionVersion {
  readonly bundleIdentifier: string;
  readonly teamIdentifier: string;
}

/**
 * Parses `systemextensionsctl list`. Headers differ between versions of macOS; lines of extensions have six
 * tab-separated fields: enabled, active, team, `bundle (short version/version)`, name, `[state]`. Other lines are
 * skipped. Pure.
 */
export function parseExtensionList(text: string): readonly ListedExtension[] {
  return text.split("\n").flatMap((line) => {
    const [, , team = "", bundle = "", , state = ""] = line.split("\t");
    const [, bundleIdentifier, short, version] = /^(\S+) \(([^/()]*)\/([^()]*)\)$/.exec(bundle.trim()) ?? [];
    const [, words] = /^\[(.+)\]$/.exec(state.trim()) ?? [];
    if (bundleIdentifier === undefined || words === undefined) return [];
    const known = stateOf(words);
    return [
      {
        bundleIdentifier,
        teamIdentifier: team.trim(),
        bundleVersion: version ?? "",
        bundleShortVersion: short ?? "",
        isAwaitingUserApproval: known === "awaiting-approval",
        isUninstalling: known === "uninstalling",
        state: known,
      },
    ];
  });
}

/** The state of a bundle with possibly several listed versions: the most useful one. Pure. */
export function stateOfBundle(versions: readonly SystemExtensionVersion[]): SystemExtensionState {
  return BEST_FIRST.find((state) => versions.some((version) => version.state === state)) ?? "not-installed";
}

const BEST_FIRST: readonly SystemExtensionState[] = [
  "enabled",
  "awaiting-approval",
  "after-reboot",
  "disabled",
  "uninstalling",
  "unknown",
];

function stateOf(words: string): SystemExtensionState {
  if (words === "activated enabled") return "enabled";
  if (words === "activated waiting for user") return "awaiting-approval";
  if (words === "activated disabled" || /^terminat(ed|ing)[ _]for[ _]disable$/.test(words)) return "disabled";
  if (words.startsWith("terminat")) return "uninstalling";
  return words.includes("reboot") ? "after-reboot" : "unknown";
}
