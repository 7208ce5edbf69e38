"""The wire format of protobuf, as far as ONNX files need it: fields of one message, as numbers and bytes.

The install without torch does not have the `onnx` package, and parsing a message takes 30 lines. A field is its
number and its value: an int (varint), or bytes (of a message, of text, of packed numbers, or of four or eight bytes).
"""

from collections.abc import Iterable

Value = int | bytes
Field = tuple[int, Value]
Fields = list[Field]


def parse(content: bytes) -> Fields:
    """The fields of a message, in their order; ValueError for bytes that are none."""
    found: Fields = []
    at = 0
    while at < len(content):
        tag, at = read_number(content, at)
        kind = tag & 7
        if kind == 0:
            value, at = read_number(content, at)
            found.append((tag >> 3, value))
            continue
        if kind not in _SIZES:
            raise ValueError(f"a field of wire type {kind}")
        size, at = (_SIZES[kind], at) if kind != 2 else read_number(content, at)
        if at + size > len(content):
            raise ValueError("a truncated message")
        found.append((tag >> 3, content[at : at + size]) if kind == 2 else (-(tag >> 3), content[at : at + size]))
        at += size
    return found


_SIZES = {1: 8, 2: 0, 5: 4}
"""Bytes of a value by wire type; 2 states its own size. Fields of fixed size have their number negated."""


def read_number(content: bytes, at: int) -> tuple[int, int]:
    """The number (a varint) at a position, and the position behind it; ValueError if there is none."""
    if at < len(content) and content[at] < 0x80:  # nearly all have one byte
        return content[at], at + 1
    number = shift = 0
    for here in range(at, min(at + 10, len(content))):
        number |= (content[here] & 0x7F) << shift
        shift += 7
        if content[here] < 0x80:
            return number, here + 1
    raise ValueError("a truncated number")


def build(fields: Iterable[Field]) -> bytes:
    """The bytes of a message."""
    return b"".join(_field(number, value) for number, value in fields)


def texts(fields: Fields, number: int) -> list[str]:
    """All texts of a repeated field."""
    return [value.decode("utf-8") for at, value in fields if at == number and isinstance(value, bytes)]


def varints(content: bytes) -> list[int]:
    """The packed numbers of a repeated field."""
    found, at = [], 0
    while at < len(content):
        number, at = read_number(content, at)
        found.append(number)
    return found


def _field(number: int, value: Value) -> bytes:
    if isinstance(value, int):
        return _digits(number << 3) + _digits(value)
    if number < 0:
        return _digits(-number << 3 | (1 if len(value) == 8 else 5)) + value
    return _digits(number << 3 | 2) + _digits(len(value)) + value


def _digits(number: int) -> bytes:
    """A varint; negative numbers are those of 64 bits."""
    number &= (1 << 64) - 1
    digits = bytearray()
    while number > 0x7F:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    digits.append(number)
    return bytes(digits)
