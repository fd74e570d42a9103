import { dirname, join } from "node:path";
import { AwgError } from "../../../model/error.ts";
import { EXIT } from "../../exit-code.ts";
import { hostOptionsOf } from "../../open-host.ts";
import { type RunVerb, textOption } from "../../verb.ts";
import { eventText } from "../system/loop-report.ts";
import { untilStopped } from "./until-stopped.ts";

/** `awg ui`: the dashboard for this user's browser, until Ctrl-C. */
export const run: RunVerb = async (call) => {
  const { serveUi } = await import("../../../compose/api.ts");
  const { terminal } = call;
  await serveUi({
    host: hostOptionsOf(call),
    textOf: eventText,
    port: portOf(textOption(call, "port")),
    files: join(dirname(process.argv[1] ?? "."), process.argv[1]?.endsWith(".ts") === true ? "../../dist/web" : "web"),
    signal: untilStopped(),
    onListening: (address) => {
      terminal.out(address);
      terminal.err("Open this address in your browser within a minute. Ctrl-C ends it.");
    },
  });
  return EXIT.success;
};

function portOf(text: string | undefined): number {
  const port = text === undefined ? 0 : Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new AwgError("usage", `--port ${text} is not a port`, {
    remedy: "write a number up to 65535, or leave it out",
  });
}
