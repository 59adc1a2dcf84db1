"use strict";
const element = (id) => document.getElementById(id);

// What was sent and has not been seen in the room yet, in order: key -> message and its element.
const unseen = new Map();
const seen = new Set(); // keys of the messages that are shown
let visit = null; // {room, name}, or null outside
let socket = null;
let last = null; // ID of the message that was seen last
let retries = 0;
let timer = 0;

// Of this height from the start, and above all else that grows: no button moves away from under a pointer.
element("said").style.height = "50vh";
element("said").style.overflowY = "auto";

function show(state) { element("state").textContent = state; }

function connect() {
  const url = new URL("connection", document.baseURI);
  url.protocol = url.protocol.replace("http", "ws");
  url.search = new URLSearchParams({ ...visit, ...(last !== null && { after: last }) });
  const current = socket = new WebSocket(url);
  show("connecting");
  current.onmessage = (event) => { if (current === socket) receive(JSON.parse(event.data)); };
  current.onclose = (event) => {
    if (current !== socket) return; // left meanwhile
    socket = null;
    // 1012 is a restart: another process is there already. Not all pages come back in the same moment.
    const delay = event.code === 1012 ? 200 * Math.random() : Math.min(5000, 250 * 2 ** retries++) * (0.5 + Math.random() / 2);
    show("connection lost, reconnecting");
    timer = setTimeout(connect, delay);
  };
}

function receive(update) {
  if (update.process) {
    retries = 0;
    show("connected to process " + update.process);
    // What the server has kept already, it recognizes by its key.
    for (const { message } of unseen.values()) socket.send(JSON.stringify(message));
  }
  for (const message of update.messages ?? []) {
    last = message.id;
    if (seen.has(message.key)) continue;
    seen.add(message.key);
    unseen.get(message.key)?.element.remove();
    unseen.delete(message.key);
    append(message.name, message.text, new Date(message.created));
  }
  if (update.present) element("present").textContent = update.present.join(", ");
  if (update.refused) {
    unseen.get(update.refused.key)?.element.remove();
    unseen.delete(update.refused.key);
    complain(update.refused.problem);
  }
}

function append(name, text, created) {
  const said = element("said");
  const atEnd = said.scrollHeight - said.scrollTop - said.clientHeight < 40;
  const article = document.createElement("article");
  const head = document.createElement("p");
  const who = document.createElement("strong");
  const when = document.createElement("span");
  const body = document.createElement("p");
  who.dir = body.dir = "auto";
  who.textContent = name;
  when.className = "quiet";
  when.textContent = created ? " " + created.toLocaleTimeString() : " sending";
  body.className = "written";
  body.textContent = text;
  head.append(who, when);
  article.append(head, body);
  // What is not kept yet stays below what is.
  const waiting = created && said.querySelector(".waiting");
  if (!created) article.className = "waiting";
  said.insertBefore(article, waiting);
  if (atEnd) said.scrollTop = said.scrollHeight;
  return article;
}

function complain(problem) {
  element("problem").textContent = problem;
  element("problem").hidden = problem === "";
}

element("enter").onsubmit = (event) => {
  event.preventDefault();
  visit = { room: element("room").value, name: element("name").value };
  element("where").textContent = visit.room;
  element("enter").hidden = true;
  element("inside").hidden = false;
  element("text").focus();
  connect();
};

element("leave").onclick = () => {
  clearTimeout(timer);
  const left = socket;
  visit = socket = last = null;
  left?.close(1000);
  unseen.clear();
  seen.clear();
  element("said").textContent = element("present").textContent = "";
  complain("");
  element("inside").hidden = true;
  element("enter").hidden = false;
};

element("say").onsubmit = (event) => {
  event.preventDefault();
  const text = element("text").value.trim();
  if (text === "") return;
  const key = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const message = { key, text };
  unseen.set(key, { message, element: append(visit.name, text, null) });
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  element("text").value = "";
  complain("");
};

element("text").onkeydown = (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  element("say").requestSubmit();
};
