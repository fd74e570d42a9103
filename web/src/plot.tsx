import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import type { RatePoint } from "./rates.ts";
import { rateText, spanText } from "./words.ts";

const HEIGHT = 88;
/** Bytes a second at the mark of the scale, at least. */
const LEAST_RATE = 1_000;
/** Height of the plot above that mark. */
const ABOVE = 1.2;
/** Seconds that a plot shows at least: it fills from the right. */
const LEAST_SECONDS = 60;

const PADDING = 4;
/** Where the highest rate is drawn. */
const MARK_TOP = Math.round(PADDING + (HEIGHT - PADDING - 2) * (1 - 1 / ABOVE));

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
  const mark = points.reduce((top, { received, sent }) => Math.max(top, received, sent), LEAST_RATE);
  const span = Math.max(LEAST_SECONDS, (last?.at ?? 0) - (points[0]?.at ?? 0));
  const text = last === undefined ? "no rate yet" : `${rateText(last.received)} in, ${rateText(last.sent)} out`;
  return (
    <figure class="plot">
      <div class="scaled">
        <div ref={place} role="img" aria-label={`Rates of the last minutes: now ${text}`} />
        <span class="mark" style={{ height: `${MARK_TOP}px` }} aria-hidden="true">
          {points.length < 2 ? "" : rateText(mark)}
        </span>
      </div>
      <p class="times" aria-hidden="true">
        <span>{spanText(span)} ago</span>
        <span>now</span>
      </p>
      <figcaption>
        <span class="in">
          <span class="hidden">received </span>↓ {last === undefined ? "–" : rateText(last.received)}
        </span>
        <span class="out">
          <span class="hidden">sent </span>↑ {last === undefined ? "–" : rateText(last.sent)}
        </span>
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
    padding: [PADDING, 0, 2, 0],
    cursor: { show: false },
    legend: { show: false },
    axes: [{ show: false }, { show: false }],
    scales: {
      x: { range: (_plot, first, last) => [Math.min(first, last - LEAST_SECONDS), last] },
      y: { range: (_plot, _least, most) => [0, Math.max(LEAST_RATE, most) * ABOVE] },
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
