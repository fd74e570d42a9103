import { isProxySpec } from "../../model/relay/proxy.ts";
import type { ResourceKind } from "../../model/resource.ts";
import { OVERRIDES, STANDBY_MODES } from "../../model/resources/desired-state.ts";
import {
  type Guard,
  isAnything,
  isCount,
  isFlag,
  isListOf,
  isNullOr,
  isObject,
  isOneOf,
  isRecordOf,
  isTagged,
  isText,
} from "./shape.ts";

const isFamily = isOneOf(4, 6);
const isRange = isObject({ from: isCount, to: isCount });
const isTexts = isListOf(isText);
/** The name of a device, or none: at most 15 bytes, as the kernel accepts. */
const isDevice: Guard = (value) => typeof value === "string" && /^[^\s/]{0,15}$/u.test(value);

/** A name that becomes an argument of systemctl or launchctl: never an option, never a path. */
const isServiceName: Guard = (value) => typeof value === "string" && /^[A-Za-z0-9][A-Za-z0-9._@-]{0,154}$/.test(value);

const isFlowMatch = isObject(
  {},
  { destinations: isTexts, protocol: isCount, ports: isListOf(isRange), uids: isListOf(isRange) },
);

const isPath = isTagged("kind", {
  tunnel: isObject(
    { kind: isText, device: isDevice, number: isCount },
    {
      fallback: isOneOf("direct"),
      keepsFlows: isFlag,
      substitutes: isListOf(isObject({ device: isDevice, number: isCount }, { match: isFlowMatch })),
    },
  ),
  direct: isObject({ kind: isText }),
  block: isObject({ kind: isText }),
});

const isSteering = isObject({
  rules: isListOf(
    isObject(
      { origin: isText, match: isFlowMatch, path: isPath },
      { limit: isObject({}, { download: isCount, upload: isCount, priority: isOneOf("high", "low") }) },
    ),
  ),
  default: isPath,
});

const isLayer = isObject(
  {
    killSwitch: isFlag,
    tunnels: isListOf(
      isObject({ device: isDevice, number: isCount, addresses: isTexts, families: isListOf(isFamily) }),
    ),
    flows: isSteering,
    endpoints: isListOf(isObject({ address: isText, protocol: isOneOf(6, 17) }, { port: isCount })),
    listens: isListOf(isObject({ port: isCount })),
    bootstrapDns: isTexts,
    serviceUid: isCount,
    allowLan: isFlag,
    allow: isListOf(
      isObject({ direction: isOneOf("in", "out") }, { protocol: isCount, ports: isListOf(isRange), prefixes: isTexts }),
    ),
    dns: isNullOr(isObject({ leakProtection: isFlag, servers: isTexts, path: isPath, blockEncrypted: isFlag })),
  },
  { adoptedUids: isListOf(isCount), proxies: isListOf(isObject({ number: isCount, udp: isFlag })) },
);

/** Deeper conditions are refused by the classifier. */
const DEEPEST_CONDITION = 16;

function isConditionWithin(depth: number): Guard {
  const part: Guard = depth === 0 ? () => false : (value) => isConditionWithin(depth - 1)(value);
  const shapes = [
    isObject({ atom: isCount }),
    isObject({ all: isListOf(part) }),
    isObject({ any: isListOf(part) }),
    isObject({ not: part }),
  ];
  return (value) => shapes.some((isShaped) => isShaped(value));
}

const isCondition = isConditionWithin(DEEPEST_CONDITION);

const isRelation = { of: isOneOf("self", "self-or-ancestor", "ancestor") };
const isUidPair: Guard = (value) => isListOf(isCount)(value) && (value as readonly unknown[]).length === 2;
const isAtom: Guard = (value) =>
  [
    isObject({ file: isText, ...isRelation }),
    isObject({ folder: isText, ...isRelation }),
    isObject({ name: isText, ...isRelation }),
    isObject({ glob: isText, ...isRelation }),
    isObject({ contains: isText, ...isRelation }),
    isObject({ regex: isText, ...isRelation }),
    isObject({ commandLine: isText }),
    isObject({ users: isListOf(isUidPair) }),
    isObject({ cgroup: isText }),
  ].some((isShaped) => isShaped(value));

const isPolicyRule = isObject(
  {
    family: isFamily,
    preference: isCount,
    match: isObject(
      {},
      {
        mark: isObject({ value: isCount, mask: isCount }),
        source: isText,
        destination: isText,
        uids: isRange,
        protocol: isOneOf("tcp", "udp"),
        ports: isRange,
      },
    ),
    table: isCount,
  },
  { suppressPrefixLength: isCount },
);

