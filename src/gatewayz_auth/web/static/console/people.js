// One person from top to bottom: who, may they sign in, where the next answer comes from, keys, referrals, sign-ins.
import { deed, fault } from "./deeds.js";
import { aside, table } from "./sheet.js";
import { $, day, make, right, row, same, span } from "./words.js";

const WORDS = { 404: "There is nobody of this name.", 503: "The database does not answer, and nothing of this person is remembered." };

let ask;
let shown = null;

function say(text, look = "") {
  $("people-said").className = look;
  same($("people-said"), text);
}

const act = (one, then) => deed(ask, say, one, then ?? { export: saved, erase: erased }[one.path.split("/").pop()] ?? done, WORDS);

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
  const what = "E-mail, phone and name are shown to you. That you asked stands in the audit log.";
  const show = { word: "Show", path: `people/${one.user_id}/reveal`, what, fields: [] };
  reveal.addEventListener("click", () => act(show, async (answer) => draw(await answer.json(), say(""))));
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

async function erased(answer) {
  const { done: sentence } = await answer.json();
  $("person").replaceChildren();
  say(`${sentence.includes("But") ? "!" : "✓"} ${sentence}`, sentence.includes("But") ? "warn" : "fine");
}

function draw(one) {
  shown = one;
  const doing = one.database === null ? (each) => act(each) : null;
  const column = make("div", [who(one), may(one), ...one.tables.map((each) => table(each, doing))], { class: "column" });
  $("person").replaceChildren(column, aside(one.deeds, doing));
}

async function look(name, said = "") {
  say("…");
  try {
    const answer = await ask("/console/people/find", { who: name });
    if (!answer.ok) {
      $("person").replaceChildren();
      return say(`✕ ${await fault(answer, WORDS)}`, "bad");
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
