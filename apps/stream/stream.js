
"use strict";
const element = (id) => document.getElementById(id);
for (const here of document.querySelectorAll(".here")) here.textContent = document.baseURI;

let source = null;
let last = "";

function show(state, running) {
  element("state").textContent = state;
  element("start").disabled = running;
  element("stop").disabled = !running;
  element("resume").disabled = running || last === "";
}

function connect() {
  // An EventSource sends Last-Event-ID only when it reconnects by itself; a new one says in its URL where to go on.
  source = new EventSource("events" + (last && "?last=" + encodeURIComponent(last)));
  show("connecting", true);
  source.onopen = () => show("connected", true);
  source.onmessage = (message) => {
    last = message.lastEventId;
    const event = JSON.parse(message.data);
    element("bar").max = event.of;
    element("bar").value = event.number;
    const line = `event ${event.number} of ${event.of} at ${event.time.slice(11, 23)} UTC from process ${event.process}`;
    element("events").textContent = [line, ...element("events").textContent.split("\n")].slice(0, 10).join("\n");
  };
  source.addEventListener("end", () => { last = ""; disconnect("all events were sent"); });
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) disconnect("closed by the server");
    else show("connection lost, reconnecting", true);
  };
}

function disconnect(state) {
  source.close();
  show(state, false);
}

element("start").onclick = () => { last = ""; element("events").textContent = ""; connect(); };
element("stop").onclick = () => disconnect("disconnected");
element("resume").onclick = connect;
connect();

element("fetch").onclick = async () => {
  const output = element("chunks");
  output.textContent = "";
  element("fetch").disabled = true;
  try {
    const response = await fetch("chunks");
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) output.textContent += piece.value;
  } catch (problem) {
    output.textContent += "cut short: " + problem.message;
  }
  element("fetch").disabled = false;
};
