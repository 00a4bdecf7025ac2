"""Plots what the benchmark wrote with --json: plot.py RESULTS.json PLOT.svg

A row for each contest, with a line for each contestant over how many call at
once: calls a second, the server's processor time for a call, and latencies
(p50 to p99 shaded). Medians of all rounds, on logarithmic scales.
"""

import json
import sys

import matplotlib

matplotlib.use("svg")
# The same results give the same file.
matplotlib.rcParams["svg.hashsalt"] = "anteroom"
matplotlib.rcParams["svg.fonttype"] = "none"
import matplotlib.pyplot as plt  # noqa: E402  (once it is known how to draw)
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter  # noqa: E402

TITLES = {
    "unary": "Use of a held object, against a bare unary call",
    "stream": "Use on an open With stream, against a bare stream",
    "with": "a whole scope in one With, against bare streams",
    "peers": "a whole scope, against what might do the same work",
    "builds": "Use of a held object by the server's builds, against a stock echo",
}
PANELS = [
    ("calls_a_second", "calls a second"),
    ("server_us", "server's processor time a call, µs"),
    ("p50_us", "latency, µs (p50, shaded to p99)"),
]
BARE = "#7f7f7f"
BARE_STYLES = ["o-", "o--", "o:"]
COLOURS = [f"C{number}" for number in range(10) if number != 7]  # which is grey


def main(results_file, plot_file):
    with open(results_file) as file:
        measured = json.load(file)
    contests = {}
    for result in measured["results"]:
        contests.setdefault(result["contest"], []).append(result)
    figure = plt.figure(
        figsize=(5 * len(PANELS), 4 * len(contests)), layout="constrained"
    )
    rows = figure.subfigures(len(contests), 1, squeeze=False)[:, 0]
    for row, (contest, results) in zip(rows, contests.items()):
        draw_contest(row, contest, sorted(results, key=lambda r: r["width"]))
    rows[-1].supxlabel(subtitle(measured["circumstances"]), fontsize=9)
    figure.savefig(plot_file, metadata={"Date": None})


def draw_contest(row, contest, results):
    widths = [result["width"] for result in results]
    names = [contestant["name"] for contestant in results[0]["contestants"]]
    looks = looks_of(names)
    panels = row.subplots(1, len(PANELS))
    for axes, (field, title) in zip(panels, PANELS):
        for name in names:
            style, colour = looks[name]
            line = medians(results, name, field)
            axes.plot(widths, line, style, label=name, color=colour)
            if field == "p50_us":
                upper = medians(results, name, "p99_us")
                axes.fill_between(widths, line, upper, color=colour, alpha=0.1)
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(EngFormatter(sep=""))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_xticks(widths, [str(width) for width in widths])
        axes.set_xlabel("calls at once")
        axes.set_title(title, fontsize=10)
        axes.grid(True, which="both", alpha=0.2)
    panels[0].legend(fontsize=8)
    row.suptitle(TITLES.get(contest, contest), fontsize=12, weight="bold")


def looks_of(names):
    """Style and colour of each: the bare servers are grey."""
    bare = [name for name in names if name.startswith(("bare", "stock"))]
    others = [name for name in names if name not in bare]
    looks = {name: (style, BARE) for name, style in zip(bare, BARE_STYLES)}
    looks.update({name: ("o-", colour) for name, colour in zip(others, COLOURS)})
    return looks


def medians(results, name, field):
    return [
        contestant[field]["median"]
        for result in results
        for contestant in result["contestants"]
        if contestant["name"] == name
    ]


def subtitle(circumstances):
    return (
        f"gRPC {circumstances['grpc']}, {circumstances['cores']} cores shared by "
        f"client and server, loopback, {circumstances['rounds']} rounds of "
        f"{circumstances['seconds']:g} s"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
