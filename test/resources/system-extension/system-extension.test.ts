import { expect, test } from "vitest";
import type { SystemExtensionObserved, SystemExtensionState } from "../../../src/model/resources/system-extension.ts";
import { awaitedStep, diffSystemExtension } from "../../../src/resources/system-extension/system-extension.ts";

const BUNDLE = "com.example.app.System";
const PRESENT = { bundle: BUNDLE, state: "present" } as const;
const SHEET =
  "x-apple.systempreferences:com.apple.ExtensionsPreferences?extensionPointIdentifier=com.apple.system_extension.network_extension.extension-point";

/** Of an app that does not tell what it carries. */
function standing(state: SystemExtensionState): SystemExtensionObserved {
  return { bundle: BUNDLE, state, versions: [] };
}

test.each([
  ["not-installed", true],
  ["awaiting-approval", false],
  ["enabled", false],
  ["disabled", false],
  ["uninstalling", true],
  ["after-reboot", false],
  ["unknown", true],
] as const)("a system extension that is %s is asked for: %s", (state, isAskedFor) => {
  expect(diffSystemExtension(PRESENT, standing(state)).length > 0).toBe(isAskedFor);
});

test.each(["awaiting-approval", "disabled"] as const)(
  "of one that is %s the link opens the sheet where it is allowed",
  (state) => {
    const said = awaitedStep(PRESENT, standing(state));
    expect(said).toContain(`open "${SHEET}"`);
    expect(said).toContain("Login Items & Extensions, Network Extensions (before macOS 15: Privacy & Security)");
  },
);
