// The charts, the breakers' ribbons and the events: one time axis for all of them.
import { SOURCES, tryOne } from "./now.js";
import { $, clock, make, rate, same, span } from "./words.js";

const REFRESH_MS = { 900: 5000, 3600: 20000, 86400: 60000 };
const AXIS = () => (innerWidth < 620 ? 58 : 84);
const NAMES = { postgres: "Postgres", redis: "Redis" };
const COLORS = { cache: "--cache", database: "--database", last_known_good: "--last", refused: "--bad" };

let chosen = 900;
let history = null;
let asked = -Infinity;
let charts = null;
let events = [];
let now = null;

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Anew, in other colours or another width.
export function resetCharts() {
  charts?.forEach((chart) => chart.destroy());
  charts = null;
  $("rates").replaceChildren();
  $("waits").replaceChildren();
  if (history && $("rates").clientWidth) paint(); // else when the page is shown again
}

// Each source on top of those before it; the topmost is drawn first and the others over it.
function stacked() {
  const tops = [];
  let under = history.at.map(() => 0);
  for (const [key] of SOURCES) {
    under = under.map((value, i) => (history[key][i] === null ? null : value + history[key][i]));
    tops.unshift(under);
  }
  return [history.at, ...tops];
}

function axis(format, size = AXIS()) {
  return { size, stroke: color("--soft"), font: "12px system-ui, sans-serif", ticks: { show: false }, gap: 10, space: 34,
    grid: { stroke: color("--grid"), width: 1, dash: [3, 3] }, values: (_, ticks) => ticks.map((v) => (v === null ? "" : format(v))) };
}

// Of a logarithmic axis the powers of ten alone.
function decades(one) {
  const filter = (_, ticks) => ticks.map((v) => (Number.isInteger(Math.round(Math.log10(v) * 1e6) / 1e6) ? v : null));
  return { ...one, filter, grid: { ...one.grid, filter }, space: 20 };
}

function read(index) {
  if (!history) return;
  const i = index ?? history.at.length - 1 - [...history.cache].reverse().findIndex((value) => value !== null);
  if (history.cache[i] === null || history.cache[i] === undefined) return same($("reading"), index === undefined ? "" : `${clock(history.at[i])} UTC: nothing was heard`);
  const parts = SOURCES.map(([key, word]) => make("span", `${word} ${rate(history[key][i])}`, { "data-source": key }));
  const waits = history.p99[i] === null ? "" : `P99 ${span(history.p99[i])}`;
  same($("reading"), `${clock(history.at[i])} UTC`, ...parts, make("span", waits));
}

