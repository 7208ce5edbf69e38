"""Climates: what grows, what is built and how the water looks, as tables of names.

A name that stands twice in a list is twice as likely.
"""

from dataclasses import dataclass, field

Names = tuple[str, ...]


@dataclass(frozen=True)
class Climate:
    """The make-up of a kind of country."""

    open_ground: Names
    """Ground of open country."""
    verge: Names
    """Ground between things: verges, gardens, unused plots."""
    yard: Names
    """Ground of yards in settlements."""
    crops: Names
    floor: Names
    """Ground below closed woods."""
    woods: Names
    """Trees of woods."""
    garden: Names
    """Trees of gardens and streets."""
    bushes: Names
    rural: Names
    """Kinds of blocks of open country."""
    loose: Names
    """Kinds of blocks at the edge of settlements."""
    dense: Names
    """Kinds of blocks in the middle of settlements."""
    fields: Names
    """Patterns of fields."""
    main_roads: Names
    local_roads: Names
    tracks: Names
    roofs: Names
    """Roofs of houses."""
    big_roofs: Names
    """Roofs of halls and blocks of flats."""
    waters: Names
    """Kinds of water."""
    shapes: Names
    """Forms of water: river, lake, coast or none."""
    shore: Names
    """Ground along the water."""
    urban: float = 0.4
    """Share of the country that is settled."""
    wooded: float = 0.3
    """Share of woods in open country."""
    hills: float = 0.3
    """How strongly slopes change the light, 0 to 1."""
    sun: tuple[float, float] = (35, 65)
    """Range of the sun's height above the horizon, degrees."""
    trees: tuple[float, float] = (0.5, 1.3)
    """Range of the number of garden trees, relative."""
    haze: tuple[float, float] = (0, 22)
    snow: tuple[float, float] = (0, 0)
    """Range of the share of open ground under snow."""
    block: tuple[float, float] = (170, 260)
    """Range of the mean size of a block, metres."""
    seasons: dict[str, Names] = field(default_factory=dict)
    """Other lists of `woods` by season; one is chosen for each seed."""


