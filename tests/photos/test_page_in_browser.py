"""The page in a real browser, opened from the disk: what a person can do there, and what comes of it."""

import csv
import io
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from smalti.cli.photos import command
from smalti.photos import renditions, run
from smalti.workflows import photos as workflow
from tests.photos.browser import Opened, launch
from tests.photos.shots import FakeRanker, blurred, raw, save, scene, tags

pytestmark = pytest.mark.slow

PAGE = "smalti-photos.html"
Open = Callable[..., Opened]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    yield from launch()


@pytest.fixture
def opened(browser: Any) -> Iterator[Open]:
    """Opens pages; at the end none may have complained, or asked for anything but files."""
    pages: list[Opened] = []

    def open_page(path: Path, **options: Any) -> Opened:
        pages.append(Opened(browser, path, **options))
        return pages[-1]

    yield open_page
    for page in pages:
        assert page.problems == []
        assert all(url.startswith(("file:", "blob:", "data:")) for url in page.asked)
    for context in {page.context for page in pages}:
        context.close()


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Runs `smalti photos FOLDER --report ...` with a ranker that needs no model; returns the page."""
    monkeypatch.setattr(workflow, "open_ranker", lambda *_, **__: FakeRanker())

    def made(folder: Path, *more: object) -> Path:
        done = CliRunner().invoke(command, [str(folder), "--report", *map(str, more)])
        assert done.exit_code == 0, done.output
        return folder / PAGE

    return made


def draw(folder: Path, subject: int, number: int, size: tuple[int, int] = (96, 128)) -> None:
    """Photos of one subject, a second apart: `SUBJECT-0.jpg`, ..."""
    for k in range(number):
        picture = blurred(scene(subject, *size), 0.01 + 0.8 * ((k + subject) % number))
        when = tags(f"2024:05:17 {subject:02}:00:{k:02}")
        save(folder / f"{subject}-{k}.jpg", picture, when, quality=95)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for subject, number in ((1, 3), (2, 4), (3, 1)):
        draw(tmp_path / "in", subject, number)
    return tmp_path / "in"


def picks(page: Opened, subject: int) -> list[str]:
    return sorted(n for n, verdict in page.verdicts().items() if verdict == "pick" and n.startswith(f"{subject}-"))


def test_verdicts_by_keyboard(folder: Path, make: Callable[..., Path], opened: Open, tmp_path: Path) -> None:
    page = opened(make(folder, "--csv", tmp_path / "command.csv"))
    model = page.verdicts()
    for csv_file in (tmp_path / "command.csv", page.saved("csv", tmp_path / "page.csv")):
        assert table(csv_file.read_text("utf-8"))["3-0.jpg"][2] == "unrated"
    assert model["3-0.jpg"] == "unrated" and len(picks(page, 1)) == len(picks(page, 2)) == 1
    (first,) = picks(page, 1)
    page.press("ArrowRight", "p")  # the second best of the first series
    (second,) = picks(page, 1)
    assert second != first and page.verdicts()[first] == "alternate"
    assert page.card(second).locator(".yours").is_visible() and not page.card(first).locator(".yours").is_visible()
    page.press("ArrowRight", "Shift+P")
    assert len(picks(page, 1)) == 2 and second in picks(page, 1)
    page.press("x")
    assert picks(page, 1) == [second]
    page.press("ArrowLeft", "Backspace")  # the model decides again
    assert picks(page, 1) == [first]
    page.press("u", "u", "Control+z", "u", "u")
    assert page.verdicts() == model and page.page.locator(".yours:visible").count() == 0


def test_a_rejected_pick_hands_on_to_the_next_best(folder: Path, make: Callable[..., Path], opened: Open) -> None:
    page = opened(make(folder))
    page.press("x")
    assert len(picks(page, 1)) == 1
    page.press("ArrowRight", "a", "ArrowRight", "x")
    assert picks(page, 1) == []
    assert len(picks(page, 2)) == 1


def table(text: str) -> dict[str, tuple[str, str, str, float]]:
    """Series, order, verdict and probability by the file's name."""
    assert text.startswith("\ufeff")
    lines = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    return {
        Path(line["file"]).name: (Path(line["series"]).name, line["order"], line["verdict"], float(line["probability"]))
        for line in lines
    }


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    close = all(abs(one[name][3] - other[name][3]) < 2e-4 for name in one)
    return close and {n: v[:3] for n, v in one.items()} == {n: v[:3] for n, v in other.items()}