function mark(chart) {
  const opened = events.filter((one) => one.kind === "breaker" && one.text.includes("opened"));
  const { ctx, bbox } = chart;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = color("--ink");
  ctx.textAlign = "left";
  ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
  let free = Infinity; // one label for those that lie close together
  for (const one of opened) {
    const x = chart.valToPos(one.at_s, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.globalAlpha = 0.6;
    ctx.fillRect(Math.round(x), bbox.top, Math.max(1, devicePixelRatio), bbox.height);
    ctx.globalAlpha = 1;
    const text = `${clock(one.at_s)} ${one.text.replace(/ \(.*/, "")}`;
    const width = ctx.measureText(text).width;
    if (x + 4 < free && x - width - 6 > bbox.left) {
      ctx.fillText(text, x - width - 6, bbox.top + 12 * devicePixelRatio);
      free = x - width - 20;
    }
  }
  ctx.restore();
}

function build() {
  const width = $("rates").clientWidth;
  const sync = { key: "console" };
  const common = { width, cursor: { y: false, points: { show: false }, drag: { x: false, y: false }, sync }, legend: { show: false }, padding: [16, 0, 4, 0] };
  const areas = [...SOURCES].reverse().map(([key]) => ({ fill: color(COLORS[key]), stroke: color(COLORS[key]), width: 0, points: { show: false } }));
  const rates = new uPlot({
    ...common, height: innerWidth < 620 ? 190 : 210, series: [{}, ...areas],
    axes: [{ show: false }, axis((v) => (v ? `${rate(v)}/s` : "0"))],
    scales: { x: { time: false }, y: { range: (_, __, max) => [0, Math.max(1, max * 1.12)] } },
    hooks: { setCursor: [(chart) => read(chart.cursor.idx ?? undefined)], draw: [mark] },
  }, stacked(), $("rates"));
  const line = (name, dash) => ({ stroke: color(name), width: 1.5, dash, points: { show: false } });
  const waits = new uPlot({
    ...common, height: 104, padding: [8, 0, 4, 0], series: [{}, line("--soft", [2, 3]), line("--database", [6, 3]), line("--ink")],
    axes: [{ show: false }, decades(axis(span))],
    scales: { x: { time: false }, y: { distr: 3, range: (_, min, max) => [Math.min(min || 0.001, 0.001), Math.max(max || 0.1, 0.1)] } },
  }, waitsData(), $("waits"));
  charts = [rates, waits];
}

// A logarithmic axis knows no zero.
const positive = (column) => column.map((value) => (value === null ? null : Math.max(value, 0.0002)));
const waitsData = () => [history.at, positive(history.p50), positive(history.p95), positive(history.p99)];

function drawRibbons() {
  const start = history.at[0] - history.step;
  const length = history.at[history.at.length - 1] - start;
  const rows = Object.entries(history.ribbons).map(([name, pieces]) => {
    const track = make("div", "", { class: "track" });
    let worst = 0;
    for (const [from, to, phase] of pieces) {
      const left = Math.max(0, (from - start) / length);
      const share = Math.min(1, (to - start) / length) - left;
      if (share <= 0) continue;
      const piece = make("i", share * $("rates").clientWidth > 60 && phase === "open" ? "open" : "", { "data-phase": phase, title: `${clock(from)} to ${clock(to)} UTC: ${phase.replace("_", "-")}` });
      piece.style.left = `${left * 100}%`;
      piece.style.width = `${share * 100}%`;
      worst += phase === "closed" ? 0 : to - Math.max(from, start);
      track.append(piece);
    }
    track.setAttribute("role", "img");
    track.setAttribute("aria-label", worst ? `${NAMES[name]} breaker not closed for ${span(worst)}` : `${NAMES[name]} breaker closed all the time`);
    const ribbon = make("div", [make("span", NAMES[name], { class: "soft" }), track], { class: "ribbon" });
    ribbon.style.gridTemplateColumns = `${AXIS()}px 1fr`;
    return ribbon;
  });
  $("ribbons").replaceChildren(...rows);
  const marks = [0, 1, 2, 3].map((n) => make("span", clock(start + (length * n) / 3).slice(0, 5)));
  $("times").replaceChildren(...marks);
  $("times").style.marginLeft = `${AXIS()}px`;
}

function paint() {
  const isEmpty = !history.cache.some((value) => value !== null);
  $("chart-empty").hidden = !isEmpty;
  same(document.querySelector(".try"), "Make some: ", tryOne(now));
  if (!charts) build();
  else {
    charts[0].setData(stacked());
    charts[1].setData(waitsData());
  }
  drawRibbons();
  read(charts[0].cursor.idx ?? undefined);
}

export async function drawCharts(snapshot, ask) {
  now = snapshot;
  events = snapshot.events;
  if (charts && performance.now() - asked < REFRESH_MS[chosen]) return;
  asked = performance.now();
  const span = chosen;
  try {
    const answer = await ask(`/console/history?span=${span}`);
    if (!answer.ok || span !== chosen) return;
    history = await answer.json();
  } catch {
    asked = -Infinity;
    return;
  }
  paint();
  document.body.dataset.charts = Number(document.body.dataset.charts || 0) + 1;
}

$("spans").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  chosen = Number(button.dataset.span);
  asked = -Infinity;
  for (const one of $("spans").children) one.setAttribute("aria-pressed", String(one === button));
});

$("rates").addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
  if (!step || !charts) return;
  event.preventDefault();
  const [chart] = charts;
  const last = history.at.length - 1;
  const index = Math.min(last, Math.max(0, (chart.cursor.idx ?? last + (step > 0 ? 0 : 1)) + step));
  chart.setCursor({ left: chart.valToPos(history.at[index], "x"), top: 10 });
});

let width = innerWidth;
addEventListener("resize", () => {
  if (innerWidth === width || !charts) return;
  width = innerWidth;
  resetCharts();
});