/** The shape of each kind's spec, for specs that come from a file: a journal, a ledger, a saved plan. */
const SPEC_SHAPES: { readonly [K in ResourceKind]: Guard } = {
  link: isObject(
    {
      device: isDevice,
      type: isOneOf("tun", "wireguard"),
      addresses: isTexts,
      mtuBytes: isCount,
      tunnel: isText,
    },
    {
      adopt: isFlag,
      leftovers: isListOf(isObject({ kind: isOneOf("rule", "route", "table"), text: isText, form: isText })),
    },
  ),
  tunnel: isObject({
    device: isDevice,
    protocol: isOneOf("wireguard", "amneziawg"),
    engine: isOneOf("userspace", "kernel", "embedded"),
    privateKey: isText,
    listenPort: isCount,
    fwmark: isCount,
    peers: isListOf(
      isObject(
        { publicKey: isText, allowedIPs: isTexts, persistentKeepaliveSeconds: isCount },
        {
          presharedKey: isText,
          endpoint: isText,
          unresolved: isText,
          endpoints: isTexts,
          leastKeepaliveSeconds: isCount,
        },
      ),
    ),
    obfuscation: isRecordOf(isText),
  }),
  proxy: isProxySpec,
  routes: isObject(
    { destinations: isTexts, guards: isListOf(isFamily), rules: isListOf(isPolicyRule) },
    {
      table: isCount,
      device: isDevice,
      pins: isListOf(isObject({ destination: isText }, { device: isDevice, gateway: isText })),
      standby: isListOf(isObject({ path: isCount, to: isCount, rules: isListOf(isPolicyRule) })),
    },
  ),
  firewall: isObject({ steering: isSteering, layers: isListOf(isLayer) }),
  classifier: isObject({
    atoms: isListOf(isAtom),
    conditions: isListOf(isCondition),
    final: isListOf(isCount),
    classes: isListOf(isObject({ number: isCount, conditions: isListOf(isCount) })),
  }),
  sysctl: isObject({ values: isRecordOf(isText) }),
  resolver: isObject(
    {
      method: isOneOf("file", "resolved", "dynamic-store"),
      servers: isTexts,
      search: isTexts,
      device: isDevice,
    },
    { split: isRecordOf(isTexts) },
  ),
  service: isObject({ name: isServiceName, path: isText, definition: isText, keepRunning: isFlag }, { uid: isCount }),
  autostart: isObject({ service: isServiceName, enabled: isFlag }, { uid: isCount }),
  "system-extension": isObject({ bundle: isServiceName, state: isOneOf("present", "absent") }),
};

const isKind: Guard = (value) => typeof value === "string" && Object.hasOwn(SPEC_SHAPES, value);

/** An object with kind, key and specs that agree: the key begins with the kind, the specs have its shape. */
function isKeyed(specFields: readonly string[], nullable: boolean, others: Readonly<Record<string, Guard>>): Guard {
  const isShaped = isObject({
    kind: isKind,
    key: isText,
    ...Object.fromEntries(specFields.map((field) => [field, isAnything])),
    ...others,
  });
  return (value) => {
    if (!isShaped(value)) return false;
    const fields = value as Readonly<Record<string, unknown>>;
    const kind = fields["kind"] as ResourceKind;
    const key = fields["key"] as string;
    if (!key.startsWith(`${kind}/`)) return false;
    return specFields.every((field) => (nullable && fields[field] === null) || SPEC_SHAPES[kind](fields[field]));
  };
}

const isResource = isKeyed(["spec"], false, {});

const isLifecycle = isObject({
  protect: isTexts,
  retain: isTexts,
  ignore: isTexts,
  moved: isListOf(isObject({ from: isText, to: isText })),
});

const isSeconds: Guard = (value) => typeof value === "number" && value > 0 && value <= 86_400;

const isProbe = isObject(
  {
    name: isText,
    type: isOneOf("ping", "tcp", "http", "dns"),
    target: isObject({ host: isText }, { port: isCount, url: isText }),
    required: isFlag,
    everySeconds: isSeconds,
    timeoutSeconds: isSeconds,
  },
  { device: isDevice },
);

const isOpenPortal = isObject(
  { url: isText, addresses: isTexts, ports: isListOf(isCount), servers: isTexts },
  { name: isText },
);

const isOverride = isObject(
  { what: isOneOf(...OVERRIDES), endsMs: isCount, endsBootMs: isCount, bootId: isText, back: isCount },
  { portal: isOpenPortal },
);

const isPortalPolicy = isObject({ allow: isFlag, longestSeconds: isSeconds, probe: isText, anywhere: isFlag });

/** A DesiredState of model/resource.ts. */
export const isDesiredState = isObject(
  { resources: isListOf(isResource) },
  {
    lifecycle: isLifecycle,
    probes: isListOf(isProbe),
    down: isListOf(isText),
    directForNow: isListOf(isText),
    portal: isPortalPolicy,
    override: isOverride,
    standby: isRecordOf(isOneOf(...STANDBY_MODES)),
  },
);

const isFieldChange = isObject(
  { field: isText },
  {
    before: isAnything,
    after: isAnything,
    secret: isFlag,
    added: isCount,
    removed: isCount,
    drift: isFlag,
    interruption: isText,
  },
);

const isStep = isKeyed(["before", "after"], true, {
  action: isOneOf("create", "update", "delete", "replace", "adopt", "forget"),
  phase: isOneOf("prepare", "flip", "retire"),
  changes: isListOf(isFieldChange),
  reason: isText,
});

const hasOneKind: Guard = (value) => {
  const { kind, steps } = value as { readonly kind: string; readonly steps: readonly { readonly kind: string }[] };
  return steps.every((step) => step.kind === kind);
};

/** A Batch of model/plan.ts, all steps of its kind. */
export const isBatch: Guard = (value) =>
  isObject({ kind: isKind, phase: isOneOf("prepare", "flip", "retire"), steps: isListOf(isStep) })(value) &&
  hasOneKind(value);

/** A Ledger of ledger.ts. */
export const isLedger = isObject({ generation: isCount, entries: isListOf(isLedgerEntry) });

function isLedgerEntry(value: unknown): boolean {
  if (typeof value !== "object" || value === null || !("original" in value)) return false;
  const { original, ...rest } = value;
  return isResource(rest) && (original === null || isResource({ ...rest, spec: original }));
}
