import { AwgError } from "../../../model/error.ts";
import type { BundledExtension } from "../../../model/resources/system-extension.ts";
import { printableLine } from "../../../model/text/printable.ts";

/** A request to the helper of the app that contains an extension; one JSON object on a line of its standard input. */
export interface HelperRequest {
  readonly request: "describe" | "activate" | "deactivate";
  readonly bundle: string;
}

/** Error codes of OSSystemExtensionError with a remedy for the user. */
const ACTIONS = {
  requestCanceled: "try again",
  authorizationRequired: "enter an administrator's password when macOS asks for it",
  extensionNotFound: "install the app again",
  extensionMissingIdentifier: "report it to the app's developer",
  unknown: "see the system log: log show --last 5m --predicate 'subsystem == \"com.apple.sx\"'",
} as const;

export type HelperFailure = keyof typeof ACTIONS;

/** Its answers: JSON objects, one per line on standard output; the last known one decides. */
export type HelperAnswer =
  | ({ readonly event: "bundled" } & BundledExtension)
  | { readonly event: "completed" | "willCompleteAfterReboot" | "needsUserApproval" }
  | { readonly event: "failed"; readonly code: HelperFailure; readonly message: string };

const OUTCOMES = ["completed", "willCompleteAfterReboot", "needsUserApproval"] as const;

/** Parses the helper's output. Lines that are not JSON, and unknown events, are skipped. Pure. */
export function parseHelperAnswer(text: string): HelperAnswer | undefined {
  return text.split("\n").flatMap(parseLine).at(-1);
}

/** The error of a failed request, with a remedy. Pure. */
export function helperError(bundle: string, code: HelperFailure, message: string): AwgError {
  const said = message === "" ? "" : `: ${printableLine(message)}`;
  const kind = code === "authorizationRequired" ? "permission" : code === "extensionNotFound" ? "unsupported" : "host";
  return new AwgError(kind, `macOS refused the system extension ${bundle} (${code})${said}`, {
    facts: { code },
    remedy: ACTIONS[code],
  });
}

function parseLine(line: string): HelperAnswer[] {
  const said = parseObject(line);
  const text = (name: string): string => (typeof said[name] === "string" ? said[name] : "");
  const outcome = OUTCOMES.find((event) => event === said["event"]);
  if (outcome !== undefined) return [{ event: outcome }];
  if (said["event"] === "bundled") {
    const [bundleIdentifier, bundleVersion] = [text("bundleIdentifier"), text("bundleVersion")];
    return [{ event: "bundled", bundleIdentifier, bundleVersion, bundleShortVersion: text("bundleShortVersion") }];
  }
  if (said["event"] !== "failed") return [];
  const code = text("code");
  return [{ event: "failed", code: isFailure(code) ? code : "unknown", message: text("message") }];
}

function isFailure(code: string): code is HelperFailure {
  return Object.hasOwn(ACTIONS, code);
}

function parseObject(line: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {};
  }
}
