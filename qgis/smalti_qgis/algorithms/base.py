"""What the tools share: parameters, one run of the program, and its failure as one line."""

from functools import partial

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingException,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterString,
)
from qgis.PyQt.QtCore import QCoreApplication, QThread

from .. import settings
from ..commands import card_command
from ..job import Canceled, JobError, answer, is_warning, run, share
from ..program import ProgramError, check, find
from ..scene import SceneError, scene_of

MODEL_TEXT = "Model: a name (landcover, town) or an .onnx file"
_PLUGIN = __name__.partition(".")[0]


class SmaltiAlgorithm(QgsProcessingAlgorithm):
    """A tool that calls the program."""

    def prepareAlgorithm(self, parameters, context, feedback):
        """Looks at the layer of INPUT, as layers belong to the thread that this is called in."""
        if self.parameterDefinition("INPUT") is not None:
            layer = self.parameterAsRasterLayer(parameters, "INPUT", context)
            if layer is None:
                raise QgsProcessingException(self.invalidRasterError(parameters, "INPUT"))
            self._layer = layer.name(), layer.providerType(), layer.source()
        return True

    def createInstance(self):
        """A tool of this kind, for one run."""
        return type(self)()

    def icon(self):
        """The plugin's icon."""
        return settings.icon()

    def canExecute(self):
        """Whether the program is found; the text is shown instead of the tool's dialog."""
        try:
            find(settings.program())
        except ProgramError as error:
            return False, str(error)
        return True, ""

    def add_model(self):
        """The parameter MODEL."""
        model = QgsProcessingParameterString("MODEL", MODEL_TEXT, defaultValue="landcover")
        model.setMetadata({"widget_wrapper": {"class": f"{_PLUGIN}.model_widget.ModelWidget"}})
        self.addParameter(model)

    def add_switch(self, name, text):
        """An option that is on or off, among the advanced ones."""
        self.add_advanced(QgsProcessingParameterBoolean(name, text, defaultValue=False))

    def add_text(self, name, text):
        """An option that may be empty, among the advanced ones."""
        self.add_advanced(QgsProcessingParameterString(name, text, optional=True))

    def add_advanced(self, parameter):
        """A parameter that is folded away at first."""
        parameter.setFlags(parameter.flags() | QgsProcessingParameterDefinition.FlagAdvanced)
        self.addParameter(parameter)

    def program(self, feedback):
        """The path of the program, found and checked; fails with one line."""
        try:
            path = find(settings.program())
            version = check(path)
        except ProgramError as error:
            raise QgsProcessingException(str(error)) from None
        feedback.pushDebugInfo(f"Smalti {'.'.join(map(str, version))}: {path}")
        return path

    def scene(self):
        """The file of the parameter INPUT; fails with one line if its layer is none."""
        try:
            return scene_of(*self._layer)
        except SceneError as error:
            raise QgsProcessingException(str(error)) from None

    def call(self, command, feedback):
        """Runs the program with its lines and progress shown; returns the lines, or fails with one."""
        feedback.pushCommandInfo(" ".join(command))
        try:
            return run(command, partial(_show, feedback), partial(_is_canceled, feedback))
        except JobError as error:
            raise QgsProcessingException(str(error)) from None
        except Canceled:
            raise QgsProcessingException(
                "canceled; what is finished is kept: run it again with the same output file to resume"
            ) from None

    def card(self, program, model, feedback):
        """The card of a model; None where a checkpoint's folder does not tell it."""
        try:
            entries = answer(card_command(program, model), partial(_is_canceled, feedback))
        except JobError as error:
            raise QgsProcessingException(str(error)) from None
        except Canceled:
            raise QgsProcessingException("canceled") from None
        return entries[0]["card"] if entries else None


def _is_canceled(feedback):
    """A batch runs in the thread of the window: there, the click on Cancel has to be let through."""
    application = QCoreApplication.instance()
    if application is not None and QThread.currentThread() == application.thread():
        application.processEvents()
    return feedback.isCanceled()


def _show(feedback, line):
    percent = share(line)
    if percent is not None:
        feedback.setProgress(percent)
        feedback.setProgressText(line)
    elif is_warning(line):
        feedback.pushWarning(line)
    elif not line.startswith("smalti: "):  # why it failed is shown as the error of the tool
        feedback.pushInfo(line)
