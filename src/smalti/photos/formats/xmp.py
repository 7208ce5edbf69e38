"""XMP packets: simple values are read and set; every other byte stays unchanged.

XMP (ISO 16684-1) is RDF in XML. A simple property of a photo is an attribute of an rdf:Description or an element in
it, and both are found here. The text is edited in place rather than parsed and rewritten, so that nothing another
program stores there (histories, comments, order, white space, prefixes) can be lost.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from xml.parsers import expat

from smalti.errors import DataError

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XMP = "http://ns.adobe.com/xap/1.0/"
NAMESPACES = {
    "xmp": XMP,
    "MicrosoftPhoto": "http://ns.microsoft.com/photo/1.0/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "acdsee": "http://ns.acdsee.com/iptc/1.0/",
    "xmpDM": "http://ns.adobe.com/xmp/1.0/DynamicMedia/",
    "photomechanic": "http://ns.camerabits.com/photomechanic/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "smalti": "urn:smalti:photos",
}

_NAME = re.compile(rb"<([^\s/>]+)")
_ATTRIBUTE = re.compile(rb"""\s+([^\s=]+)\s*=\s*("[^"]*"|'[^']*')""")
_END = re.compile(rb"\s*(/?)>")


def with_values(packet: bytes, values: Mapping[str, str]) -> bytes:
    """The packet with these simple values; DataError if it is not a valid packet, or a value cannot be set.

    Names are `prefix:Name` with a prefix of NAMESPACES (default `xmp`), whatever prefix the packet uses for it.
    """
    places = _Places(packet, values)
    edits = places.edits
    missing = {name: value for name, value in values.items() if name not in places.found}
    if missing:
        edits.append((places.home, places.home, places.attributes(missing)))
    for begin, end, text in sorted(edits, reverse=True):
        packet = packet[:begin] + text + packet[end:]
    if _Places(packet, values).found != dict(values):
        raise DataError("its rating or label cannot be set")
    return packet


def values_in(packet: bytes, names: Iterable[str]) -> dict[str, str]:
    """The values that the packet has, by name as in `with_values`; DataError if it is not a valid packet."""
    return _Places(packet, dict.fromkeys(names, "")).found


@dataclass(frozen=True)
class _Tag:
    """A start tag in the text: offsets in bytes."""

    name: bytes
    attributes: dict[bytes, tuple[int, int]]  # the value without its quotes: begin, end
    attributes_end: int
    end: int
    empty: bool


def _tag(packet: bytes, begin: int) -> _Tag:
    """The start tag at `begin`, which the parser accepted."""
    name = _NAME.match(packet, begin)
    assert name
    attributes, at = {}, name.end()
    while match := _ATTRIBUTE.match(packet, at):
        attributes[match[1]], at = (match.start(2) + 1, match.end(2) - 1), match.end()
    end = _END.match(packet, at)
    assert end
    return _Tag(name[1], attributes, at, end.end(), bool(end[1]))


class _Places:
    """Where a packet holds, or would hold, the requested values."""

    def __init__(self, packet: bytes, values: Mapping[str, str]) -> None:
        self.edits: list[tuple[int, int, bytes]] = []
        self.found: dict[str, str] = {}
        self.home = -1
        self._packet, self._values = packet, values
        self._names = {f"{NAMESPACES[_split(name)[0]]} {_split(name)[1]}": name for name in values}
        self._prefixes: dict[str, str] = {}  # in scope at `home`, by namespace
        self._stack: list[str] = []
        self._bound: dict[str | None, list[str]] = {}
        self._open: tuple[str, int] | None = None  # the element whose text is requested, and where it begins
        self._parse()
        if self.home < 0:
            raise DataError("it contains no XMP: no rdf:Description")

    def attributes(self, values: Mapping[str, str]) -> bytes:
        """Text for a start tag at `home`."""
        declared, written = {}, ""
        for name, value in values.items():
            own, local = _split(name)
            prefix = self._prefixes.get(NAMESPACES[own], "")
            if not prefix:
                if self._taken(own):
                    raise DataError(f"it uses the prefix {own} for another namespace")
                declared[own] = f' xmlns:{own}="{NAMESPACES[own]}"'
            written += f' {prefix or own}:{local}="{value}"'
        return ("".join(declared.values()) + written).encode()

    def _taken(self, prefix: str) -> bool:
        return prefix in self._at_home

    def _parse(self) -> None:
        parser = self._parser = expat.ParserCreate(namespace_separator=" ")
        parser.namespace_prefixes = True  # names become "uri local prefix"
        parser.XmlDeclHandler = self._declared
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        parser.StartNamespaceDeclHandler = lambda prefix, uri: self._bound.setdefault(prefix, []).append(uri)
        parser.EndNamespaceDeclHandler = lambda prefix: self._bound[prefix].pop()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        try:
            self._packet.decode()
            parser.Parse(self._packet, True)
        except UnicodeDecodeError:
            raise DataError("its text is not UTF-8") from None
        except expat.ExpatError as error:
            raise DataError(f"it is not well-formed XML: {error}") from None

    def _declared(self, version: str, encoding: str | None, standalone: int) -> None:
        if encoding and encoding.lower() not in ("utf-8", "us-ascii"):
            raise DataError(f"its text is {encoding}, not UTF-8")

    def _refuse_doctype(self, *_: object) -> None:
        raise DataError("it has a DOCTYPE, which XMP does not allow: its entities could stand for anything")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if self._open:
            raise DataError("its rating or label is not a plain value")
        begin, place = self._parser.CurrentByteIndex, self._stack[-2:]
        self._stack.append(" ".join(name.split(" ")[:2]))
        if place[-1:] == [f"{RDF} RDF"] and self._stack[-1] == f"{RDF} Description":
            self._description(_tag(self._packet, begin), attributes)
        elif place == [f"{RDF} RDF", f"{RDF} Description"] and self._stack[-1] in self._names:
            self._property(self._names[self._stack[-1]], _tag(self._packet, begin), begin)

    def _description(self, tag: _Tag, attributes: dict[str, str]) -> None:
        if self.home < 0:
            self.home = tag.attributes_end
            self._at_home = {prefix for prefix, uris in self._bound.items() if uris}
            self._prefixes = {uris[-1]: prefix for prefix, uris in self._bound.items() if prefix and uris}
        for key, value in attributes.items():
            uri, _, names = key.partition(" ")
            local, _, prefix = names.partition(" ")
            if f"{uri} {local}" in self._names:
                begin, end = tag.attributes[f"{prefix}:{local}".encode()]
                self._take(self._names[f"{uri} {local}"], value, begin, end)

    def _property(self, name: str, tag: _Tag, begin: int) -> None:
        if tag.empty:
            self.found[name] = ""
            text = b"<%b>%b</%b>" % (tag.name, self._values[name].encode(), tag.name)
            self.edits.append((begin, tag.end, text))
        else:
            self._open = name, tag.end

    def _end(self, _: str) -> None:
        self._stack.pop()
        if self._open:
            (name, begin), self._open = self._open, None
            end = self._parser.CurrentByteIndex
            self._take(name, self._packet[begin:end].decode(), begin, end)

    def _take(self, name: str, value: str, begin: int, end: int) -> None:
        self.found[name] = value
        self.edits.append((begin, end, self._values[name].encode()))


def _split(name: str) -> tuple[str, str]:
    prefix, _, local = name.rpartition(":")
    return prefix or "xmp", local
