"""Errors as application/problem+json: the command line's one line, with its exit code."""

import sqlite3
from collections.abc import Callable
from http import HTTPStatus
from sqlite3 import OperationalError
from typing import Any

from smalti.errors import (
    BusyError,
    InputError,
    MissingExtraError,
    OptionError,
    OutputError,
    SmaltiError,
    exit_code,
    shown,
)

MEDIA_TYPE = "application/problem+json"
STATUSES: tuple[tuple[type[SmaltiError], int], ...] = (
    (OptionError, 422),
    (InputError, 422),
    (OutputError, 507),
    (BusyError, 409),
    (MissingExtraError, 501),
    (SmaltiError, 500),
)
_WRONG_USAGE = 2
_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)


class ProblemError(Exception):
    """A request that is refused."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        code: int = _WRONG_USAGE,
        wait: int | None = None,
        refused: list[dict[str, Any]] | None = None,
    ) -> None:
        """`refused` are the files of a request of which none can be used."""
        super().__init__(detail)
        self.status, self.detail, self.code, self.wait = status, shown(detail), code, wait
        self.refused = refused


def problem_of(error: Exception, hide: Callable[[str], str]) -> ProblemError:
    """The problem that an error is; the text of an unexpected error stays in the server's log.

    `hide` removes what nobody outside needs to know from a message.
    """
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, SmaltiError):
        status = next(status for kind, status in STATUSES if isinstance(error, kind))
        return ProblemError(status, hide(str(error)), code=code_of(error))
    if isinstance(error, OperationalError) and error.sqlite_errorcode & 0xFF in _FULL:
        return ProblemError(
            507, f"scenes and jobs cannot be stored: {error}; is the disk full? free space on it", code=4
        )
    if isinstance(error, MemoryError):
        return ProblemError(507, "not enough memory; use a smaller area, or another machine", code=3)
    return ProblemError(500, f"{type(error).__name__}; the server's log has the details", code=1)


def said(error: Exception) -> str:
    """What an error of work in the background says, in one line; folders of the server are not hidden in it."""
    return problem_of(error, str).detail


def code_of(error: SmaltiError) -> int:
    """The exit code of the command line for an error."""
    return _WRONG_USAGE if isinstance(error, OptionError) else exit_code(error)


def to_dict(problem: ProblemError) -> dict[str, Any]:
    """The body of the answer."""
    _, semicolon, todo = problem.detail.rpartition("; ")
    return {
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        "exit_code": problem.code,
        **({"todo": todo} if semicolon else {}),
        **({"refused": problem.refused} if problem.refused else {}),
    }