ASPHALT = ("asphalt", "dark asphalt", "old asphalt")
CLIMATES: dict[str, Climate] = {
    "desert": Climate(
        open_ground=("white sand", "sand", "sand", "gravel plain", "red sand", "rock", "pale rock"),
        verge=("sand", "sand", "gravel plain", "dirt", "concrete"),
        yard=("sand", "concrete", "pavement", "concrete", "lawn"),
        crops=("alfalfa", "alfalfa", "harrowed", "vegetables", "green wheat", "stubble", "fallow"),
        floor=("sand", "dirt"),
        woods=("date palm", "date palm", "grey acacia"),
        garden=("date palm", "date palm", "acacia", "dull broadleaf", "mango"),
        bushes=("grey shrub", "shrub"),
        rural=("wild", "wild", "wild", "dunes", "dunes", "farm", "oasis", "solar"),
        loose=("suburb", "suburb", "villas", "site", "works"),
        dense=("town", "town", "medina", "estate", "works", "mall"),
        fields=("pivot", "pivot", "beds", "strips"),
        main_roads=("asphalt", "brown asphalt", "dark asphalt", "old asphalt"),
        local_roads=("old asphalt", "brown asphalt", "pale asphalt", "sand road"),
        tracks=("sand road", "dirt road"),
        roofs=("concrete", "whitewash", "whitewash", "mud", "tile", "membrane"),
        big_roofs=("membrane", "concrete", "sheet", "gravel roof"),
        waters=("turquoise", "blue", "teal", "black", "black", "murky"),
        shapes=("none", "none", "lake", "coast", "lake"),
        shore=("sand", "white sand", "rock", "concrete"),
        wooded=0.0, hills=0.35, sun=(45, 72), trees=(0.2, 0.9), haze=(0, 30),
    ),
    "mediterranean": Climate(
        open_ground=("pale straw", "dirt", "grey grass", "scrub", "scrub", "pale rock", "straw"),
        verge=("straw", "dirt", "grey grass", "weeds"),
        yard=("dirt", "concrete", "pavement", "gravel", "lawn"),
        crops=("ploughed", "red ploughed", "harrowed", "stubble", "vines", "vines", "ripe wheat", "vegetables",
               "clover", "sunflowers", "plastic mulch"),
        floor=("scrub", "brown floor", "straw"),
        woods=("oak", "oak", "pine", "stone pine", "dark shrub"),
        garden=("olive", "pine", "stone pine", "cypress", "palm", "citrus", "oak"),
        bushes=("shrub", "dark shrub", "grey shrub"),
        rural=("farm", "farm", "farm", "grove", "grove", "wild", "glasshouses", "quarry", "solar"),
        loose=("suburb", "suburb", "villas", "works", "site"),
        dense=("town", "town", "old town", "estate", "works", "mall"),
        fields=("patchwork", "strips", "patchwork", "terraces"),
        main_roads=ASPHALT,
        local_roads=("asphalt", "old asphalt", "pale asphalt", "concrete road"),
        tracks=("dirt road", "gravel road", "sand road"),
        roofs=("tile", "tile", "tile", "concrete", "whitewash"),
        big_roofs=("membrane", "sheet", "gravel roof", "tile", "concrete"),
        waters=("turquoise", "blue", "deep blue", "green", "teal"),
        shapes=("none", "river", "coast", "coast", "lake"),
        shore=("sand", "pale rock", "rock", "reed"),
        wooded=0.25, hills=0.6, sun=(35, 68), trees=(0.5, 1.2),
    ),
    "temperate": Climate(
        open_ground=("meadow", "meadow", "dull grass", "lush grass", "weeds"),
        verge=("meadow", "lawn", "dull grass", "weeds"),
        yard=("lawn", "lawn", "pavement", "gravel", "meadow"),
        crops=("green wheat", "dark wheat", "pale wheat", "ripe wheat", "stubble", "ploughed", "dark ploughed", "maize",
               "dark maize", "beet", "potatoes", "rape", "hay", "clover", "harrowed", "vegetables"),
        floor=("dark floor", "brown floor"),
        woods=("broadleaf", "broadleaf", "dull broadleaf", "spruce", "pine", "oak"),
        garden=("broadleaf", "dull broadleaf", "birch", "spruce", "young leaves"),
        bushes=("dark shrub", "shrub"),
        rural=("farm", "farm", "farm", "farm", "meadow", "wild", "glasshouses", "solar", "quarry"),
        loose=("suburb", "suburb", "suburb", "village", "works", "park", "site"),
        dense=("town", "town", "estate", "works", "mall", "park", "railway"),
        fields=("large", "strips", "patchwork", "large"),
        main_roads=ASPHALT,
        local_roads=ASPHALT,
        tracks=("gravel road", "dirt road", "pale asphalt"),
        roofs=("tile", "tile", "slate", "shingle", "membrane"),
        big_roofs=("membrane", "sheet", "gravel roof", "sheet"),
        waters=("dark green", "olive", "teal", "grey", "brown", "black"),
        shapes=("none", "river", "lake", "river", "lake"),
        shore=("reed", "meadow", "dark grass", "mud", "concrete"),
        wooded=0.4, hills=0.3, sun=(32, 58), trees=(0.6, 1.6),
        seasons={"autumn": ("autumn gold", "autumn red", "autumn brown", "broadleaf", "broadleaf", "pine", "spruce"),
                 "spring": ("young leaves", "young leaves", "bare tree", "broadleaf", "birch", "spruce"),
                 "dark": ("dull broadleaf", "dull broadleaf", "spruce", "oak", "pine")},
    ),
    "winter": Climate(
        open_ground=("dull grass", "straw", "grey grass", "loam", "meadow"),
        verge=("dull grass", "grey grass", "straw", "leaf floor"),
        yard=("grey grass", "dull grass", "pavement", "gravel", "dirt"),
        crops=("dark wheat", "green wheat", "ploughed", "dark ploughed", "stubble", "pale stubble", "clover",
               "harrowed"),
        floor=("leaf floor", "leaf floor", "brown floor"),
        woods=("bare tree", "bare tree", "bare tree", "spruce", "pine", "larch"),
        garden=("bare tree", "bare tree", "spruce", "pine", "birch"),
        bushes=("shrub", "dark shrub"),
        rural=("farm", "farm", "farm", "meadow", "wild"),
        loose=("suburb", "suburb", "village", "works", "park"),
        dense=("town", "town", "estate", "works", "mall", "railway"),
        fields=("large", "strips", "patchwork"),
        main_roads=ASPHALT,
        local_roads=("asphalt", "old asphalt", "snow road", "dark asphalt"),
        tracks=("gravel road", "snow road", "dirt road"),
        roofs=("tile", "slate", "shingle", "snow roof", "snow roof"),
        big_roofs=("membrane", "sheet", "snow roof", "gravel roof"),
        waters=("black", "grey", "dark green", "brown"),
        shapes=("none", "river", "lake", "river"),
        shore=("grey grass", "mud", "reed", "dull grass"),
        wooded=0.35, hills=0.3, sun=(16, 34), trees=(0.5, 1.3), haze=(0, 26), snow=(0.0, 0.75),
    ),
    "boreal": Climate(
        open_ground=("bog", "heath", "dull grass", "rock", "fern"),
        verge=("dull grass", "meadow", "heath", "gravel"),
        yard=("lawn", "gravel", "dull grass", "dirt"),
        crops=("hay", "clover", "green wheat", "pale wheat", "stubble", "dark ploughed"),
        floor=("dark floor", "dark floor", "heath"),
        woods=("spruce", "spruce", "spruce", "pine", "pine", "birch", "larch"),
        garden=("spruce", "birch", "pine", "birch"),
        bushes=("dark shrub", "shrub"),
        rural=("wild", "felled", "felled", "farm", "meadow", "bog", "quarry"),
        loose=("suburb", "village", "village", "works"),
        dense=("suburb", "town", "estate", "works", "mall"),
        fields=("large", "patchwork"),
        main_roads=ASPHALT,
        local_roads=("old asphalt", "gravel road", "asphalt"),
        tracks=("gravel road", "dirt road"),
        roofs=("painted tin", "shingle", "slate", "tile", "tin"),
        big_roofs=("membrane", "sheet", "sheet"),
        waters=("black", "black", "brown", "dark blue", "tea"),
        shapes=("lake", "lake", "river", "none"),
        shore=("bog", "rock", "dark grass", "reed"),
        urban=0.25, wooded=0.72, hills=0.35, sun=(22, 46), trees=(0.8, 1.8), snow=(0, 0),
    ),
    "tropical": Climate(
        open_ground=("lush grass", "weeds", "fern", "meadow", "laterite"),
        verge=("weeds", "lush grass", "laterite", "dirt", "fern"),
        yard=("dirt", "laterite", "concrete", "weeds", "stained concrete"),
        crops=("cassava", "maize", "vegetables", "sugar cane", "rice", "dark rice", "fallow", "red ploughed", "soy"),
        floor=("dark floor", "dark floor", "fern"),
        woods=("rainforest", "rainforest", "dark rainforest", "pale rainforest", "palm"),
        garden=("palm", "palm", "mango", "banana", "rainforest", "broadleaf", "bamboo"),
        bushes=("dark shrub", "banana", "shrub"),
        rural=("farm", "farm", "wild", "plantation", "plantation", "felled", "quarry"),
        loose=("hamlet", "hamlet", "suburb", "village", "works", "site"),
        dense=("informal", "town", "village", "works", "estate", "mall"),
        fields=("patchwork", "paddies", "beds", "large"),
        main_roads=("asphalt", "old asphalt", "concrete road", "laterite road"),
        local_roads=("laterite road", "dirt road", "concrete road", "old asphalt"),
        tracks=("laterite road", "dirt road"),
        roofs=("tin", "rusty tin", "painted tin", "painted tin", "tile", "thatch", "asbestos"),
        big_roofs=("tin", "sheet", "concrete", "painted tin", "asbestos"),
        waters=("brown", "silt", "tea", "green", "black", "turquoise"),
        shapes=("river", "river", "none", "coast", "lake"),
        shore=("mud", "weeds", "reed", "sand"),
        wooded=0.5, hills=0.45, sun=(45, 75), trees=(0.8, 2.2), haze=(0, 40),
    ),
    "monsoon": Climate(
        open_ground=("weeds", "dull grass", "grey grass", "dirt", "meadow"),
        verge=("dirt", "weeds", "dull grass", "litter"),
        yard=("dirt", "stained concrete", "concrete", "dirt", "litter"),
        crops=("rice", "rice", "dark rice", "young rice", "ripe rice", "green wheat", "dark maize", "maize",
               "vegetables", "stubble", "ploughed", "grey ploughed", "sugar cane", "fallow", "millet", "cotton",
               "red salad"),
        floor=("brown floor", "dark floor", "scrub"),
        woods=("mango", "broadleaf", "bamboo", "dull broadleaf", "eucalyptus"),
        garden=("mango", "broadleaf", "palm", "bamboo", "banana"),
        bushes=("shrub", "dark shrub"),
        rural=("farm", "farm", "farm", "farm", "wild", "kilns", "glasshouses"),
        loose=("village", "village", "hamlet", "suburb", "works", "site"),
        dense=("informal", "bazaar", "bazaar", "town", "estate", "works"),
        fields=("paddies", "paddies", "terraces", "patchwork", "strips", "beds"),
        main_roads=("asphalt", "old asphalt", "dark asphalt", "dirt road"),
        local_roads=("old asphalt", "dirt road", "concrete road", "dirt road"),
        tracks=("dirt road", "dirt road", "laterite road"),
        roofs=("concrete", "concrete", "tin", "rusty tin", "painted tin", "tile", "asbestos"),
        big_roofs=("sheet", "concrete", "tin", "asbestos", "painted tin"),
        waters=("silt", "brown", "olive", "green", "grey", "murky"),
        shapes=("river", "lake", "none", "river", "lake"),
        shore=("mud", "grey sand", "weeds", "reed"),
        wooded=0.2, hills=0.45, sun=(38, 66), trees=(0.4, 1.5), haze=(4, 42), block=(150, 230),
    ),
    "savanna": Climate(
        open_ground=("straw", "pale straw", "dull grass", "grey grass", "laterite", "burnt", "meadow"),
        verge=("laterite", "dirt", "straw", "weeds"),
        yard=("laterite", "dirt", "dirt", "red sand", "concrete"),
        crops=("millet", "millet", "cassava", "maize", "fallow", "red ploughed", "stubble", "ploughed", "cotton",
               "vegetables", "green wheat"),
        floor=("straw", "scrub", "grey grass"),
        woods=("acacia", "acacia", "grey acacia", "oak", "mango", "shrub"),
        garden=("mango", "acacia", "palm", "banana", "eucalyptus", "broadleaf"),
        bushes=("shrub", "dark shrub", "grey shrub"),
        rural=("farm", "farm", "wild", "wild", "wild", "hamlet", "quarry"),
        loose=("hamlet", "hamlet", "village", "suburb", "site"),
        dense=("informal", "informal", "village", "town", "works", "bazaar"),
        fields=("patchwork", "patchwork", "strips", "beds"),
        main_roads=("asphalt", "old asphalt", "laterite road", "brown asphalt"),
        local_roads=("laterite road", "laterite road", "dirt road", "old asphalt"),
        tracks=("laterite road", "dirt road", "sand road"),
        roofs=("tin", "tin", "rusty tin", "painted tin", "thatch", "thatch", "mud"),
        big_roofs=("tin", "sheet", "painted tin", "concrete"),
        waters=("silt", "brown", "murky", "green"),
        shapes=("none", "river", "none", "lake"),
        shore=("mud", "sand", "red sand", "weeds"),
        urban=0.4, wooded=0.2, hills=0.3, sun=(45, 74), trees=(0.3, 1.2), haze=(0, 34),
    ),
    "prairie": Climate(
        open_ground=("dull grass", "grey grass", "straw", "meadow", "dark grass"),
        verge=("dull grass", "straw", "meadow", "gravel"),
        yard=("lawn", "gravel", "dull grass", "concrete"),
        crops=("green wheat", "dark wheat", "ripe wheat", "stubble", "pale stubble", "dark ploughed", "grey ploughed",
               "maize", "dark maize", "soy", "hay", "alfalfa", "clover", "harrowed", "rape"),
        floor=("brown floor", "dull grass"),
        woods=("broadleaf", "dull broadleaf", "pine"),
        garden=("broadleaf", "dull broadleaf", "spruce", "birch"),
        bushes=("shrub", "dark shrub"),
        rural=("farm", "farm", "farm", "farm", "meadow", "potholes", "potholes", "wild", "solar"),
        loose=("suburb", "suburb", "suburb", "works", "park"),
        dense=("suburb", "works", "mall", "mall", "estate", "railway"),
        fields=("large", "pivot", "large"),
        main_roads=("asphalt", "pale asphalt", "concrete road", "dark asphalt"),
        local_roads=("pale asphalt", "asphalt", "concrete road"),
        tracks=("gravel road", "dirt road"),
        roofs=("shingle", "shingle", "shingle", "tin", "membrane"),
        big_roofs=("membrane", "membrane", "sheet", "gravel roof"),
        waters=("black", "grey", "olive", "dark green", "silt"),
        shapes=("none", "river", "lake", "lake"),
        shore=("reed", "mud", "grey grass", "dark grass"),
        urban=0.3, wooded=0.08, hills=0.3, sun=(35, 62), trees=(0.6, 1.5), block=(200, 300),
    ),
    "coast": Climate(
        open_ground=("sand", "white sand", "grey grass", "heath", "rock", "dull grass"),
        verge=("sand", "grey grass", "lawn", "dirt"),
        yard=("pavement", "lawn", "concrete", "sand", "gravel"),
        crops=("hay", "vegetables", "green wheat", "fallow", "harrowed", "vines"),
        floor=("brown floor", "dark floor", "sand"),
        woods=("pine", "stone pine", "broadleaf", "mangrove", "palm"),
        garden=("palm", "pine", "broadleaf", "stone pine", "dull broadleaf"),
        bushes=("shrub", "dark shrub"),
        rural=("wild", "wild", "farm", "meadow", "dunes"),
        loose=("suburb", "villas", "suburb", "harbour", "park"),
        dense=("town", "harbour", "harbour", "works", "estate", "mall"),
        fields=("patchwork", "strips", "large"),
        main_roads=ASPHALT,
        local_roads=("asphalt", "old asphalt", "pale asphalt", "sand road"),
        tracks=("sand road", "dirt road", "gravel road"),
        roofs=("tile", "shingle", "slate", "whitewash", "tin", "concrete"),
        big_roofs=("membrane", "sheet", "gravel roof", "concrete"),
        waters=("turquoise", "turquoise", "blue", "deep blue", "teal", "grey", "murky", "dark blue"),
        shapes=("coast", "coast", "coast", "river"),
        shore=("sand", "white sand", "rock", "grey sand", "mud"),
        urban=0.45, wooded=0.25, hills=0.35, sun=(32, 68), trees=(0.4, 1.2), haze=(0, 30),
    ),
}  # fmt: skip
NAMES = tuple(CLIMATES)
