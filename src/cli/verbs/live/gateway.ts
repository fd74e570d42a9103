import { AwgError } from "../../../model/error.ts";
import { EXIT } from "../../exit-code.ts";
import { hostOptionsOf } from "../../open-host.ts";
import { type RunVerb, textOption } from "../../verb.ts";
import { eventText } from "../system/loop-report.ts";
import { untilStopped } from "./until-stopped.ts";

const LOOPBACK = /^(127\.0\.0\.1|\[::1\]):([0-9]{1,5})$/;

/** `awg gateway`: status, events and metrics on loopback for holders of its token, until SIGTERM. */
export const run: RunVerb = async (call) => {
  const { serveGateway } = await import("../../../compose/api.ts");
  await serveGateway({
    host: hostOptionsOf(call),
    textOf: eventText,
    listen: listenOf(textOption(call, "listen") ?? "127.0.0.1:1777"),
    tokenFile: textOption(call, "tokenFile") ?? "/run/awg-gateway/token",
    signal: untilStopped(),
    onListening: (address) => call.terminal.err(`answering on ${address}`),
  });
  return EXIT.success;
};

/** 0 lets the kernel choose the port. */
function listenOf(text: string): { readonly host: string; readonly port: number } {
  const [, host, port] = LOOPBACK.exec(text) ?? [];
  if (host === undefined || Number(port) > 65_535) {
    throw new AwgError("usage", `--listen ${text} is no loopback address with a port`, {
      remedy: "write 127.0.0.1:1777 or [::1]:1777",
    });
  }
  return { host: host.replaceAll(/[[\]]/g, ""), port: Number(port) };
}
