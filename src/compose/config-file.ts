import { CONFIG_FILES } from "../model/resources/config-file.ts";

/** The config that the daemon and the verbs read on this system if none is named. */
export function installedConfigFile(): string {
  return CONFIG_FILES[process.platform === "darwin" ? "darwin" : "linux"];
}
