// What `awg engine` is on a Mac, with the C library of this Linux beneath; the keeper of the test starts it.
import { runEngine } from "../../../src/dataplane/run-engine.ts";
import { linuxBeneath } from "../../dataplane/darwin/linux-beneath.ts";
import { WORKER } from "../../dataplane/darwin/utun-pair.ts";

const [path = "", device = ""] = process.argv.slice(2);
const reason = await runEngine({
  device,
  tunFd: 3,
  uapi: { path },
  hostSettings: () => ({ mtuBytes: 1420 }),
  lookMs: 50,
  program: WORKER,
  system: linuxBeneath().packets,
  report: (line) => process.stderr.write(`${line}\n`),
});
process.stderr.write(`${reason}\n`);
process.exit(1);
