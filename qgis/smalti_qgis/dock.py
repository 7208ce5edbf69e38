"""The panel: the current layer, the app opened on it, and the tool that maps it."""

import processing
from qgis.core import QgsMapLayerType
from qgis.gui import QgsDockWidget
from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from . import settings
from .app import App
from .program import ProgramError, check, find
from .scene import SceneError, scene_of

_LOOK_MS = 1000


class SmaltiDock(QgsDockWidget):
    """Shows the layer that is chosen among the layers; a line says why it cannot be used, or what failed."""

    def __init__(self, iface):
        super().__init__("Smalti", iface.mainWindow())
        self.setObjectName("SmaltiDock")
        self._iface, self._app = iface, None
        self._layer, self._note = _label(), _label()
        self._map, self._open = QPushButton("Map it ..."), QPushButton("Open it in the app")
        self._map.setToolTip("Turn the scene into a map, here in QGIS")
        self._open.setToolTip("Look at the scene in Smalti's app: map areas, compare, measure, download")
        self._map.clicked.connect(self._ask)
        self._open.clicked.connect(self._start)
        self.setWidget(_column(self._layer, self._map, self._open, self._note))
        self._watch = QTimer(self)
        self._watch.setInterval(_LOOK_MS)
        self._watch.timeout.connect(self._look)
        iface.currentLayerChanged.connect(self.show_layer)
        self.show_layer(iface.activeLayer())

    def show_layer(self, layer):
        """Shows a layer, or that there is none to be mapped."""
        scene = None
        if layer is None or layer.type() != QgsMapLayerType.RasterLayer:
            told, why = "No raster layer is chosen.", "Choose a scene among the layers."
        else:
            told, why = layer.name(), ""
            try:
                scene = scene_of(layer.name(), layer.providerType(), layer.source())
            except SceneError as error:
                why = str(error)
        self._layer.setText(told)
        self._note.setText(why)
        self._scene = scene
        self._map.setEnabled(scene is not None)
        self._open.setEnabled(scene is not None)

    def _ask(self):
        processing.execAlgorithmDialog("smalti:map", {"INPUT": self._iface.activeLayer()})

    def _start(self):
        try:
            program = find(settings.program())
            check(program)
            self._app = App(program, self._scene)
        except (ProgramError, OSError) as error:
            self._note.setText(str(error))
            return
        self._look()
        self._watch.start()

    def _look(self):
        """Shows how the app is doing, until it ends."""
        self._note.setText(self._app.state())
        if self._app.ended:
            self._watch.stop()


def _label():
    label = QLabel()
    label.setWordWrap(True)
    return label


def _column(*widgets):
    column = QWidget()
    layout = QVBoxLayout(column)
    for widget in widgets:
        layout.addWidget(widget)
    layout.addStretch()
    return column
