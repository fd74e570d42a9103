import { fstatSync, readFileSync } from "node:fs";
import { AwgError } from "../model/error.ts";
import { parseRelaySettings } from "../model/relay/relay-settings.ts";
import { writeLog } from "../native/write-log.ts";
import { runRelay } from "./run-relay.ts";

/** The descriptor over which the keeper hands the settings: they contain a password, so neither arguments nor environment. */
const SETTINGS_DESCRIPTOR = 3;
const TITLE = "awg relay";

/**
 * Runs a proxy's relay in this process with the settings from the keeper; ends with the process.
 *
 * @throws AwgError("usage") when this process was not started by a keeper
 */
export async function runRelayProcess(name: string): Promise<never> {
  process.title = `${TITLE} ${name}`;
  return runRelay(parseRelaySettings(readSettings()), (line) => writeLog(`${line}\n`));
}

function readSettings(): string {
  try {
    fstatSync(SETTINGS_DESCRIPTOR);
  } catch {
    throw new AwgError("usage", "awg relay is started by the keeper only, which hands it its settings");
  }
  return readFileSync(SETTINGS_DESCRIPTOR, "utf8");
}
