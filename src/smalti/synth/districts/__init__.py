"""The contents of a block of the lattice, by kind."""

from collections.abc import Callable

import numpy as np

from smalti.synth.districts import country, industry, lake, suburb, town
from smalti.synth.layout import Block
from smalti.synth.plan import Plan

Builder = Callable[[Plan, np.random.Generator, Block], None]

DISTRICTS: dict[str, Builder] = {
    "town": town.town,
    "estate": town.estate,
    "industry": industry.industry,
    "suburb": suburb.suburb,
    "farm": country.farm,
    "wood": country.wood,
    "bare": country.bare,
    "lake": lake.lake,
}
