import { parseSetArguments } from "../../../interchange/wg-tool/set-arguments.ts";
import { asWgTool, readText, socketPlaces, words } from "./wg-tool.ts";

/** `awg set <interface> …`: changes what is named and leaves the rest. */
export const run = asWgTool(async (call) => {
  const [name = "", ...rest] = words(call, "set <interface> <what> <value> …", 2, Number.POSITIVE_INFINITY);
  const change = parseSetArguments(rest, (path) => readText(call, path));
  const { changeTunnel } = await import("../../../app/wg-tool/tunnel-sockets.ts");
  await changeTunnel(await socketPlaces(call), name, change);
});
