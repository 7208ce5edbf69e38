"""How long archives and countries take on 1 to 10,000 workers, what they cost, and where more workers stop helping.

    python benchmarks/scale_simulation.py COSTS.json [--page docs/benchmarks/scale.md]

Simulates each worker, task, request and kill as events, from the costs that `scale_costs.py` measured and the
assumptions below, which are parameters: change them for your cloud. A worker is one core. Tasks are given out one by
one by a scheduler; each worker reads while it computes, shares the store's requests and bytes with all others, and may
be taken away, after which another one resumes its task at the last finished strip. `--page` replaces what stands behind
the mark `<!-- simulation -->` of a page, and writes its picture.
"""

import argparse
import heapq
import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from math import exp, floor, log10
from pathlib import Path
from random import Random
from typing import Any

from log_chart import Axis, Curve, chart

WORKERS = (1, 10, 100, 1_000, 10_000)
MARK = "<!-- simulation -->\n"


ASSUMED = {
    "core_hour": "a core for an hour, on demand, euros (spot is about a third)",
    "gets_1000": "1,000 requests that read, euros",
    "puts_1000": "1,000 requests that write, euros",
    "gigabyte_month": "a gigabyte stored for a month, euros",
    "boot_s": "start of a worker, seconds, on average",
    "import_s": "opening the model, seconds",
    "latency_s": "a request within the region, seconds",
    "worker_bytes_s": "bytes per second of a worker",
    "store_gets_s": "requests per second of one prefix of the store",
    "store_bytes_s": "bytes per second of the store",
    "kills_hour": "how often a worker is taken away per hour",
    "spread": "spread of the logarithm of a task's time: machines differ",
    "strips": "parts of a task that survive a kill",
    "wait_s": "seconds until a lost worker's task is given to another",
}


@dataclass(frozen=True)
class Cloud:
    """What is assumed of a cloud; `ASSUMED` says what each is."""

    core_hour: float = 0.042
    gets_1000: float = 0.0004
    puts_1000: float = 0.005
    gigabyte_month: float = 0.022
    boot_s: float = 75.0
    import_s: float = 3.0
    latency_s: float = 0.03
    worker_bytes_s: float = 80e6
    store_gets_s: float = 5_500.0
    store_bytes_s: float = 12.5e9
    kills_hour: float = 0.05
    spread: float = 0.15
    strips: int = 27
    wait_s: float = 60.0


@dataclass(frozen=True)
class Work:
    """A job as equal tasks."""

    name: str
    tasks: int
    core_s: float
    """Of a task."""
    gets: float
    read: float
    """Bytes of a task."""
    written: float
    head_s: float
    """Before the first task: scenes looked at one after the other."""
    head_gets: float
    dispatch_s: float
    """Of the scheduler, per task."""
    tail_s: float = 1.0
    """After the last task: the virtual raster."""


@dataclass
class Outcome:
    """What a simulated run took."""

    hours: float = 0.0
    paid_s: float = 0.0
    gets: float = 0.0
    read: float = 0.0
    kills: int = 0
    scheduler_s: float = 0.0
    """Waiting for the scheduler, over all workers."""
    store_s: float = 0.0
    """Waiting for requests or bytes beyond the computation, over all workers."""


