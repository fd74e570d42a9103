import { LOG_COMPONENTS, LOG_LEVELS } from "../../../api/daemon-lines.ts";
import { AwgError } from "../../../model/error.ts";
import { EXIT } from "../../exit-code.ts";
import { hostOptionsOf } from "../../open-host.ts";
import { type RunVerb, textOption } from "../../verb.ts";

/** `awg log level LEVEL`: what the running daemon writes to its log from now on. */
export const run: RunVerb = async (call) => {
  const [word, name] = call.args;
  const level = LOG_LEVELS.find((one) => one === name);
  const asked = textOption(call, "component");
  const component = LOG_COMPONENTS.find((one) => one.toLowerCase() === asked?.toLowerCase());
  if (word !== "level" || level === undefined || call.args.length > 2) {
    const unknown = word === "level" ? (level === undefined ? name : call.args[2]) : word;
    throw new AwgError("usage", unknown === undefined ? "no level is given" : `unknown argument "${unknown}"`, {
      remedy: `use awg log level ${LOG_LEVELS.join(", ").replace(/, (\w+)$/, " or $1")}`,
    });
  }
  if (asked !== undefined && component === undefined) {
    throw new AwgError("usage", `there is no component "${asked}"`, { remedy: `one of ${LOG_COMPONENTS.join(", ")}` });
  }
  const { askDaemonOf } = await import("../../../compose/ask-daemon.ts");
  const question = { id: 1, ask: "log-level", level, ...(component === undefined ? {} : { component }) } as const;
  for await (const line of askDaemonOf(hostOptionsOf(call), question)) {
    if ("error" in line) throw new AwgError("permission", line.error);
    if ("answer" in line) break;
  }
  const source = component === undefined ? "The daemon" : `[${component}] of the daemon`;
  call.terminal.out(`${source} logs ${level === "debug" ? "everything" : `${level} and worse`} until it ends.`);
  return EXIT.success;
};
