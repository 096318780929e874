// Whatever is done asks once, and then says what it did or why it was not done.
import { $, make, same } from "./words.js";

export async function fault(answer, words) {
  const told = await answer.json().catch(() => ({}));
  return words[answer.status] ?? told.errors?.[0]?.detail ?? told.detail ?? `It was not done (${answer.status}).`;
}

function field(one) {
  const id = `ask-${one.name}`;
  const input = one.options
    ? make("select", one.options.map(([value, word]) => make("option", word, { value })), { id, name: one.name })
    : make("input", "", { id, name: one.name, value: one.value, autocomplete: "off", spellcheck: "false" });
  return [make("label", one.word, { for: id }), input];
}

function confirmed(title, what, fields) {
  same($("ask-title"), title);
  same($("ask-what"), what);
  same($("ask-yes"), title.replace(" …", ""));
  $("ask-fields").replaceChildren(...fields.flatMap(field));
  $("ask-why").value = "";
  $("ask").returnValue = "";
  $("ask").showModal();
  return new Promise((done) => {
    const given = () => Object.fromEntries(fields.map((one) => [one.name, $(`ask-${one.name}`).value]));
    const close = () => done($("ask").returnValue === "yes" ? { ...given(), why: $("ask-why").value } : null);
    $("ask").addEventListener("close", close, { once: true });
  });
}

export async function deed(ask, say, one, then, words) {
  const body = await confirmed(one.word, one.what, one.fields);
  if (body === null) return say("Left as it was.");
  say("…");
  try {
    const answer = await ask(`/console/${one.path}`, body);
    if (!answer.ok) return say(`✕ ${await fault(answer, words)}`, "bad");
    await then(answer);
  } catch {
    say("✕ The service does not answer.", "bad");
  }
}
