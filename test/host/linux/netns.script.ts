import { readFileSync } from "node:fs";
import { runInNamespace } from "../../../src/host/linux/netns.ts";
import { messageOf } from "../../../src/model/error.ts";

/** Runs a command inside a namespace and ends as it ended; an error is written to stderr and is 99. */
const { name, command } = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")) as {
  name: string;
  command: string[];
};
try {
  process.exitCode = await runInNamespace({ name, command, environment: process.env });
} catch (error) {
  process.stderr.write(messageOf(error));
  process.exitCode = 99;
}
