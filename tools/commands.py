#!/usr/bin/env python3
"""Prints the reference of all commands, from click itself, for docs/reference/commands.md."""

import inspect
import re
from collections.abc import Iterator

import click

from smalti.cli import group


def paragraphs(text: str) -> str:
    """A help text as Markdown: paragraphs that click shows verbatim become code."""
    parts = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(
        "```text\n" + part.removeprefix("\b\n") + "\n```" if part.startswith("\b") else part for part in parts
    )


def row(option: click.Option, context: click.Context) -> str:
    """An option with its value, its meaning, and its default, which is in brackets in the help."""
    names, said = option.get_help_record(context) or ("", "")
    found = re.search(r"\[default: ([^];]+)", said)
    value = f"`{found[1]}`" if found else "**needed**" if option.required else ""
    cells = (f"`{names}`", (option.help or "").partition("  [")[0], value)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def sections(command: click.Command, name: str, parent: click.Context | None, level: int) -> Iterator[str]:
    """One command, then those below it."""
    context = click.Context(command, info_name=name, parent=parent)
    yield f"{'#' * level} {context.command_path}"
    yield paragraphs(command.help or "")
    context.terminal_width = 100
    yield f"```text\n{command.get_usage(context).replace('Usage: ', '')}\n```"
    options = [p for p in command.params if isinstance(p, click.Option) and not p.hidden and p.name != "version"]
    if options:
        yield "| option | meaning | default |\n|---|---|---|\n" + "\n".join(row(option, context) for option in options)
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            if found := command.get_command(context, child):
                yield from sections(found, child, context, level + 1)


def reference() -> str:
    """All commands as Markdown."""
    return "\n\n".join(sections(group, "smalti", None, 2)) + "\n"


if __name__ == "__main__":
    print(reference(), end="")
