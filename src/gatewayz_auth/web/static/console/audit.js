// What operators did, newest first.
import { $, day, make, row } from "./words.js";

export async function drawAudit(ask) {
  const nothing = (text) => $("entries").replaceChildren(row(make("td", text, { class: "soft", colspan: 5 })));
  try {
    const answer = await ask("/console/audit");
    if (!answer.ok) return nothing("The audit log is in the database, which does not answer.");
    const entries = await answer.json();
    if (!entries.length) return nothing("Nothing yet: what is done to people will stand here.");
    $("entries").replaceChildren(...entries.map((one) => row(make("td", day(one.at), { class: "mono soft when" }), one.who, one.what, one.subject, one.why || "–")));
  } catch {
    nothing("The service does not answer.");
  }
}
