import { showDevice } from "../../../model/wg-tool/show-device.ts";
import { showField } from "../../../model/wg-tool/show-field.ts";
import { asWgTool, words } from "./wg-tool.ts";

/** `awg show [<interface> | all | interfaces] [field]`: what the engines say, as `wg show` prints it. */
export const run = asWgTool(async (call) => {
  const [which = "all", field] = words(call, "show { <interface> | all | interfaces } [field]", 0, 2);
  const { readTunnel, tunnelNames } = await import("../../../compose/wg-tool/tunnel-sockets.ts");
  if (which === "interfaces") {
    call.terminal.out(tunnelNames().join(" "));
    return;
  }
  const devices = which === "all" ? tunnelNames().map(readTunnel) : [readTunnel(which)];
  if (field !== undefined) {
    const lines = devices.flatMap((device) => showField(device, field, which === "all"));
    if (lines.length > 0) call.terminal.out(lines.join("\n"));
    return;
  }
  const showsKeys = call.environment["WG_HIDE_KEYS"] === "never";
  const now = Math.floor(Date.now() / 1000);
  if (devices.length > 0) call.terminal.out(devices.map((device) => showDevice(device, now, showsKeys)).join("\n\n"));
});
