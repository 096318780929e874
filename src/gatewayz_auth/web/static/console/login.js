// Shows the token once and gets a cookie that scripts cannot read.
const form = document.getElementById("login");
const fault = document.getElementById("fault");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  fault.textContent = "";
  const body = JSON.stringify({ token: form.token.value, name: form.name.value });
  try {
    const answer = await fetch("/console/session", { method: "POST", body, headers: { "Content-Type": "application/json" } });
    if (answer.ok) return location.reload();
    if (answer.status === 429) {
      fault.textContent = `Too many tries. Wait ${answer.headers.get("Retry-After")} s.`;
    } else {
      fault.textContent = "That is not the token.";
    }
  } catch {
    fault.textContent = "The service does not answer.";
  }
  form.token.select();
});
