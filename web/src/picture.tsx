import { Icon, type IconName } from "./icons.tsx";
import type { NetworkPath } from "./paths.ts";

const NAMES = 3;
/** Height of a row of the picture, as in picture.css. */
const ROW = 76;
const ICONS: Readonly<Record<NetworkPath["kind"], IconName>> = {
  tunnel: "server",
  proxy: "server",
  direct: "globe",
  block: "block",
};

/** This host, the ways out of it, who takes each, and where it ends. */
export function Picture({
  paths,
  hasPrograms,
}: {
  readonly paths: readonly NetworkPath[];
  /** Whether it is known which programs run. */
  readonly hasPrograms: boolean;
}) {
  const height = ROW * paths.length;
  return (
    <div class="picture">
      <div class="host">
        <Icon name="host" />
        <span>This host</span>
      </div>
      <svg class="wires" width="56" height={height} viewBox={`0 0 56 ${height}`} aria-hidden="true">
        {paths.map(({ name, tone }, index) => (
          <path
            key={name}
            class={tone}
            d={`M0 ${height / 2} C30 ${height / 2} 26 ${(index + 0.5) * ROW} 56 ${(index + 0.5) * ROW}`}
          />
        ))}
      </svg>
      <ul class="ways">
        {paths.map((path) => (
          <Way key={path.name} path={path} hasPrograms={hasPrograms} />
        ))}
      </ul>
    </div>
  );
}

function Way({
  path: { name, kind, tone, state, end, isDefault, programs, rules },
  hasPrograms,
}: {
  readonly path: NetworkPath;
  readonly hasPrograms: boolean;
}) {
  const others = programs.length - NAMES;
  const isFree = programs.length + rules.length === 0 && !isDefault;
  return (
    <li>
      <span class={`way ${tone}`}>
        <strong>{name}</strong>
        <span class="state">{state}</span>
      </span>
      <span class="takers">
        {programs.slice(0, NAMES).map((program) => (
          <span class="chip" key={program}>
            {program}
          </span>
        ))}
        {others > 0 ? <span class="chip">+{others}</span> : null}
        {rules.slice(0, NAMES).map((rule) => (
          <span class="chip default" key={rule}>
            {rule}
          </span>
        ))}
        {rules.length > NAMES ? <span class="chip default">+{rules.length - NAMES} rules</span> : null}
        {isDefault ? <span class="chip default">everything else</span> : null}
        {hasPrograms && isFree ? <span class="none">no program uses it</span> : null}
      </span>
      <span class={`end ${tone}`}>
        <Icon name={ICONS[kind]} />
        <span>{end}</span>
      </span>
    </li>
  );
}
