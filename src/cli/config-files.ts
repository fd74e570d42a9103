import { readdirSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import type { SourceFile } from "../app/load/loaded-config.ts";
import { readRegularFile, unreadable } from "../app/load/read-config-file.ts";
import { AwgError } from "../model/error.ts";
import { listOption, type VerbCall } from "./verb.ts";

const DEFAULT_CONFIG = "/etc/awg/config.yaml";
const CONFIG_NAME = /^[^.].*\.(ya?ml|json)$/;

/** Reads what -f names: files, folders (their *.yaml, *.yml and *.json by name), and - for standard input. */
export function readConfigFiles(call: VerbCall): readonly SourceFile[] {
  const named = listOption(call, "file");
  const paths = named.length > 0 ? named : [DEFAULT_CONFIG];
  return paths.flatMap((path) =>
    path === "-" ? [{ name: "-", text: call.terminal.readInput() }] : readPath(path, named.length === 0),
  );
}

function readPath(path: string, isDefault: boolean): readonly SourceFile[] {
  const status = statusOf(path);
  if (status === undefined) {
    throw new AwgError("config", `there is no config at ${path}`, {
      remedy: isDefault ? "name one with -f, or write one with `awg init`" : "check the path given with -f",
    });
  }
  if (!status.isDirectory()) return [readRegularFile(path)];
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

function statusOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw unreadable(path, error);
  }
}
