"""The address of an object, or of all objects below a prefix, in an object store: s3://bucket/prefix/name."""

import re
from dataclasses import dataclass
from typing import Self

from smalti.errors import OptionError

_FORM = re.compile(r"(s3|gs|az)://([^/]*)/*(.*)", re.IGNORECASE | re.DOTALL)
_OF_GDAL = re.compile(r"/vsi(s3|gs|az)/", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Address:
    """An object of a bucket, or a prefix; `key` has no slash at its ends."""

    scheme: str
    bucket: str
    key: str

    def at(self, name: str) -> Self:
        """The address of a name below this prefix."""
        return type(self)(self.scheme, self.bucket, f"{self.key}/{name}" if self.key else name)

    @property
    def root(self) -> str:
        """The bucket's own URL."""
        return f"{self.scheme}://{self.bucket}"

    @property
    def name(self) -> str:
        """The last part of the key; of the bucket itself its name."""
        return self.key.rpartition("/")[2] or self.bucket

    @property
    def above(self) -> Self:
        """The prefix that the object lies in."""
        return type(self)(self.scheme, self.bucket, self.key.rpartition("/")[0])

    def __str__(self) -> str:
        return f"{self.root}/{self.key}"


def is_store(name: str) -> bool:
    """Whether a name is the address of an object store."""
    return bool(_FORM.match(name))


def parse_address(name: str) -> Address:
    """The address that a name such as s3://bucket/prefix states, also as GDAL writes it; OptionError if none."""
    found = _FORM.fullmatch(_OF_GDAL.sub(lambda match: f"{match[1]}://", name, count=1))
    if not found or not found[2]:
        raise OptionError(f"{name}: is not the address of an object store; expected s3://BUCKET/PREFIX", value=name)
    key = "/".join(part for part in found[3].split("/") if part)
    if any(part in (".", "..") for part in key.split("/")) or not key.isprintable():
        raise OptionError(f"{name}: has a part that no object can have in its name; expected names", value=name)
    return Address(found[1].lower(), found[2], key)
