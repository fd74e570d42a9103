import type { RunVerb } from "../../verb.ts";
import { changeTunnels } from "./down.ts";

/** `awg up [TUNNEL]`: brings up what `awg down` took down. */
export const run: RunVerb = (call) => changeTunnels(call, false);
