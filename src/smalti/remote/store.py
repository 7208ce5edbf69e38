"""Objects of a store, read and written by obstore; whatever it raises becomes one line.

Throttled, slow and cut requests are tried again, later and later, within `BUDGET`.
"""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from smalti.errors import MissingExtraError, OutputError
from smalti.remote.address import Address
from smalti.remote.settings import store_settings

BUDGET: dict[str, Any] = {
    "max_retries": 10,
    "retry_timeout": timedelta(minutes=2),
    "backoff": {"init_backoff": timedelta(milliseconds=200), "max_backoff": timedelta(seconds=20), "base": 2},
}
PART = 8 << 20
"""Bytes that are uploaded in one request."""
KINDS = {
    ".tif": "image/tiff; application=geotiff; profile=cloud-optimized",
    ".xml": "application/xml",
    ".vrt": "application/xml",
    ".qml": "application/xml",
    ".html": "text/html",
    ".json": "application/json",
    ".geojson": "application/geo+json",
    ".gpkg": "application/geopackage+sqlite3",
    ".parquet": "application/vnd.apache.parquet",
    ".fgb": "application/vnd.flatgeobuf",
}
"""Media types by a file's ending."""
_SLOWEST = {"timeout": "60s", "connect_timeout": "20s"}
_EXPIRED = re.compile(r"ExpiredToken|TokenRefreshRequired|RequestExpired|token.{0,20}expired", re.IGNORECASE)
_CODE = re.compile(r"<Code>(\w+)</Code>")
_STATUS = re.compile(r"status code: (\d{3}[^:\n]*)")


_JOB = "smalti-job"
"""Metadata of an object: the job that wrote it."""
_VERSION = ("e_tag", "version")
"""What tells two contents of an object apart: its ETag, and in some stores its generation."""
_JSON: Any = {"Content-Type": "application/json"}


class StoreError(OutputError):
    """A store refuses, or does not answer; so it will for the next object."""


@dataclass(frozen=True, slots=True)
class Blob:
    """What a store says of an object."""

    etag: str
    size: int
    """Bytes."""
    modified: datetime


