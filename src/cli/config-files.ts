import { existsSync, readdirSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import { isSavedPlan } from "../app/load/is-saved-plan.ts";
import type { SourceFile } from "../app/load/loaded-config.ts";
import { readRegularFile, unreadable } from "../app/load/read-config-file.ts";
import { installedConfigFile } from "../compose/config-file.ts";
import { AwgError } from "../model/error.ts";
import { CONFIG_IN_FOLDER } from "../model/resources/config-file.ts";
import { listOption, type VerbCall } from "./verb.ts";

const CONFIG_NAME = /^[^.].*\.(ya?ml|json)$/;

/** The same call with these files behind those that -f names. */
export function withConfigFiles(call: VerbCall, paths: readonly string[]): VerbCall {
  if (paths.length === 0) return call;
  return { ...call, args: [], options: { ...call.options, file: [...listOption(call, "file"), ...paths] } };
}

/**
 * Reads what -f names: files, folders (their *.yaml, *.yml and *.json by name), and - for standard input. Without it,
 * the config in the current folder, which a note then names, or that of the host.
 */
export function readConfigFiles(call: VerbCall): readonly SourceFile[] {
  const named = listOption(call, "file");
  const paths = named.length > 0 ? named : [defaultFile(call)];
  return paths.flatMap((path) => (path === "-" ? [{ name: "-", text: call.terminal.readInput() }] : readPath(path)));
}

function defaultFile({ terminal }: VerbCall): string {
  if (existsSync(CONFIG_IN_FOLDER)) {
    terminal.err(`note: the config is ${CONFIG_IN_FOLDER} in this folder`);
    return CONFIG_IN_FOLDER;
  }
  const installed = installedConfigFile();
  if (existsSync(installed)) return installed;
  throw new AwgError("config", `there is no config: neither ${CONFIG_IN_FOLDER} in this folder nor ${installed}`, {
    remedy: "name one with -f, or write one with `awg init`",
  });
}

function readPath(path: string): readonly SourceFile[] {
  const status = statusOf(path);
  if (status === undefined) {
    throw new AwgError("config", `there is no config at ${path}`, { remedy: "check the path" });
  }
  if (!status.isDirectory()) return [refuseSavedPlan(readRegularFile(path))];
  const names = readdirSync(path)
    .filter((name) => CONFIG_NAME.test(name))
    .sort();
  if (names.length === 0) {
    throw new AwgError("config", `the folder ${path} holds no *.yaml, *.yml or *.json`, {
      remedy: "name a file or another folder with -f",
    });
  }
  return names.map((name) => readRegularFile(join(path, name)));
}

function refuseSavedPlan(file: SourceFile): SourceFile {
  if (!isSavedPlan(file.text)) return file;
  throw new AwgError("usage", `${file.name} is a saved plan, not a config`, { remedy: "carry it out with awg apply" });
}

function statusOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw unreadable(path, error);
  }
}
