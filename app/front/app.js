// Asks the server how it is, and shows who answered and how long it took.

const DEADLINE_MS = 5000;
const BURST = 20;

const byId = (id) => document.getElementById(id);
const answers = new Map(); // server -> how many answers

/** Asks one address; never throws, for a failure is an answer too. */
async function ask(path) {
  const begin = performance.now();
  try {
    const response = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(DEADLINE_MS) });
    const text = await response.text();
    return {
      ok: response.ok,
      status: response.status,
      server: response.headers.get("x-served-by"),
      body: parse(text),
      ms: performance.now() - begin,
    };
  } catch (failure) {
    const reason = failure.name === "TimeoutError" ? `no answer within ${DEADLINE_MS / 1000} s` : "cannot reach the server";
    return { ok: false, status: null, server: null, body: { reason }, ms: performance.now() - begin };
  }
}

/** JSON if it is that, else nothing: a proxy's own error page need not be. */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function refresh() {
  const [ready, echo] = await Promise.all([ask("/api/health/ready"), ask("/api/echo")]);
  count(ready);
  count(echo);
  showReady(ready);
  showEcho(echo);
  showServers();
}

async function burst() {
  for (let i = 0; i < BURST; i += 1) {
    const answer = await ask("/api/health/ready");
    count(answer);
    showReady(answer);
    showServers();
    if (answer.status === null) break;
  }
}

function count({ server }) {
  if (server) answers.set(server, (answers.get(server) ?? 0) + 1);
}

function showReady({ ok, status, server, body, ms }) {
  const pill = byId("status");
  pill.dataset.state = ok ? "good" : "bad";
  pill.textContent = ok ? "ready" : status === null ? "no answer" : `not ready (${status})`;
  byId("server").textContent = server ?? "–";
  byId("time").textContent = `${ms.toFixed(1)} ms`;
  byId("reason").hidden = ok;
  byId("reason").textContent = ok ? "" : (body?.reason ?? body?.title ?? "the answer gives no reason");
}

function showEcho({ ok, body }) {
  byId("peer").textContent = ok && body?.peer ? `a connection from ${body.peer}` : "–";
  byId("seen").textContent = body ? JSON.stringify(body, null, 2) : "–";
}

function showServers() {
  const most = Math.max(0, ...answers.values());
  byId("nobody").hidden = answers.size > 0;
  const rows = [...answers].sort(([a], [b]) => a.localeCompare(b)).map(([server, times]) => {
    const row = document.createElement("li");
    const bar = Object.assign(document.createElement("meter"), { min: 0, max: most, value: times });
    bar.setAttribute("aria-label", `Answers of ${server}`);
    row.append(text(server), text(times === 1 ? "1 answer" : `${times} answers`), bar);
    return row;
  });
  byId("servers").replaceChildren(...rows);
}

function text(content) {
  return Object.assign(document.createElement("span"), { textContent: content });
}

/** Runs one task at a time; the buttons say so, and keep the focus. */
let isBusy = false;
async function once(task) {
  if (isBusy) return;
  setBusy(true);
  try {
    await task();
  } finally {
    setBusy(false);
  }
}

function setBusy(busy) {
  isBusy = busy;
  for (const id of ["again", "many"]) byId(id).setAttribute("aria-disabled", String(busy));
}

byId("again").addEventListener("click", () => once(refresh));
byId("many").addEventListener("click", () => once(burst));
once(refresh);
