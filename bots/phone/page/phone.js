// The page: phones that show what the server's event stream says, and post
// what is typed. Everything a person wrote is set as textContent.
//
// A message has a key, and showing a key that is there already updates it. So
// nothing is shown twice, however often the stream begins anew.

import { segments } from "./segments.js";

const boot = JSON.parse(document.getElementById("boot").textContent);
const byId = id => document.getElementById(id);
const say = (key, values = {}) => boot.texts[key].replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");

const kept = 200;          // messages a phone shows
const textMax = 1 << 20;   // bytes
const phones = new Map();  // by screen key, in the order on the page
let directory = [];        // every screen there is
let token = boot.token;
let made = 0;              // phones, for ids

// el makes an element: attributes, then children (strings become text).
function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false && value != null) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter(child => child != null && child !== ""));
  return node;
}

function icon(name) {
  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg"), use = document.createElementNS(ns, "use");
  use.setAttribute("href", "#i-" + name);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

const kind = channel => ["sms", "email", "telegram"].includes(channel) ? channel : "telegram";
const kindName = screen => boot.texts[screen.channel] ?? screen.channel;
const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), b => b.toString(16).padStart(2, "0")).join("");
const clock = at => new Date(at).toLocaleTimeString(boot.texts.lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

// ---- a phone ----

function openPhone(screen) {
  const id = "phone-" + ++made;
  const look = kind(screen.channel);
  const phone = { screen, look, id, messages: new Map(), unseen: 0 };

  phone.log = el("div", {
    class: "log", role: "log", "aria-live": "polite", tabindex: "0",
    "aria-label": say("messages", { name: screen.name }),
  });
  phone.empty = emptyState(phone);
  phone.log.append(phone.empty);

  const remove = el("button", { type: "button", class: "icon", "aria-label": say("remove", { name: screen.name }) }, icon("close"));
  remove.addEventListener("click", () => putAway(phone));
  phone.section = el("section", { class: "phone " + look, id, "data-screen": screen.key, "data-name": screen.name, "aria-labelledby": id + "-name" },
    el("div", { class: "plate" },
      el("span", { class: "face", "aria-hidden": "true" }, icon(look)),
      el("div", { class: "who" },
        el("h2", { id: id + "-name" }, el("bdi", {}, screen.name)),
        el("p", {}, kindName(screen), " · ", el("bdi", {}, screen.address))),
      remove),
    el("div", { class: "shell" },
      el("div", { class: "brow", "aria-hidden": "true" }, el("span")),
      el("div", { class: "glass" },
        el("div", { class: "bar" }, icon(look), el("strong", {}, el("bdi", {}, look === "email" ? say("inbox") : boot.title))),
        phone.log,
        composer(phone)),
      look === "sms" ? keypad() : null));

  phone.jump = el("a", { href: "#" + id }, el("span", { dir: "auto" }, screen.name.split(" ")[0]));
  byId("jump").append(phone.jump);
  byId("table").append(phone.section);
  phones.set(screen.key, phone);
  sight.observe(phone.section);
  return phone;
}

function emptyState(phone) {
  const words = phone.screen.try || say("try");
  const example = el("button", { type: "button", class: "example", dir: "auto" }, words);
  example.addEventListener("click", () => {
    phone.input.value = words;
    phone.input.dispatchEvent(new Event("input"));
    phone.input.focus();
  });
  return el("div", { class: "empty" }, el("p", {}, say("empty")), example);
}

// keypad is what makes an old phone one. It is a picture only.
function keypad() {
  return el("div", { class: "keypad", "aria-hidden": "true" }, ..."123456789*0#".split("").map(key => el("span", {}, key)));
}

function composer(phone) {
  const { id, look, screen } = phone;
  phone.input = el("textarea", { id: id + "-text", rows: look === "email" ? 3 : 1, dir: "auto", lang: screen.locale, autocomplete: "off", enterkeyhint: "send" });
  phone.count = look === "sms" ? el("output", { class: "count", for: id + "-text" }) : null;
  phone.label = el("label", { for: id + "-text", class: look === "email" ? "" : "unseen" },
    look === "email" ? say("answer") : say("write", { name: screen.name }));
  phone.about = look === "email" ? el("label", { for: id + "-text", class: "about", dir: "auto", hidden: true }) : null;
  const form = el("form", { class: "compose", autocomplete: "off" },
    phone.label,
    phone.about,
    phone.input,
    phone.count,
    el("button", { type: "submit", class: "send", "aria-label": say("send") }, icon("send"), el("span", {}, say("send"))));

  const grow = () => {
    phone.input.style.height = "auto";
    phone.input.style.height = phone.input.scrollHeight + 4 + "px";
    if (phone.count) phone.count.textContent = counted(segments(phone.input.value));
    if (look !== "email") phone.log.scrollTop = phone.log.scrollHeight;
  };
  phone.input.addEventListener("input", grow);
  phone.input.addEventListener("keydown", event => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  form.addEventListener("submit", event => {
    event.preventDefault();
    const text = phone.input.value.trim();
    if (text === "") return;
    phone.input.value = "";
    grow();
    phone.input.focus();
    const id = newId();
    const m = { key: "in-" + id, id, screen: screen.key, mine: true, text, at: Date.now(), state: "sending", sms: look === "sms" ? segments(text) : undefined, answers: answered(phone)?.key };
    deliver(phone, m);
  });
  if (phone.count) phone.count.textContent = counted(segments(""));
  return form;
}

function counted({ segments, used, perSegment, gsm }) {
  const words = say("sms_used", { used, room: Math.max(1, segments) * perSegment, segments });
  return gsm ? words : words + " · " + say("special");
}

function putAway(phone) {
  sight.unobserve(phone.section);
  phone.section.remove();
  phone.jump.remove();
  phones.delete(phone.screen.key);
  remember();
  listen();
  byId("add").focus();
}

// ---- messages ----

// show adds a message to its phone, or updates the one that is there.
function show(phone, m) {
  const old = phone.messages.get(m.key);
  if (old) {
    // What the server knows to be sent stays so, whatever became of the answer.
    const { state, press } = old.m;
    Object.assign(old.m, m);
    if (state === "sent" && m.mine) old.m.state = "sent";
    if (press?.state === "sent") old.m.press = press;
    old.update();
    return;
  }
  phone.empty.remove();
  const shown = phone.look === "email" ? letter(phone, m) : bubble(phone, m);
  shown.m = m;
  shown.node.dataset.key = m.key;
  shown.node.dataset.n = phone.shown = (phone.shown ?? 0) + 1;
  phone.messages.set(m.key, shown);
  shown.update();

  if (phone.look === "email") {
    phone.log.prepend(shown.node);
    const reading = phone.opened && phone.log.contains(document.activeElement) && phone.log !== document.activeElement;
    if (!m.mine && !reading && phone.input.value === "") openLetter(phone, shown);
    else if (phone.opened == null || m.mine) phone.log.scrollTop = 0;
  } else {
    phone.log.append(shown.node);
    phone.log.scrollTop = phone.log.scrollHeight;
  }
  if (!m.mine) ring(phone);
  for (const [key, oldest] of phone.messages) {
    if (phone.messages.size <= kept) break;
    oldest.node.remove();
    phone.messages.delete(key);
  }
}

function bubble(phone, m) {
  const foot = el("div", { class: "foot" }), choices = el("div", { class: "choices" });
  const node = el("article", { class: "message " + (m.mine ? "mine" : "theirs") },
    el("p", { class: "text", dir: "auto", lang: m.locale || phone.screen.locale }, m.text), choices, foot);
  return {
    node,
    update() {
      foot.replaceChildren(...footParts(phone, this.m));
      node.dataset.state = this.m.state ?? "";
      showChoices(phone, this.m, choices);
    },
  };
}

// showChoices draws buttons while nothing was chosen, and then what was.
function showChoices(phone, m, place) {
  if (!m.choices) return;
  const hadFocus = place.contains(document.activeElement);
  if (m.press) {
    const { label, state } = m.press;
    place.replaceChildren(el("p", { class: "pressed", "data-state": state }, el("bdi", { lang: m.locale }, label)),
      ...stateParts(state, m.problem, () => press(phone, m, m.press)));
    if (hadFocus) (place.querySelector("button") ?? phone.input).focus();
  } else if (!place.hasChildNodes()) {
    place.append(...m.choices.map(choice => {
      const button = el("button", { type: "button", class: "choice", dir: "auto", lang: m.locale }, choice.label);
      button.addEventListener("click", () => press(phone, m, { id: newId(), label: choice.label, reply: choice.reply }));
      return button;
    }));
  }
}

function letter(phone, m) {
  const id = phone.id + "-letter-" + ((phone.shown ?? 0) + 1);
  const lines = m.text.trim().split("\n");
  const foot = el("div", { class: "foot" });
  const from = el("bdi", {}, m.mine ? say("you") : boot.title);
  const subject = el("span", { class: "subject", dir: "auto", lang: m.locale }, lines[0]);
  const head = el("button", { type: "button", class: "head", "aria-expanded": "false", "aria-controls": id },
    el("span", { class: "from" }, from),
    el("time", { datetime: new Date(m.at).toISOString() }, clock(m.at)),
    subject);
  const body = el("div", { class: "body", id, hidden: true },
    el("p", { class: "text", dir: "auto", lang: m.locale || phone.screen.locale }, m.text));
  const node = el("article", { class: "message " + (m.mine ? "mine" : "theirs unread") + (lines.length === 1 ? " short" : "") }, head, body, foot);
  const shown = {
    node, head, body,
    update() {
      node.dataset.state = this.m.state ?? "";
      foot.replaceChildren(...stateParts(this.m.state, this.m.problem, () => deliver(phone, this.m)));
      if (this.m.mail && !node.classList.contains("mail")) showMail(this, from, subject);
    },
  };
  head.addEventListener("click", () => phone.opened === shown ? closeLetter(phone) : openLetter(phone, shown));
  return shown;
}

// showMail completes a letter that is a real mail. That of one's own is known
// only when the server has written it.
function showMail({ m, node, head, body }, from, subject) {
  const { mail } = m, [line] = m.text.trim().split("\n");
  node.classList.add("mail");
  node.classList.remove("short");
  subject.textContent = mail.subject;
  if (!m.mine) {
    from.textContent = mail.from;
    body.prepend(el("p", { class: "address" }, el("bdi", {}, mail.address)));
  } else if (line !== mail.subject) {
    head.append(el("span", { class: "preview", dir: "auto", lang: m.locale }, line));
  }
  if (mail.quote) body.append(el("blockquote", { class: "quote", dir: "auto" }, mail.quote));
  body.append(el("details", {}, el("summary", {}, say("source")),
    el("pre", { class: "source", dir: "ltr" }, mail.source.replaceAll("\r\n", "\n"))));
}

function openLetter(phone, shown) {
  closeLetter(phone);
  phone.opened = shown;
  shown.body.hidden = false;
  shown.head.setAttribute("aria-expanded", "true");
  shown.node.classList.remove("unread");
  shown.node.classList.add("opened");
  phone.log.scrollTop = shown.node.offsetTop - phone.log.offsetTop;
  address(phone);
}

function closeLetter(phone) {
  if (!phone.opened) return;
  phone.opened.body.hidden = true;
  phone.opened.head.setAttribute("aria-expanded", "false");
  phone.opened.node.classList.remove("opened");
  phone.opened = null;
  address(phone);
}

// answered is the letter that lies open in a mailbox of real mails: what is
// written then answers it.
const answered = phone => phone.opened?.m.mail && !phone.opened.m.mine ? phone.opened.m : undefined;

// address says above the box what the letter in it is.
function address(phone) {
  const m = answered(phone);
  phone.label.textContent = say(m ? "reply" : "answer");
  phone.about.hidden = !m;
  phone.about.textContent = m ? m.mail.subject : "";
}

function footParts(phone, m) {
  const parts = [el("time", { datetime: new Date(m.at).toISOString() }, clock(m.at))];
  if (m.sms) parts.push(el("span", { class: "cost" }, counted(m.sms)));
  return parts.concat(stateParts(m.state, m.problem, () => deliver(phone, m)));
}

function stateParts(state, problem, again) {
  if (!state) return [];
  const parts = [el("span", { class: "state" }, say(state === "failed" && problem || state))];
  if (state === "failed") {
    const retry = el("button", { type: "button", class: "retry" }, say("retry"));
    retry.addEventListener("click", again);
    parts.push(retry);
  }
  return parts;
}

// ---- to the server ----

// deliver sends what was typed; the same message again keeps its id.
async function deliver(phone, m) {
  show(phone, { ...m, state: "sending", problem: undefined });
  const id = m.key.slice("in-".length);
  const problem = await inTurn(phone, { screen: phone.screen.key, id, text: m.text, answers: m.answers });
  show(phone, { ...m, state: problem ? "failed" : "sent", problem });
}

// press makes a choice; the same press again keeps its id.
async function press(phone, m, { id, label, reply }) {
  show(phone, { ...m, press: { id, label, reply, state: "sending" }, problem: undefined });
  const problem = await inTurn(phone, { screen: phone.screen.key, id, text: reply, question: m.question ?? "" });
  show(phone, { ...m, press: { id, label, reply, state: problem ? "failed" : "sent" }, problem });
}

// inTurn posts after what the phone sent before: two messages written one
// after the other arrive so.
function inTurn(phone, body) {
  const turn = (phone.last ?? Promise.resolve()).then(() => post(body));
  phone.last = turn;
  return turn;
}

// post returns what went wrong, as the key of a text, or undefined.
async function post(body) {
  if (new TextEncoder().encode(body.text).length > textMax) return "too_long";
  try {
    const response = await fetch("say", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Crier-Token": token },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(30_000),
    });
    return response.ok ? undefined : response.status === 413 ? "too_long" : "failed";
  } catch {
    return "failed";
  }
}

// ---- from the server ----

let stream, retryTimer, wait = 1000;

// listen opens the stream for the phones on the page. It starts from the
// beginning: what is shown already is only updated.
function listen() {
  clearTimeout(retryTimer);
  stream?.close();
  byId("bare").hidden = phones.size > 0;
  const query = new URLSearchParams([...phones.keys()].map(key => ["open", key]));
  const source = stream = new EventSource("events?" + query);
  source.addEventListener("hello", event => {
    token = JSON.parse(event.data).token;
    wait = 1000;
    link("live");
  });
  source.addEventListener("message", event => {
    const m = JSON.parse(event.data);
    const phone = phones.get(m.screen);
    if (phone) show(phone, m);
  });
  source.addEventListener("error", () => {
    if (source !== stream) return;
    link("lost");
    if (source.readyState === EventSource.CLOSED) later(listen); // else it tries again by itself
  });
}

function later(again) {
  retryTimer = setTimeout(again, wait);
  wait = Math.min(wait * 2, 15_000);
}

function link(state) {
  const status = byId("link");
  if (status.dataset.state === state) return;
  status.dataset.state = state;
  status.textContent = say(state);
}

// ---- what is new ----

const sight = new IntersectionObserver(entries => {
  for (const { target, isIntersecting } of entries) {
    const phone = phones.get(target.dataset.screen);
    if (!phone) continue;
    phone.inSight = isIntersecting;
    if (isIntersecting) mark(phone, 0);
  }
}, { threshold: 0.4 });

function ring(phone) {
  phone.section.classList.remove("rings");
  void phone.section.offsetWidth; // so that the animation starts again
  phone.section.classList.add("rings");
  if (!phone.inSight) mark(phone, phone.unseen + 1);
}

// mark shows how many messages came while the phone was out of sight.
function mark(phone, unseen) {
  phone.unseen = unseen;
  phone.jump.querySelector("b")?.remove();
  if (unseen > 0) phone.jump.append(el("b", {}, String(unseen), el("span", { class: "unseen" }, " " + say("unseen"))));
}

// ---- which phones ----

function remember() {
  try {
    localStorage.setItem("crier.phones", JSON.stringify([...phones.keys()]));
  } catch { /* a browser that keeps nothing: the usual phones next time */ }
}

function remembered() {
  try {
    return JSON.parse(localStorage.getItem("crier.phones"));
  } catch {
    return null;
  }
}

async function askDirectory() {
  const response = await fetch("screens");
  if (!response.ok) throw new Error("screens: " + response.status);
  const answer = await response.json();
  directory = answer.screens;
  return answer;
}

async function start() {
  let answer;
  try {
    answer = await askDirectory();
  } catch {
    link("lost");
    later(start);
    return;
  }
  const wanted = remembered() ?? answer.open;
  const known = wanted.filter(key => directory.some(screen => screen.key === key));
  for (const key of known.length || wanted.length === 0 ? known : answer.open) {
    if (!phones.has(key)) openPhone(directory.find(screen => screen.key === key));
  }
  listen();
}

const plain = text => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

function find() {
  const words = plain(byId("find").value).trim();
  const found = directory.filter(screen =>
    !phones.has(screen.key) && plain([screen.name, screen.address, kindName(screen)].join(" ")).includes(words));
  byId("nobody").textContent = found.length === 0 ? say("nobody") : "";
  byId("found").replaceChildren(...found.slice(0, 50).map(screen => {
    const button = el("button", { type: "button" }, icon(kind(screen.channel)),
      el("span", { class: "name" }, el("bdi", {}, screen.name)),
      el("span", { class: "where" }, kindName(screen), " · ", el("bdi", {}, screen.address)));
    button.addEventListener("click", () => {
      byId("pick").close();
      const phone = openPhone(screen);
      remember();
      listen();
      phone.section.scrollIntoView({ block: "nearest" });
      phone.input.focus();
    });
    return el("li", {}, button);
  }));
}

byId("add").addEventListener("click", async () => {
  byId("find").value = "";
  find();
  byId("pick").showModal();
  try {
    await askDirectory(); // somebody may have joined
    find();
  } catch { /* what is known already is shown */ }
});
byId("pick-close").addEventListener("click", () => byId("pick").close());
byId("pick").addEventListener("click", event => {
  if (event.target === byId("pick")) byId("pick").close(); // on the backdrop
});
byId("find").addEventListener("input", find);

// The key has done its work: out of the address bar, and of the history.
if (new URLSearchParams(location.search).has("key")) history.replaceState(null, "", location.pathname);

start();