class Run:
    """One simulation: events (second, what happens) in order."""

    def __init__(self, work: Work, workers: int, cloud: Cloud, seed: int = 1) -> None:
        self._work, self._cloud, self._random = work, cloud, Random(seed)
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._numbers = count()
        self._waiting = deque([1.0] * work.tasks)  # the share of each that is missing
        self._open, self._active, self._idle = work.tasks, 0, 0
        self._scheduler, self._store = 0.0, 0.0  # when each is free
        self._workers = min(workers, work.tasks)
        self.found = Outcome()

    def run(self) -> Outcome:
        """Until all tasks are done."""
        begin = self._work.head_s
        for _ in range(self._workers):
            self._at(max(begin, self._booted(0.0)), self._asks)
        now = begin
        while self._open:
            now, _, happens = heapq.heappop(self._events)
            happens(now)
        self.found.hours = (now + self._work.tail_s) / 3600
        self.found.gets += self._work.head_gets
        return self.found

    def _at(self, second: float, happens: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (second, next(self._numbers), happens))

    def _booted(self, now: float) -> float:
        takes = self._cloud.boot_s * exp(self._random.gauss(0, 0.3)) + self._cloud.import_s
        self.found.paid_s += takes
        return now + takes

    def _asks(self, now: float) -> None:
        """A worker asks for a task."""
        if not self._waiting:
            self._idle += 1
            return
        share = self._waiting.popleft()
        given = max(now, self._scheduler) + self._work.dispatch_s
        self._scheduler = given
        self.found.scheduler_s += given - now
        self._at(given, lambda at: self._starts(at, share, now))

    def _starts(self, now: float, share: float, asked: float) -> None:
        """A worker starts a task of which a share is missing."""
        work, cloud = self._work, self._cloud
        self._active += 1
        compute = work.core_s * share * exp(self._random.gauss(0, cloud.spread))
        rate = min(cloud.worker_bytes_s, cloud.store_bytes_s / self._active)
        self._store = max(self._store, now) + work.gets * share / cloud.store_gets_s
        read = max(work.gets * share * cloud.latency_s + work.read * share / rate, self._store - now)
        takes = max(compute, read) + work.written * share / rate + cloud.latency_s
        self.found.store_s += takes - compute
        killed = self._random.expovariate(cloud.kills_hour / 3600)
        if killed < takes:
            done = int(killed / takes * cloud.strips) / cloud.strips
            self._at(now + killed, lambda at: self._lost(at, share * (1 - done), asked))
            self._count(share * killed / takes)
        else:
            self._at(now + takes, lambda at: self._done(at, asked))
            self._count(share)

    def _count(self, share: float) -> None:
        self.found.gets += self._work.gets * share
        self.found.read += self._work.read * share

    def _done(self, now: float, asked: float) -> None:
        self._active -= 1
        self._open -= 1
        self.found.paid_s += now - asked
        self._asks(now)

    def _lost(self, now: float, missing: float, asked: float) -> None:
        """A worker is taken away: its task is given out again, and another worker boots."""
        self._active -= 1
        self.found.kills += 1
        self.found.paid_s += now - asked
        self._at(now + self._cloud.wait_s, lambda at: self._again(at, missing))
        self._at(self._booted(now), self._asks)

    def _again(self, now: float, missing: float) -> None:
        self._waiting.appendleft(missing)
        if self._idle:
            self._idle -= 1
            self._asks(now)


def works(costs: dict[str, Any]) -> list[Work]:
    """The archive; the country, also once its scenes are known, and in small tiles."""
    cloud, scene = Cloud(), 10_000 * 10_000 / 1e6
    look_s = costs["look"]["core_s"] + costs["look"]["requests"] * cloud.latency_s
    archive = Work(
        "10,000 scenes of 10,000²", 10_000, costs["core_s_per_mpix"] * scene + costs["scene_core_s"],
        costs["read"]["requests_per_mpix"] * scene, costs["read"]["bytes_per_mpix"] * scene,
        costs["written_bytes_per_mpix"] * scene, 0.0, 0.0, costs["task_s"],
    )  # fmt: skip
    large, small = (_country(costs, side, look_s) for side in (8192, 1024))
    known = replace(large, name=f"{large.name}, scenes known", head_s=0.0, head_gets=0.0)
    return [archive, large, known, small]


