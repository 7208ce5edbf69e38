"""`smalti data`: public datasets by name, whether a download of one is complete, and the user's own folders."""

from pathlib import Path

import click

from smalti.cli.paths import GivenPath, OutPath
from smalti.cli.verb import Verb


class OwnOrPublic(click.Group):
    """Subcommands for the user's own folders; any other first word is the name of a public dataset."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The subcommand, or the one for public datasets with all words."""
        if args and args[0] in self.commands:
            return super().resolve_command(ctx, args)
        return public.name, public, args

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Both forms."""
        for words in ("[NAME [DIR]] [--split SPLIT] [--sheet FILE]", "check FOLDER", "split FOLDER -o OUT"):
            formatter.write_usage(ctx.command_path, words)


@click.group(name="data", cls=OwnOrPublic, invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """List public datasets, check a download of one, and inspect your own folders.

    Without NAME, lists all of them with licence and citation. With NAME its classes, splits and files, and what a
    recipe says to use it. With DIR, the folder it was unpacked into, what is missing and what is extra, how much of
    each class its labels hold (of one SPLIT alone, if that is named), and a contact sheet of images beside labels
    (FILE, .jpg or .png).
    """
    if ctx.invoked_subcommand is None:
        from smalti.workflows.dataset_texts import list_all

        click.echo(list_all())


@click.command(name="dataset", cls=Verb)
@click.argument("name")
@click.argument("folder", required=False, type=GivenPath(), metavar="DIR")
@click.option("--split", metavar="SPLIT", help="Check only what this split needs.")
@click.option("--sheet", type=OutPath(), metavar="FILE",
              help="Where the contact sheet goes, .jpg or .png.  [default: NAME_sheet.jpg]")  # fmt: skip
def public(name: str, folder: Path | None, split: str | None, sheet: Path | None) -> None:
    """Describe a public dataset, or check a download of one."""
    from smalti.workflows.dataset_texts import describe

    if folder is None:
        click.echo(describe(name))
    else:
        _check_download(name, folder, split, sheet or Path(f"{name}_sheet.jpg"))


def _check_download(name: str, folder: Path, split: str | None, sheet: Path) -> None:
    """Prints what a download lacks and holds; DataError where files are missing or cannot be used."""
    from smalti.cli.progress import Bars
    from smalti.errors import DataError
    from smalti.workflows.check_download import check_download

    with Bars() as bars:
        found = check_download(name, folder, split, sheet=sheet, progress=bars)
    click.echo(str(found))
    if missing := found.files.missing:
        raise DataError(f"{folder}: {found.dataset.name} is incomplete: {len(missing)} missing; see the list above")
    if found.contents is not None and (bad := found.contents.problems):
        raise DataError(f"{folder}: {len(bad)} files of {found.dataset.name} cannot be used; see the list above")


@command.command(name="check", cls=Verb)
@click.argument("folder", type=GivenPath())
@click.option("--sheet", type=OutPath(), metavar="FILE",
              help="Where the contact sheet goes, .jpg or .png.  [default: FOLDER_sheet.jpg]")  # fmt: skip
def check_folder(folder: Path, sheet: Path | None) -> None:
    """Inspect your own FOLDER of images and labels.

    Prints sizes and types, how much of each value or colour the labels hold, what looks suspicious, and the lines of a
    recipe for them; draws a contact sheet of images beside labels.
    """
    from smalti.cli.progress import Bars
    from smalti.errors import DataError
    from smalti.text import count
    from smalti.workflows.check_data import check_data

    with Bars() as bars:
        found = check_data(folder, sheet=sheet or Path(f"{folder.resolve().name}_sheet.jpg"), progress=bars)
    click.echo(str(found))
    if found.problems:
        raise DataError(f"{folder}: {found.unusable} of {count(found.images, 'image')} cannot be used; see above")


@command.command(name="split", cls=Verb)
@click.argument("folder", type=GivenPath())
@click.option("-o", "--output", "out", required=True, type=OutPath(), help="A new folder.")
@click.option("--validation", default=0.2, type=click.FloatRange(0, 1), show_default=True, help="Share of the pixels.")
@click.option("--test", default=0.2, type=click.FloatRange(0, 1), show_default=True, help="Share of the pixels.")
@click.option("--place", metavar="REGEX", help="Regular expression: the part of an image's path that names its place.")
def split_folder(folder: Path, out: Path, validation: float, test: float, place: str | None) -> None:
    """Copy a FOLDER of images and labels into OUT/train, OUT/validation and OUT/test, split by place.

    Images with a place on the ground are cut into three stripes, those that overlap kept together; others are
    grouped by folder and name, or by --place: 'tile(\\d+)'.
    """
    from smalti.workflows.split_data import split_data

    click.echo(str(split_data(folder, out, validation=validation, test=test, place=place)))
