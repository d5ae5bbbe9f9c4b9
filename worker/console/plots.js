// @ts-check
/** Plots over time, by uPlot (uplot.min.js, which sets the global of that name). */

const colours = ["--series-1", "--series-2", "--series-3", "--series-4", "--series-5", "--series-6"];

/** @typedef {{ label: string, bad?: boolean }} Series */

export class Plot {
  #uplot;
  #host;

  /**
   * @param {HTMLElement} host
   * @param {readonly Series[]} series
   * @param {(value: number) => string} show how a value is written
   */
  constructor(host, series, show) {
    this.#host = host;
    const style = getComputedStyle(document.documentElement);
    const colour = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
    const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
    let next = 0;
    this.#uplot = new uPlot(
      {
        width: host.clientWidth || 400,
        height: 170,
        cursor: { y: false, points: { size: 6 } },
        legend: { live: true },
        scales: { y: { range: (_, _min, max) => [0, max > 0 ? max * 1.15 : 1] } },
        axes: [
          { ...axis, size: 28 },
          { ...axis, size: 64, values: (_, values) => values.map((value) => show(value)) },
        ],
        series: [
          {
            value: (_, time) => (time === null ? "" : new Date(time * 1000).toLocaleTimeString([], { hour12: false })),
          },
          ...series.map(({ label, bad }) => {
            const stroke = colour(bad ? "--bad" : (colours[next++ % colours.length] ?? "--series-1"));
            return {
              label,
              stroke,
              width: 1.75,
              fill: series.length === 1 ? `${stroke}22` : undefined,
              points: { show: false },
              value: (/** @type {unknown} */ _, /** @type {number | null} */ value) =>
                value === null ? "–" : show(value),
            };
          }),
        ],
      },
      [[], ...series.map(() => [])],
      host,
    );
    this.resize();
  }

  /** @param {(number | null)[][]} data times in Unix seconds, then each series' values */
  set(data) {
    this.#uplot.setData(data);
  }

  resize() {
    const width = this.#host.clientWidth;
    if (width > 0) this.#uplot.setSize({ width, height: 170 });
  }

  destroy() {
    this.#uplot.destroy();
  }
}
