// Jobs, Rollout, Settings, Audit: the service sends cards, tables and deeds, and they are drawn alike.
import { deed } from "./deeds.js";
import { $, clock, figure, make, row, same } from "./words.js";

let ask, page, shown, drawn;

function say(text, look = "") {
  $("sheet-said").className = look;
  same($("sheet-said"), text);
}

async function done(answer) {
  say(`✓ ${(await answer.json()).done}`, "fine");
  await drawSheet(ask, page);
}

const act = (one) => deed(ask, say, one, done, { 503: "The database does not answer: nothing was changed." });

function button(one, doing, look) {
  const element = make("button", one.word, { type: "button", class: look, "data-path": one.path });
  element.disabled = !doing;
  element.addEventListener("click", () => doing(one));
  return element;
}

function cell(one, doing) {
  if (typeof one === "string") return make("td", one || "–");
  if (one.deeds.length) return make("td", one.deeds.map((each) => button(each, doing, "plain")), { class: "right" });
  return make("td", [make("span", one.text || "–"), make("div", one.soft, { class: "soft" })], { class: one.look });
}

// Without somebody who does it, nothing can be done.
export function table(one, doing) {
  const rows = one.rows.map((cells) => row(...cells.map((each) => cell(each, doing))));
  if (!rows.length) rows.push(row(make("td", one.empty, { class: "soft", colspan: one.columns.length || 1 })));
  const head = one.columns.length ? make("thead", make("tr", one.columns.map((word) => make("th", word)))) : "";
  return make("section", [make("h2", one.title), make("table", [head, make("tbody", rows)])], { class: one.half ? "card" : "card all" });
}

export function aside(deeds, doing) {
  const list = deeds.map((one) => make("div", [button(one, doing, one.look), make("p", one.what, { class: "soft" })]));
  return make("aside", [make("h2", "Do"), ...list], { class: "card" });
}

const card = (one) => make("section", [make("h2", one.word), make("p", figure(one.figure), { class: "figure" }), make("p", one.below, { class: "soft" })], { class: "card" });

function draw() {
  same($("sheet-title"), shown.title);
  same($("sheet-note"), shown.note);
  const text = JSON.stringify({ ...shown, as_of: 0, stands: "" });
  if (text === drawn) return;
  drawn = text;
  const held = document.activeElement?.dataset.path;
  const doing = shown.closed ? null : act;
  const tables = make("div", shown.tables.map((one) => table(one, doing)), { class: "halves" });
  const below = shown.deeds.length ? make("div", [tables, aside(shown.deeds, doing)], { class: "beside" }) : tables;
  $("sheet-body").replaceChildren(make("div", shown.cards.map(card), { class: "cards" }), below);
  if (held) document.querySelector(`[data-path="${held}"]`)?.focus();
  document.body.dataset.sheets = Number(document.body.dataset.sheets || 0) + 1;
}

export async function drawSheet(asking, name) {
  ask = asking;
  if (name !== page) {
    page = name;
    shown = drawn = null;
    say("");
    for (const id of ["sheet-title", "sheet-note", "sheet-still", "sheet-body"]) $(id).replaceChildren();
  }
  const sheet = await ask(`/console/sheets/${name}`).then((answer) => (answer.ok ? answer.json() : null), () => null);
  if (name !== page) return;
  const still = sheet ? sheet.stands : "The service does not answer.";
  if (sheet) {
    // Another worker may know less, or not yet what was just changed.
    shown = !shown || sheet.order >= shown.order ? sheet : { ...shown, closed: sheet.closed };
    draw();
  }
  same($("sheet-still"), still ? `! ${still}${shown ? ` What is shown is of ${clock(shown.as_of)} UTC.` : ""}` : "");
}
