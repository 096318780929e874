// Pages, the live stream that pauses while nobody looks, and what every page needs to ask the service.
import { drawNow, drawSilence } from "./now.js";
import { drawCharts, resetCharts } from "./chart.js";
import { startPeople } from "./people.js";
import { drawSheet } from "./sheet.js";
import { $, clock, same } from "./words.js";

const SHEETS = ["jobs", "rollout", "settings", "audit"];
const SHEET_EVERY_MS = 2000;

let token = "";
let sheetAt = 0; // when a sheet was asked for
let source = null;
let last = null; // the last snapshot
let heardAt = 0; // when, on this machine's own clock

export async function ask(path, body) {
  const headers = { "Content-Type": "application/json", "X-Console-Token": token };
  const options = body === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(body) };
  const answer = await fetch(path, options);
  if (answer.status === 401) location.reload();
  return answer;
}

const page = () => ["people", ...SHEETS].find((name) => location.hash === `#${name}`) ?? "now";

function sheet() {
  if (!SHEETS.includes(page()) || $("ask").open || performance.now() - sheetAt < SHEET_EVERY_MS) return;
  sheetAt = performance.now();
  drawSheet(ask, page());
}

function show() {
  const now = page();
  $("sheet").hidden = !SHEETS.includes(now);
  for (const name of ["now", "people", ...SHEETS]) {
    if ($(name)) $(name).hidden = name !== now;
    const link = document.querySelector(`[data-page=${name}]`);
    if (name === now) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  sheetAt = -SHEET_EVERY_MS;
  sheet();
  if (now === "people") $("who").focus();
  if (now === "now" && last) draw();
}

function draw() {
  if (page() === "now") {
    drawNow(last);
    drawCharts(last, ask);
  }
}

function tell(state, text) {
  $("live").dataset.state = state;
  same($("live").lastElementChild, text);
}

function listen() {
  if (source || document.hidden) return;
  source = new EventSource("/console/stream");
  source.addEventListener("now", (event) => {
    last = JSON.parse(event.data);
    heardAt = performance.now();
    document.body.dataset.snapshots = Number(document.body.dataset.snapshots || 0) + 1;
    tell(last.situation.status, `live ${clock(last.at_s)} UTC`);
    const workers = `${last.workers} worker${last.workers === 1 ? "" : "s"}`;
    same($("where"), [last.environment, last.region, last.version, workers].filter(Boolean).join(" · "));
    draw();
  });
  source.addEventListener("error", () => {
    if (source?.readyState === EventSource.CLOSED) {
      pause();
      ask("/console/session").then((answer) => answer.ok && setTimeout(listen, 2000), () => setTimeout(listen, 2000));
    }
  });
}

function pause() {
  source?.close();
  source = null;
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    pause();
    if (last) tell("none", `paused ${clock(last.at_s)} UTC`);
  } else {
    listen();
  }
});

setInterval(() => {
  if (document.hidden) return;
  sheet();
  if (!last) return;
  const silent = (performance.now() - heardAt) / 1000;
  if (silent > 4) {
    tell("none", `last heard ${clock(last.at_s)} UTC`);
    if (page() === "now") drawSilence(last, silent);
  }
}, 500);

$("out").addEventListener("click", async () => {
  await fetch("/console/session", { method: "DELETE", headers: { "X-Console-Token": token } });
  location.reload();
});
addEventListener("hashchange", show);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", resetCharts);

fetch("/console/session").then(async (answer) => {
  const session = await answer.json();
  token = session.token;
  if (session.drill) same($("drill"), `Last drill, ${session.drill.at}: ${session.drill.sentence}`);
  startPeople(ask);
  show();
  listen();
});
