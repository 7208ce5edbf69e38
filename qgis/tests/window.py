"""Runs in the window of QGIS, `qgis.bin --code window.py`; $SMALTI_TEST is a folder with scene.tif.

Writes found.json and window.png into that folder, and ends QGIS.
"""

import json
import os
import traceback
from pathlib import Path

import processing
from processing.gui import BatchPanel
from processing.gui.BatchAlgorithmDialog import BatchAlgorithmDialog
from qgis.core import QgsApplication, QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QEventLoop, Qt, QTimer
from qgis.PyQt.QtWidgets import QDockWidget, QLabel, QLineEdit, QPushButton, QTextEdit
from qgis.utils import iface, plugins

FOLDER = Path(os.environ["SMALTI_TEST"])
WAIT_MS = 120_000
SCENE = "Santa Monica"


def wait(until):
    """Lets the window live until something is true."""
    loop, look, end = QEventLoop(), QTimer(), QTimer()
    look.timeout.connect(lambda: until() and loop.quit())
    look.start(100)
    end.singleShot(WAIT_MS, loop.quit)
    loop.exec_()
    return bool(until())


def pause(milliseconds):
    """Lets the window live."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec_()


def button(dialog, text):
    """The button with that text."""
    return next(each for each in dialog.findChildren(QPushButton) if each.text().replace("&", "").startswith(text))


def opened(name, shown):
    """A raster layer of a file, added to the project."""
    layer = QgsRasterLayer(str(FOLDER / name), shown)
    QgsProject.instance().addMapLayer(layer)
    iface.setActiveLayer(layer)
    return layer


def dock():
    """What the panel says of a scene and of a layer that is no file, and which program it starts."""
    panel = plugins["smalti_qgis"]._dock
    texts = lambda: [label.text() for label in panel.widget().findChildren(QLabel)]  # noqa: E731
    found = {"nothing": texts()}
    scene = opened("santa_monica.jpg", SCENE)
    found["scene"] = [*texts(), panel._map.isEnabled(), panel._open.isEnabled()]
    tiles = QgsRasterLayer("type=xyz&url=http://127.0.0.1:9/%7Bz%7D.png&zmax=3&zmin=0", "Tiles", "wms")
    QgsProject.instance().addMapLayer(tiles)
    iface.setActiveLayer(tiles)
    found["server"] = [*texts(), panel._map.isEnabled(), panel._open.isEnabled()]
    QgsProject.instance().removeMapLayer(tiles.id())
    iface.setActiveLayer(scene)
    return found


def dialog():
    """Maps by the dialog, as a person does: the file of a model typed in, Run pressed."""
    tool = processing.createAlgorithmDialog(
        "smalti:map", {"INPUT": iface.activeLayer(), "OUTPUT": str(FOLDER / "w.tif")}
    )
    tool.show()
    shown = tool.mainWidget().wrappers["MODEL"]
    before = shown.value()
    shown.setValue("town")
    button(tool, "Run").click()
    loaded = lambda: {layer.name(): layer for layer in QgsProject.instance().mapLayers().values()}  # noqa: E731
    ok = wait(lambda: len(loaded()) >= 3)
    log = tool.logText() if hasattr(tool, "logText") else ""
    tool.close()
    return {
        "ok": ok,
        "model": before,
        "log": log,
        "layers": {name: layer.renderer().type() for name, layer in loaded().items()},
    }


def batch():
    """Two rows of a batch, of which the first one fails."""
    (FOLDER / "foreign.tif").write_bytes(b"mine")
    rows = [
        {
            "PARAMETERS": {"INPUT": repr(str(FOLDER / "scene.tif")), "MODEL": "'landcover'"},
            "OUTPUTS": {"OUTPUT": str(out)},
        }
        for out in (FOLDER / "foreign.tif", FOLDER / "batch.tif")
    ]
    (FOLDER / "batch.json").write_text(json.dumps(rows), encoding="utf-8")
    BatchPanel.QFileDialog.getOpenFileName = staticmethod(lambda *given: (str(FOLDER / "batch.json"), ""))
    registry = QgsApplication.processingRegistry()
    tool = BatchAlgorithmDialog(registry.createAlgorithmById("smalti:map"), iface.mainWindow())
    tool.show()
    tool.mainWidget().load()
    tool.mainWidget().checkLoadLayersOnCompletion.setChecked(False)
    button(tool, "Run").click()
    wait((FOLDER / "batch.tif").exists)
    log = tool.findChild(QTextEdit, "txtLog").toPlainText()
    tool.close()
    return {
        "exists": (FOLDER / "batch.tif").exists(),
        "foreign": (FOLDER / "foreign.tif").read_bytes() == b"mine",
        "log": log,
    }


def app():
    """Opens the app on the scene; a script takes the place of the browser."""
    panel = plugins["smalti_qgis"]._dock
    iface.setActiveLayer(QgsProject.instance().mapLayersByName(SCENE)[0])
    panel._open.click()
    notes = [panel._note.text()]
    wait((FOLDER / "browser").exists)
    wait(lambda: "starting" not in panel._note.text())
    notes.append(panel._note.text())
    (FOLDER / "close").touch()
    wait(lambda: "open" not in panel._note.text())
    return [*notes, panel._note.text(), (FOLDER / "browser").read_text(encoding="utf-8")]


def picture():
    """The window with a map in its colours above its scene, and the panel."""
    project, window = QgsProject.instance(), iface.mainWindow()
    project.removeMapLayers([layer.id() for layer in project.mapLayers().values() if layer.name() != SCENE])
    given = {"INPUT": project.mapLayersByName(SCENE)[0], "MODEL": "landcover", "OUTPUT": str(FOLDER / "picture.tif")}
    processing.runAndLoadResults("smalti:map", given)
    shown, scene = project.mapLayersByName("Map")[0], project.mapLayersByName(SCENE)[0]
    iface.setActiveLayer(scene)
    window.resize(1280, 800)
    for panel in window.findChildren(QDockWidget):
        if panel.objectName() in ("Browser", "ResultsViewer"):
            panel.hide()
        if panel.objectName() == "ProcessingToolbox":
            panel.show()
            panel.findChild(QLineEdit).setText("smalti")
    iface.zoomToActiveLayer()
    pause(2000)
    iface.layerTreeView().expandAll()
    iface.messageBar().clearWidgets()
    wait(lambda: not iface.mapCanvas().isDrawing())
    window.grab().save(str(FOLDER / "colors.png"))
    shown.renderer().setOpacity(0.6)
    shown.triggerRepaint()
    pause(2000)
    wait(lambda: not iface.mapCanvas().isDrawing())
    return window.grab().save(str(FOLDER / "window.png"))


def colors():
    """Those of the classes that the map has."""
    [layer] = QgsProject.instance().mapLayersByName("Map")
    there = layer.dataProvider().block(1, layer.extent(), layer.width(), layer.height())
    values = {int(there.value(row, column)) for row in range(there.height()) for column in range(there.width())}
    return [each.color.getRgb()[:3] for each in layer.renderer().classes() if each.value in values]


def main():
    """All steps; what fails is told, and QGIS ends in any case."""
    found = {}
    try:
        for step in (dock, dialog, batch, app, picture, colors):
            found[step.__name__] = step()
    except BaseException:
        found["error"] = traceback.format_exc()
    (FOLDER / "found.json").write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")
    os._exit(0)


QTimer.singleShot(3000, Qt.VeryCoarseTimer, main)
