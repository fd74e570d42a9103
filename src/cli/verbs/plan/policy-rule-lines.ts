import { PATH_NUMBERS, tableOfPath } from "../../../model/ownership.ts";
import type { Step } from "../../../model/plan.ts";
import type { FieldChange, Resource } from "../../../model/resource.ts";
import { renderPolicyRule } from "../../../model/resources/policy-rule.ts";
import type { PolicyRule, RoutesSpec } from "../../../model/resources/routes.ts";

const TABLE_NAMES: Readonly<Record<number, string>> = {
  254: "direct",
  [tableOfPath(PATH_NUMBERS.engine)]: "engine",
};

/** The tunnel of each routing table. */
export type TableNames = ReadonlyMap<number, string>;

/** The tables of all tunnels that a plan has, before and after. */
export function tableNames(
  resources: readonly Resource[],
  steps: readonly (Pick<Step, "key"> & Partial<Pick<Step, "before" | "after">>)[],
): TableNames {
  const specs = [
    ...steps.flatMap(({ key, before = null, after = null }) => [before, after].map((spec) => ({ key, spec }))),
    ...resources,
  ];
  return new Map(
    specs.flatMap(({ key, spec }) =>
      spec !== null && "table" in spec && spec.table !== undefined && key !== "routes/policy"
        ? [[spec.table, key.slice("routes/".length)] as const]
        : [],
    ),
  );
}

type RoutesStep = { readonly before: RoutesSpec | null; readonly after: RoutesSpec | null };

/** The rules that a config change adds and removes: "policy rules: 8 added (6 office, 2 direct), 1 removed (1 office)". */
export function policyRulesText({ before, after }: RoutesStep, tables: TableNames): string {
  const { added, removed } = changedRules(before, after);
  const parts = [
    ...(added.length === 0 ? [] : [`${added.length} added (${countByTunnel(added, tables)})`]),
    ...(removed.length === 0 ? [] : [`${removed.length} removed (${countByTunnel(removed, tables)})`]),
  ];
  return `policy rules: ${parts.join(", ")}`;
}

/** The same, a line a rule, as `ip rule` prints it. */
export function policyRuleLines({ before, after }: RoutesStep): readonly string[] {
  const { added, removed } = changedRules(before, after);
  return [
    ...added.map((rule) => `+ ${renderPolicyRule(rule)}`),
    ...removed.map((rule) => `- ${renderPolicyRule(rule)}`),
  ];
}

/** Whether a change is of policy rules, by a config, and of more than its own members show. */
export function isOfManyRules({ field, drift, added = 0, removed = 0, before, after }: FieldChange): boolean {
  const known = (members: unknown, count: number) => Array.isArray(members) && members.length === count;
  return field === "/rules" && drift !== true && !(known(after, added) && known(before, removed));
}

function changedRules(before: RoutesSpec | null, after: RoutesSpec | null) {
  const [old, now] = [before, after].map(
    (spec) => new Map((spec?.rules ?? []).map((one) => [renderPolicyRule(one), one])),
  );
  const missing = (from: typeof old, other: typeof old) =>
    [...(from ?? [])].filter(([text]) => other?.has(text) !== true).map(([, rule]) => rule);
  return { added: missing(now, old), removed: missing(old, now) };
}

function countByTunnel(rules: readonly PolicyRule[], tables: TableNames): string {
  const counts = new Map<string, number>();
  for (const { table } of rules) {
    const name = tables.get(table) ?? TABLE_NAMES[table] ?? `table ${table}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].map(([name, count]) => `${count} ${name}`).join(", ");
}
