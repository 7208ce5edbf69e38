"""`smalti bench`: how fast models are on this machine."""

from pathlib import Path

import click

from smalti.cli.paths import OutPath
from smalti.cli.verb import Verb


@click.command("bench", cls=Verb)
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@click.option("--engine", "engines", multiple=True, metavar="NAME",
              help="onnx, openvino, or that of a package; repeatable.  [default: all that are installed]")  # fmt: skip
@click.option("--threads", multiple=True, type=click.IntRange(1, 1024),
              help="Threads of the engine; repeatable.  [default: one per core]")  # fmt: skip
@click.option("--tile", "tiles", multiple=True, type=click.IntRange(32, 8192), metavar="PX",
              help="Height and width of a tile; repeatable.  [default: that of the model]")  # fmt: skip
@click.option("--seconds", type=click.FloatRange(0, 3600), default=3.0, show_default=True,
              help="Of measurement per row.")  # fmt: skip
@click.option("--json", "as_json", type=OutPath(dir_okay=False), metavar="FILE", help="Also write the table as JSON.")
@click.option("--report", type=OutPath(dir_okay=False), metavar="FILE.html",
              help="Also write a page: accuracy against milliseconds.")  # fmt: skip
def command(
    models: tuple[str, ...],
    engines: tuple[str, ...],
    threads: tuple[int, ...],
    tiles: tuple[int, ...],
    seconds: float,
    as_json: Path | None,
    report: Path | None,
) -> None:
    """Measure MODELs, or all bundled and local ones, on this machine.

    Prints the median milliseconds per tile, those of the fastest tile, megapixels per second, seconds from the start
    to the first tile, the peak memory, the energy of the processor per tile (where the machine reports it), and the
    largest difference of the prediction from that of the first engine. Tiles are predicted as maps are made: without
    the last upsampling, where maps are blended before it. Rows are measured in turns, each in processes
    of their own; close other programs first.
    """
    from smalti.cli.progress import Bars
    from smalti.workflows.bench import bench
    from smalti.workflows.bench_files import check_bench_files, write_bench_files

    check_bench_files(as_json, report)
    with Bars() as bars:
        found = bench(models, engines=engines, threads=threads, tiles=tiles, seconds=seconds, progress=bars)
    click.echo(str(found))
    write_bench_files(found, as_json, report)
