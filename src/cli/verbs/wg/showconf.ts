import { renderShowConf } from "../../../interchange/wg-tool/shown-device.ts";
import { asWgTool, socketPlaces, words } from "./wg-tool.ts";

/** `awg showconf <interface>`: the configuration that setconf reads, keys and all. */
export const run = asWgTool(async (call) => {
  const [name = ""] = words(call, "showconf <interface>", 1, 1);
  const { readTunnel } = await import("../../../app/wg-tool/tunnel-sockets.ts");
  call.terminal.out(renderShowConf(readTunnel(await socketPlaces(call), name)));
});
