// Keeps an open page up to date; a module, so that nothing here is anybody else's. Without this script the page is whole, and asks for itself every five seconds.
const state = document.getElementById("state");
let newest = newestEvent();
let lastHeard = Date.now();
// The cell that is explained just now.
let told = null;

follow();
prepare();
document.addEventListener("change", tickAll);
for (const kind of ["mouseover", "focusin"]) document.addEventListener(kind, explain);
for (const kind of ["mouseout", "focusout"]) document.addEventListener(kind, hush);
document.addEventListener("scroll", follows, { capture: true, passive: true });
document.addEventListener("keydown", (event) => event.key === "Escape" && hush());

// ---- live

function follow() {
  const address = document.body.dataset.live;
  if (!address) return;
  const stream = new EventSource(address);
  show("connecting", "connecting…");
  stream.onmessage = ({ data }) => {
    const { layout, parts } = JSON.parse(data);
    lastHeard = Date.now();
    if (layout !== document.body.dataset.layout) {
      stream.close();
      return rebuild();
    }
    for (const [id, html] of parts) patch(id, html);
    explainAnew();
    announce();
    show("live", "live");
  };
  stream.onerror = () => {
    show("stale", "connection lost, figures are old");
    // The browser tries again by itself, but not after a refusal.
    if (stream.readyState === EventSource.CLOSED) setTimeout(follow, 30_000);
  };
}

setInterval(() => {
  if (document.body.dataset.live && Date.now() - lastHeard > 5_000) {
    show("stale", "no news, figures are old");
  }
}, 1_000);

function show(kind, words) {
  if (state.textContent === words) return;
  state.className = `state ${kind}`;
  state.textContent = words;
}

// What stands where has changed: listeners, upstreams or servers came or went.
async function rebuild() {
  try {
    const answer = await fetch(location.href);
    if (!answer.ok) throw new Error(answer.status);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const ticked = [...document.querySelectorAll("input[name=s]:checked")].map(nameOf);
    const focused = document.activeElement?.id;
    document.querySelector("main").replaceWith(page.querySelector("main"));
    document.title = page.title;
    document.body.dataset.layout = page.body.dataset.layout;
    for (const box of document.querySelectorAll("input[name=s]")) box.checked = ticked.includes(nameOf(box));
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    prepare();
    announce();
    follow();
  } catch {
    show("stale", "connection lost, figures are old");
    setTimeout(rebuild, 5_000);
  }
}

function nameOf(box) {
  return `${box.form.elements.b.value}\n${box.value}`;
}

// ---- patches

function patch(id, html) {
  const old = document.getElementById(id);
  if (!old) return;
  const template = document.createElement("template");
  template.innerHTML = html;
  morph(old, template.content.firstElementChild);
}

// Makes one element like another and leaves alone what is the same: focus, selection and scroll stay.
function morph(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeName !== fresh.nodeName) {
    old.replaceWith(fresh);
  } else if (old.nodeType !== Node.ELEMENT_NODE) {
    old.data = fresh.data;
  } else if (!old.matches("input, select, textarea")) {
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    const [before, after] = [[...old.childNodes], [...fresh.childNodes]];
    for (const [index, child] of after.entries()) {
      if (before[index]) morph(before[index], child);
      else old.append(child);
    }
    for (const child of before.slice(after.length)) child.remove();
  }
}

// ---- events

function newestEvent() {
  return Number(document.getElementById("events")?.dataset.newest ?? 0);
}

// Tells a screen reader what is new, and nothing else.
function announce() {
  if (newestEvent() <= newest) return;
  const items = [...document.querySelectorAll("#events li")].filter((item) => Number(item.dataset.number) > newest);
  newest = newestEvent();
  const news = document.getElementById("news");
  for (const item of items.slice(0, 3).reverse()) {
    const line = document.createElement("p");
    line.textContent = item.querySelector("span").textContent;
    news.append(line);
  }
  while (news.children.length > 5) news.firstElementChild.remove();
}

// ---- boxes

function prepare() {
  for (const label of document.querySelectorAll("label.all")) label.hidden = false;
}

function tickAll({ target }) {
  if (!target.matches("input[type=checkbox]")) return;
  const boxes = [...target.form.querySelectorAll("input[name=s]")];
  const all = target.form.querySelector("input.all");
  if (target === all) for (const box of boxes) box.checked = all.checked;
  const ticked = boxes.filter((box) => box.checked).length;
  all.checked = ticked === boxes.length;
  all.indeterminate = ticked > 0 && !all.checked;
}

// ---- explanations

function explain({ target }) {
  const next = target.closest?.("abbr[title]");
  if (!next) return;
  hush();
  told = next;
  const tip = document.createElement("p");
  tip.id = "tip";
  tip.setAttribute("role", "tooltip");
  tip.textContent = told.title;
  // Two explanations at a time are one too many.
  told.dataset.title = told.title;
  told.removeAttribute("title");
  told.setAttribute("aria-describedby", "tip");
  document.body.append(tip);
  place(tip);
}

function place(tip) {
  const [cell, size] = [told.getBoundingClientRect(), tip.getBoundingClientRect()];
  const left = Math.max(8, Math.min(cell.left, innerWidth - size.width - 8));
  const fits = cell.bottom + size.height + 14 < innerHeight;
  tip.style.left = `${left}px`;
  tip.style.top = `${fits ? cell.bottom + 6 : Math.max(8, cell.top - size.height - 6)}px`;
}

// A cell that has the focus scrolls into view and keeps its explanation.
function follows() {
  if (told && told === document.activeElement) place(document.getElementById("tip"));
  else hush();
}

// Its numbers may be others now.
function explainAnew() {
  const target = told;
  hush();
  if (target?.isConnected) explain({ target });
}

function hush() {
  document.getElementById("tip")?.remove();
  if (told?.dataset.title && !told.title) told.title = told.dataset.title;
  told?.removeAttribute("data-title");
  told?.removeAttribute("aria-describedby");
  told = null;
}
