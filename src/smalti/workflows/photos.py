"""Ranks a folder of photos, and writes the requested files; no photo is changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from smalti.arguments import checked
from smalti.arrays import Picture
from smalti.errors import OptionError, OutputWarning, about, shown, warn
from smalti.files import guarded
from smalti.photos.choices import read_choices
from smalti.photos.cues import CUES
from smalti.photos.listing import note_copy, note_folder, survey
from smalti.photos.outputs import check_page, check_picks, check_sidecars, check_table
from smalti.photos.photo import Photo, RankedFolder, Series, Unread
from smalti.photos.renditions import Renditions
from smalti.photos.run import KeepPhoto
from smalti.photos.run import rank_photos as rank_listed
from smalti.photos.thumbs import keep_thumb, thumbs_of
from smalti.runtime.ranker import open_ranker
from smalti.workflows.models import AnyModel, OpenModel
from smalti.workflows.paths import path_if_given
from smalti.workflows.progress import Meter, Show

PAGE = "smalti-photos.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoOptions:
    """Options besides the folder."""

    report: bool = False
    """Also FOLDER/smalti-photos.html: a page to look through."""
    csv: Path | None = None
    """Also a table, one line per photo."""
    xmp: bool = False
    """Also ratings and labels as XMP sidecars beside the photos."""
    overwrite_ratings: bool = False
    """With `xmp`: replace ratings and labels that are there already."""
    picks: Path | None = None
    """Also copy the best photo of each series to this folder."""
    copy_unrated: bool = False
    """With `picks`: also photos that stand alone, and brackets as a whole."""
    exclude: tuple[str, ...] = ()
    """Patterns of files and folders to skip."""
    choices: Path | None = None
    """Apply the choices made on the page and saved there."""
    model: str = "bestshot"
    home: Path | None = None
    """An existing folder in which the page and what is kept for a resume lie, instead of that of the photos."""

    def page(self, folder: Path) -> Path:
        """The page of a folder."""
        return (self.home or folder) / PAGE

    def check(self, folder: Path) -> None:
        """OptionError or OutputError for invalid options, before a photo is read."""
        if self.overwrite_ratings and not self.xmp:
            raise OptionError("--overwrite-ratings says what --xmp does; give both", value=True)
        if self.copy_unrated and not self.picks:
            raise OptionError("--copy-unrated says what --copy-picks does; give both", value=True)
        if self.picks:
            check_picks(self.picks, folder)
        if self.csv:
            check_table(self.csv)
            if self.report and self.csv.resolve() == self.page(folder).resolve():
                text = f"--csv {self.csv}: is the page that --report writes; give another name"
                raise OptionError(text, value=self.csv)
        if self.report:
            check_page(self.page(folder))


@dataclass(frozen=True, slots=True)
class WrittenFiles:
    """The files written for a ranking."""

    csv: Path | None = None
    page: Path | None = None
    copies: tuple[Path, ...] = ()
    former: tuple[Path, ...] = ()
    """Copies of an earlier run that are no longer picks; they are kept."""
    kept_ratings: int = 0
    """Sidecars whose existing ratings and labels were kept."""


@dataclass(frozen=True)
class PhotoRanking:
    """The photos of a folder in series, the best one of each first."""

    folder: Path
    result: RankedFolder = field(repr=False)
    left_out: Mapping[str, int] = field(repr=False, hash=False)
    """The number of files skipped, by reason."""
    choices: int | None = None
    """Number of choices in the file applied; None if no file was given."""
    written: WrittenFiles = field(default=WrittenFiles(), repr=False)

    @property
    def series(self) -> tuple[Series, ...]:
        """All series; a single photo is a series of its own, of kind `single`."""
        return self.result.series

    @property
    def unread(self) -> tuple[Unread, ...]:
        """Files that could not be read, each with its reason."""
        return self.result.unread

    @property
    def picks(self) -> tuple[Path, ...]:
        """The best photo of each series, or the one chosen by hand."""
        ranked = (ranked for series in self.series for ranked in series.ranked)
        return tuple(one.photo.path for one in ranked if one.verdict == "pick")

    def __repr__(self) -> str:
        return f"PhotoRanking({shown(self.folder)}: {shown(self.result.how)})"


@checked()
def rank_photos(
    folder: str | Path,
    model: AnyModel = "bestshot",
    *,
    report: bool = False,
    csv: str | Path | None = None,
    xmp: bool = False,
    overwrite_ratings: bool = False,
    picks: str | Path | None = None,
    copy_unrated: bool = False,
    exclude: Sequence[str] = (),
    choices: str | Path | None = None,
    progress: Show | None = None,
) -> PhotoRanking:
    """Finds the best photo of each series in a folder and below; no photo is moved, changed or deleted.

    Args:
        folder: The folder of the photos.
        model: A ranker: a name, an `.onnx` file, or the result of `open_model`.
        report: Also write FOLDER/smalti-photos.html, a page to look through.
        csv: Also write a table, one line per photo.
        xmp: Also write ratings and labels as XMP sidecars beside the photos.
        overwrite_ratings: With `xmp`: replace ratings and labels that are there already.
        picks: Also copy the best photo of each series to this folder.
        copy_unrated: With `picks`: also photos that stand alone, and brackets as a whole.
        exclude: Patterns of files and folders to skip, such as `edited*`.
        choices: A file of choices made on the page, to be applied.
        progress: Called with a `Progress` after each photo, in the caller's thread.

    Returns:
        All series, and in `unread` the files that could not be read. An interrupted run resumes.

    Raises:
        DataError: The folder does not exist or holds no photo.
        ModelError: The model is not a ranker.
        OutputError: An output cannot be written, or would replace a file of other origin.
        BusyError: Another process is at this folder.
        OptionError: Options that contradict each other.
    """
    place, source = Path(folder), model.source if isinstance(model, OpenModel) else str(model)
    options = PhotoOptions(
        report=report, csv=path_if_given(csv), xmp=xmp, overwrite_ratings=overwrite_ratings,
        picks=path_if_given(picks), copy_unrated=copy_unrated, exclude=tuple(exclude),
        choices=path_if_given(choices), model=source,
    )  # fmt: skip
    options.check(place)
    with about(folder):
        ranking = rank_folder(place, options, progress)
        return replace(ranking, written=write_ranking(ranking, options))


def rank_folder(folder: Path, options: PhotoOptions, progress: Show | None = None) -> PhotoRanking:
    """Ranks a folder; writes only the pictures that its page will show."""
    choices = read_choices(options.choices) if options.choices else ()
    listing = survey(folder, options.exclude)
    if options.xmp:
        check_sidecars(listing)
    ranker = open_ranker(options.model, CUES, threads=1)  # one: two photos are processed in parallel
    total = len(listing.shots)
    keep = _keep(options.page(folder)) if options.report else lambda *_: None
    looked, grouped = Meter(progress, folder.name, total, "photos"), Meter(progress, "grouping", total, "photos")
    result = rank_listed(
        folder, listing.shots, ranker=ranker, progress=looked, keep=keep, choices=choices, grouped=grouped,
        home=options.home,
    )  # fmt: skip
    return PhotoRanking(folder, result, listing.left_out, len(choices) if options.choices else None)


def write_ranking(ranking: PhotoRanking, options: PhotoOptions) -> WrittenFiles:
    """Writes the requested files."""
    if options.csv:
        from smalti.photos.tables import write_csv

        write_csv(ranking.result, options.csv)
    kept = _write_sidecars(ranking.result, options.overwrite_ratings) if options.xmp else 0
    copies, former = _copy_picks(ranking.result, options) if options.picks else ((), ())
    page = options.page(ranking.folder) if options.report else None
    if page:
        from smalti.photos.page import write_page

        write_page(ranking.result, page, ranking.folder)
    return WrittenFiles(options.csv, page, copies, former, kept)


def _write_sidecars(result: RankedFolder, overwrite: bool) -> int:
    """Writes XMP sidecars; how many ratings stayed. An OutputWarning for each that is left alone."""
    from smalti.photos.sidecars import write_sidecars

    written = write_sidecars(result, overwrite=overwrite)
    for left in written.left:
        warn(OutputWarning(f"{shown(left.path)}: {shown(left.reason)}"))
    return written.kept


def _copy_picks(result: RankedFolder, options: PhotoOptions) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    from smalti.photos.picks import copy_picks, no_longer_picks

    assert options.picks is not None
    copies = copy_picks(result, options.picks, unrated=options.copy_unrated, made=note_copy)
    return tuple(copies), tuple(no_longer_picks(result, options.picks))


def _keep(page: Path) -> KeepPhoto:
    """Makes the page's pictures of photos when they are decoded for ranking."""
    place = thumbs_of(page)
    with guarded(place):
        place.mkdir(parents=True, exist_ok=True)
        note_folder(place)
    renditions = Renditions(place)

    def keep(photo: Photo, picture: Picture) -> None:
        keep_thumb(place, photo, picture)
        renditions.keep(photo, picture)

    return keep
