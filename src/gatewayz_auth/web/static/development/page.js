// The development page: pick a person, sign in, see the answer, where it came from and where the time went.
// It keeps no key and no token: people added here are remembered by id and linked accounts alone.

const $ = (id) => document.getElementById(id);
const KEEP = "gatewayz-auth.people";
const KEPT_PEOPLE = 6;
const KEPT_SIGN_INS = 20;
const PATIENCE_MS = 12_000; // the service answers within 8 s; past this it does not answer at all
const SCALE_MS = [0.1, 1, 10, 100, 1000, 10_000];

const PEOPLE = [
  person("ada", "e-mail", "did:privy:ada", [{ type: "email", address: "ada@example.com" }]),
  person("grace", "Google", "did:privy:grace", [
    { type: "google_oauth", subject: "117000000000000000001", email: "grace@example.com", name: "Grace H." },
  ]),
  person("octo", "GitHub", "did:privy:octo", [{ type: "github_oauth", subject: "583231", username: "octo" }]),
  person("a wallet", "wallet", "did:privy:wallet", [
    { type: "wallet", address: "0x52908400098527886E0F7030069857D2E4169EE7", chain_type: "ethereum" },
  ]),
  person("a phone", "phone", "did:privy:phone", [{ type: "phone", phone_number: "+15550100099" }]),
  person("a guest", "unproven", "did:privy:guest", []),
];

const SOURCES = {
  cache: { sign: "✓", word: "cache", from: "the cache" },
  database: { sign: "✓", word: "database", from: "the database" },
  "last-known-good": { sign: "!", word: "last known good", from: "last known good" },
};

// Words for the phases of Server-Timing, and the source whose colour each wears.
const PHASES = {
  parse: ["read the request"], verify: ["prove the token"],
  cache: ["look in the cache", "cache"], redis: ["ask Redis", "cache"], database: ["ask the database", "database"],
  "last-known-good": ["wait, then recall", "last-known-good"], lookup: ["find the account"],
};

const BREAKS = [
  ["One character of its signature was changed.", (t) => t.slice(0, -10) + (t.at(-10) === "A" ? "B" : "A") + t.slice(-9)],
  ["Its payload was altered and the signature left as it was.", (t) => t.replace(/\.(.)/, (_, c) => "." + (c === "e" ? "f" : "e"))],
  ["It says that it needs no signature (alg: none).", (t) => btoa('{"alg":"none","typ":"JWT"}').replace(/=+$/, "") + "." + t.split(".")[1] + "."],
  ["It was cut in half.", (t) => t.slice(0, t.length / 2)],
  ["It was not a token at all.", () => "not-a-token"],
];

let remembered = recall();
let past = [];
let busy = false;
let breaks = 0;
let answers = 0;

// People

function person(name, how, id, accounts) {
  return { name, how, id, accounts };
}

function recall() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEEP) ?? "[]");
    return kept.filter((p) => p.name && p.how && /^did:privy:[\w-]{1,128}$/.test(p.id) && Array.isArray(p.accounts)).slice(0, KEPT_PEOPLE);
  } catch {
    return []; // storage is off, or somebody else wrote there
  }
}

function remember(who) {
  if (PEOPLE.some((p) => p.id === who.id)) return;
  remembered = [who, ...remembered.filter((p) => p.id !== who.id)].slice(0, KEPT_PEOPLE);
  try {
    localStorage.setItem(KEEP, JSON.stringify(remembered));
  } catch {
    // remembered until the page is left, then
  }
}

function personFrom(typed) {
  const text = typed.trim();
  const slug = text.toLowerCase().normalize("NFKD").replace(/[^a-z0-9_-]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 120);
  const isId = /^did:privy:[\w-]{1,128}$/.test(text);
  const id = isId ? text : `did:privy:${slug}`;
  const known = [...PEOPLE, ...remembered].find((p) => p.id === id);
  if (known) return known;
  if (isId) return person(text.slice(10), "id alone", id, []);
  if (!slug || text.startsWith("did:")) return null;
  if (/^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(text)) return person(text, "e-mail", id, [{ type: "email", address: text }]);
  if (/^\+[\d ()-]{6,}$/.test(text)) return person(text, "phone", id, [{ type: "phone", phone_number: text.replace(/[^+\d]/g, "") }]);
  if (/^0x[0-9a-f]{40}$/i.test(text)) return person(text.slice(0, 10) + "…", "wallet", id, [{ type: "wallet", address: text, chain_type: "ethereum" }]);
  return person(text, "GitHub", id, [{ type: "github_oauth", subject: slug, username: text }]);
}

