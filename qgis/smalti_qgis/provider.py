"""The group Smalti of the Processing toolbox."""

from qgis.core import QgsProcessingProvider

from . import settings
from .algorithms.evaluate import EvaluateAlgorithm
from .algorithms.map import MapAlgorithm
from .algorithms.polygons import PolygonsAlgorithm


class SmaltiProvider(QgsProcessingProvider):
    """Its tools, and the formats that they write."""

    def id(self):
        """Before the colon in the names of the tools."""
        return "smalti"

    def name(self):
        """In the toolbox."""
        return settings.NAME

    def icon(self):
        """The plugin's icon."""
        return settings.icon()

    def load(self):
        """Adds the setting and the tools."""
        settings.add()
        self.refreshAlgorithms()
        return True

    def unload(self):
        """Removes the setting."""
        settings.remove()

    def loadAlgorithms(self):
        """Adds the tools."""
        for kind in (MapAlgorithm, PolygonsAlgorithm, EvaluateAlgorithm):
            self.addAlgorithm(kind())

    def supportedOutputRasterLayerExtensions(self):
        """Maps are GeoTIFFs."""
        return ["tif"]

    def supportedOutputVectorLayerExtensions(self):
        """Formats of polygons; the first one is the default."""
        return ["gpkg", "fgb", "geojson"]

    def supportsNonFileBasedOutput(self):
        """Results are files, never tables of a database."""
        return False
