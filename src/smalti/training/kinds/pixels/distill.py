"""Settings of distillation: learning from the answers of a teacher."""

from pydantic import Field

from smalti.training.settings import Settings


class DistillSettings(Settings):
    """Learning from a trained model, the teacher, what it answers for the windows of each batch."""

    teacher: str
    """A checkpoint's folder (`runs/NAME/best`) or an exported model file, relative to where the command runs, or the
    name of a model (`landcover`); its classes and bands are those of the recipe."""
    weight: float = Field(1.0, gt=0)
    """Weight of the term `distill`: the divergence of the net's probabilities from the teacher's, the mean over all
    valid pixels, labelled or not."""
    temperature: float = Field(1.0, gt=0)
    """What the logits of both are divided by before; the term is multiplied by its square. Above 1, classes that the
    teacher thinks unlikely count more."""
    features: float = Field(0.0, ge=0)
    """Weight of the term `distill/features`: the squared error between the maps of the teacher's encoder and those of
    the net's, projected. 0 leaves it out."""
    batch: int = Field(4, ge=1)
    """Windows of `data.unlabelled` per batch, beside the `train.batch` labelled ones; none without such images, and
    with `[unlabelled]`."""

    @property
    def text(self) -> str:
        """The numbers, as printed before a training."""
        features = f", {self.features:g} of features" if self.features else ""
        return f"weight {self.weight:g}{features}, temperature {self.temperature:g}"