function somebodyNew() {
  const random = [...crypto.getRandomValues(new Uint8Array(5))].map((b) => "abcdefghjkmnpqrstuvwxyz23456789"[b % 31]).join("");
  return person(`new-${random}`, "e-mail", `did:privy:new-${random}`, [{ type: "email", address: `new-${random}@example.com` }]);
}

function chosen() {
  if (!$("pick-typed").checked) {
    const id = document.querySelector("input[name=person]:checked").value;
    return [...PEOPLE, ...remembered].find((p) => p.id === id);
  }
  const who = personFrom($("typed").value);
  if (who === null) $("typed").focus();
  explainTyped($("typed").value.trim() ? undefined : "Say who: an e-mail, a phone number, a wallet, a name or a Privy id.");
  return who;
}

function explainTyped(wrong) {
  const text = $("typed").value;
  const who = text.trim() ? personFrom(text) : undefined;
  const fault = wrong ?? (who === null ? "Nobody can be called that: use a letter or digit, or did:privy: and 1 to 128 of A-Z a-z 0-9 _ -." : "");
  $("typed-as").classList.toggle("wrong", fault !== "");
  $("typed").setAttribute("aria-invalid", String(fault !== ""));
  $("typed-as").textContent = fault || (who ? `${who.how}, as ${who.id}` : "An e-mail, a phone number, a wallet, a name or a did:privy: id.");
}

function showPeople(pick) {
  const rows = [...PEOPLE, ...remembered].map((p) =>
    h("label", { class: "person" },
      h("input", { type: "radio", name: "person", value: p.id, checked: p.id === pick }),
      h("span", { class: "name", title: p.id }, p.name), h("span", { class: "how" }, p.how)));
  $("people").replaceChildren(...rows);
  $("forget").hidden = remembered.length === 0;
}

// Asking

