// Draws the series of a page over its still picture. What is drawn stands in #chart-data; zooming
// asks the server for the finer columns. A live reading comes as the event "reading" (live.js).
"use strict";

(() => {
  const figure = document.getElementById("chart");
  const data = JSON.parse(document.getElementById("chart-data").textContent);
  const still = figure.querySelector(".still");
  if (!data.at.length || typeof uPlot === "undefined") return;
  const zone = figure.dataset.zone;
  const box = document.createElement("div");
  box.className = "plot";
  let plot = null;

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const number = (value) =>
    value == null ? "–" : new Intl.NumberFormat("en", { maximumSignificantDigits: 6 }).format(value) +
      (data.unit ? "\u202f" + data.unit : "");
  const columns = () => [data.at, ...(data.usual ? [data.low, data.high] : []), data.least, data.most, data.mean];

  function marked(u) {
    const { ctx } = u, { top, height, left, width } = u.bbox;
    const x = (at) => Math.max(left, Math.min(left + width, u.valToPos(at, "x", true)));
    ctx.save();
    for (const [from, to] of data.gaps) {
      ctx.fillStyle = colour("--gap");
      ctx.fillRect(x(from), top, Math.max(1, x(to) - x(from)), height);
    }
    for (const [from, to, kind] of data.marks) {
      if ((to ?? data.end) < data.start || from > data.end) continue;
      ctx.fillStyle = colour(kind === "level_shift" ? "--shift" : "--event");
      const wide = kind === "level_shift" ? 3 * devicePixelRatio : x(to ?? data.end) - x(from);
      ctx.fillRect(x(from), top, Math.max(3 * devicePixelRatio, wide), height);
    }
    ctx.restore();
  }

  function options(width) {
    const ink = colour("--soft"), edge = colour("--edge"), mark = colour("--mark");
    const axis = { stroke: ink, grid: { stroke: edge, width: 1 }, ticks: { stroke: edge, width: 1 } };
    // Days as they are written everywhere, hours from 0 to 24, by the tenant's clock.
    const told = (more) => new Intl.DateTimeFormat("en-GB", { timeZone: zone, ...more });
    const hour = told({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    const day = told({ day: "numeric", month: "short" });
    const month = told({ month: "short", year: "numeric" });
    const year = told({ year: "numeric" });
    const times = (u, ticks, axis, space, step) => ticks.map((tick) => {
      const at = tick * 1e3;
      if (step >= 300 * 86400) return year.format(at);
      if (step >= 27 * 86400) return month.format(at);
      const clock = hour.format(at);
      return step >= 86400 || clock === "00:00" ? day.format(at) : clock;
    });
    const clock = new Intl.DateTimeFormat("en-GB", { timeZone: zone, dateStyle: "medium", timeStyle: "short" });
    const thin = { width: 0, points: { show: false }, stroke: mark };
    return {
      width,
      height: Math.max(220, Math.min(360, width * 0.4)),
      tzDate: (at) => uPlot.tzDate(new Date(at * 1e3), zone),
      scales: { x: { time: true, range: () => [data.start, data.end] } },
      axes: [{ ...axis, space: 64, values: times }, { ...axis, size: 64, values: (_, ticks) => ticks.map((tick) => tick == null ? "" :
        new Intl.NumberFormat("en", { notation: Math.abs(tick) >= 1e6 ? "compact" : "standard", maximumSignificantDigits: 5 }).format(tick)) }],
      series: [
        { label: "time", value: (_, at) => at == null ? "–" : clock.format(at * 1e3) },
        ...(data.usual ? ["usual from", "to"] : []).map((label) => ({ ...thin, label, value: (_, v) => number(v) })),
        { ...thin, label: "least", value: (_, v) => number(v) },
        { ...thin, label: "most", value: (_, v) => number(v) },
        { label: "mean", stroke: mark, width: 1.5, spanGaps: false, value: (_, v) => number(v), points: { show: data.at.length < 80, size: 5 } },
      ],
      bands: [
        ...(data.usual ? [{ series: [2, 1], fill: colour("--usual") }] : []),
        { series: data.usual ? [4, 3] : [2, 1], fill: colour("--band") },
      ],
      cursor: { drag: { x: true, y: false, setScale: false } },
      legend: { live: true },
      hooks: { drawClear: [marked], setSelect: [zoomed] },
    };
  }

  function zoomed(u) {
    if (u.select.width < 8) return;
    const from = Math.floor(u.posToVal(u.select.left, "x"));
    const to = Math.ceil(u.posToVal(u.select.left + u.select.width, "x"));
    const where = new URL(location.href);
    for (const name of ["span", "page"]) where.searchParams.delete(name);
    where.searchParams.set("from", from);
    where.searchParams.set("to", Math.max(to, from + 60));
    location.assign(where);
  }

  function draw() {
    plot?.destroy();
    plot = new uPlot(options(box.clientWidth), columns(), box);
  }

  still.replaceWith(box);
  box.addEventListener("dblclick", () => history.back());
  new ResizeObserver(() => { if (plot && box.clientWidth !== plot.width) draw(); }).observe(box);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  document.addEventListener("reading", ({ detail: { kpi, at: told, value } }) => {
    const at = Date.parse(told) / 1000;
    if (!data.live || `kpi:${kpi}` !== data.key || !(at >= data.at.at(-1))) return;
    const moved = Math.max(0, at - data.end);
    data.start += moved;
    data.end += moved;
    if (at - data.at.at(-1) < data.step && data.mean.at(-1) != null) {
      data.least.push(Math.min(data.least.pop(), value));
      data.most.push(Math.max(data.most.pop(), value));
      data.mean.splice(-1, 1, value);
    } else {
      data.at.push(at);
      for (const name of ["least", "mean", "most"]) data[name].push(value);
      for (const name of ["low", "high"]) data[name].push(data[name].at(-1));
    }
    plot.setData(columns());
  });
  draw();
})();
