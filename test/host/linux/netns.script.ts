import { readFileSync } from "node:fs";
import { becomeInNamespace } from "../../../src/host/linux/netns.ts";
import { messageOf } from "../../../src/model/error.ts";

/** Becomes a command inside a namespace; an error is written to stderr and is 99. */
const { name, command } = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")) as {
  name: string;
  command: string[];
};
try {
  becomeInNamespace({ name, command, environment: process.env });
} catch (error) {
  process.stderr.write(messageOf(error));
  process.exitCode = 99;
}
