// Live: puts new readings into the page that is open. Without it a page is as of when it was loaded.
//
// A cell says which KPI it shows: data-live-kpi="name". The dot is #live. Only the page that is in
// front listens: a browser has few connections to one server.
(function () {
  "use strict";
  var dot = document.getElementById("live");
  if (!dot || !window.EventSource) return;
  var said = dot.querySelector("[data-live-said]");
  var source = null;

  function state(name, text) {
    dot.hidden = false;
    dot.dataset.state = name;
    said.textContent = text;
  }

  function put(reading) {
    var shown = document.querySelectorAll("[data-live-kpi]");
    for (var i = 0; i < shown.length; i++) {
      var cell = shown[i];
      if (cell.dataset.liveKpi !== reading.kpi) continue;
      if (cell.dataset.liveAt && Date.parse(cell.dataset.liveAt) > Date.parse(reading.at)) continue;
      cell.dataset.liveAt = reading.at;
      (cell.querySelector("a") || cell).textContent = reading.text;
      cell.classList.remove("fresh");
      void cell.offsetWidth; // begins the fading anew
      cell.classList.add("fresh");
    }
    document.dispatchEvent(new CustomEvent("reading", { detail: reading }));
  }

  function open() {
    if (source) return;
    source = new EventSource("/live");
    source.onopen = function () { state("on", "live"); };
    source.onerror = function () {
      if (source && source.readyState === 2) {
        state("off", "not live");
        source = null;
      } else {
        state("wait", "connecting");
      }
    };
    source.addEventListener("readings", function (event) {
      JSON.parse(event.data).forEach(put);
    });
    source.addEventListener("changed", function () { state("stale", "values were corrected: reload"); });
    source.addEventListener("lost", function () { state("stale", "much is new: reload"); });
  }

  function close() {
    if (source) source.close();
    source = null;
  }

  document.addEventListener("visibilitychange", function () {
    if (document.hidden) close(); else open();
  });
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", function () { if (!document.hidden) open(); });
  if (!document.hidden) open();
})();
