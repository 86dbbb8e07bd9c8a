"""Prints how late the dashboard is and how long it takes to open, in a headless
Chromium on this machine. Not a test: no time is asserted.

    /usr/bin/python3 tests/bench/dashboard_latency.py

Lateness is from an epoch's event becoming durable, as the event says, to the begin
of the frame after the one in which its point was drawn. Opening is of the jobs
page, with nothing in the browser's cache: to the first paint and to the first
frame in which the table has its rows, from the begin of navigation.
"""

from __future__ import annotations

import argparse
import gzip
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from browser import missing  # noqa: E402
from dashboard import Site, Window, train_and_evaluate  # noqa: E402
from harness import BIN, epochs_of, wait_until  # noqa: E402

# Runs before the page's own script.
WATCH_POINTS = """
window.lateness = [];
new PerformanceObserver((list) => {
  for (const mark of list.getEntriesByName('epoch drawn')) {
    requestAnimationFrame(() => window.lateness.push(
      performance.timeOrigin + performance.now() - Date.parse(mark.detail.committed)));
  }
}).observe({ type: 'mark' });
"""
WATCH_ROWS = """
const seen = new MutationObserver(() => {
  if (!document.querySelector('.job-row')) return;
  seen.disconnect();
  requestAnimationFrame(() => requestAnimationFrame(() => { window.rows = performance.now(); }));
});
seen.observe(document, { childList: true, subtree: true });
"""
OPENED = """
const paint = performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0;
const files = [...performance.getEntriesByType('navigation'),
               ...performance.getEntriesByType('resource')];
const sum = (some) => some.reduce((all, entry) => all + entry.transferSize, 0);
const page = files.filter((entry) => !new URL(entry.name).pathname.startsWith('/v1/'));
return [paint, window.rows, sum(page), sum(files)];
"""


def before_the_page(window: Window, script: str) -> str:
    return window.cdp("Page.addScriptToEvaluateOnNewDocument", source=script)["identifier"]


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def lateness(window: Window, site: Site, epochs: int) -> None:
    digits = site.api.digits("many", 2000)
    network = site.api.network("wide", [784, 200, 10])
    script = before_the_page(window, WATCH_POINTS)
    job = site.api.train("live", network.name, digits.name, epochs=epochs, learning_rate=0.01)
    window.show(site, job.name)
    wait_until("the end", lambda: window.badge() == "SUCCEEDED", 600)
    found = window.script("return window.lateness")
    window.cdp("Page.removeScriptToEvaluateOnNewDocument", identifier=script)
    seconds = statistics.median(epoch.seconds for epoch in epochs_of(site.api.events(job.name)))
    print(f"points drawn: {len(found)}, one in {seconds * 1e3:.0f} ms, while the job trains")
    print(f"from durable to drawn: p50 {percentile(found, 0.5):.0f} ms,"
          f" p99 {percentile(found, 0.99):.0f} ms, worst {max(found):.0f} ms")


def opening(window: Window, site: Site, times: int) -> None:
    script = before_the_page(window, WATCH_ROWS)
    runs = []
    for _ in range(times):
        window.cdp("Network.clearBrowserCache")
        window.visit(site, "jobs")
        window.wait_for("rows", "window.rows !== undefined")
        runs.append(window.script(OPENED))
    window.cdp("Page.removeScriptToEvaluateOnNewDocument", identifier=script)
    paint, rows, page, all_bytes = (statistics.median(each) for each in zip(*runs, strict=True))
    print(f"opening the page, median of {times}: first paint {paint:.0f} ms,"
          f" jobs in the table {rows:.0f} ms")
    print(f"transferred: {page / 1e3:.1f} kB of page, {all_bytes / 1e3:.1f} kB with the API's answers")


def assets() -> None:
    total = 0
    for file in sorted((BIN.parent / "dashboard").iterdir()):
        size = len(gzip.compress(file.read_bytes(), 9))
        total += size
        print(f"{file.name:<14} {file.stat().st_size / 1e3:7.1f} kB, {size / 1e3:6.1f} kB with gzip")
    print(f"{'all':<14} {'':>11} {total / 1e3:6.1f} kB with gzip")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--openings", type=int, default=21)
    options = parser.parse_args()
    if missing():
        parser.error(f"{missing()} is not installed")
    assets()
    window = Window()
    window.look(1280, 900)
    with tempfile.TemporaryDirectory(prefix="ty-") as folder:
        site = Site(Path(folder) / "data")
        try:
            train_and_evaluate(site.api)
            opening(window, site, options.openings)
            lateness(window, site, options.epochs)
        finally:
            window.close()
            site.server.abandon()


main()
