// The page "Now": the sentence first, then the figures behind it.
import { $, clock, figure, make, right, row, same, span, whole } from "./words.js";

const SIGNS = { healthy: "✓", degraded: "!", unhealthy: "✕", none: "…" };
export const SOURCES = [
  ["cache", "cache"],
  ["database", "database"],
  ["last_known_good", "last known good"],
  ["refused", "refused"],
];
const NAMES = { postgres: "Postgres", redis: "Redis", privy: "Key server", jobs: "Jobs" };
const STATES = {
  answers: ["✓", "answers", "fine"],
  recovering: ["✓", "answers again", "fine"],
  slow: ["!", "slow", "warn"],
  silent: ["✕", "silent", "bad"],
  refusing: ["✕", "refuses", "bad"],
  hanging: ["✕", "hangs", "bad"],
  returning: ["!", "answers again", "warn"],
  unsteady: ["!", "comes and goes", "warn"],
  stale: ["✕", "not refreshed", "bad"],
  absent: ["–", "not there", "soft"],
  in_step: ["✓", "in step", "fine"],
  behind: ["…", "behind", "warn"],
  failed: ["!", "some failed", "warn"],
  not_known: ["?", "not known", "warn"],
};

function drawSituation(now) {
  const told = now.situation;
  $("sign").dataset.level = told.status;
  same($("sign"), SIGNS[told.status]);
  same($("sentence"), told.sentence);
  const below = told.below.map((part) => (part.main ? make("b", part.text) : part.text));
  if (told.kind === "quiet") below.push(tryOne(now));
  same($("below"), ...below);
  const count = told.more.length;
  same($("more"), [count ? `and ${count} more:` : "", ...told.more, ...now.steered].join(" "));
  $("do").hidden = !told.runbook;
  if (told.runbook) $("do").href = `/console/runbook/${told.runbook}`;
  document.title = `${SIGNS[told.status]} ${told.sentence} · gatewayz-auth`;
}

export const tryOne = (now) => (now.environment === "development" ? make("a", "on the page", { href: "/" }) : "POST /api/auth");

export function drawSilence(now, seconds) {
  $("sign").dataset.level = "none";
  same($("sign"), SIGNS.none);
  same($("sentence"), `Nothing heard from the service for ${span(seconds)}.`);
  same($("below"), `The figures below are of ${clock(now.at_s)} UTC.`);
  same($("more"), "");
}

function drawWaits(now) {
  const waits = now.waits;
  const share = waits.count ? (waits.in_time / waits.count) * 100 : null;
  same($("budget"), `in ${now.budget_s} s`);
  const shown = share === null ? "–" : share === 100 ? "100 %" : `${Math.floor(share * 100) / 100} %`;
  same($("in-time"), ...figure(shown));
  same($("of"), waits.count ? `of ${whole(waits.count)} in 15 min${waits.come_back ? ` · ${whole(waits.come_back)} asked to come back` : ""}` : "nobody came in 15 min");
  same($("p99"), ...figure(waits.count ? span(waits.p99_s) : "–"));
  same($("p50"), waits.count ? `P50 ${span(waits.p50_s)} · P95 ${span(waits.p95_s)} · longest ${span(waits.longest_s)}` : "");
}

function drawSources(now) {
  const minute = now.minute;
  const given = { ...minute, refused: minute.refused + minute.unknown + minute.limited };
  const total = SOURCES.reduce((sum, [key]) => sum + given[key], 0);
  const parts = SOURCES.filter(([key]) => given[key]).map(([key]) => {
    const part = make("i", "", { "data-source": key });
    part.style.flexGrow = given[key];
    return part;
  });
  $("sources").replaceChildren(...parts);
  const percent = (n) => (!total ? "0 %" : n && n / total < 0.005 ? "< 1 %" : `${Math.round((n / total) * 100)} %`);
  same($("source-words"), ...SOURCES.map(([key, word]) => make("li", `${word} ${percent(given[key])}`, { "data-source": key })));
}

function drawPool(now) {
  const pool = now.pool;
  const used = pool.limit ? (pool.active + pool.broken) / pool.limit : 0;
  same($("band"), pool.band);
  $("pool").dataset.band = pool.band;
  $("pool").firstElementChild.style.width = `${Math.min(100, used * 100)}%`;
  same($("pool-words"), pool.words);
}

function state(one) {
  const [sign, word, look] = STATES[one.state];
  const more = (one.breaker ?? "closed") === "closed" ? "" : `, breaker ${one.breaker.replace("_", "-")}`;
  return make("td", `${sign}\u00a0${word}${more}`, { class: look });
}

function neighbour(one, now) {
  const who = make("td", [NAMES[one.name], make("div", one.note, { class: "soft" })]);
  const since = one.since_s ? span(now.at_s - one.since_s) : one.since_s === null ? "start" : "";
  return row(who, state(one), right(!one.p99_s ? "–" : span(one.p99_s)), right(since, "soft narrow-hide"));
}

const when = (one) => make("td", clock(one.at_s), { class: "mono soft when" });
const nothing = (text, columns) => row(make("td", text, { class: "soft", colspan: columns }));

export function drawNow(now) {
  drawSituation(now);
  drawWaits(now);
  drawSources(now);
  drawPool(now);
  $("neighbours").replaceChildren(...[now.postgres, now.redis, now.privy, now.jobs].map((one) => neighbour(one, now)));
  const left = now.operations.filter((one) => one.is_abandoned);
  const calls = left.length ? left : now.operations;
  same($("running-title"), left.length ? "Walked away from" : "Slowest right now");
  $("running").replaceChildren(
    ...(calls.length ? calls.slice(0, 4).map((one) => row(one.name, right(String(one.count)), right(span(one.for_s)))) : [nothing("No call is under way.", 3)]),
  );
  $("events").replaceChildren(
    ...(now.events.length ? now.events.slice(0, 6).map((one) => row(when(one), one.text)) : [nothing("Nothing yet: deploys, breakers and settings will stand here.", 2)]),
  );
  same($("troubles-note"), now.troubles_note);
  $("troubles").replaceChildren(
    ...(now.troubles.length
      ? now.troubles.slice(0, 6).map((one) =>
          row(when(one), make("a", `${one.status} ${one.code.replaceAll("_", " ")}`, { href: `/console/runbook/${one.code.replaceAll("_", "-")}` }), right(span(one.took_s)), right(one.request_id, "mono soft narrow-hide")))
      : [nothing("None: whoever is not answered for our own reasons will stand here, with the request's id.", 4)]),
  );
}
