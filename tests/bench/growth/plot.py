"""Plots what bench growth wrote with --json: plot.py RESULTS.json PLOT.svg

A panel for each figure, with a line for each kind of thing, over how many there
are. Medians of all rounds, on logarithmic scales: what is linear in all of them
is a level line, since what one of them costs is shown.
"""

import json
import sys

import matplotlib

matplotlib.use("svg")
# The same results give the same file.
matplotlib.rcParams["svg.hashsalt"] = "anteroom"
matplotlib.rcParams["svg.fonttype"] = "none"
import matplotlib.pyplot as plt  # noqa: E402  (once it is known how to draw)
from matplotlib.ticker import EngFormatter  # noqa: E402

PANELS = [
    ("begin_ns", "time to begin one, ns"),
    ("end_ns", "time to end one, ns"),
    ("bytes", "bytes of one"),
]
BARE = "#7f7f7f"


def main(results_file, plot_file):
    with open(results_file) as file:
        measured = json.load(file)
    figure, panels = plt.subplots(
        1, len(PANELS), figsize=(5 * len(PANELS), 4.5), layout="constrained"
    )
    for axes, (field, title) in zip(panels, PANELS):
        for number, subject in enumerate(measured["subjects"]):
            draw(axes, subject, field, f"C{number}")
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(EngFormatter(sep=""))
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.set_xlabel("how many there are")
        axes.set_title(title, fontsize=10)
        axes.grid(True, which="both", alpha=0.2)
    panels[-1].legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.suptitle("What one of many costs", fontsize=12, weight="bold")
    figure.supxlabel(subtitle(measured["circumstances"]), fontsize=9)
    figure.savefig(plot_file, metadata={"Date": None})


def draw(axes, subject, field, colour):
    name = subject["name"]
    rungs = [
        (rung["count"], rung[field]["median"])
        for rung in subject["rungs"]
        if rung[field]["median"] > 0  # 0: not measured
    ]
    if not rungs:
        return
    axes.plot(
        [count for count, _ in rungs],
        [median for _, median in rungs],
        "o-",
        label=name,
        color=BARE if name.startswith("bare") else colour,
    )


def subtitle(circumstances):
    return (
        f"gRPC {circumstances['grpc']}, {circumstances['cores']} cores, medians of "
        f"{circumstances['rounds']} rounds; streams: the server's processor time"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
