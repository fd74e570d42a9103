import { z } from "zod";
import { endpoint } from "../field/endpoint.ts";
import { type Fault, fault, leaf, quote, wrongType } from "../field/leaf.ts";
import { HTTP_CONSTRAINTS } from "./constraints.ts";

/** What groupadd(8) allows, and no word that begins like an option. */
const GROUP_NAME = "^[A-Za-z_][A-Za-z0-9_.-]{0,30}\\$?$";

const groupName = leaf({ type: "string", pattern: GROUP_NAME }, (input): string | Fault => {
  if (typeof input !== "string") return wrongType(input, "the name of a group");
  if (new RegExp(GROUP_NAME).test(input)) return input;
  return fault("text-characters", `${quote(input)} is not the name of a Unix group`, "for example netadmin");
});

/** Who may use the API, and where it answers beside its unix socket. */
export const apiSchema = z.strictObject({
  group: groupName
    .describe("Members of this Unix group may use the API's socket, as good as root. Default: awg.")
    .exactOptional(),
  http: endpoint()
    .meta({
      description: "Loopback address and port where viewers read status, events and metrics with a token.",
      ...HTTP_CONSTRAINTS,
    })
    .exactOptional(),
});
