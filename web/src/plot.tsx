import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import type { RatePoint } from "./rates.ts";
import { rateText } from "./words.ts";

const HEIGHT = 88;
/** Seconds that a plot shows at least: it fills from the right. */
const LEAST_SECONDS = 60;

/** The rates of a tunnel over the last minutes: received filled, sent as a line. */
export function Plot({ points }: { readonly points: readonly RatePoint[] }) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const scheme = useScheme();
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const made = new uPlot(optionsOf(element), dataOf(points), element);
    plot.current = made;
    const fit = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    fit.observe(element);
    return () => {
      fit.disconnect();
      made.destroy();
    };
  }, [scheme]);
  useEffect(() => plot.current?.setData(dataOf(points)), [points]);
  const last = points.at(-1);
  const most = points.reduce((top, { received, sent }) => Math.max(top, received, sent), 0);
  const text = last === undefined ? "no rate yet" : `${rateText(last.received)} in, ${rateText(last.sent)} out`;
  return (
    <figure class="plot">
      <div ref={place} role="img" aria-label={`Rates of the last minutes: now ${text}`} />
      <figcaption>
        <span class="in">
          <span class="hidden">received </span>↓ {last === undefined ? "–" : rateText(last.received)}
        </span>
        <span class="out">
          <span class="hidden">sent </span>↑ {last === undefined ? "–" : rateText(last.sent)}
        </span>
        <span class="top-rate">{points.length < 2 ? "" : `peak ${rateText(most)}`}</span>
      </figcaption>
    </figure>
  );
}

function optionsOf(element: HTMLElement): uPlot.Options {
  const style = getComputedStyle(element);
  const color = (name: string) => style.getPropertyValue(name).trim();
  return {
    width: element.clientWidth,
    height: HEIGHT,
    padding: [4, 0, 2, 0],
    cursor: { show: false },
    legend: { show: false },
    axes: [{ show: false }, { show: false }],
    scales: {
      x: { range: (_plot, first, last) => [Math.min(first, last - LEAST_SECONDS), last] },
      y: { range: (_plot, _least, most) => [0, Math.max(1_000, most * 1.15)] },
    },
    series: [
      {},
      { stroke: color("--accent"), fill: color("--accent-soft"), width: 2, points: { show: false } },
      { stroke: color("--quiet"), width: 1.5, dash: [4, 3], points: { show: false } },
    ],
  };
}

function dataOf(points: readonly RatePoint[]): uPlot.AlignedData {
  return [points.map(({ at }) => at), points.map(({ received }) => received), points.map(({ sent }) => sent)];
}

/** Light or dark; a plot is drawn anew when it changes. */
function useScheme(): boolean {
  const [query] = useState(() => matchMedia("(prefers-color-scheme: dark)"));
  const [isDark, setDark] = useState(query.matches);
  useEffect(() => {
    const follow = () => setDark(query.matches);
    query.addEventListener("change", follow);
    return () => query.removeEventListener("change", follow);
  }, [query]);
  return isDark;
}
