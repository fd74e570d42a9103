import { readToolConf, replacingAll } from "../../../interchange/wg-tool/conf-change.ts";
import { asWgTool, readText, socketPlaces, words } from "./wg-tool.ts";

/** `awg setconf <interface> <file>`: the device becomes what the conf says. */
export const run = asWgTool(async (call) => {
  const [name = "", file = ""] = words(call, "setconf <interface> <file>", 2, 2);
  const conf = readToolConf(readText(call, file), file);
  const { changeTunnel, readTunnelState } = await import("../../../app/wg-tool/tunnel-sockets.ts");
  const places = await socketPlaces(call);
  await changeTunnel(places, name, replacingAll(conf, readTunnelState(places, name)));
});
