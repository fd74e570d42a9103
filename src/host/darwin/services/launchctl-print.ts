/** A job as `launchctl print` reports it. */
export interface JobState {
  readonly running: boolean;
  readonly pid: number | undefined;
  readonly lastExit: string | undefined;
  /** The command line it was loaded with; undefined when not printed. */
  readonly words: readonly string[] | undefined;
}

/**
 * Parses `launchctl print TARGET`. The text has no stable format: only lines one tab deep are read, and its arguments
 * one deeper; missing fields are undefined. Pure.
 */
export function parseJobState(text: string): JobState {
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, name, value] = /^\t([a-z ]+) = (.*)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined && !values.has(name)) values.set(name, value);
  }
  const pid = Number(values.get("pid"));
  const signal = values.get("last terminating signal");
  const code = /^(\d+)/.exec(values.get("last exit code") ?? "")?.[1];
  return {
    running: values.get("state") === "running",
    pid: Number.isSafeInteger(pid) && pid > 0 ? pid : undefined,
    lastExit: signal !== undefined ? `signal ${signal}` : code === undefined ? undefined : `exit code ${code}`,
    words: /^\targuments = \{\n((?:\t\t.*\n)*)\t\}$/m
      .exec(text)?.[1]
      ?.split("\n")
      .slice(0, -1)
      .map((line) => line.slice(2)),
  };
}

/**
 * Whether `launchctl print-disabled DOMAIN` lists a label as disabled: `"label" => disabled`, before macOS 13 `=>
 * true`. Pure.
 */
export function isDisabled(text: string, label: string): boolean {
  return text.split("\n").some((line) => {
    const [, name, state] = /^\s*"([^"]+)" => (\w+)/.exec(line) ?? [];
    return name === label && (state === "disabled" || state === "true");
  });
}