@pytest.mark.parametrize("seed", range(2))
def test_what_is_done_on_the_page_is_what_the_command_follows(
    folder: Path, make: Callable[..., Path], opened: Open, tmp_path: Path, seed: int
) -> None:
    """Any keys in any order: page, table, choices, and the page made of them say the same."""
    page = opened(make(folder))
    chance = random.Random(seed)
    keys = [
        "ArrowRight",
        "ArrowLeft",
        "ArrowDown",
        "ArrowUp",
        "p",
        "Shift+P",
        "a",
        "x",
        "Backspace",
        "m",
        "n",
        "j",
        "u",
    ]
    page.press(*chance.choices(keys, k=40))
    there = table(page.saved("csv", tmp_path / "page.csv").read_text("utf-8"))
    choices = page.saved("choices", tmp_path / "choices.json")
    assert set(there) == set(page.verdicts())
    for members in page.series():
        chosen = [page.card(name).locator(".yours:visible").count() > 0 for name in members]
        found = [page.verdicts()[name] for name in members]
        more = [mine for mine, verdict in zip(chosen, found, strict=True) if verdict == "pick"]
        assert len(members) == 1 or len(more) == 1 or (len(more) > 1 and all(more)) or (not more and all(chosen))
    again = opened(make(folder, "--choices", choices, "--csv", tmp_path / "command.csv"))
    assert same(there, table((tmp_path / "command.csv").read_text("utf-8")))
    assert again.verdicts() == page.verdicts() and again.series() == page.series()
    assert same(there, table(again.saved("csv", tmp_path / "again.csv").read_text("utf-8")))
    marks = ".yours:visible"
    assert again.page.locator(f".photo {marks}").count() == page.page.locator(f".photo {marks}").count()


def test_series_are_split_and_joined_by_hand(
    folder: Path, make: Callable[..., Path], opened: Open, tmp_path: Path
) -> None:
    page = opened(make(folder))
    before = page.series()
    assert [len(one) for one in before] == [3, 4, 1]
    page.go("2-1.jpg")
    page.press("m")
    page.go("2-3.jpg")
    page.press("m", "n")
    assert ["2-1.jpg", "2-3.jpg"] in page.series() and ["2-0.jpg", "2-2.jpg"] in page.series()
    page.go("3-0.jpg")
    page.press("m")
    page.go("1-0.jpg")
    page.press("m", "j")
    wanted = [["1-0.jpg", "1-1.jpg", "1-2.jpg", "3-0.jpg"], ["2-0.jpg", "2-2.jpg"], ["2-1.jpg", "2-3.jpg"]]
    assert page.series() == wanted
    assert all(len(picks(page, subject)) >= 1 for subject in (1, 2)) and len(page.verdicts()) == 8
    assert page.page.locator("h2 .yours:visible").count() == 3
    choices = page.saved("choices", tmp_path / "c.json")
    assert opened(make(folder, "--choices", choices)).series() == wanted
    page.press("u", "u")
    assert page.series() == before and page.page.locator("h2 .yours").count() == 0


def test_choices_outlive_renaming_new_photos_and_edited_metadata(
    folder: Path, make: Callable[..., Path], opened: Open
) -> None:
    first = opened(make(folder))
    worst = min(first.verdicts(), key=lambda name: (not name.startswith("2-"), first.verdicts()[name] != "reject"))
    first.go(worst)
    first.press("p")
    moved = folder.rename(folder.with_name("renamed"))
    save(moved / "2-9.jpg", scene(2), tags("2024:05:17 02:00:09"), quality=95)  # sharper than all others
    content = (moved / worst).read_bytes()
    (moved / worst).unlink()
    (moved / f"was {worst}").write_bytes(content[:2] + b"\xff\xfe\x00\x06five" + content[2:])
    again = opened(make(moved), context=first.context)
    assert picks(again, 2) == [] and again.verdicts()[f"was {worst}"] == "pick"
    assert again.verdicts()["2-9.jpg"] == "alternate" and again.card(f"was {worst}").locator(".yours").is_visible()


