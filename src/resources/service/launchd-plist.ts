import type { ServiceManager } from "../../host/ports/services.ts";
import { AwgError } from "../../model/error.ts";
import { SERVICE_MARK } from "../../model/ownership.ts";
import { LAUNCHD } from "../../model/resources/service.ts";
import { daemonCommand, SMALL_HEAP, withNodeOptions } from "./node-options.ts";

type PlistValue = string | boolean | number | readonly string[] | PlistDict;
interface PlistDict {
  readonly [key: string]: PlistValue;
}

/** The daemon's LaunchDaemon. Pure; launchd.plist(5). */
export function renderDaemonPlist(manager: ServiceManager, notify: boolean): string {
  return launchDaemon(LAUNCHD.daemon, daemonCommand(manager, notify));
}

/** The keeper's LaunchDaemon. Pure. */
export function renderKeeperPlist({ program, runDir }: ServiceManager): string {
  return launchDaemon(LAUNCHD.keeper, [...program, "keeper", "--stay", "--run-dir", runDir]);
}

/**
 * The API's LaunchDaemon, started by the first client of its socket; it ends when no client came for ten minutes. Root
 * alone may connect. Pure.
 */
export function renderApiPlist({ program }: ServiceManager): string {
  return plist({
    Label: LAUNCHD.api,
    ProgramArguments: [...withNodeOptions(program, SMALL_HEAP), "api", "--idle", "10m"],
    Sockets: { [LAUNCHD.apiSocketKey]: { SockPathName: LAUNCHD.apiSocket, SockPathMode: 0o600 } },
    // A running change goes on to its new or old state.
    AbandonProcessGroup: true,
    ...SURROUNDINGS,
  });
}

/** The LaunchAgent of the window: started at login, only in a session with a screen. Pure. */
export function renderGuiPlist(): string {
  return plist({
    Label: LAUNCHD.gui,
    ProgramArguments: [LAUNCHD.window],
    RunAtLoad: true,
    LimitLoadToSessionType: "Aqua",
  });
}

function launchDaemon(label: string, words: readonly string[]): string {
  return plist({
    Label: label,
    ProgramArguments: words,
    RunAtLoad: true,
    KeepAlive: true,
    ...SURROUNDINGS,
  });
}

const SURROUNDINGS: PlistDict = {
  // Without it macOS throttles background processes, packets included.
  ProcessType: "Interactive",
  Umask: 0o077,
  SoftResourceLimits: { Core: 0 },
  HardResourceLimits: { Core: 0 },
  StandardOutPath: LAUNCHD.log,
  StandardErrorPath: LAUNCHD.log,
};

function plist(root: PlistDict): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<!-- ${SERVICE_MARK} -->
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
${element(root, "")}
</plist>
`;
}

function element(value: PlistValue, indent: string): string {
  if (typeof value === "string") return `${indent}<string>${escapeXml(value)}</string>`;
  if (typeof value === "boolean") return `${indent}<${value}/>`;
  if (typeof value === "number") return `${indent}<integer>${value}</integer>`;
  if (isList(value)) {
    return [`${indent}<array>`, ...value.map((one) => element(one, `${indent}\t`)), `${indent}</array>`].join("\n");
  }
  const pairs = Object.entries(value).flatMap(([key, inner]) => [
    `${indent}\t<key>${escapeXml(key)}</key>`,
    element(inner, `${indent}\t`),
  ]);
  return [`${indent}<dict>`, ...pairs, `${indent}</dict>`].join("\n");
}

function isList(value: readonly string[] | PlistDict): value is readonly string[] {
  return Array.isArray(value);
}

/** XML 1.0 section 2.2 allows no other control characters, and section 2.11 turns a bare return into a new line. */
function escapeXml(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what cannot be written.
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(text)) {
    throw new AwgError("unsupported", "a path of awg contains a control character, which a plist cannot hold", {
      remedy: "install awg under another path",
    });
  }
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("\r", "&#13;");
}
