// @ts-check
/** Plots over time, by uPlot (uplot.min.js, which sets the global of that name). */

const colours = ["--series-1", "--series-2", "--series-3", "--series-4", "--series-5", "--series-6"];

/** @typedef {{ label: string, bad?: boolean }} Series */

/** What a colour of the style sheet is just now, light or dark: a canvas knows no variables. @param {string} name */
function colourOf(name) {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** @param {number} time Unix seconds */
function clock(time) {
  return new Date(time * 1000).toLocaleTimeString([], { hour12: false });
}

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
    const axis = {
      stroke: colourOf("--muted"),
      font: "11px system-ui, sans-serif",
      grid: { stroke: colourOf("--line"), width: 1 },
      ticks: { show: false },
    };
    let next = 0;
    this.#uplot = new uPlot(
      {
        width: host.clientWidth || 400,
        height: 170,
        cursor: { y: false, points: { size: 6 } },
        legend: { live: true },
        scales: { y: { range: (_, _min, max) => [0, max > 0 ? max * 1.15 : 1] } },
        axes: [
          { ...axis, size: 26, space: 80, values: (_, times) => times.map(clock) },
          { ...axis, size: 64, values: (_, values) => values.map((value) => show(value)) },
        ],
        series: [
          {
            value: (_, time) => (time === null ? "" : clock(time)),
          },
          ...series.map(({ label, bad }) => {
            const stroke = colourOf(bad ? "--bad" : (colours[next++ % colours.length] ?? "--series-1"));
            return {
              label,
              stroke,
              width: 1.75,
              fill: series.length === 1 ? stroke.replace("rgb(", "rgba(").replace(")", ", 0.14)") : undefined,
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
