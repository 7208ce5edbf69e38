"""The plugin: the tools in any QGIS, the panel where there is a window."""

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import Qt

from .provider import SmaltiProvider


class SmaltiPlugin:
    """Begins and ends with QGIS, or when the user switches the plugin on and off."""

    def __init__(self, iface):
        self._iface, self._provider, self._dock = iface, None, None

    def initProcessing(self):
        """Adds the tools; without a window, QGIS calls only this."""
        self._provider = SmaltiProvider()
        QgsApplication.processingRegistry().addProvider(self._provider)

    def initGui(self):
        """Adds the tools and the panel."""
        from .dock import SmaltiDock

        self.initProcessing()
        self._dock = SmaltiDock(self._iface)
        self._iface.addDockWidget(Qt.RightDockWidgetArea, self._dock)
        self._iface.addPluginToMenu("Smalti", self._dock.toggleViewAction())

    def unload(self):
        """Removes everything again."""
        if self._dock is not None:
            self._iface.removePluginMenu("Smalti", self._dock.toggleViewAction())
            self._iface.removeDockWidget(self._dock)
            self._dock.deleteLater()
        if self._provider is not None:
            QgsApplication.processingRegistry().removeProvider(self._provider)