def _country(costs: dict[str, Any], side: int, look_s: float) -> Work:
    """350,000 km² at 0.5 m, of scenes of 10,000² that share a tenth with each neighbour."""
    pixels, step, tile, fade, apart = 350_000e6 / 0.5**2 / 1e6, 384, 512, 64, 9_000
    scenes = pixels / (apart**2 / 1e6)
    mpix = side**2 / 1e6
    lattice = (-(-(side + 128) // step) * step / side) ** 2  # the network's tiles that reach beyond a tile
    mixed = (1 + (tile + fade) / apart) ** 2  # those that two scenes have a share in
    margin = ((tile + 2 * fade) / tile) ** 2  # read around each, to know where scenes end
    tasks = round(pixels / mpix)
    return Work(
        f"a country in tiles of {side:,}²", tasks,
        costs["core_s_per_mpix"] * mpix * lattice * mixed + costs["scene_core_s"],
        costs["read"]["requests_per_mpix"] * mpix * lattice * mixed * margin + 3 * costs["look"]["requests"],
        costs["read"]["bytes_per_mpix"] * mpix * lattice * mixed, costs["written_bytes_per_mpix"] * mpix,
        scenes * look_s, scenes * costs["look"]["requests"], costs["task_s"], tail_s=tasks * 5e-5,
    )  # fmt: skip


def main() -> None:
    options = _options()
    costs = json.loads(Path(options.costs).read_text())
    cloud, lines, curves = Cloud(), [], {}
    heads = ("work", "workers", "hours", "speed-up", "euros, cores", "euros, requests", "requests", "read, TB", "waits")
    lines.append("| " + " | ".join(heads) + " |\n|" + "---|" * len(heads))
    for work in works(costs):
        curve = []
        for workers in WORKERS:
            found = Run(work, workers, cloud).run()
            curve.append((workers, found.hours))
            lines.append(_line(work, workers, found, curve[0][1], cloud))
            print(lines[-1], flush=True)
        curves[work.name] = curve
    text = _assumptions(costs, cloud, works(costs)) + "\n".join(lines) + "\n"
    if options.page:
        page = Path(options.page)
        above, mark, _ = page.read_text(encoding="utf-8").partition(MARK)
        page.write_text(above + mark + text, encoding="utf-8")
        (page.parent / "images" / "scale.svg").write_text(_picture(curves), encoding="utf-8")


def _picture(curves: Mapping[str, Sequence[tuple[int, float]]]) -> str:
    """Hours by workers of each work, and an ideal speed-up from its first point, as SVG."""
    hours = [hours for curve in curves.values() for _, hours in curve]
    powers = range(floor(log10(min(hours))), floor(log10(max(hours))) + 2)
    up = Axis("hours", [(10.0**power, f"{10.0**power:,g}") for power in powers])
    across = Axis("workers of one core", [(workers, f"{workers:,}") for workers in WORKERS])
    drawn = [
        Curve(name, curve, [(workers, curve[0][1] / workers) for workers, _ in curve]) for name, curve in curves.items()
    ]
    return chart(drawn, across, up)


def _line(work: Work, workers: int, found: Outcome, alone: float, cloud: Cloud) -> str:
    cores = found.paid_s / 3600 * cloud.core_hour
    puts = work.tasks * 3  # the raster, its side-car and its style
    requests = found.gets / 1000 * cloud.gets_1000 + puts / 1000 * cloud.puts_1000
    worked = found.paid_s or 1.0
    waits = {
        "looking at scenes": work.head_s / 3600 / found.hours,
        "scheduler": found.scheduler_s / worked,
        "store": found.store_s / worked,
        "start of workers": cloud.boot_s / 3600 / found.hours if work.head_s < cloud.boot_s else 0.0,
    }
    said = ", ".join(f"{name} {share:.0%}" for name, share in waits.items() if share >= 0.05) or "-"
    cells = (
        work.name, f"{workers:,}", f"{found.hours:,.2f}" if found.hours < 10 else f"{found.hours:,.0f}",
        f"{alone / found.hours:,.0f}", f"{cores:,.2f}", f"{requests:,.2f}", f"{found.gets / 1e6:,.1f} M",
        f"{found.read / 1e12:.2f}", said,
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _assumptions(costs: dict[str, Any], cloud: Cloud, jobs: list[Work]) -> str:
    read, look = costs["read"], costs["look"]
    measured = (
        f"Measured on {costs['date']} with `{costs['model']}`: {costs['core_s_per_mpix']:.2f} core seconds per "
        f"megapixel, {costs['scene_core_s']:.2f} per scene, {costs['task_s'] * 1e3:.2f} ms of the scheduler per task; "
        f"of a JPEG COG over HTTP {read['requests_per_mpix']:.2f} requests and "
        f"{read['bytes_per_mpix'] / 1e6:.2f} MB per megapixel, {look['requests']} requests to look at a scene; "
        f"{costs['written_bytes_per_mpix'] / 1e3:.0f} KB per megapixel of map.\n\n"
    )
    rows = [f"| {ASSUMED[name]} | {value:,g} |" for name, value in vars(cloud).items()]
    head = "| assumed, prices as listed in Europe on 2026-11-28 | |\n|---|---|\n" + "\n".join(rows) + "\n\n"
    sizes = ", ".join(f"{job.name}: {job.tasks:,} tasks of {job.core_s:.0f} s" for job in jobs)
    stored = jobs[1].tasks * jobs[1].written / 1e9
    kept = f"The map of the country has {stored:,.0f} GB, {stored * cloud.gigabyte_month:.2f} euros a month."
    return f"{measured}{head}Tasks: {sizes}. {kept}\n\n"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("costs", metavar="COSTS.json")
    parser.add_argument("--page", metavar="PAGE.md")
    return parser.parse_args()


if __name__ == "__main__":
    main()
