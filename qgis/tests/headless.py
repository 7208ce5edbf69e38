"""Runs inside QGIS without a window: `headless.py FOLDER` prints one JSON object of what was found.

FOLDER has scene.tif and large.tif; the plugin is on PYTHONPATH.
"""

import json
import sys
from pathlib import Path

from qgis.core import (
    QgsApplication,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingModelParameter,
    QgsProcessingParameterRasterLayer,
    QgsProject,
    QgsRasterLayer,
)

FOLDER = Path(sys.argv[1])


class Feedback(QgsProcessingFeedback):
    """Keeps what is shown; cancels at the first progress if it is told to."""

    def __init__(self, cancel=False):
        super().__init__()
        self.lines, self.shares, self._cancel = [], [], cancel
        self.progressChanged.connect(self._progress)

    def pushInfo(self, info):
        self.lines.append(info)

    def pushWarning(self, warning):
        self.lines.append(warning)

    def _progress(self, percent):
        self.shares.append(percent)
        if self._cancel:
            self.cancel()


def attempt(tool, feedback=None, **parameters):
    """The error of a tool, or an empty text."""
    import processing

    try:
        processing.run(tool, parameters, feedback=feedback or Feedback())
    except QgsProcessingException as error:
        return str(error)
    return ""


def mapped(layer, name, **more):
    """The error of `smalti:map`."""
    return attempt("smalti:map", INPUT=layer, MODEL="landcover", OUTPUT=str(FOLDER / name), **more)


def layers_that_are_no_files():
    """What is said of them."""
    from osgeo import gdal

    gdal.Translate("/vsimem/scene.tif", str(FOLDER / "scene.tif"))
    computed = gdal.Translate("", str(FOLDER / "scene.tif"), format="VRT").GetMetadata("xml:VRT")[0]
    gone = gdal.Translate(str(FOLDER / "gone.tif"), str(FOLDER / "scene.tif")) and FOLDER / "gone.tif"
    tiles = "type=xyz&url=http://127.0.0.1:9/%7Bz%7D/%7Bx%7D/%7By%7D.png&zmax=3&zmin=0"
    layers = {
        "server": QgsRasterLayer(tiles, "a server", "wms"),
        "memory": QgsRasterLayer("/vsimem/scene.tif", "in memory"),
        "computed": QgsRasterLayer(computed, "computed"),
        "gone": QgsRasterLayer(str(gone), "gone"),
    }
    gone.unlink()
    QgsProject.instance().addMapLayers(layers.values())
    return {name: mapped(layer, f"{name}-map.tif") for name, layer in layers.items()}


def canceled_and_run_again():
    """The lines of both runs."""
    first, second = Feedback(cancel=True), Feedback()
    scene, out = str(FOLDER / "large.tif"), str(FOLDER / "large-map.tif")
    error = attempt("smalti:map", first, INPUT=scene, MODEL="landcover", OUTPUT=out)
    kept, there = Path(f"{out}.partial").is_dir(), Path(out).exists()
    again = attempt("smalti:map", second, INPUT=scene, MODEL="landcover", OUTPUT=out)
    return {"error": error, "kept": kept, "there": there, "again": again, "lines": second.lines,
            "shares": first.shares, "exists": Path(out).exists()}  # fmt: skip


def failures():
    """One line each."""
    (FOLDER / "foreign.tif").write_bytes(b"mine")
    scene = str(FOLDER / "scene.tif")
    return {
        "model": attempt("smalti:map", INPUT=scene, MODEL="moon", OUTPUT=str(FOLDER / "moon.tif")),
        "folder": mapped(scene, "locked/map.tif"),
        "place": attempt("smalti:map", INPUT=scene, MODEL="landcover", OUTPUT="/proc/map.tif"),
        "foreign": mapped(scene, "foreign.tif"),
        "bands": mapped(scene, "bands.tif", BANDS="7,8,9"),
    }


