"""The model of a call that is made by workers: each opens it once, and must open the same."""

from dataclasses import dataclass, replace
from functools import lru_cache

from smalti.errors import ClusterError, SmaltiError
from smalti.runtime.open import Engine
from smalti.workflows.models import OpenModel, open_model


@dataclass(frozen=True, slots=True)
class WorkerModel:
    """A model to be opened by workers."""

    source: str
    engine: Engine
    threads: int | None
    """As asked for; maps depend on it."""
    share: int | None
    """Threads of each worker where none were asked for; None: one for each core that it may use."""
    sha256: str

    def opened(self) -> OpenModel:
        """The model; ClusterError if this worker has no such model, or another one of that name."""
        try:
            model = _open(self.source, self.engine, self.threads or self.share)
            if model.sha256 != self.sha256:  # a worker may have opened it long ago
                _open.cache_clear()
                model = _open(self.source, self.engine, self.threads or self.share)
        except SmaltiError as error:
            raise ClusterError(f"a worker cannot open the model: {error}; give all workers the same model") from None
        if model.sha256 != self.sha256:
            digests = f"sha256 {model.sha256[:8]}, here {self.sha256[:8]}"
            raise ClusterError(f"a worker has another model {self.source} ({digests}); give all workers the same model")
        return replace(model, threads=self.threads)


def check_model(model: WorkerModel) -> None:
    """ClusterError if this worker cannot open the model."""
    model.opened()


@lru_cache(1)
def _open(source: str, engine: Engine, threads: int | None) -> OpenModel:
    return open_model(source, engine, threads=threads)
