"""`smalti:evaluate`: scores a model on images with labels."""

import json
from pathlib import Path

from qgis.core import (
    QgsProcessingOutputNumber,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
)

from ..commands import evaluate_command
from .base import SmaltiAlgorithm

HELP = """Scores a model on images with labels, by a stated protocol, and writes a page with maps, errors and tables.

The folder has images/ with masks/ of the same names, or NAME.tif with NAME_classes.tif. Labels of other colours or
numbers than the model's classes need a TOML file that says which is which. With a dataset, as potsdam:test, the folder
is that of its download."""


class EvaluateAlgorithm(SmaltiAlgorithm):
    """Calls `smalti evaluate`."""

    def name(self):
        """Of the tool, in scripts."""
        return "evaluate"

    def displayName(self):
        """In the toolbox."""
        return "Evaluate a model"

    def shortHelpString(self):
        """Beside the parameters."""
        return HELP

    def tags(self):
        """Words by which the toolbox finds it."""
        return ["accuracy", "IoU", "score", "confusion matrix", "segmentation"]

    def initAlgorithm(self, config=None):
        """Parameters and outputs."""
        self.add_model()
        folder = QgsProcessingParameterFile.Folder
        self.addParameter(QgsProcessingParameterFile("DATA", "Folder of images and labels", folder))
        self.add_advanced(
            QgsProcessingParameterFile("LABELS", "TOML file that describes the labels", extension="toml", optional=True)
        )
        self.add_text("DATASET", "Public dataset and part, as potsdam:test")
        self.add_text("BANDS", "Bands for the model, by name or number, as 3,2,1")
        self.add_text("RESOLUTION", "Pixel size that the network sees: metres, auto or native")
        self.add_switch("TTA", "Average over flips and quarter turns: two to eight times the work")
        self.addParameter(QgsProcessingParameterFileDestination("OUTPUT", "Page", "HTML files (*.html)"))
        self.addParameter(QgsProcessingParameterFileDestination("SCORES", "Scores", "JSON files (*.json)"))
        self.addOutput(QgsProcessingOutputNumber("SCORE", "Main score of the first task"))

    def processAlgorithm(self, parameters, context, feedback):
        """Scores."""
        page, scores = (self.parameterAsFileOutput(parameters, name, context) for name in ("OUTPUT", "SCORES"))
        options = {"tta": self.parameterAsBool(parameters, "TTA", context), "report": page, "json": scores}
        for name in ("LABELS", "DATASET", "BANDS", "RESOLUTION"):
            options[name.lower()] = self.parameterAsString(parameters, name, context).strip()
        model = self.parameterAsString(parameters, "MODEL", context)
        data = self.parameterAsFile(parameters, "DATA", context)
        self.call(evaluate_command(self.program(feedback), model, data, options), feedback)
        return {"OUTPUT": page, "SCORES": scores, "SCORE": _main(Path(scores))}


def _main(scores):
    """The value of the main score, of the first of several tasks."""
    found = json.loads(scores.read_text(encoding="utf-8"))
    task = next(iter(found["tasks"].values())) if "tasks" in found else found
    return task["main"]["value"]