def loaded():
    """Layers of a run with everything, as they are shown when it has ended."""
    import processing
    from processing.gui.Postprocessing import handleAlgorithmResults

    context, project = QgsProcessingContext(), QgsProject.instance()
    project.clear()
    context.setProject(project)
    tool = QgsApplication.processingRegistry().createAlgorithmById("smalti:map")
    model = str(FOLDER / "own model.onnx")
    wanted = {"CONFIDENCE": True, "UNCERTAINTY": True, "PROBABILITIES": True, "REPORT": True}
    parameters = {
        "INPUT": QgsRasterLayer(str(FOLDER / "Stadt Süd (2).tif"), "Stadt Süd"), "MODEL": model, **wanted,
        "OUTPUT": output(project, "Karte Ü.tif"), "POLYGONS": output(project, "Flächen.gpkg"),
    }  # fmt: skip
    results, ok = tool.run(parameters, context, Feedback())
    handleAlgorithmResults(tool, context, Feedback(), parameters=parameters)
    shown = {Path(layer.source()).name: legend(layer) for layer in project.mapLayers().values()}
    return {"ok": ok, "results": results, "layers": shown, "known": processing is not None}


def output(project, name):
    """A file that is loaded when it is complete."""
    from qgis.core import QgsProcessingOutputLayerDefinition

    return QgsProcessingOutputLayerDefinition(str(FOLDER / name), project)


def legend(layer):
    """Kind of the renderer, and the texts in the legend."""
    renderer = layer.renderer()
    items = renderer.legendSymbologyItems() if isinstance(layer, QgsRasterLayer) else renderer.legendSymbolItems()
    texts = [item[0] if isinstance(item, tuple) else item.label() for item in items]
    return {"renderer": renderer.type(), "legend": texts}


def model():
    """Writes a model of the model builder: a map, then the areas of its values."""
    source = QgsProcessingModelChildParameterSource
    built = QgsProcessingModelAlgorithm("Areas", "own")
    built.addModelParameter(QgsProcessingParameterRasterLayer("scene", "Scene"), QgsProcessingModelParameter("scene"))
    first = QgsProcessingModelChildAlgorithm("smalti:map")
    first.setChildId("map")
    first.addParameterSources("INPUT", [source.fromModelParameter("scene")])
    first.addParameterSources("MODEL", [source.fromStaticValue("landcover")])
    first.addParameterSources("CONFIDENCE", [source.fromStaticValue(True)])
    first.setModelOutputs({"map": final("map", "OUTPUT", "map")})
    second = QgsProcessingModelChildAlgorithm("native:rasterlayeruniquevaluesreport")
    second.setChildId("areas")
    second.addParameterSources("INPUT", [source.fromChildOutput("map", "OUTPUT")])
    second.addParameterSources("BAND", [source.fromStaticValue(1)])
    second.setModelOutputs({"table": final("areas", "OUTPUT_TABLE", "table")})
    third = QgsProcessingModelChildAlgorithm("native:rasterlayerstatistics")
    third.setChildId("confidence")
    third.addParameterSources("INPUT", [source.fromChildOutput("map", "CONFIDENCE_MAP")])
    third.addParameterSources("BAND", [source.fromStaticValue(1)])
    third.setModelOutputs({"page": final("confidence", "OUTPUT_HTML_FILE", "page")})
    for child in (first, second, third):
        built.addChildAlgorithm(child)
    return {"written": built.toFile(str(FOLDER / "areas.model3"))}


def final(child, name, shown):
    """An output of a child that is one of the model."""
    made = QgsProcessingModelOutput(shown)
    made.setChildId(child)
    made.setChildOutputName(name)
    return made


def no_program():
    """What is said where there is none, and of one that is too old or something else."""
    from processing.core.ProcessingConfig import ProcessingConfig

    tool = QgsApplication.processingRegistry().algorithmById("smalti:map")
    found = {}
    for name in ("removed", "old", "other"):
        ProcessingConfig.setSettingValue("SMALTI_PROGRAM", str(FOLDER / name))
        if name == "removed":
            (FOLDER / name).unlink()
        can, told = tool.canExecute()
        found[name] = mapped(str(FOLDER / "scene.tif"), "never.tif") if can else told
    ProcessingConfig.setSettingValue("SMALTI_PROGRAM", "")
    return found


CHECKS = (layers_that_are_no_files, canceled_and_run_again, failures, loaded, model, no_program)


def main():
    """Starts QGIS with Processing and the plugin."""
    application = QgsApplication([], False)
    application.initQgis()
    from processing.core.Processing import Processing

    from smalti_qgis import classFactory

    Processing.initialize()
    plugin = classFactory(None)
    plugin.initProcessing()
    wanted = sys.argv[2:]
    found = {check.__name__: check() for check in CHECKS if not wanted or check.__name__ in wanted}
    plugin.unload()
    print(json.dumps(found))


main()
