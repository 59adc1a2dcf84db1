
"use strict";
for (const here of document.querySelectorAll(".here")) here.textContent = document.baseURI;

fetch("static/layers.txt", { cache: "no-cache" }).then(async (response) => {
  const text = await response.text();
  const got = (name) => response.headers.get(name) ?? "none";
  document.getElementById("static").textContent =
    `${text.length} characters, Content-Encoding ${got("Content-Encoding")}, ETag ${got("ETag")}, request ${got("X-Request-Id")}`;
}).catch((problem) => {
  document.getElementById("static").textContent = "it did not come: " + problem.message;
});