def test_photos_of_one_content_are_told_apart(
    folder: Path, make: Callable[..., Path], opened: Open, tmp_path: Path
) -> None:
    for name in ("a.jpg", "b.jpg"):
        shutil.copy(folder / "2-1.jpg", folder / name)
    page = opened(make(folder))
    page.go("a.jpg")
    page.press("x")
    page.go("b.jpg")
    page.press("p")
    choices = page.saved("choices", tmp_path / "c.json")
    for again in (opened(folder / PAGE, context=page.context), opened(make(folder, "--choices", choices))):
        assert again.verdicts() == page.verdicts()
        assert again.page.locator(".photo .yours:visible").count() == 2
        assert not again.card("2-1.jpg").locator(".yours").is_visible()


def test_the_page_stays_valid_when_it_moves_with_its_folder(
    folder: Path, make: Callable[..., Path], opened: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    make(Path("in"))
    shutil.copytree(folder, tmp_path / "else" / "where")
    shutil.rmtree(folder)
    page = opened(tmp_path / "else" / "where" / PAGE)
    assert str(tmp_path) not in page.page.content() and '"in/' not in page.page.content()
    shown = page.page.locator(".frame img")
    for k in range(shown.count()):
        shown.nth(k).scroll_into_view_if_needed()
        page.page.wait_for_selector(f".photo >> nth={k} >> img")
    page.press("Space")
    assert page.panes()[0]["scale"] and "fallback" not in page.panes()[0]
    page.press("Escape")
    files = page.saved("list", tmp_path / "picks.txt").read_text().split()
    assert len(files) == 2 and all((tmp_path / "else" / "where" / file).is_file() for file in files)


def test_any_name_is_shown_and_followed(make: Callable[..., Path], opened: Open, tmp_path: Path) -> None:
    names = [b"a # % ? &amp;.jpg", b"b \xff.jpg", b"c <img src=x> \"'.jpg", "d \N{SUNRISE} \u00e9.jpg".encode()]
    for k, name in enumerate(names):
        save(tmp_path / "in" / os.fsdecode(name), blurred(scene(1), 0.01 + k), tags(f"2024:05:17 01:00:0{k}"))
    page = opened(make(tmp_path / "in"))
    page.press("ArrowRight", "ArrowRight", "p", "ArrowRight", "n", "Space")
    for _ in names:
        (pane,) = page.panes()
        assert "fallback" not in pane
        page.press("ArrowRight")
    page.press("Escape")
    with page.page.expect_download() as download:
        page.press("s")
    download.value.save_as(tmp_path / "c.json")
    again = opened(make(tmp_path / "in", "--choices", tmp_path / "c.json"))
    assert again.verdicts() == page.verdicts() and again.series() == page.series()


@pytest.fixture
def large(tmp_path: Path) -> Path:
    draw(tmp_path / "large", 1, 3, (1200, 1600))
    return tmp_path / "large"


def test_side_by_side_at_100_percent(large: Path, make: Callable[..., Path], opened: Open) -> None:
    page = opened(make(large))
    page.press("ArrowRight", "c")
    one, other = page.panes()
    assert one["row"] != other["row"] and one["scale"] == other["scale"] != "100"
    page.press("z")
    one, other = page.panes()
    assert one["scale"] == other["scale"] == "100" and one["middle"] == other["middle"] == "0.5000 0.5000"
    page.press("Shift+ArrowRight", "Shift+ArrowUp")
    one, other = page.panes()
    across, down = map(float, one["middle"].split())
    assert one["middle"] == other["middle"] and across > 0.51 and down < 0.49
    box = page.page.locator(".stage").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.page.mouse.move(x, y)
    page.page.mouse.down()
    page.page.mouse.move(x + 80, y + 40)
    page.page.mouse.up()
    dragged = [tuple(map(float, pane["middle"].split())) for pane in page.panes()]
    assert dragged[0] == dragged[1]
    assert dragged[0] == pytest.approx((across - 80 / 1600, down + -40 / 1200), abs=1e-3)
    page.press("z", "z")  # what is under the pointer stays there, in all of them
    page.page.mouse.move(x + 100, y)
    page.page.mouse.wheel(0, -300)
    page.page.wait_for_selector(".pane:not([data-scale='100'])")
    one, other = page.panes()
    assert one["scale"] == other["scale"] and int(one["scale"]) > 150 and one["middle"] == other["middle"]
    after, before = float(one["middle"].split()[0]), 0.5
    scale = int(one["scale"]) / 100
    assert after + 100 / scale / 1600 == pytest.approx(before + 100 / 1600, abs=2e-3)
    page.press("3")
    assert len(page.panes()) == 3
    page.press("1", "z")
    assert len(page.panes()) == 1
    page.press("Escape")
    assert page.page.locator("dialog[open]").count() == 0


def test_one_pixel_of_the_photo_is_one_of_a_dense_screen(large: Path, make: Callable[..., Path], opened: Open) -> None:
    page = opened(make(large), device_scale_factor=2)
    page.press("Space", "z")
    assert page.panes()[0]["scale"] == "100"
    assert page.page.locator(".stage img").bounding_box()["width"] == pytest.approx(800)


def test_judging_while_comparing(folder: Path, make: Callable[..., Path], opened: Open) -> None:
    page = opened(make(folder))
    page.press("ArrowDown", "c")
    rows = [pane["row"] for pane in page.panes()]
    page.press("Tab", "ArrowRight")  # the second one becomes the next of the series
    after = [pane["row"] for pane in page.panes()]
    assert after[0] == rows[0] and after[1] != rows[1] and after[0] != after[1]
    page.press("p")
    assert page.panes()[1]["verdict"] == "pick" and "yours" in page.captions()[1]
    assert page.panes()[0]["verdict"] == "alternate"
    page.press("u")
    assert page.panes()[0]["verdict"] == "pick"
    page.press("ArrowUp")
    assert {pane["row"] for pane in page.panes()}.isdisjoint(after)
    for rejected in page.page.locator("[data-verdict=reject] img").all():
        assert rejected.evaluate("image => getComputedStyle(image).opacity") == "1"


def test_marked_photos_are_compared(folder: Path, make: Callable[..., Path], opened: Open) -> None:
    page = opened(make(folder))
    page.press("m", "ArrowDown", "m", "ArrowRight", "m", "c")
    assert len(page.panes()) == 3
    page.press("Escape", "Escape", "c")
    assert len(page.panes()) == 2


def kinds(folder: Path) -> list[str]:
    picture = blurred(scene(5, 480, 700), 2)
    save(folder / "a.tif", picture)
    heif = pytest.importorskip("pillow_heif")
    heif.from_pillow(Image.fromarray(picture)).save(folder / "b.heic", quality=90)
    preview = io.BytesIO()
    Image.fromarray(picture).save(preview, "JPEG", quality=90)
    raw(folder / "c.nef", preview.getvalue())
    save(folder / "d.png", picture)
    return ["a.tif", "b.heic", "c.nef", "d.png"]


def test_what_browsers_cannot_show_is_shown_in_full_size_too(
    tmp_path: Path, make: Callable[..., Path], opened: Open
) -> None:
    names = kinds(tmp_path)
    page = opened(make(tmp_path))
    make(tmp_path)  # what is looked at already is not lost
    for name in names:
        page.go(name)
        page.press("Space")
        assert "fallback" not in page.panes()[0]
        assert page.page.locator(".pane img").evaluate("image => image.naturalWidth") == 700
        (caption,) = page.captions()
        assert ("JPEG" in caption) == (name != "d.png")
        page.press("Escape")


def test_why_there_is_no_full_size_is_said(
    tmp_path: Path, make: Callable[..., Path], opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds(tmp_path)
    monkeypatch.setattr(renditions, "MOST_BYTES", 0)
    (tmp_path / "d.png").unlink()
    page = opened(make(tmp_path))
    page.press("Space")
    assert page.panes()[0]["fallback"] == "yes" and "thumbnail only" in page.captions()[0]


def test_a_file_that_the_browser_cannot_show_gives_its_thumbnail(
    folder: Path, make: Callable[..., Path], browser: Any
) -> None:
    path = make(folder)
    for photo in folder.glob("1-*.jpg"):
        photo.write_bytes(b"\xff\xd8\xff" + bytes(100))
    page = Opened(browser, path)
    page.press("Space")
    assert page.panes()[0]["fallback"] == "yes" and "cannot show the file" in page.captions()[0]
    page.context.close()


def test_filter_order_and_index(folder: Path, make: Callable[..., Path], opened: Open) -> None:
    page = opened(make(folder))
    shown = page.page.locator(".photo:visible .name")
    everything = shown.all_text_contents()
    page.page.select_option(".filter", "alone")
    assert shown.all_text_contents() == ["3-0.jpg"]
    page.page.select_option(".filter", "mine")
    assert shown.count() == 0 and page.page.locator(".nothing").is_visible()
    page.page.select_option(".filter", "all")
    assert shown.all_text_contents() == everything
    page.page.select_option(".sort", "many")
    assert shown.first.text_content().startswith("2-")
    page.page.locator(".sort").blur()
    page.go("1-0.jpg")
    page.press("x")
    page.page.select_option(".filter", "mine")
    assert sorted(shown.all_text_contents()) == ["1-0.jpg", "1-1.jpg", "1-2.jpg"]
    page.page.select_option(".filter", "open")
    assert {name[0] for name in shown.all_text_contents()} == {"2"}
    page.page.select_option(".filter", "all")
    page.page.locator(".filter").blur()
    page.press("i")
    lines = page.page.locator("dialog.index li")
    assert lines.count() == 3 and "yours" in lines.nth(1).text_content()
    page.press("ArrowDown", "Enter")
    assert page.page.locator("dialog[open]").count() == 0
    current = page.page.locator(".photo.current .name").text_content()
    page.press("f")
    assert page.page.locator(".filter").input_value() == "close" and current


def test_the_keys_are_told_on_a_question_mark(folder: Path, make: Callable[..., Path], opened: Open) -> None:
    page = opened(make(folder))
    page.press("?")
    assert "side by side" in page.page.locator("dialog.help[open]").text_content()
    page.press("x")  # judges nothing while the keys are shown
    page.press("?")
    assert page.page.locator("dialog[open]").count() == 0 and page.page.locator(".yours:visible").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_phone_width_and_dark_mode(folder: Path, make: Callable[..., Path], opened: Open, scheme: str) -> None:
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
    page = opened(make(folder), color_scheme=scheme, **phone)
    wide = "() => document.documentElement.scrollWidth"
    assert page.page.evaluate(wide) <= 360
    colour = page.page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    bright = np.mean([int(part) for part in colour.removeprefix("rgb(").rstrip(")").split(",")])
    assert (bright > 200) == (scheme == "light")
    assert page.page.locator(".tools").bounding_box()["height"] < 60  # one line, to be pushed sideways
    page.page.tap("nav [data-act=compare]")
    assert len(page.panes()) == 2
    boxes = [box.bounding_box() for box in page.page.locator(".stage").all()]
    assert all(box["width"] >= 340 and box["height"] >= 180 for box in boxes)  # one above the other
    page.page.tap(".view [data-act=zoom]")
    assert [pane["scale"] for pane in page.panes()] == ["100", "100"]
    for button in page.page.locator(".view button").all():
        box = button.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 360 and box["y"] + box["height"] <= 740
    page.page.tap(".view [data-act=close]")
    assert page.page.evaluate(wide) <= 360


def test_a_browser_that_keeps_nothing_says_so(folder: Path, make: Callable[..., Path], browser: Any) -> None:
    context = browser.new_context()
    context.add_init_script("Object.defineProperty(window, 'localStorage', { get() { throw new Error('denied'); } })")
    page = Opened(browser, make(folder), context=context)
    page.press("x")
    assert "save the choices before you leave" in page.page.locator(".counts").text_content()
    assert page.problems == []
    context.close()


def test_a_bracket_has_no_pick_unless_it_is_made_a_series(
    folder: Path, make: Callable[..., Path], opened: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(run, "kind_of", lambda photos, _: "exposure bracket" if len(photos) == 3 else "series")
    page = opened(make(folder))
    assert "kept whole" in page.page.locator("h2").first.text_content()
    assert {page.verdicts()[f"1-{k}.jpg"] for k in range(3)} == {"unrated"}
    assert not page.card("1-0.jpg").locator(".why").is_visible()
    page.press("m", "ArrowRight", "m", "ArrowRight", "m", "n")
    assert len(picks(page, 1)) == 1
    again = opened(make(folder, "--choices", page.saved("choices", tmp_path / "c.json")))
    assert again.verdicts() == page.verdicts() and again.series() == page.series()
    page.press("u")
    assert picks(page, 1) == []
