"""What Vaihingen and Potsdam share: classes, colours, terms of use."""

from smalti.datasets.spec import by_color

CLASSES = {
    "impervious surface": "#FFFFFF",
    "building": "#0000FF",
    "low vegetation": "#00FFFF",
    "tree": "#00FF00",
    "car": "#FFFF00",
    "clutter": "#FF0000",
}
SPEC = by_color(CLASSES, ignore=("#000000", "#FF00FF"), threshold=128)
"""Black is the border taken out of eroded labels. Two files of Potsdam have off colours, one of them lossily packed:
hence the threshold, and magenta, which is no class but may come out between two of them."""
LICENCE = "for research; the providers must be named"
CITATION = (
    "Rottensteiner et al., The ISPRS benchmark on urban object classification and 3D building reconstruction, "
    "ISPRS Annals I-3, 2012"
)