class Store:
    """One bucket, opened when it is first used, with the credentials of that moment."""

    def __init__(self, address: Address) -> None:
        """`address` names the bucket; its key is of no account."""
        self._root, self._scheme = address.root, address.scheme

    @cached_property
    def _opened(self) -> Any:
        settings: Any = store_settings(self._scheme)
        plain = str(settings.get("endpoint", "")).startswith("http://")
        options = _SLOWEST | ({"allow_http": True} if plain else {})
        obstore = _import_obstore()
        with _told(self._root):
            return obstore.store.from_url(self._root, config=settings, client_options=options, retry_config=BUDGET)

    def head(self, address: Address) -> Blob | None:
        """Size, version and time of an object; None if there is none."""
        obstore = _import_obstore()
        with _told(address):
            try:
                found = obstore.head(self._opened, address.key)
            except FileNotFoundError:
                return None
        return Blob(found["e_tag"] or "", found["size"], found["last_modified"])

    def get(self, address: Address) -> tuple[bytes, str] | None:
        """The content of a small object and its version, for `put_if`; None if there is none."""
        obstore = _import_obstore()
        with _told(address):
            try:
                found = obstore.get(self._opened, address.key)
            except FileNotFoundError:
                return None
            return bytes(found.bytes()), _version(found.meta)

    def job_of(self, address: Address) -> str | None:
        """The job that wrote an object; empty for one of other origin, None if there is none."""
        obstore = _import_obstore()
        with _told(address):
            try:
                found = obstore.get(self._opened, address.key, options={"head": True})
            except FileNotFoundError:
                return None
            return str(found.attributes.get(_JOB, ""))

    def put_if(self, address: Address, content: bytes, version: str | None) -> str | None:
        """Writes a small object if it still has that version, or with None does not exist; its new version.

        None if someone else wrote it meanwhile.
        """
        obstore = _import_obstore()
        taken = obstore.exceptions.AlreadyExistsError, obstore.exceptions.PreconditionError

        mode: Any = "create" if version is None else dict(zip(_VERSION, version.split(" "), strict=False))
        with _told(address), suppress(*taken):
            return _version(obstore.put(self._opened, address.key, content, mode=mode, attributes=_JSON))
        there = self.get(address)  # of two attempts the first may have come through, and its answer have been lost
        return there[1] if there is not None and there[0] == content else None

    def upload(self, file: Path, address: Address, job: str) -> Blob:
        """Writes a file's content as an object, in parts; it is not visible before it is complete."""
        obstore = _import_obstore()
        kind = KINDS.get(file.suffix.lower(), "application/octet-stream")
        attributes: Any = {"Content-Type": kind, _JOB: job}
        with _told(address), file.open("rb") as content:
            obstore.put(self._opened, address.key, content, attributes=attributes, chunk_size=PART, max_concurrency=4)
        if (found := self.head(address)) is None or found.size != file.stat().st_size:
            raise StoreError(f"{address}: is not there after it was uploaded, or was cut; run again to resume")
        return found

    def names(self, prefix: Address) -> set[str]:
        """The names of all objects right below a prefix."""
        obstore = _import_obstore()
        with _told(prefix):
            found = obstore.list_with_delimiter(self._opened, f"{prefix.key}/" if prefix.key else None)
        return {str(entry["path"]).rpartition("/")[2] for entry in found["objects"]}

    def check_writable(self, prefix: Address) -> timedelta:
        """Writes a tiny object below a prefix and removes it; StoreError if that is not permitted.

        Returns how much the store's clock is ahead of this machine's.
        """
        obstore = _import_obstore()
        probe = prefix.at(f".smalti-{secrets.token_hex(6)}")
        with _told(prefix):
            obstore.put(self._opened, probe.key, b"")
        written = self.head(probe)
        with suppress(StoreError):  # who may only add leaves it there
            self.remove(probe)
        return timedelta() if written is None else written.modified - datetime.now(UTC)

    def remove(self, address: Address) -> None:
        """Removes an object; nothing happens if there is none."""
        obstore = _import_obstore()
        with _told(address):
            try:
                obstore.delete(self._opened, address.key)
            except FileNotFoundError:
                return


def _import_obstore() -> Any:
    """obstore with its stores and errors; MissingExtraError."""
    try:
        import obstore.exceptions  # its stores are always there
    except ImportError:
        raise MissingExtraError("obstore, which reads and writes object stores,", "remote") from None
    return obstore


def _version(meta: Any) -> str:
    return " ".join(str(meta[key]) for key in _VERSION if meta.get(key))


@contextmanager
def _told(what: object) -> Iterator[None]:
    """Turns whatever obstore raises into one line."""
    try:
        yield
    except (MissingExtraError, StoreError):
        raise
    except Exception as error:  # several libraries: configuration, credentials, HTTP
        raise StoreError(f"{what}: {_why(error)}") from None


def _why(error: Exception) -> str:
    text = str(error)
    code, status = _CODE.search(text), _STATUS.search(text)
    said = code[1] if code else status[1] if status else _brief(text)
    kind = type(error).__name__
    if _EXPIRED.search(text):
        return f"the credentials have expired ({said}); renew them and run again"
    if said == "NoSuchBucket" or (isinstance(error, FileNotFoundError) and not code):
        return "there is no such bucket; make it first, or choose another one"
    if kind in ("PermissionDeniedError", "UnauthenticatedError") or said[:3] in ("401", "403") or "credential" in text:
        return f"access is refused ({said}); give credentials that may read and write there in the environment"
    return f"the store does not answer as expected ({said}); tried again for a while, run again to resume"


def _brief(text: str) -> str:
    """The end of the first line, where obstore says what has happened."""
    first = (text.strip().splitlines() or ["no answer"])[0]
    return first.rpartition(" - ")[2][:200].strip()
