"""Smalti in QGIS: tools of the Processing toolbox, and a panel.

Plain Python of QGIS's own: nothing is installed. Everything is computed by the program `smalti`, in its own process.
Modules without `qgis` in their imports run, and are tested, without QGIS.
"""


def classFactory(iface):
    """Returns the plugin; QGIS calls it."""
    from .plugin import SmaltiPlugin

    return SmaltiPlugin(iface)