async function ask(path, body) {
  const began = performance.now();
  try {
    const response = await fetch(path, {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
      cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const seenMs = performance.now() - began;
    const text = await response.text();
    let json = null;
    try { json = JSON.parse(text); } catch { /* shown as it came */ }
    return { status: response.status, headers: response.headers, json: json ?? {}, text, seenMs };
  } catch (error) {
    return { status: 0, headers: new Headers(), json: {}, text: "", seenMs: performance.now() - began, late: error.name === "TimeoutError" };
  }
}

async function signIn(who, breakToken) {
  const issued = await ask("/dev/token", { privy_user_id: who.id, linked_accounts: who.accounts });
  if (issued.status !== 200) return result(who, issued, null);
  const { token, identity_token, user } = issued.json;
  const body = {
    token: breakToken ? breakToken(token) : token, identity_token,
    user: { ...user, is_guest: who.accounts.length === 0 }, auto_create_api_key: true, environment_tag: $("tag").value,
  };
  if ($("referral").value.trim()) body.referral_code = $("referral").value.trim();
  return result(who, await ask("/api/auth", body), body);
}

function result(who, answer, body) {
  const phases = timing(answer.headers.get("server-timing") ?? "");
  const total = phases.find((p) => p.name === "total");
  const parts = phases.filter((p) => p !== total);
  const sum = parts.reduce((all, p) => all + p.ms, 0);
  const serviceMs = total ? Math.max(total.ms, 0) : parts.length ? sum : null;
  const ok = answer.status === 200;
  return {
    ...answer, who, body, ok, parts, sum, serviceMs, at: new Date(), ms: serviceMs ?? answer.seenMs,
    source: ok ? (answer.headers.get("x-auth-source") ?? "database") : "problem",
    age: answer.headers.get("age"), tag: body?.environment_tag,
  };
}

function timing(header) {
  const found = [];
  for (const [, name, rest] of header.matchAll(/([\w.!#$%&'*+^`|~-]+)((?:\s*;\s*[\w-]+(?:=(?:"[^"]*"|[^;,]*))?)*)/g)) {
    const ms = Number(/;\s*dur=([\d.]+)/.exec(rest)?.[1]);
    if (Number.isFinite(ms)) found.push({ name, ms, words: /;\s*desc="([^"]*)"/.exec(rest)?.[1] ?? PHASES[name]?.[0] ?? name, source: PHASES[name]?.[1] });
  }
  return found;
}

// Saying it

function sentence(r) {
  const key = r.json.api_key ? `${/^[aeiou]/.test(r.tag) ? "an" : "a"} ${r.tag} key` : "no key";
  if (r.ok) {
    const came = r.json.is_new_user
      ? [strong(`${r.who.name} is new`), `: account ${r.json.user_id} was made, with ${key} and ${figure(r.json.credits ?? 0)} credits.`]
      : [strong(`${r.who.name} is known`), `: account ${r.json.user_id}, with ${key} as before.`];
    const age = r.age === null ? [] : [` The answer is ${seconds(Number(r.age))} old.`];
    const why = r.source === "last-known-good" ? [" The database could not be asked in time."] : [];
    return [`Signed in from ${SOURCES[r.source]?.from ?? r.source} in ${time(r.ms)}.`, [...came, ...age, ...why]];
  }
  const again = r.headers.get("retry-after");
  const later = again ? ` Come back in ${seconds(Number(again))}.` : "";
  if (r.status === 0) {
    return [r.late ? `No answer in ${time(PATIENCE_MS)}.` : `Nobody answers at ${location.host}.`, ["Is the service still running? ", strong("make run"), " starts it."]];
  }
  const said = {
    401: "The token was not accepted.", 403: `${r.who.name} may not sign in.`, 400: "The request was not understood.",
    422: "The request was not understood.", 413: "The request was too large.", 429: "Asked too often.", 503: "The answer is not known right now.",
  }[r.status] ?? `The service answered ${r.status}.`;
  const why = r.note ?? (r.status === 401 || r.status === 503 ? "" : r.json.detail) ?? "";
  const how = r.status === 503 ? `It was not learnt within ${time(r.ms)}, and it is never guessed.` : `Refused in ${time(r.ms)}; no account was touched.`;
  return [said, [why ? `${why} ` : "", how, later]];
}

function say(source, sign, first, below) {
  Object.assign($("sign"), { textContent: sign }).dataset.source = source;
  $("sentence").textContent = first;
  $("below").replaceChildren(...below);
  const isOneColumn = getComputedStyle($("form")).position === "static";
  if (isOneColumn && $("sentence").getBoundingClientRect().top < 0) document.querySelector("main").scrollIntoView();
}

function show(r) {
  $("empty").hidden = true;
  $("result").hidden = $("past").hidden = false;
  $("result").replaceChildren(...[figures(r), r.parts.length ? timeline(r) : null, r.ok ? fields(r) : problem(r), wire(r)].filter(Boolean));
  past = [r, ...past].slice(0, KEPT_SIGN_INS);
  $("answer").dataset.answers = String((answers += 1));
  showPast();
}

function figures(r) {
  const mid = [...past.map((p) => p.ms), r.ms].slice(0, KEPT_SIGN_INS).sort((a, b) => a - b);
  const tile = (title, big, also) => h("div", {}, h("dt", {}, title), h("dd", { class: "big" }, ...big), h("dd", { class: "also" }, also));
  const refused = r.status === 0 ? "silent" : r.status < 500 ? "refused" : "not known";
  const source = h("span", { class: "source", "data-source": r.source }, r.ok ? (SOURCES[r.source]?.word ?? r.source) : refused);
  const age = r.age === null ? "asked just now" : `${seconds(Number(r.age))} old`;
  return h("dl", { class: "card figures" },
    tile(r.ok ? "Answered from" : "Answered", [source], r.ok ? `${SOURCES[r.source]?.sign ?? "✓"} ${age}` : "✕ no key was given"),
    tile("In the service", r.serviceMs === null ? ["–"] : measured(r.serviceMs), `median of ${mid.length}: ${time(mid[mid.length >> 1])}`),
    tile("Seen by this browser", measured(r.seenMs), "there and back"),
    r.ok ? tile("Account", [String(r.json.user_id)], r.json.is_new_user ? "made just now" : "known before")
         : tile("Status", [String(r.status || "–")], r.status ? r.json.title ?? "" : "no answer"));
}

function timeline(r) {
  const whole = Math.max(r.serviceMs, r.sum, 0.001);
  const rest = r.serviceMs - r.sum;
  const parts = rest > whole / 100 ? [...r.parts, { ms: rest, words: "everything else" }] : r.parts;
  let from = 0;
  const rows = parts.map((p) => {
    const bar = h("span", { class: "bar", "data-source": p.source ?? "" });
    bar.style.left = `${(Math.min(from, whole * 0.995) / whole) * 100}%`;
    bar.style.width = `${(Math.min(p.ms, whole - from) / whole) * 100}%`;
    from += p.ms;
    return h("li", { title: `${p.words}: ${time(p.ms)}` }, h("span", {}, p.words), h("span", { class: "track", "aria-hidden": "true" }, bar), h("span", { class: "figure" }, ...measured(p.ms)));
  });
  const sum = h("li", { class: "sum" }, h("span", {}, "together"), h("span", {}), h("span", { class: "figure" }, ...measured(whole)));
  return card("Where the time went", "this one answer, as the service measured it", h("ol", { class: "phases" }, ...rows, sum));
}

function fields(r) {
  const key = r.json.api_key;
  const code = h("code", { id: "key" }, key ? masked(key) : "none was asked for");
  const reveal = h("button", { type: "button", class: "small", "aria-pressed": "false", onclick: () => {
    const shown = reveal.getAttribute("aria-pressed") !== "true";
    reveal.setAttribute("aria-pressed", String(shown));
    reveal.textContent = shown ? "Hide" : "Show";
    code.textContent = shown ? key : masked(key);
  } }, "Show");
  reveal.id = "reveal";
  const line = h("div", { class: "key" }, code, ...(key ? [reveal, copier("Copy key", "copy-key", key)] : []), copier("Copy as curl", "copy-curl", curl(r.body)));
  const rows = Object.entries(r.json).filter(([name]) => name !== "api_key").map(row);
  return card("The answer", `HTTP ${r.status}`, line, h("dl", { class: "fields" }, ...rows));
}

function problem(r) {
  if (r.status === 0) return null;
  const { errors = [], ...said } = r.json;
  const rows = Object.entries(said).map(row);
  for (const e of errors) rows.push(row([e.pointer || "the body", e.detail]));
  if (!said.request_id && r.headers.get("x-request-id")) rows.push(row(["request_id", r.headers.get("x-request-id")]));
  for (const name of ["www-authenticate", "retry-after"]) if (r.headers.get(name)) rows.push(row([name, r.headers.get(name)]));
  rows.forEach((one) => one.classList.add("whole"));
  return card("The problem", "application/problem+json", h("dl", { class: "fields problem" }, ...rows));
}

function row([name, value]) {
  const none = value === null || value === "";
  return h("div", {}, h("dt", {}, name), h("dd", { class: none ? "none" : "", "data-field": name }, none ? "–" : typeof value === "object" ? JSON.stringify(value) : String(value)));
}

function wire(r) {
  if (r.status === 0 || !r.body) return null;
  const key = r.json.api_key;
  const short = (t) => (t?.length > 40 ? `${t.slice(0, 24)}…${t.slice(-8)}` : t);
  const body = { ...r.body, token: short(r.body.token), identity_token: short(r.body.identity_token) };
  const heads = [...r.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
  const text = JSON.stringify(r.json, null, 2);
  return h("details", { class: "card" }, h("summary", {}, "As it went over the wire"),
    h("pre", { class: "mono" }, `POST /api/auth\ncontent-type: application/json\n\n${JSON.stringify(body, null, 2)}`),
    h("pre", { class: "mono" }, `HTTP ${r.status}\n${heads}\n\n${key ? text.replace(key, masked(key)) : text}`));
}

function showPast() {
  $("past-title").textContent = past.length === 1 ? "One sign-in since this page was opened" : `The last ${past.length} sign-ins, newest first`;
  $("rows").replaceChildren(...past.map((r) => {
    const dot = h("b", {});
    dot.style.left = place(r.ms);
    const lines = SCALE_MS.map((ms) => { const i = h("i", {}); i.style.left = place(ms); return i; });
    const word = r.ok ? (SOURCES[r.source]?.word ?? r.source) : `✕ ${r.status || "no answer"}`;
    return h("tr", { "data-source": r.source },
      h("td", { class: "when mono" }, r.at.toLocaleTimeString("en-GB")),
      h("td", { class: "who", title: r.who.id }, r.who.name, r.ok && r.json.is_new_user ? h("span", { class: "soft" }, " new") : ""),
      h("td", {}, h("span", { class: "source", "data-source": r.source }, word)),
      h("td", { class: "scale", "aria-hidden": "true" }, h("span", { class: "dots" }, ...lines, dot)),
      h("td", { class: "figure" }, ...measured(r.ms)));
  }));
}

// Small things

function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function" || typeof value === "boolean") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function card(title, aside, ...children) {
  return h("section", { class: "card" }, h("div", { class: "head" }, h("h2", {}, title), h("span", { class: "soft" }, aside)), ...children);
}

function copier(title, id, text) {
  const button = h("button", { type: "button", class: "small", id, onclick: async () => {
    const done = await navigator.clipboard?.writeText(text).then(() => true, () => false);
    button.textContent = done ? "Copied" : "Not allowed to copy";
    setTimeout(() => { button.textContent = title; }, 2000);
  } }, title);
  button.setAttribute("aria-live", "polite");
  return button;
}

const strong = (text) => h("b", {}, text);
const masked = (key) => key.slice(0, key.lastIndexOf("_") + 5) + "•".repeat(16);
const curl = (body) => `curl -sS -i ${location.origin}/api/auth -H 'content-type: application/json' -d '${JSON.stringify(body).replaceAll("'", "'\\''")}'`;
const figure = (n, digits = 0) => Number(n).toLocaleString("en-US", { maximumFractionDigits: digits });
const seconds = (s) => (s < 1 ? "under 1 s" : s < 120 ? `${figure(s)} s` : s < 7200 ? `${figure(s / 60)} min` : `${figure(s / 3600)} h`);
const split = (ms) => (ms < 1 ? [ms.toFixed(2), "ms"] : ms < 100 ? [ms.toFixed(1), "ms"] : ms < 1000 ? [figure(ms), "ms"] : [(ms / 1000).toFixed(1), "s"]);
const time = (ms) => split(ms).join(" ");
const measured = (ms) => [split(ms)[0], h("small", {}, ` ${split(ms)[1]}`)];
const place = (ms) => `${(Math.log10(Math.min(Math.max(ms, 0.1), 10_000)) + 1) * 20}%`;

// Starting

async function run(who, { times = 1, breakToken, note } = {}) {
  if (busy || !who) return;
  busy = true;
  $("form").setAttribute("aria-busy", "true");
  const slow = setTimeout(() => say("none", "…", "Waiting for an answer.", ["The service answers within 8 s, whatever hangs."]), 400);
  let last;
  const seen = [];
  try {
    for (let n = 0; n < times; n += 1) {
      last = await signIn(who, breakToken);
      seen.push(last);
      show(Object.assign(last, { note }));
      if (!last.ok) break;
    }
  } finally {
    clearTimeout(slow);
    busy = false;
    $("form").setAttribute("aria-busy", "false");
  }
  const [first, below] = times > 1 && last.ok ? summary(who, seen) : sentence(last);
  if (last.ok) remember(who);
  say(last.source, last.ok ? (SOURCES[last.source]?.sign ?? "✓") : "✕", first, below);
  if (last.ok && !document.querySelector(`input[name=person][value="${who.id}"]:checked`) && !breakToken) showPeople(who.id);
}

function summary(who, seen) {
  const from = Object.entries(SOURCES).map(([s, { word }]) => [seen.filter((r) => r.source === s).length, word]).filter(([n]) => n);
  return [`Signed in ${seen.length} times, the slowest in ${time(Math.max(...seen.map((r) => r.ms)))}.`,
    [strong(who.name), `: account ${seen[0].json.user_id}. `, from.map(([n, word]) => `${n} from ${word}`).join(", "), "."]];
}

$("place").textContent = location.host;
$("axis").replaceChildren(...SCALE_MS.map((ms) => { const s = h("span", {}, ms < 1000 ? `${ms} ms` : `${ms / 1000} s`); s.style.left = place(ms); return s; }));
showPeople("did:privy:ada");
$("typed").addEventListener("focus", () => { $("pick-typed").checked = true; });
$("typed").addEventListener("input", () => explainTyped());
$("form").addEventListener("submit", (event) => { event.preventDefault(); run(chosen()); });
$("ten").addEventListener("click", () => run(chosen(), { times: 10 }));
$("new").addEventListener("click", () => run(somebodyNew()));
$("broken").addEventListener("click", () => {
  const [note, breakToken] = BREAKS[breaks++ % BREAKS.length];
  run(chosen(), { breakToken, note });
});
$("forget").addEventListener("click", () => {
  remembered = [];
  try { localStorage.removeItem(KEEP); } catch { /* nothing was kept */ }
  showPeople("did:privy:ada");
  document.querySelector("input[name=person]:checked").focus();
});
