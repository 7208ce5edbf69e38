"""`smalti:polygons`: a raster layer becomes polygons of its classes."""

from qgis.core import (
    QgsProcessing,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterVectorDestination,
)

from ..commands import map_command
from ..layers import style_polygons, style_raster
from ..rasters import rasters
from .base import SmaltiAlgorithm

HELP = """Turns a scene into polygons of its classes, without gaps or overlaps, with class and area on the ellipsoid.

The map that they are traced from is written, too. If it is there already, from the same scene and model (by the tool
<i>Map a scene</i>), it is not made again; an interrupted one resumes.

Large scenes: GeoPackage or FlatGeobuf."""


class PolygonsAlgorithm(SmaltiAlgorithm):
    """Calls `smalti map --polygons`."""

    def name(self):
        """Of the tool, in scripts."""
        return "polygons"

    def displayName(self):
        """In the toolbox."""
        return "Polygons of a scene"

    def shortHelpString(self):
        """Beside the parameters."""
        return HELP

    def tags(self):
        """Words by which the toolbox finds it."""
        return ["vectorize", "polygonize", "land cover", "segmentation"]

    def initAlgorithm(self, config=None):
        """Parameters and outputs."""
        self.addParameter(QgsProcessingParameterRasterLayer("INPUT", "Scene"))
        self.add_model()
        number = QgsProcessingParameterNumber
        self.addParameter(number("MIN_AREA", "Smallest polygon, in m²", number.Double, 0, False, 0))
        self.add_text("BANDS", "Bands for the model, by name or number, as 3,2,1")
        self.add_text("STRETCH", "Range of values that becomes bytes, as 2%,98% or 0,3000")
        kind = QgsProcessing.TypeVectorPolygon
        self.addParameter(QgsProcessingParameterVectorDestination("OUTPUT", "Polygons", kind))
        self.addParameter(QgsProcessingParameterRasterDestination("MAP", "Map"))

    def processAlgorithm(self, parameters, context, feedback):
        """Maps, traces, and has both loaded."""
        out = self.parameterAsOutputLayer(parameters, "OUTPUT", context)
        raster = self.parameterAsOutputLayer(parameters, "MAP", context)
        model = self.parameterAsString(parameters, "MODEL", context)
        options = {"polygons": out, "min_area": self.parameterAsDouble(parameters, "MIN_AREA", context)}
        for name in ("BANDS", "STRETCH"):
            options[name.lower()] = self.parameterAsString(parameters, name, context).strip()
        program = self.program(feedback)
        card = self.card(program, model, feedback)
        self.call(map_command(program, self.scene(), raster, model, options), feedback)
        style_raster(raster, context)
        style_polygons(out, rasters(card, raster, {})[0].task, context)
        return {"OUTPUT": out, "MAP": raster}
