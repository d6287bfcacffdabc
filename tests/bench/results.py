#!/usr/bin/env python3
"""Makes a table, and JSON if wanted, of what `pipeline` measured: medians of the runs, a column an agent.

    results.py RESULTS [--json FILE] KEY=VALUE...

RESULTS has lines `agent key value`. The pairs say what was measured, and how.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import statistics

# The order of the table, and what each figure is.
LABELS = {
    "cpu": "CPU seconds a million points",
    "user": "  user",
    "system": "  system",
    "wall": "seconds, first POST to last body",
    "rate": "points a second",
    "peak": "peak resident memory, KiB",
    "steady": "resident afterwards, KiB",
    "dirty": "private dirty afterwards, KiB",
    "idle": "resident when idle, KiB",
    "cpu_in": "CPU seconds a million points, in",
    "user_in": "  user",
    "system_in": "  system",
    "rate_in": "points a second, in",
    "outage": "resident in the outage, KiB",
    "dirty_outage": "private dirty in the outage, KiB",
    "outage_later": "resident 15 s later, KiB",
    "peak_in": "peak resident memory, in, KiB",
    "cpu_drain": "CPU seconds a million points, drain",
    "user_drain": "  user",
    "system_drain": "  system",
    "wall_drain": "seconds, drain",
    "peak_drain": "peak resident memory, drain, KiB",
    "disk": "bytes a point on disk",
    "wire": "bytes a point on the wire, an output",
    "raw": "bytes a point inflated",
    "syncs": "syncs",
    "requests": "requests at the server",
    "busy": "4xx and 5xx answers to the feeder",
    "lost": "points lost",
    "duplicates": "points twice",
    "bad_bodies": "bodies that are not one gzip member",
    "feeder_cpu": "beside it: feeder, CPU s a million",
    "sink_cpu": "beside it: server, CPU s a million",
}


def read_runs(path):
    """{agent: {key: [value of each run]}}"""
    agents = {}
    for line in pathlib.Path(path).read_text().splitlines():
        agent, key, value = line.split()
        agents.setdefault(agent, {}).setdefault(key, []).append(float(value))
    return agents


def cpu_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "Model"):
            return value.strip()
    return platform.machine()


def number(value):
    return f"{value:.0f}" if value == int(value) else f"{value:.3f}".rstrip("0").rstrip(".")


def print_table(agents):
    print(f"{'medians':<36}" + "".join(f"{agent:>14}" for agent in agents))
    for key, label in LABELS.items():
        if not any(key in figures for figures in agents.values()):
            continue
        cells = (figures.get(key) for figures in agents.values())
        print(f"{label:<36}" + "".join(
            f"{number(statistics.median_low(cell)) if cell else '-':>14}" for cell in cells))


def document(agents, settings):
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "version": settings.pop("version", ""),
        "machine": {
            "cores": os.cpu_count(),
            "cpu": cpu_model(),
            "kernel": platform.release(),
            "compiler": settings.pop("compiler", ""),
        },
        "settings": settings,
        "results": {
            agent: {key: {"what": LABELS[key].strip(), "median": statistics.median_low(values), "runs": values}
                    for key, values in figures.items()}
            for agent, figures in agents.items()
        },
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results")
    parser.add_argument("--json")
    parser.add_argument("settings", nargs="*", metavar="KEY=VALUE")
    arguments = parser.parse_intermixed_args()  # the pairs may stand anywhere
    agents = read_runs(arguments.results)
    print_table(agents)
    if arguments.json:
        settings = dict(pair.split("=", 1) for pair in arguments.settings)
        pathlib.Path(arguments.json).write_text(json.dumps(document(agents, settings), indent=2) + "\n")


if __name__ == "__main__":
    main()
