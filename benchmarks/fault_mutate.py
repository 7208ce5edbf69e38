"""Damage: bytes flipped, cut and shuffled; fields of text and of JSON edited, all of it by a random.Random."""

import json
import random
import re
from collections.abc import Callable
from typing import Any

NASTY_NUMBERS = ("0", "-1", "1e308", "-1e-308", "nan", "inf", "65536", "4294967297", "9" * 30, "0x10", "1_0", "1.5", "")
NASTY_TEXTS = (
    "",
    " ",
    "\x00",
    "a" * 3000,
    "ü😀\u202e",
    "../../x",
    "%s%n",
    "None",
    "[]",
    "{}",
    "\n",
    "'",
    '"',
    "<a>",
    "-",
)

Mutate = Callable[[bytes, random.Random], bytes]


def damage(content: bytes, chance: random.Random) -> bytes:
    """One to three kinds of damage to bytes."""
    for _ in range(chance.choice((1, 1, 2, 3))):
        content = chance.choice(BYTES)(content, chance)
    return content


def edit_text(content: bytes, chance: random.Random) -> bytes:
    """A number, a quoted text or a line of a text replaced, dropped or doubled; one in four loses bytes instead."""
    if chance.random() < 0.25:
        return damage(content, chance)
    text = content.decode("utf-8", errors="replace")
    for _ in range(chance.choice((1, 1, 2))):
        text = chance.choice((_edit_number, _edit_quoted, _edit_line))(text, chance)
    return text.encode("utf-8", errors="surrogatepass")


def edit_json(content: bytes, chance: random.Random) -> bytes:
    """A value of a JSON document replaced or dropped; one in four is treated as text."""
    if chance.random() < 0.25:
        return edit_text(content, chance)
    document = json.loads(content)
    for _ in range(chance.choice((1, 1, 2, 3))):
        _edit_value(document, chance)
    return json.dumps(document).encode()


def _flip(content: bytes, chance: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 8)) if data else 0):
        data[_place(data, chance)] ^= 1 << chance.randrange(8)
    return bytes(data)


def _fill(content: bytes, chance: random.Random) -> bytes:
    begin, end = _span(content, chance)
    filling = chance.choice((b"\0" * (end - begin), b"\xff" * (end - begin), chance.randbytes(end - begin)))
    return content[:begin] + filling + content[end:]


def _cut(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content) + 1)]


def _drop(content: bytes, chance: random.Random) -> bytes:
    begin, end = _span(content, chance)
    return content[:begin] + content[end:]


def _double(content: bytes, chance: random.Random) -> bytes:
    begin, end = _span(content, chance)
    return content[:end] + content[begin:end] + content[end:]


BYTES: tuple[Mutate, ...] = (_flip, _flip, _flip, _fill, _cut, _drop, _double)


def _place(data: bytes | bytearray, chance: random.Random) -> int:
    """A place in a file; half of them in its first 400 bytes, where headers are."""
    return chance.randrange(min(len(data), 400) if chance.random() < 0.5 else len(data))


def _span(content: bytes, chance: random.Random) -> tuple[int, int]:
    if not content:
        return 0, 0
    begin = _place(content, chance)
    return begin, min(len(content), begin + chance.choice((1, 2, 4, 16, 100, 1000)))


def _edit_number(text: str, chance: random.Random) -> str:
    return _replace(text, r"-?\d+(\.\d+)?", chance.choice(NASTY_NUMBERS), chance)


def _edit_quoted(text: str, chance: random.Random) -> str:
    return _replace(text, r'(?<=")[^"\n]*(?=")', chance.choice(NASTY_TEXTS), chance)


def _replace(text: str, pattern: str, new: str, chance: random.Random) -> str:
    found = list(re.finditer(pattern, text))
    if not found:
        return text
    place = chance.choice(found)
    return text[: place.start()] + new + text[place.end() :]


def _edit_line(text: str, chance: random.Random) -> str:
    lines = text.split("\n")
    place = chance.randrange(len(lines))
    lines[place : place + 1] = chance.choice(([], [lines[place]] * 2, [chance.choice(lines)]))
    return "\n".join(lines)


def _edit_value(document: Any, chance: random.Random) -> None:
    """Walks down to a random member of a document and replaces or drops it."""
    holder = document
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not keys:
            return
        key = chance.choice(keys)
        if isinstance(holder[key], dict | list) and holder[key] and chance.random() < 0.8:
            holder = holder[key]
            continue
        if chance.random() < 0.2:
            del holder[key]
        else:
            holder[key] = chance.choice(
                (None, True, -1, 0, 1e308, 1e-308, 181.0, 2**70, "", "1", "ü\x00", [], {}, [[]], "NaN")
            )
        return
