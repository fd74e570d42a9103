import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import type { RatePoint } from "./rates.ts";
import { rateText } from "./words.ts";

const HEIGHT = 72;

/** The rates of a tunnel over the last minutes: received filled, sent as a line. */
export function Plot({ points }: { readonly points: readonly RatePoint[] }) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const style = getComputedStyle(element);
    const color = (name: string) => style.getPropertyValue(name).trim();
    plot.current = new uPlot(
      {
        width: element.clientWidth,
        height: HEIGHT,
        cursor: { show: false },
        legend: { show: false },
        axes: [{ show: false }, { show: false }],
        scales: { y: { range: (_plot, _least, most) => [0, Math.max(1_000, most * 1.1)] } },
        series: [
          {},
          { stroke: color("--accent"), fill: color("--accent-soft"), width: 1.5, points: { show: false } },
          { stroke: color("--quiet"), width: 1.5, points: { show: false } },
        ],
      },
      [[], [], []],
      element,
    );
    const fit = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }));
    fit.observe(element);
    return () => {
      fit.disconnect();
      plot.current?.destroy();
    };
  }, []);
  useEffect(() => {
    plot.current?.setData([
      points.map(({ at }) => at),
      points.map(({ received }) => received),
      points.map(({ sent }) => sent),
    ]);
  }, [points]);
  const last = points.at(-1);
  const text = last === undefined ? "no rate yet" : `${rateText(last.received)} in, ${rateText(last.sent)} out`;
  return (
    <figure class="plot">
      <div ref={place} role="img" aria-label={`Rates of the last minutes: now ${text}`} />
      <figcaption>
        <span class="in">↓ {last === undefined ? "–" : rateText(last.received)}</span>
        <span class="out">↑ {last === undefined ? "–" : rateText(last.sent)}</span>
      </figcaption>
    </figure>
  );
}
