/** The config that a service reads, and every verb if none is named. */
export const CONFIG_FILES = {
  linux: "/etc/awg/config.yaml",
  darwin: "/etc/awg-split-tunnel/config.yaml",
} as const;

/** The config in the current folder, which a verb of the command line prefers. */
export const CONFIG_IN_FOLDER = "awg.yaml";
