"""JSON documents of catalogues: on disk, on servers, in object stores."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from smalti.errors import DataError, MissingExtraError
from smalti.remote.address import is_store, parse_address
from smalti.remote.form import check_form
from smalti.remote.store import Store

if TYPE_CHECKING:
    from pystac_client.stac_api_io import StacApiIO

RETRIES = 8
"""How often a request to a server is tried again, later and later."""
_PAUSE_S = 0.25
_TIMEOUT_S = 30
_LARGEST = 64 << 20  # bytes; a page of a search has less than 10 MB


class Documents:
    """Reads documents over one session; DataError where that fails."""

    def __init__(self) -> None:
        self._io: StacApiIO | None = None

    def read(self, name: str) -> dict[str, Any]:
        """The STAC document at a path or URL."""
        found = self._object(name)
        check_form(found, name)
        return found

    def _object(self, name: str) -> dict[str, Any]:
        try:
            found = json.loads(self._content(name))
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise DataError(f"{name}: is no JSON object; expected a STAC item, collection or catalogue")
        return found

    def look(self, name: str) -> dict[str, Any] | None:
        """The same of what may be a document; None if it is none."""
        if not is_document(name):
            return None
        if _is_web(name) and not urlsplit(name).path.endswith(".json") and not self._is_json(name):
            return None
        found = self._object(name)
        if "stac_version" not in found and found.get("type") != "FeatureCollection":
            return None
        check_form(found, name)
        return found

    @property
    def io(self) -> "StacApiIO":
        """pystac-client's session, which tries again where a server is busy."""
        if self._io is None:
            try:
                from pystac_client.stac_api_io import StacApiIO
                from urllib3.util import Retry
            except ImportError:
                raise MissingExtraError("pystac-client, which reads catalogues,", "remote") from None
            codes = (429, 500, 502, 503, 504)
            again = Retry(RETRIES, backoff_factor=_PAUSE_S, status_forcelist=codes, allowed_methods=None)
            self._io = StacApiIO(max_retries=again, timeout=_TIMEOUT_S)
        return self._io

    def _content(self, name: str) -> bytes:
        if is_store(name):
            address = parse_address(name)
            found = Store(address).get(address)
            if found is None:
                raise DataError(f"{name}: there is no such object; give the address of a catalogue")
            return found[0]
        if _is_web(name):
            return self._from_web(name)
        try:
            return Path(name).read_bytes()
        except OSError as error:
            raise DataError(f"{name}: cannot be read: {(error.strerror or 'unknown reason').lower()}") from None

    def _from_web(self, url: str) -> bytes:
        session = self.io.session
        from requests import RequestException

        try:
            with session.get(url, timeout=_TIMEOUT_S, stream=True) as answer:
                answer.raise_for_status()
                return bytes(answer.raw.read(_LARGEST, decode_content=True))
        except (RequestException, OSError) as error:
            raise DataError(f"{url}: cannot be read: {_why(error)}; check the address and the connection") from None

    def _is_json(self, url: str) -> bool:
        try:
            session = self.io.session
        except MissingExtraError:
            return False
        from requests import RequestException

        try:
            with session.get(url, timeout=_TIMEOUT_S, stream=True) as answer:
                return answer.ok and "json" in answer.headers.get("Content-Type", "")
        except RequestException:
            return False


def is_document(name: str) -> bool:
    """Whether a name may be that of a catalogue: it ends in .json, or is a URL without an ending."""
    if name.lower().endswith(".json"):
        return True
    return _is_web(name) and "." not in urlsplit(name).path.rpartition("/")[2].lstrip("v.0123456789")


def _is_web(name: str) -> bool:
    return name.lower().startswith(("http://", "https://"))


def _why(error: Exception) -> str:
    answer = getattr(error, "response", None)
    if answer is not None:
        return f"HTTP response code {answer.status_code}"
    text = str(error)
    return "too many error responses" if "too many" in text else type(error).__name__
