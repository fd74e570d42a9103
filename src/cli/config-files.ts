import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { SourceFile } from "../compose/session.ts";
import { AwgError } from "../model/error.ts";
import { listOption, type VerbCall } from "./verb.ts";

const DEFAULT_CONFIG = "/etc/awg/config.yaml";
const MAX_FILE_BYTES = 1024 * 1024;
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
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined) {
    throw new AwgError("config", `there is no config at ${path}`, {
      remedy: isDefault ? "name one with -f, or write one with `awg init`" : "check the path given with -f",
    });
  }
  if (!status.isDirectory()) return [readConfigFile(path)];
  const names = readdirSync(path)
    .filter((name) => CONFIG_NAME.test(name))
    .sort();
  if (names.length === 0) {
    throw new AwgError("config", `the folder ${path} holds no *.yaml, *.yml or *.json`, {
      remedy: "name a file or another folder with -f",
    });
  }
  return names.map((name) => readConfigFile(join(path, name)));
}

/** Opens once and checks what was opened: a regular file of bounded size, never a device or a pipe that blocks. */
export function readConfigFile(path: string): SourceFile {
  const descriptor = openForReading(path);
  try {
    const status = fstatSync(descriptor);
    if (!status.isFile())
      throw new AwgError("config", `${path} is not a regular file`, { remedy: "use - to read standard input" });
    if (status.size > MAX_FILE_BYTES) {
      throw new AwgError(
        "config",
        `${path} is ${status.size} bytes, more than the ${MAX_FILE_BYTES} a config may have`,
        {
          remedy: "split it with include, or check that it is a config at all",
        },
      );
    }
    return { name: path, text: readFileSync(descriptor, "utf8"), mode: status.mode & 0o7777 };
  } finally {
    closeSync(descriptor);
  }
}

function openForReading(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const denied = code === "EACCES" || code === "EPERM";
    throw new AwgError(denied ? "permission" : "config", `cannot read ${path} (${code})`, {
      cause: error,
      remedy: denied ? "run as root, or make the file readable" : "check the path",
    });
  }
}
