/** Outlines on a grid of 24, drawn with the color of the text. */
const SHAPES = {
  overview: "M4 11.5 12 5l8 6.5V19a1 1 0 0 1-1 1h-4v-5h-6v5H5a1 1 0 0 1-1-1z",
  programs: "M4 5h7v6H4zM13 5h7v6h-7zM4 13h7v6H4zM13 13h7v6h-7z",
  changes: "M7 4v10m0 0a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM17 20V10m0 0a3 3 0 1 0 0-6 3 3 0 0 0 0 6z",
  where: "M12 21s7-6.2 7-11.5A7 7 0 0 0 5 9.5C5 14.8 12 21 12 21zm0-9a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z",
  events: "M12 7v5l3.5 2M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0z",
  host: "M4 5h16v10H4zM2 19h20M9 15l-.5 4m6.5-4 .5 4",
  server: "M4 5h16v6H4zM4 13h16v6H4zM8 8h.01M8 16h.01",
  globe:
    "M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0zM3 12h18M12 3c2.5 2.6 3.8 5.6 3.8 9S14.5 18.4 12 21c-2.5-2.6-3.8-5.6-3.8-9S9.5 5.6 12 3z",
  block: "M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0zM5.6 5.6l12.8 12.8",
  check: "m5 12.5 4.5 4.5L19 7.5",
  cross: "M6 6l12 12M18 6 6 18",
  alert: "M12 8v5m0 3.5v.01M10.3 4 2.8 17a2 2 0 0 0 1.7 3h15a2 2 0 0 0 1.7-3L13.7 4a2 2 0 0 0-3.4 0z",
  pause: "M9 6v12M15 6v12",
  eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zm9.5 3a3 3 0 1 0 0-6 3 3 0 0 0 0 6z",
} as const;

export type IconName = keyof typeof SHAPES;

/** A small picture beside words that say the same. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={SHAPES[name]} />
    </svg>
  );
}

const SIGNS = {
  good: "m12.5 20 5 5 10-10.5",
  warn: "M20 13v9m0 4.5v.5",
  bad: "m15 15 10 10m0-10L15 25",
  quiet: "M13 20h14",
} as const;

/** The shield of the headline. */
export function Shield({ tone }: { readonly tone: keyof typeof SIGNS }) {
  return (
    <svg class="shield" viewBox="0 0 40 40" aria-hidden="true">
      <path class="body" d="M20 3 5 9v11c0 9 6.5 14.5 15 17 8.5-2.5 15-8 15-17V9z" />
      <path class="sign" d={SIGNS[tone]} />
    </svg>
  );
}
