// How lengths of time, figures and elements are made: everything that is shown is text, never HTML.
export const $ = (id) => document.getElementById(id);

export function make(tag, content, attributes = {}) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...(Array.isArray(content) ? content : [content ?? ""]));
  return element;
}

export function row(...cells) {
  return make("tr", cells.map((cell) => (cell instanceof Element && cell.tagName === "TD" ? cell : make("td", cell))));
}
export const right = (content, more = "") => make("td", content, { class: `right ${more}` });

export function span(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const s = Math.max(0, seconds);
  if (s < 0.9995) return s > 0 && s < 0.00095 ? `${(s * 1e3).toFixed(1)} ms` : `${(s * 1e3).toFixed(0)} ms`;
  if (s < 9.95) return `${s.toFixed(1)} s`;
  if (s < 120) return `${s.toFixed(0)} s`;
  if (s < 7200) return `${(s / 60).toFixed(0)} min`;
  if (s < 172800) return `${(s / 3600).toFixed(0)} h`;
  return `${(s / 86400).toFixed(0)} d`;
}

// The unit small and grey beside its figure.
export function figure(text) {
  const [, number, unit] = text.match(/^([^ ]+) ?(.*)$/);
  return unit ? [number, make("small", ` ${unit}`)] : [number];
}

export const whole = (number) => Math.round(number).toLocaleString("en-US");
export const clock = (at) => (at ? new Date(at * 1000).toISOString().slice(11, 19) : "–");
export const day = (text) => (text ? `${text.slice(0, 10)} ${text.slice(11, 16)}` : "–");
export function rate(value) {
  if (value === null || value === undefined) return "–";
  return value >= 10 || value === 0 ? value.toFixed(0) : value.toFixed(1);
}

export function same(element, ...content) {
  const text = content.map((one) => (one instanceof Node ? one.textContent : one)).join("");
  if (element.textContent !== text) element.replaceChildren(...content);
}
