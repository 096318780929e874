// One person from top to bottom: who, may they sign in, where the next answer comes from, keys, referrals, sign-ins.
import { $, clock, day, make, right, row, same, span } from "./words.js";

const ACTIONS = [
  ["invalidate", "Forget what is remembered", () => "Every process forgets this person within a second. The next sign-in asks the database."],
  ["disable", "Disable", () => "They are kept out everywhere within a second, in an outage too, until you enable them."],
  ["enable", "Enable", () => "They may sign in again everywhere within a second."],
  ["export", "Export", () => "Everything that is kept of this person comes to you as one JSON file, unmasked."],
  ["erase", "Erase …", () => "They are taken out of every table, cache and log for good. The ledger keeps their number without a name. This cannot be undone; it takes some seconds."],
];

let ask;
let shown = null;

function say(text, look = "") {
  $("people-said").className = look;
  same($("people-said"), text);
}

async function fault(answer) {
  if (answer.status === 404) return "There is nobody of this name.";
  if (answer.status === 503) return "The database does not answer, and nothing of this person is remembered.";
  const told = await answer.json().catch(() => ({}));
  return told.detail ?? `It was not done (${answer.status}).`;
}

function confirmed(title, what, yes) {
  same($("ask-title"), title);
  same($("ask-what"), what);
  same($("ask-yes"), yes);
  $("ask-why").value = "";
  $("ask").returnValue = "";
  $("ask").showModal();
  return new Promise((done) => {
    $("ask").addEventListener("close", () => done($("ask").returnValue === "yes" ? $("ask-why").value : null), { once: true });
  });
}

async function act(path, title, what, then) {
  const why = await confirmed(title, what, title.replace(" …", ""));
  if (why === null) return say("Left as it was.");
  say("…");
  try {
    const answer = await ask(path, { why });
    if (!answer.ok) return say(`✕ ${await fault(answer)}`, "bad");
    await then(answer);
  } catch {
    say("✕ The service does not answer.", "bad");
  }
}

async function done(answer) {
  const { done: sentence } = await answer.json();
  await look(String(shown.user_id), `✓ ${sentence}`);
}

async function saved(answer) {
  const link = make("a", "", { download: `user-${shown.user_id}.json`, href: URL.createObjectURL(await answer.blob()) });
  link.click();
  URL.revokeObjectURL(link.href);
  say("✓ The export is in your downloads.", "fine");
}

const line = (word, ...content) => make("div", [make("dt", word), make("dd", content)]);
const card = (title, ...content) => make("section", [make("h2", title), ...content], { class: "card" });

function who(one) {
  const reveal = make("button", "Show what is hidden", { type: "button", class: "plain", id: "reveal" });
  reveal.addEventListener("click", () =>
    act(`/console/people/${one.user_id}/reveal`, "Show", "E-mail, phone and name are shown to you. That you asked stands in the audit log.", async (answer) => {
      draw(await answer.json());
      say("");
    }));
  const personal = [["Name", one.display_name], ["E-mail", one.email && `${one.email} (verified)`], ["E-mail, claimed", one.claimed_email],
    ["Phone", one.phone_number && `${one.phone_number} (verified)`], ["Phone, claimed", one.claimed_phone_number]]
    .filter(([, value]) => value).map(([word, value]) => line(word, value));
  const title = make("div", [make("h2", one.username), one.masked && personal.length ? reveal : ""], { class: "head" });
  return make("section", [title, make("dl", [line("User id", String(one.user_id)), line("Privy id", make("span", one.privy_user_id ?? "none yet", { class: "mono" })), ...personal,
    line("Signs in by", one.auth_method), line("Plan", `${one.tier}, ${one.subscription_status}, ${one.credits} credits`), line("Region", one.region), line("Since", `${day(one.created_at)} UTC`)])], { class: "card" });
}

