"""The plugin's one setting, among those of Processing, and its icon."""

from pathlib import Path

from processing.core.ProcessingConfig import ProcessingConfig, Setting
from qgis.PyQt.QtGui import QIcon

NAME = "Smalti"
_PROGRAM = "SMALTI_PROGRAM"
_TEXT = "Program smalti (empty: that on PATH, or in one of the usual places)"


def add():
    """Adds the setting to the options of Processing."""
    ProcessingConfig.settingIcons[NAME] = icon()
    ProcessingConfig.addSetting(Setting(NAME, _PROGRAM, _TEXT, "", valuetype=Setting.FILE))
    ProcessingConfig.readSettings()


def remove():
    """Removes it from the options; its value is kept."""
    ProcessingConfig.removeSetting(_PROGRAM)


def program():
    """The path that the user has set, or an empty text."""
    return (ProcessingConfig.getSetting(_PROGRAM) or "").strip()


def icon():
    """Of the tools and the panel."""
    return QIcon(str(Path(__file__).parent / "icon.png"))
