"""How results look in QGIS: maps by the style beside them, polygons in the colours of the classes."""

from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsFillSymbol,
    QgsProcessingContext,
    QgsProcessingLayerPostProcessorInterface,
    QgsRendererCategory,
)
from qgis.PyQt.QtGui import QColor

_EDGE = "90,90,90,120"
_kept = []  # QGIS does not keep what it is given to style a layer with


class _RasterStyle(QgsProcessingLayerPostProcessorInterface):
    """Processing loads layers without the style beside them."""

    def postProcessLayer(self, layer, context, feedback):
        """QGIS calls it when the layer is loaded."""
        layer.loadDefaultStyle()
        layer.triggerRepaint()


class _PolygonStyle(QgsProcessingLayerPostProcessorInterface):
    """A colour for each class."""

    def __init__(self, task):
        super().__init__()
        self._task = task

    def postProcessLayer(self, layer, context, feedback):
        """QGIS calls it when the layer is loaded."""
        categories = []
        for label, color in zip(self._task["labels"], self._task["colors"]):  # noqa: B905  Python 3.9 has no strict
            symbol = QgsFillSymbol.createSimple({"outline_color": _EDGE, "outline_width": "0.1"})
            symbol.setColor(QColor(*color))
            categories.append(QgsRendererCategory(label, symbol, label))
        if categories:
            layer.setRenderer(QgsCategorizedSymbolRenderer("class", categories))
            layer.triggerRepaint()


def load(path, name, context):
    """Has a raster loaded with the other results, under a name, in its style."""
    details = QgsProcessingContext.LayerDetails(name, context.project(), name)
    context.addLayerToLoadOnCompletion(path, details)
    style_raster(path, context)


def style_raster(path, context):
    """Shows a raster, if it is loaded at all, by the style beside it."""
    _style(path, _RasterStyle(), context)


def style_polygons(path, task, context):
    """Shows polygons, if they are loaded at all, in the colours of a task's classes."""
    _style(path, _PolygonStyle(task), context)


def _style(path, style, context):
    if context.willLoadLayerOnCompletion(path):
        _kept.append(style)
        context.layerToLoadOnCompletionDetails(path).setPostProcessor(style)