function may(one) {
  const text = one.is_active ? make("p", "✓ May sign in", { class: "fine strong" }) : make("p", "✕ Disabled: kept out everywhere", { class: "bad strong" });
  const age = one.next_age_s === null ? "" : `, ${span(one.next_age_s)} old`;
  const source = { cache: "cache", database: "database", "last known good": "last_known_good" }[one.next_source] ?? "refused";
  const next = make("p", ["The next answer comes from ", make("span", `${one.next_source}${age}`, { "data-source": source, class: "source" })]);
  const away = one.database ? make("p", `! The database does not answer (${one.database}): only what is remembered is shown.`, { class: "warn" }) : "";
  const tiers = one.tiers.length ? make("table", one.tiers.map((tier) => row(tier.name, tier.worth, right(`${span(tier.age_s)} old`)))) : make("p", "Nothing is remembered.", { class: "soft" });
  return card("Signing in", text, next, away, tiers);
}

function keys(one) {
  const rows = one.keys.map((key) => {
    const revoke = make("button", "Revoke", { type: "button", class: "plain" });
    revoke.addEventListener("click", () => act(`/console/keys/${key.id}/revoke`, "Revoke", `The key ${key.prefix}… stops working for good. The next sign-in makes a new one.`, done));
    return row(make("td", `${key.prefix}…`, { class: "mono" }), `${key.environment_tag}, made ${day(key.created_at)}`, key.last_used_at ? `used ${day(key.last_used_at)}` : "not used yet",
      right(key.revoked_at ? `✕ revoked ${day(key.revoked_at)}` : revoke));
  });
  return card("Keys", rows.length ? make("table", rows) : make("p", "None.", { class: "soft" }));
}

function referrals(one) {
  const { codes, made, came_by: came } = one.referrals;
  const counts = Object.entries(made).map(([status, n]) => `${n} ${status}`).join(", ");
  return card("Referrals", make("dl", [line("Own code", codes.join(", ") || "none"), line("Brought", counts || "nobody"),
    line("Came by", came ? `${came.code}, ${came.status}${came.reason ? ` (${came.reason})` : ""}` : "no code")]));
}

function recent(one) {
  const rows = one.recent.map((at) => row(make("td", clock(at.at_s), { class: "mono soft when" }), at.outcome === "ok" ? `from ${at.source}` : at.outcome, right(span(at.took_s)), right(at.request_id, "mono soft narrow-hide")));
  const last = one.last_sign_in_at ? `First of its day written down: ${day(one.last_sign_in_at)} UTC.` : "";
  return card("Last sign-ins", rows.length ? make("table", rows) : make("p", "None that is remembered.", { class: "soft" }), make("p", last, { class: "soft" }));
}

function actions(one) {
  const wanted = ACTIONS.filter(([name]) => name !== (one.is_active ? "enable" : "disable"));
  const list = wanted.map(([name, word, what]) => {
    const button = make("button", word, { type: "button", class: name === "erase" ? "danger" : "", "data-action": name });
    button.disabled = one.database !== null;
    button.addEventListener("click", () => act(`/console/people/${one.user_id}/${name}`, word, what(one), name === "export" ? saved : name === "erase" ? erased : done));
    return make("div", [button, make("p", what(one), { class: "soft" })]);
  });
  return make("aside", [make("h2", "Do"), ...list], { class: "card" });
}

async function erased(answer) {
  const { done: sentence } = await answer.json();
  $("person").replaceChildren();
  say(`${sentence.includes("But") ? "!" : "✓"} ${sentence}`, sentence.includes("But") ? "warn" : "fine");
}

function draw(one) {
  shown = one;
  const column = make("div", [who(one), may(one), keys(one), referrals(one), recent(one)], { class: "column" });
  $("person").replaceChildren(column, actions(one));
}

async function look(name, said = "") {
  say("…");
  try {
    const answer = await ask("/console/people/find", { who: name });
    if (!answer.ok) {
      $("person").replaceChildren();
      return say(`✕ ${await fault(answer)}`, "bad");
    }
    draw(await answer.json());
    say(said, "fine");
  } catch {
    say("✕ The service does not answer.", "bad");
  }
}

export function startPeople(asking) {
  ask = asking;
  $("search").addEventListener("submit", (event) => {
    event.preventDefault();
    look($("who").value.trim());
  });
}
