"""How MODEL is asked for: a list of names, to be chosen or typed over, and a button for files."""

from processing.gui.wrappers import DIALOG_MODELER, WidgetWrapper
from qgis.PyQt.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QToolButton, QWidget

NAMES = ("landcover", "town")
"""Models that come with Smalti."""


class ModelWidget(WidgetWrapper):
    """In the dialog of a tool, in a row of a batch, and in a model."""

    def createWidget(self):
        """The list and the button."""
        widget = QWidget()
        self._names = QComboBox(editable=True)
        self._names.addItems(NAMES)
        self._names.currentTextChanged.connect(lambda _: self.widgetValueHasChanged.emit(self))
        browse = QToolButton(text="...")
        browse.clicked.connect(self._browse)
        row = QHBoxLayout(widget)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._names)
        row.addWidget(browse)
        return widget

    def postInitialize(self, wrappers):
        """In a model, the default of the tool stands there at first."""
        if self.dialogType == DIALOG_MODELER and not self.value():
            self.setValue(self.parameterDefinition().defaultValue())

    def setValue(self, value):
        """Shows a name or a file."""
        self._names.setEditText("" if value is None else str(value))

    def value(self):
        """The name or the file."""
        return self._names.currentText().strip()

    def _browse(self):
        file, _ = QFileDialog.getOpenFileName(self.widget, "Model", "", "Models (*.onnx);;All files (*)")
        if file:
            self.setValue(file)
