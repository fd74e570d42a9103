import type { Command, CommandResult } from "../../../../../src/host/darwin/command.ts";
import { UnfaithfulCall } from "../accepted.ts";

/** States as `systemextensionsctl list` prints them. */
type ListedState = "activated waiting for user" | "activated enabled" | "activated disabled";

/** The system extensions of a Mac: what is installed by bundle, and what their user said. */
export class FakeExtensions {
  readonly installed = new Map<string, ListedState>();

  /** Who sits at the screen allows it in System Settings. */
  approve(bundle: string): void {
    if (this.installed.has(bundle)) this.installed.set(bundle, "activated enabled");
  }
}

const HEADER = `--- com.apple.system_extension.network_extension (Go to 'System Settings > General > Login Items & Extensions > Network Extensions' to modify these system extension(s))
enabled\tactive\tteamID\tbundleID (version)\tname\t[state]
`;

/** /usr/bin/systemextensionsctl: the list, which anybody may read; a text constructed from darwin-notes 8. */
export function fakeExtensionList({ installed }: FakeExtensions, { args }: Command): CommandResult {
  if (args.join(" ") !== "list") throw new UnfaithfulCall("systemextensionsctl", args.join(" "));
  const rows = [...installed].map(([bundle, state]) => {
    const star = state === "activated enabled" ? "*" : "";
    return `${star}\t${star}\tABCDE12345\t${bundle} (1.2/34)\tExample\t[${state}]\n`;
  });
  return said(`${installed.size} extension(s)\n${HEADER}${rows.join("")}`);
}

/** The helper of the app that carries an extension, by the protocol of docs/resources/system-extension.md. */
export function fakeExtensionHelper(
  { installed }: FakeExtensions,
  { args, input = "" }: Command,
  isRoot: boolean,
): CommandResult {
  if (args.length > 0 || !input.endsWith("\n")) throw new UnfaithfulCall("extension helper", args.join(" "));
  const { request, bundle } = JSON.parse(input) as { readonly request: string; readonly bundle: string };
  if (request === "describe") {
    return event({ event: "bundled", bundleIdentifier: bundle, bundleVersion: "34", bundleShortVersion: "1.2" });
  }
  if (request !== "activate" && request !== "deactivate") throw new UnfaithfulCall("extension helper", request);
  // OSSystemExtensionErrorAuthorizationRequired: nobody gave an administrator's password.
  if (!isRoot) return event({ event: "failed", code: "authorizationRequired", message: "" });
  if (request === "deactivate") {
    installed.delete(bundle);
    return event({ event: "completed" });
  }
  if (installed.get(bundle) === "activated enabled") return event({ event: "completed" });
  installed.set(bundle, "activated waiting for user");
  return event({ event: "needsUserApproval" });
}

function event(what: object): CommandResult {
  return said(`${JSON.stringify(what)}\n`);
}

function said(stdout: string): CommandResult {
  return { status: 0, stdout, stderr: "" };
}
