"""The contents of a block of the lattice, by kind."""

from collections.abc import Callable

import numpy as np

from smalti.synth.world.blocks import country, fields, homes, town, woods, works
from smalti.synth.world.layout import Block
from smalti.synth.world.plan import Plan

Builder = Callable[[Plan, np.random.Generator, Block], None]

BUILDERS: dict[str, Builder] = {
    "bazaar": town.bazaar,
    "bog": country.bog,
    "dunes": country.dunes,
    "estate": town.estate,
    "farm": fields.farm,
    "felled": woods.felled,
    "glasshouses": works.glasshouses,
    "grove": woods.grove,
    "hamlet": homes.hamlet,
    "harbour": works.harbour,
    "informal": homes.informal,
    "kilns": works.kilns,
    "mall": works.mall,
    "meadow": country.meadow,
    "medina": town.medina,
    "oasis": woods.oasis,
    "old town": town.old_town,
    "park": town.park,
    "plantation": woods.plantation,
    "potholes": country.potholes,
    "quarry": country.quarry,
    "railway": works.railway,
    "site": works.site,
    "solar": works.solar,
    "suburb": homes.suburb,
    "town": town.town,
    "village": homes.village,
    "villas": homes.villas,
    "wild": country.wild,
    "wood": woods.wood,
    "works": works.works,
}
