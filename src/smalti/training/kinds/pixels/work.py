"""Training of nets that predict each pixel, for one or several tasks: windows in, whole images scored in one pass."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from smalti.card import Card, Task
from smalti.data.identity import Identity
from smalti.data.pixels.sample import Sample
from smalti.data.pixels.sources import FolderSource, ScenesSource
from smalti.errors import DataError, NothingToScoreError
from smalti.evaluation import Evaluation, Pair, Result, evaluate
from smalti.label_sets import set_ids
from smalti.losses import Loss, LossSettings, ValueLoss, ValueLossSettings, make_loss
from smalti.nets.build import Model
from smalti.nets.multitask.values import begin_values
from smalti.text import count
from smalti.training.distributed import ALONE
from smalti.training.kinds.pixels.census import take_census
from smalti.training.kinds.pixels.distill import DistillSettings
from smalti.training.kinds.pixels.distillation import FEATURES, Distillation
from smalti.training.kinds.pixels.edges import edges_of
from smalti.training.kinds.pixels.prepare import make_model, make_stream, open_split
from smalti.training.kinds.pixels.scores import TaskScores
from smalti.training.kinds.pixels.self_training import SelfTraining
from smalti.training.kinds.pixels.settings import PixelRecipe
from smalti.training.kinds.pixels.teacher import FoundTeacher
from smalti.training.predict import TorchPredictor, load_model
from smalti.training.warmstart import check_source, fill_branch
from smalti.training.work import Conclusion
from smalti.watch import Watch, unwatched

FIRST = 16
"""Windows whose values initialise the output of a task of values."""


class PixelWork:
    """See `training.work.Work` and `training.distributed.Shareable`. Opens all sources and reads all labels at the
    start, so that none fails later."""

    def __init__(self, recipe: PixelRecipe, card: Card, watch: Watch = unwatched) -> None:
        self.recipe, self.card = recipe, card
        check_source(recipe.net, recipe.root)
        teacher = FoundTeacher(ours.teacher, card) if (ours := recipe.distill) else None
        self.team = ALONE
        self.tasks = {task.name: task for task in recipe.with_sets(card)}
        """By name, with the sets of classes that their labels allow."""
        self.split = open_split(recipe, card, watch)
        taken = take_census(recipe, card, self.split.scenes, watch)
        self._warnings = taken.warnings
        self.stream = make_stream(recipe, card, self.split)
        self.model: Model = make_model(recipe, card, self.stream)
        self._scores = TaskScores(tuple(self.tasks.values()), recipe.names_tasks)
        self.selectable, self.undefined = self._scores.selectable, self._scores.undefined(taken.validation)
        self.balance = recipe.make_balance()
        self._begin()
        inits = recipe.inits.items()
        self._filled = [line for name, init in inits for line in fill_branch(self.model, name, init, self.images)]
        self._losses = {task.name: _loss(recipe.losses[task.name], self.tasks[task.name]) for task in card.tasks}
        unlabelled, task = recipe.self_training, self.tasks[card.tasks[0].name]
        self.self_training = SelfTraining(unlabelled, task, recipe.train.accumulate) if unlabelled else None
        """See `training.work.Pupil`."""
        self._distillation = self._distil(recipe.distill, teacher)
        self.beside = self._distillation.projections if self._distillation else nn.ModuleList()
        """See `training.work.Work`."""

    def _distil(self, settings: DistillSettings | None, found: FoundTeacher | None) -> Distillation | None:
        """The terms of the teacher, if there is one."""
        if settings is None or found is None:
            return None
        teacher = found.load(self.images)
        if self.recipe.train.channels_last:
            teacher.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return Distillation(settings, teacher, list(self.tasks.values()), self.model, self._losses)

    def _begin(self) -> None:
        """Initialises the outputs of values to about the mean of the first windows."""
        tasks = [task.name for task in self.card.tasks if task.kind == "value"]
        if not tasks:
            return
        first = self.stream.batch(0, FIRST)
        for name in tasks:
            begin_values(self.model, name, first["targets"][name][first["valid"]])

    @property
    def identity(self) -> dict[str, Identity]:
        """See `Work`; the teacher's weights are data as well."""
        return self.split.identity | ({"teacher": self._distillation.identity} if self._distillation else {})

    def warnings(self) -> list[str]:
        """See `Work`."""
        return self._warnings

    def images(self) -> Tensor:
        """See `Work`."""
        return self.stream.batch(0, self.recipe.train.batch)["image"]

    def batches(self, first: int) -> Generator[Sample, None, None]:
        """See `Work`."""
        t = self.recipe.train
        return self.stream.batches(first, t.batch, t.workers, self.team.share(t.batch))

    def names(self, batch: Sample) -> list[str]:
        """See `Work`."""
        return [*batch["names"], *(batch["views"]["names"] if "views" in batch else ())]

    def _outputs(self, model: Callable[..., Any], image: Tensor) -> dict[str, Tensor]:
        if self.recipe.train.channels_last:
            image = image.contiguous(memory_format=torch.channels_last)
        return dict(model(image))

    def terms(self, model: Callable[..., Any], batch: Sample) -> dict[str, Tensor]:
        """See `Work`: with a balance, `TASK/TERM`, and none of a task without a label in the batch.

        Windows that learn by pseudo-labels pass the net together with the others, and add the term `unlabelled`.
        """
        image, task = batch["image"], self.card.tasks[0].name
        pseudo = self.self_training.pseudo(batch["views"]) if self.self_training else None
        with self._watching() as maps:
            outputs = self._outputs(model, torch.cat([image, pseudo.image]) if pseudo else image)
        own = {name: output[: len(image)] for name, output in outputs.items()}
        terms = self._labelled(own, batch)
        if self._distillation:
            terms |= self._named(self._distillation.terms(own, maps, batch))
        if self.self_training and pseudo:
            terms["unlabelled"] = self.self_training.term(outputs[task][len(image) :], pseudo)
        return terms

    def _named(self, terms: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The terms of the teacher by the names that records have."""
        return {
            FEATURES if name == FEATURES else self._scores.name(self.tasks[name], "distill"): value
            for name, value in terms.items()
        }

    def _watching(self) -> AbstractContextManager[list[Tensor]]:
        """Within it, the maps of the model's encoder that distillation needs; none without it."""
        return self._distillation.watching() if self._distillation else nullcontext([])

    def _labelled(self, outputs: Mapping[str, Tensor], batch: Sample) -> dict[str, Tensor]:
        """The terms of the labels, of the windows of all processes."""
        outputs = {name: self.team.gather(output) for name, output in outputs.items()}
        targets = {name: self.team.gather(target) for name, target in batch["targets"].items()}
        valid = self.team.gather(batch["valid"])
        for name, of in self.recipe.edges.items():
            targets[name] = edges_of(targets[of], self.tasks[of])
        for name, zero in self.recipe.zero.items():
            for of, labels in zero.items():
                targets[name] = zeroed(targets[name], targets[of], self.tasks[of], labels)
        return dict(self._terms(outputs, targets, valid))

    def _terms(
        self, outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor], valid: Tensor
    ) -> Iterator[tuple[str, Tensor]]:
        for task in self.card.tasks:
            if self.balance is None or (valid & _is_known(task, targets[task.name])).any():
                for name, value in self._losses[task.name](outputs, targets, valid).items():
                    yield self._scores.name(task, name), value

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Scores on whole images, divided among processes; their counts are summed before any division."""
        assert isinstance(model, Model)
        scores = self._scores.pooled(self._count(model), self.team)
        if not scores:
            raise DataError("validation: no pixel has a label; nothing to score")
        return scores

    def _count(self, model: Model) -> tuple[Result, ...]:
        """The results for this process's share of the images; empty where that has no label."""
        pairs = self.split.validation[self.team.rank :: self.team.size]
        if not pairs:
            return ()
        try:
            return evaluate(TorchPredictor(model), pairs, data="validation", boundary=None).results
        except NothingToScoreError:
            if self.team.size == 1:
                raise
            return ()  # there may be labels in another share

    def report(self, scores: dict[str, float]) -> str:
        """See `Work`."""
        return self._scores.line(scores)

    def introduction(self) -> list[str]:
        """See `Work`."""
        t, net = self.recipe.train, self.recipe.net
        parameters = sum(p.numel() for p in self.model.parameters())
        tasks = ", ".join(f"{task.name} by {' + '.join(self._losses[task.name].terms)}" for task in self.card.tasks)
        encoder = f" on {net.encoder}" if net.encoder else ""
        return [
            f"{self.card.name}: {net.title}{encoder}, {parameters:,} parameters",
            f"tasks       {tasks}{self.recipe.balance_line}",
            *self.split.lines(),
            *self._weak(),
            *self._unlabelled(),
            *self._distilled(),
            f"{count(t.steps, 'step')} of {count(t.batch * t.accumulate, 'window')} of {t.crop}x{t.crop}",
            *self._filled,
        ]

    def _weak(self) -> list[str]:
        """A line about each source of the training whose labels are made by rules."""
        tasks = self.recipe.labelled(self.card)
        files = [
            (number, source)
            for number, source in enumerate(self.recipe.data.train)
            if isinstance(source, FolderSource | ScenesSource)
        ]
        return [
            f"weak labels data.train.{number}: {source.weak.text(task)}"
            for number, source in files
            if source.weak and (task := source.main(tasks, source.also))
        ]

    def _unlabelled(self) -> list[str]:
        """A line about learning without labels."""
        ours = self.recipe.self_training
        return [f"unlabelled  {self.split.unlabelled_text}; {ours.text}"] if ours else []

    def _distilled(self) -> list[str]:
        """A line about learning from a teacher."""
        ours, windows, distillation = self.recipe.distill, self.recipe.distilled, self._distillation
        if ours is None or distillation is None:
            return []
        also = f"; {count(windows, 'window')} per batch without labels: {self.split.unlabelled_text}" if windows else ""
        of = "" if len(distillation.taught) == len(self.tasks) else f" for {' and '.join(distillation.taught)}"
        return [f"distill     the answers of {ours.teacher}{of}; {ours.text}{also}"]

    def conclude(self, folder: Path) -> Conclusion:
        """See `Work`."""
        model = load_model(folder)
        texts: list[str] = []
        scores: dict[str, float] = {}
        for part, pairs, split in (
            ("validation", self.split.validation, f"the images that chose the checkpoint: {self.recipe.judges}"),
            ("test", self.split.test, f"the test images; the checkpoint was chosen on {self.recipe.judges}"),
        ):
            if pairs:
                found = self._score(model, pairs, part, split)
                texts.append(f"\n{part}\n{found}")
                scores |= {f"{part}/{name}": value for name, value in self._main(found).items()}
        return Conclusion("\n".join(texts), scores)

    def _score(self, model: Model, pairs: list[Pair], part: str, split: str) -> Evaluation:
        return evaluate(TorchPredictor(model), pairs, data=part, split=split, chosen=model.card.origin.chosen)

    def _main(self, found: Evaluation) -> dict[str, float]:
        """The main scores: of several tasks all scores of a validation, of a single one the selectable ones."""
        scores = self._scores.pooled(found, ALONE)
        return {name: value for name, value in scores.items() if self._scores.named or name in self.selectable}


def zeroed(values: Tensor, classes: Tensor, task: Task, labels: Sequence[str]) -> Tensor:
    """Values N,H,W, set to 0 where they are unknown and the ids N,H,W of a task allow no class but some labels."""
    wanted = {task.labels.index(label) for label in labels}
    sets = [number for number, allowed in set_ids(task).items() if wanted.issuperset(allowed)]
    ids = torch.tensor([*wanted, *sets], device=classes.device)
    return torch.where(values.isnan() & torch.isin(classes, ids), 0.0, values)


def _loss(settings: LossSettings | ValueLossSettings, task: Task) -> Loss | ValueLoss:
    return ValueLoss(settings, task) if isinstance(settings, ValueLossSettings) else make_loss(settings, task)


def _is_known(task: Task, target: Tensor) -> Tensor:
    """Where a target N,H,W is known."""
    return target.isfinite() if task.kind == "value" else target != task.ignore
