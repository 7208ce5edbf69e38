"""What a camera writes beside the pixels."""

import struct
from datetime import UTC, datetime

import pytest
from PIL import Image

from smalti.photos.formats.exif import NONE, parse
from smalti.photos.photo import Exposure
from tests.photos.shots import directory, tags

NOON = datetime(2024, 5, 17, 12, 0, 0, tzinfo=UTC).timestamp()


def test_time_with_sub_seconds_and_offset() -> None:
    text = "2024:05:17 12:00:00"
    assert parse(tags(text).tobytes()).taken == NOON
    assert parse(tags(text, "25").tobytes()).taken == NOON + 0.25
    assert parse(tags(text, "007", "+02:00").tobytes()).taken == pytest.approx(NOON - 7200 + 0.007)
    assert parse(tags(text, "", "-09:30").tobytes()).taken == NOON + 34200


@pytest.mark.parametrize("text", ["0000:00:00 00:00:00", "    :  :     :  :  ", "2024:13:40 12:00:00", ""])
def test_a_time_nobody_set_is_none(text: str) -> None:
    assert parse(tags(text).tobytes()).taken is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2024-05-17 12:00:05", 5),
        ("2024/05/17 12:00:05", 5),
        ("2024:05:17T12:00:05", 5),
        ("2024-05-17T12:00:05+02:00", 5),
        ("2024:05:17 12:00:60", 60),
        ("2024: 5:17 12: 0: 5", 5),
        ("2024.05.17 12.00.05", 5),
        ("2024:05:17 12:01", 60),
        ("2024:05:17 01:00 PM", 3600),
        ("2024:05:17 12:02:  ", 120),
        ("2024:05:17 12:00:05.250", 5.25),
        ("2024:05:17 01:00:05 PM", 3605),
        ("2024:05:17 12:00:05 AM", -12 * 3600 + 5),
        ("2024:05:17 24:08:19", -12 * 3600 + 499),  # phones that count hours from 1 to 24: the first one of that day
    ],
)
def test_other_spellings_of_a_time(text: str, seconds: float) -> None:
    assert parse(tags(text).tobytes()).clock == NOON + seconds


def test_the_clock_is_what_the_camera_showed() -> None:
    found = parse(tags("2024:05:17 12:00:00", "25", "+02:00").tobytes())
    assert (found.clock, found.taken) == (NOON + 0.25, NOON - 7200 + 0.25)


@pytest.mark.parametrize(
    ("offset", "ahead"), [("+02:00", 7200), ("Z", 0), ("", None), ("    ", None), ("summer", None)]
)
def test_how_far_the_clock_is_ahead_is_told_from_not_being_known(offset: str, ahead: int | None) -> None:
    assert parse(tags("2024:05:17 12:00:00", offset=offset).tobytes()).ahead == ahead


def test_when_it_was_digitized_is_taken_where_nothing_else_is_known() -> None:
    assert parse(tags(digitized="2024:05:17 12:00:00").tobytes()).taken == NOON


def test_the_camera_has_its_maker_once_and_its_serial_number() -> None:
    assert parse(tags(serial="0042").tobytes()).camera == "Acme One 0042"
    assert parse(tags(serial="0042", model="ACME One").tobytes()).camera == "ACME One 0042"


@pytest.mark.parametrize("order", ["<", ">"])
def test_orientation_in_both_orders_of_bytes(order: str) -> None:
    assert parse(directory({0x0112: (3, 1, struct.pack(order + "HH", 6, 0))}, order)).orientation == 6


def test_an_orientation_that_does_not_exist_is_none() -> None:
    assert parse(directory({0x0112: (3, 1, struct.pack("<HH", 9, 0))})).orientation == 0


def test_the_burst_in_apples_own_note() -> None:
    name = b"6F2A-11\0"
    note = b"Apple iOS\0\0\1MM" + struct.pack(">HHHII", 1, 0x000B, 2, len(name), 14 + 2 + 12) + name
    assert parse(tags(note=note).tobytes()).burst == "6F2A-11"
    assert parse(tags("2024:05:17 12:00:00").tobytes()).burst == ""


def test_whatever_is_cut_counts_as_not_written() -> None:
    whole = tags("2024:05:17 12:00:00", "5", "+01:00", 6, serial="77").tobytes()
    for length in range(len(whole)):
        parse(whole[:length])  # raises nothing
    assert parse(b"no EXIF at all") == parse(b"") == NONE
    assert parse(b"II*\0\xff\xff\xff\xff") == NONE


def test_entries_that_reach_beyond_the_block_are_left_out() -> None:
    found = parse(directory({0x010F: (2, 100, struct.pack("<I", 4000)), 0x0112: (3, 1, struct.pack("<HH", 8, 0))}))
    assert found.camera == "" and found.orientation == 8


def test_how_the_light_was_taken() -> None:
    exif = Image.Exif()
    exif[0x8769] = {0xA402: 2, 0x9204: -0.5, 0x829A: 0.25, 0x829D: 8.0, 0x8827: 400}
    assert parse(exif.tobytes()).exposure == Exposure(2, -0.5, 0.25, 8.0, 400)
    assert parse(b"").exposure == Exposure()
