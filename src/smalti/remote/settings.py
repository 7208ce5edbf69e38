"""How a store is reached: what the usual variables and files of the environment state, in obstore's words.

obstore reads most variables itself. Those that only GDAL or the programs of AWS know are translated, so that one
environment serves for reading and writing.
"""

import configparser
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

_ANONYMOUS = {"s3": "AWS_NO_SIGN_REQUEST", "gs": "GS_NO_SIGN_REQUEST", "az": "AZURE_NO_SIGN_REQUEST"}
_TRUE = ("1", "yes", "true", "on")


def store_settings(scheme: str, environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """The `config` of an obstore store."""
    found: dict[str, Any] = {}
    if environ.get(_ANONYMOUS[scheme], "").lower() in _TRUE:
        found["skip_signature"] = True
    if scheme == "s3":
        found |= _of_s3(environ)
        if "skip_signature" not in found and "AWS_ACCESS_KEY_ID" not in environ:
            found |= _of_profile(environ)
    if scheme == "az" and (account := environ.get("AZURE_STORAGE_ACCOUNT")):
        found["account_name"] = account
    return found


def _of_s3(environ: Mapping[str, str]) -> dict[str, Any]:
    url = environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or _endpoint_of_gdal(environ)
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    return ({"endpoint": url} if url else {}) | ({"region": region} if region else {})


def _endpoint_of_gdal(environ: Mapping[str, str]) -> str:
    host = environ.get("AWS_S3_ENDPOINT", "")
    if not host or "://" in host:
        return host
    secure = environ.get("AWS_HTTPS", "YES").lower() in _TRUE
    return f"{'https' if secure else 'http'}://{host}"


def _of_profile(environ: Mapping[str, str]) -> dict[str, str]:
    """Keys from the file of credentials that the programs of AWS write, read anew each time: it may be renewed."""
    file = Path(environ.get("AWS_SHARED_CREDENTIALS_FILE") or Path("~/.aws/credentials"))
    parser = configparser.ConfigParser(interpolation=None)
    with suppress(OSError, RuntimeError, configparser.Error):
        parser.read_string(file.expanduser().read_text(encoding="utf-8"))
    profile = environ.get("AWS_PROFILE", "default")
    if not parser.has_section(profile):
        return {}
    names = {"aws_access_key_id": "access_key_id", "aws_secret_access_key": "secret_access_key"}
    names["aws_session_token"] = "session_token"
    return {ours: parser[profile][theirs] for theirs, ours in names.items() if theirs in parser[profile]}
