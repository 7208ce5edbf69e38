"""`smalti:map`: a raster layer becomes a map."""

from pathlib import Path

from qgis.core import (
    QgsProcessing,
    QgsProcessingOutputHtml,
    QgsProcessingOutputRasterLayer,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterVectorDestination,
)

from ..commands import map_command, page_of
from ..layers import load, style_polygons, style_raster
from ..rasters import rasters
from .base import SmaltiAlgorithm

SWITCHES = {
    "CONFIDENCE": "Also the confidence: the probability of the class",
    "UNCERTAINTY": "Also the uncertainty: how probable it is that the class is wrong",
    "PROBABILITIES": "Also the probabilities of all classes",
    "TTA": "Average over flips and quarter turns: two to eight times the work",
    "COG": "Cloud Optimized GeoTIFFs",
    "REPORT": "Also a page about the map",
}
TEXTS = {
    "BANDS": "Bands for the model, by name or number, as 3,2,1",
    "STRETCH": "Range of values that becomes bytes, as 2%,98% or 0,3000",
    "RESOLUTION": "Pixel size that the network sees: metres, auto or native",
}
HELP = """Turns a scene into a map: land cover, heights, or whatever the model predicts, with its colours.

The model is a name (<i>smalti models</i> in a terminal lists all) or an .onnx file. The model <b>landcover</b> has
classes of land cover; <b>town</b> has classes and heights, and both are loaded.

A run that was canceled or killed resumes if it is started again with the same output file; a finished map is not made
again. An output that Smalti did not write is never replaced."""


class MapAlgorithm(SmaltiAlgorithm):
    """Calls `smalti map`."""

    def name(self):
        """Of the tool, in scripts."""
        return "map"

    def displayName(self):
        """In the toolbox."""
        return "Map a scene"

    def shortHelpString(self):
        """Beside the parameters."""
        return HELP

    def tags(self):
        """Words by which the toolbox finds it."""
        return ["land cover", "segmentation", "classification", "deep learning", "height"]

    def initAlgorithm(self, config=None):
        """Parameters and outputs."""
        self.addParameter(QgsProcessingParameterRasterLayer("INPUT", "Scene"))
        self.add_model()
        for name, text in SWITCHES.items():
            self.add_switch(name, text)
        for name, text in TEXTS.items():
            self.add_text(name, text)
        number = QgsProcessingParameterNumber
        self.add_advanced(number("MIN_AREA", "Smallest polygon, in m²", number.Double, 0, False, 0))
        self.add_advanced(number("THREADS", "Threads (empty: one per core)", number.Integer, None, True, 1, 1024))
        self.addParameter(QgsProcessingParameterRasterDestination("OUTPUT", "Map"))
        self.addParameter(
            QgsProcessingParameterVectorDestination(
                "POLYGONS", "Polygons", QgsProcessing.TypeVectorPolygon, None, optional=True, createByDefault=False
            )
        )
        for form in ("CONFIDENCE", "UNCERTAINTY", "PROBABILITIES"):
            self.addOutput(QgsProcessingOutputRasterLayer(f"{form}_MAP", form.capitalize()))
        self.addOutput(QgsProcessingOutputRasterLayer("VALUES_MAP", "Values, such as heights"))
        self.addOutput(QgsProcessingOutputHtml("PAGE", "Page"))

    def processAlgorithm(self, parameters, context, feedback):
        """Maps, and has the maps loaded."""
        out = self.parameterAsOutputLayer(parameters, "OUTPUT", context)
        polygons = self.parameterAsOutputLayer(parameters, "POLYGONS", context)
        model = self.parameterAsString(parameters, "MODEL", context)
        options = self._options(parameters, context, polygons)
        program = self.program(feedback)
        card = self.card(program, model, feedback)
        self.call(map_command(program, self.scene(), out, model, options), feedback)
        found = rasters(card, out, options)
        results = {"OUTPUT": out, **self._more(found[1:], out, context)}
        style_raster(out, context)
        if polygons:
            style_polygons(polygons, found[0].task, context)
            results["POLYGONS"] = polygons
        if options["report"]:
            results["PAGE"] = str(page_of(out))
        return results

    def _options(self, parameters, context, polygons):
        options = {name.lower(): self.parameterAsBool(parameters, name, context) for name in SWITCHES}
        options.update({name.lower(): self.parameterAsString(parameters, name, context).strip() for name in TEXTS})
        if parameters.get("THREADS") is not None:
            options["threads"] = self.parameterAsInt(parameters, "THREADS", context)
        return {**options, "polygons": polygons, "min_area": self.parameterAsDouble(parameters, "MIN_AREA", context)}

    def _more(self, found, out, context):
        """The outputs besides the map; where the map is loaded, they are, too."""
        results = {}
        for raster in found:
            results.setdefault(f"{raster.form.upper()}_MAP", str(raster.path))
            if context.willLoadLayerOnCompletion(out):
                load(str(raster.path), raster.path.stem[len(Path(out).stem) + 1 :], context)
        return results
