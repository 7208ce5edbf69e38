"""Renders templates to pages."""

from datetime import UTC, datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from smalti import __version__
from smalti.report.charts import short
from smalti.text import number, percent, within


def render(template: str, **values: Any) -> str:
    """A template with its values, all escaped."""
    environment = Environment(
        loader=PackageLoader("smalti.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": percent,
        "number": number,
        "within": within,
        "short": short,
        "hex": lambda rgb: "#{:02x}{:02x}{:02x}".format(*rgb),
    }
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return environment.get_template(template).render(version=__version__, made=made, **values)
