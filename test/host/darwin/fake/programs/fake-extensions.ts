import type { Command, CommandResult } from "../../../../../src/host/darwin/command.ts";
import { UnfaithfulCall } from "../accepted.ts";

/** States as `systemextensionsctl list` prints them. */
type ListedState =
  | "activated waiting for user"
  | "activated enabled"
  | "activated disabled"
  | "terminated waiting to uninstall on reboot";

interface ListedVersion {
  readonly bundle: string;
  /** `short/build`. */
  version: string;
  state: ListedState;
}

/** The system extensions of a Mac: what is listed, what the app carries, and what their user said. */
export class FakeExtensions {
  listed: ListedVersion[] = [];
  /** Of the app's extension, `short/build`. */
  carried = "1.2/34";
  /** What the app's helper was asked, in order. */
  readonly requests: string[] = [];

  /** Who sits at the screen allows it in System Settings. */
  approve(bundle: string): void {
    for (const one of this.listed) if (one.bundle === bundle) one.state = "activated enabled";
  }

  /** The app asks for what it carries. macOS asks its user about the first version; a later one takes over by itself. */
  activate(bundle: string): "completed" | "needsUserApproval" {
    const standing = this.listed.find((one) => one.bundle === bundle && !one.state.startsWith("terminated"));
    if (standing?.state === "activated enabled") {
      if (standing.version === this.carried) return "completed";
      standing.state = "terminated waiting to uninstall on reboot";
      this.listed.push({ bundle, version: this.carried, state: "activated enabled" });
      return "completed";
    }
    this.listed = this.listed.filter((one) => one !== standing);
    this.listed.push({ bundle, version: this.carried, state: "activated waiting for user" });
    return "needsUserApproval";
  }
}

const HEADER = `--- com.apple.system_extension.network_extension (Go to 'System Settings > General > Login Items & Extensions > Network Extensions' to modify these system extension(s))
enabled\tactive\tteamID\tbundleID (version)\tname\t[state]
`;

/** /usr/bin/systemextensionsctl: the list, which anybody may read; a text constructed from darwin-notes 8. */
export function fakeExtensionList({ listed }: FakeExtensions, { args }: Command): CommandResult {
  if (args.join(" ") !== "list") throw new UnfaithfulCall("systemextensionsctl", args.join(" "));
  const rows = listed.map(({ bundle, version, state }) => {
    const star = state === "activated enabled" ? "*" : "";
    return `${star}\t${star}\tABCDE12345\t${bundle} (${version})\tExample\t[${state}]\n`;
  });
  return said(`${listed.length} extension(s)\n${HEADER}${rows.join("")}`);
}

/** The helper of the app that carries an extension, by the protocol of docs/reference/resources/system-extension.md. */
export function fakeExtensionHelper(
  extensions: FakeExtensions,
  { args, input = "" }: Command,
  isRoot: boolean,
): CommandResult {
  if (args.length > 0 || !input.endsWith("\n")) throw new UnfaithfulCall("extension helper", args.join(" "));
  const { request, bundle } = JSON.parse(input) as { readonly request: string; readonly bundle: string };
  extensions.requests.push(request);
  if (request === "describe") {
    const [bundleShortVersion, bundleVersion] = extensions.carried.split("/");
    return event({ event: "bundled", bundleIdentifier: bundle, bundleVersion, bundleShortVersion });
  }
  if (request !== "activate" && request !== "deactivate") throw new UnfaithfulCall("extension helper", request);
  // OSSystemExtensionErrorAuthorizationRequired: nobody gave an administrator's password.
  if (!isRoot) return event({ event: "failed", code: "authorizationRequired", message: "" });
  if (request === "activate") return event({ event: extensions.activate(bundle) });
  extensions.listed = extensions.listed.filter((one) => one.bundle !== bundle);
  return event({ event: "completed" });
}

function event(what: object): CommandResult {
  return said(`${JSON.stringify(what)}\n`);
}

function said(stdout: string): CommandResult {
  return { status: 0, stdout, stderr: "" };
}
