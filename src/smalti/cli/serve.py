"""`smalti serve`: the app for browsers, and its REST interface."""

from pathlib import Path

import click

from smalti.cli.paths import GivenPath
from smalti.cli.verb import QuietVerb

_PATH = GivenPath()
_FOLDER = GivenPath(exists=True, file_okay=False)


@click.command(name="serve", cls=QuietVerb)
@click.option(
    "--root", "roots", multiple=True, type=_FOLDER, metavar="DIR", help="A folder whose images may be opened."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on; 0.0.0.0 for all.")
@click.option("--port", default=8750, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option("--data", type=_PATH, metavar="DIR", help="Where scenes and maps are kept; by default the user's folder.")
@click.option(
    "--token", envvar="SMALTI_TOKEN", metavar="T", help="The token; better set SMALTI_TOKEN. Default: a new one."
)
@click.option("--tokens", type=_PATH, metavar="FILE", help="Several tokens: one `NAME TOKEN` per line.")
@click.option("--no-token", is_flag=True, help="Let every program on this machine in; on the loopback only.")
@click.option("--allow-host", "hosts", multiple=True, metavar="HOST", help="A host from which images may be fetched.")
@click.option("--name", "names", multiple=True, metavar="HOST", help="A name by which browsers reach the server.")
@click.option("--keep-days", type=click.FloatRange(0), default=30, show_default=True, help="Then unused results go.")
@click.option(
    "--max-upload", type=click.FloatRange(0.001), default=20, show_default=True, metavar="GIB", help="Per file."
)
@click.option("--max-jobs", type=click.IntRange(1), default=50, show_default=True, help="Waiting jobs per token.")
def command(
    roots: tuple[Path, ...],
    host: str,
    port: int,
    data: Path | None,
    token: str | None,
    tokens: Path | None,
    no_token: bool,
    hosts: tuple[str, ...],
    names: tuple[str, ...],
    keep_days: float,
    max_upload: float,
    max_jobs: int,
) -> None:
    """Serve the app and its REST interface to browsers.

    Jobs survive: kill the server at will, and start it again. Beyond the loopback put a proxy with TLS before it.
    """
    from smalti.app.cores import multiply_alone

    multiply_alone()  # before what follows imports NumPy
    from smalti.app.limits import Limits
    from smalti.app.start import Start, serve

    limits = Limits(keep_days=keep_days, upload_bytes=int(max_upload * 2**30), jobs=max_jobs)
    start = Start(host, port, roots, data, hosts, names, limits)
    serve(start, token=token, tokens=tokens, no_token=no_token, say=click.echo)
