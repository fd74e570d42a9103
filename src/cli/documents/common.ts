import { z } from "zod";

/** A list that its reader does not change. */
export function list<T extends z.ZodType>(item: T) {
  return z.array(item).readonly();
}

export const formatVersion = z
  .literal("1")
  .describe("Version of the document's form. A later minor version of awg only adds fields.");

export const time = z.iso.datetime();

export const resourceKind = z.enum([
  "link",
  "tunnel",
  "proxy",
  "routes",
  "firewall",
  "classifier",
  "sysctl",
  "resolver",
  "service",
  "autostart",
  "system-extension",
]);

export const resourceKey = z
  .templateLiteral([resourceKind, "/", z.string()])
  .describe("Kind and name of a resource: routes/office.");

export const enforcement = z
  .enum(["enforced", "best-effort", "advisory", "unsupported"])
  .describe("How well this host keeps the promise, best first.");

export const fieldChange = z
  .object({
    field: z.string().describe("JSON pointer into the resource's spec. Empty: the whole spec."),
    before: z.unknown().exactOptional().describe("The value found. Absent for secrets and where there was none."),
    after: z.unknown().exactOptional().describe("The value wanted. Absent for secrets and where there will be none."),
    secret: z.boolean().exactOptional().describe("The field is a secret. Its values are never given."),
    added: z.int().nonnegative().exactOptional().describe("Number of members that a set gains."),
    removed: z.int().nonnegative().exactOptional().describe("Number of members that a set loses."),
    drift: z.literal(true).exactOptional().describe("The field changed outside awg since the last accepted state."),
    interruption: z
      .string()
      .exactOptional()
      .describe("The flows that the change interrupts. For people; the words may change."),
  })
  .meta({ id: "FieldChange", description: "One field that differs." });

export const action = z
  .enum(["create", "update", "delete", "replace", "adopt", "forget"])
  .describe("adopt takes over what is already right. forget drops awg's claim and changes nothing.");

export const note = z
  .object({
    path: z.string().describe("Place in the config, or key of a resource."),
    message: z.string(),
    enforcement: enforcement.exactOptional(),
    isWarning: z.literal(true).exactOptional().describe("Something stops working, or a change has not ended."),
  })
  .meta({ id: "Note", description: "Something to know that no step is made of." });

export const facts = z
  .record(z.string(), z.union([z.string(), z.number(), z.boolean(), list(z.string())]))
  .describe("Facts about the error, for programs. Never a secret.");

const OPEN_WHY = [
  "awaiting-confirmation",
  "under-way",
  "unwritten",
  "not-confirmed",
  "rollback-failed",
  "cut-short",
] as const;

export const openChange = z
  .object({
    verb: z.enum(["apply", "destroy"]).describe("A rollback is an apply."),
    why: z.enum(OPEN_WHY).describe("Why the change has not ended."),
  })
  .meta({ id: "OpenChange", description: "A change that has begun and has not ended." });
