"""What a round of pruning, training and 8-bit integers reached."""

from dataclasses import dataclass

HEADS = ("round", "channels", "parameters", "ms", "MB", "loss, %")


@dataclass(frozen=True, slots=True)
class ShrinkRound:
    """A round of `smalti shrink --recipe`; its text is one line."""

    number: int
    """0 is 8-bit integers alone."""
    channels: int
    """Those of all layers."""
    parameters: int
    milliseconds: float
    """Of the fastest tile with ONNX Runtime."""
    size: int
    """Bytes of the file."""
    loss: float
    """The largest loss in percent, over all tasks."""

    def cells(self) -> list[str]:
        """The texts of its row, see `HEADS`."""
        counts = [str(self.number), f"{self.channels:,}", f"{self.parameters:,}"]
        return [*counts, f"{self.milliseconds:.1f}", f"{self.size / 1e6:.2f}", f"{self.loss:.2f}"]

    def __str__(self) -> str:
        _, channels, _, milliseconds, megabytes, loss = self.cells()
        return f"round {self.number}: {channels} channels, {milliseconds} ms, {megabytes} MB, loss {loss} %"
