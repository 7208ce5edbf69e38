"""`smalti data`: public data sets by name, and whether a download of one is complete."""

from pathlib import Path

import click

from smalti.cli.out_path import OutPath


@click.command(name="data")
@click.argument("name", required=False)
@click.argument("folder", required=False, type=click.Path(path_type=Path), metavar="DIR")
@click.option("--split", metavar="SPLIT", help="Check only what this split needs.")
@click.option("--sheet", type=OutPath(), metavar="FILE",
              help="Where the contact sheet goes, .jpg or .png.  [default: NAME_sheet.jpg]")  # fmt: skip
def command(name: str | None, folder: Path | None, split: str | None, sheet: Path | None) -> None:
    """List public data sets, and check a download of one.

    Without NAME all that are known, with licence and citation. With NAME its classes, splits and files, and what a
    recipe says to use it. With DIR, the folder it was unpacked into, what is missing and what is extra, how much of
    each class its labels hold, and a contact sheet of images beside labels.
    """
    from smalti.cli.known_data import check, describe, list_all  # imports what `--help` does not need

    if name is None:
        click.echo(list_all())
    elif folder is None:
        click.echo(describe(name))
    else:
        check(name, folder, split, sheet or Path(f"{name}_sheet.jpg"))
