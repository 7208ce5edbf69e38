import pytest
import torch
from torch import nn

from smalti.card import Card, Task
from smalti.errors import ModelError
from smalti.nets.build import build
from smalti.nets.ranking import RANKERS
from smalti.nets.ranking.embedding import Embedding

NAMES = tuple("abcde")
PAIRS = torch.tensor([(i, j) for i in range(4) for j in range(4) if i != j])


def made(name: str, **options: object) -> nn.Module:
    torch.manual_seed(1)
    return RANKERS[name](cues=NAMES, encoder="mobilenetv2", width=0.5, **options)


def photos(count: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(1)
    return torch.randn(count, 3, 64, 64, generator=random), torch.randn(count, len(NAMES), generator=random)


@pytest.mark.parametrize("name", RANKERS)
def test_every_ranker_prefers_and_embeds_and_every_weight_learns(name: str) -> None:
    net, (image, cues) = made(name), photos()
    net.start(image, cues)  # type: ignore[operator]
    answers = net(image, cues, PAIRS)
    assert answers["preference"].shape == (12,)
    torch.testing.assert_close(answers["embedding"].norm(dim=1), torch.ones(4))
    (answers["preference"].square().sum() + answers["embedding"][:, 0].sum()).backward()
    untouched = [key for key, value in net.named_parameters() if value.grad is None or not value.grad.any()]
    assert not untouched


def test_scores_are_antisymmetric_and_transitive_with_any_weights() -> None:
    net, (image, cues) = made("ranker").eval(), photos()
    with torch.inference_mode():
        answers = net(image, cues, PAIRS)
    chance = dict(zip(map(tuple, PAIRS.tolist()), answers["preference"].sigmoid().tolist(), strict=True))
    assert len({round(value, 5) for value in chance.values()}) == 12
    for i, j in chance:
        assert chance[i, j] + chance[j, i] == pytest.approx(1)
    order = torch.argsort(answers["score"][:, 0], descending=True).tolist()
    assert all(chance[a, b] > 0.5 for k, a in enumerate(order) for b in order[k + 1 :])


def test_a_turned_or_mirrored_picture_has_the_same_score() -> None:
    net, (image, cues) = made("ranker").eval(), photos()
    with torch.inference_mode():
        score = net(image, cues)["score"]
        for same in (image.flip(3), image.flip(2), image.transpose(2, 3), image.rot90(1, (2, 3))):
            torch.testing.assert_close(net(same, cues)["score"], score, atol=1e-5, rtol=1e-5)


def test_what_is_left_out_at_random_is_the_same_for_all_copies() -> None:
    net, (image, cues) = made("ranker").train(), photos()
    twice = image.repeat(2, 1, 1, 1), cues.repeat(2, 1)
    with torch.no_grad():
        one, other = net(*twice, None, 2)["score"].chunk(2)
        torch.testing.assert_close(one, other)
        one, other = net(*twice)["score"].chunk(2)
        assert (one - other).abs().max() > 1e-4


def test_the_published_form_is_not_antisymmetric() -> None:
    net, (image, cues) = made("siamese").eval(), photos()
    with torch.inference_mode():
        answers = net(image, cues, torch.tensor([(0, 1), (1, 0)]))
    assert abs(answers["preference"].sum()) > 1e-3 and "score" not in answers


def test_focus_that_the_picture_does_not_show_decides_by_the_cues() -> None:
    net, (image, cues) = made("ranker").eval(), photos(2)
    same = image[:1].expand(2, -1, -1, -1)
    with torch.inference_mode():
        alike = net(same, cues[:1].expand(2, -1), PAIRS[:1])["preference"]
        other = net(same, cues, PAIRS[:1])["preference"]
    assert abs(alike) < 1e-6 and abs(other) > 1e-4


def test_start_takes_the_spread_of_the_cues_and_the_average_photo() -> None:
    net, (image, cues) = made("ranker").eval(), photos()
    net.start(image, 5 * cues + 100)  # type: ignore[operator]
    shifted = [net(image, 5 * cues + 100)["score"]]
    net.start(image, cues)  # type: ignore[operator]
    torch.testing.assert_close(shifted[0], net(image, cues)["score"], atol=1e-5, rtol=1e-4)
    embedding, deep = Embedding(8), torch.randn(5, 8, 4, 4) + 3
    embedding.start(deep)
    centre = embedding.linear(Embedding._quarters(deep)).mean(0)
    torch.testing.assert_close(centre, torch.zeros_like(centre), atol=1e-5, rtol=0)


def test_a_card_builds_it_in_less_than_four_million_parameters() -> None:
    task = Task(name="score", kind="score")
    card = Card(name="x", net="ranker", options={"cues": list(NAMES)}, tile=256, overlap=0, tasks=(task,))
    model = build(card)
    assert sum(value.numel() for value in model.parameters()) < 4_000_000
    with torch.inference_mode():
        answers = model.eval()(torch.zeros(1, 3, 256, 256, dtype=torch.uint8), torch.zeros(1, 5))
    assert answers["score"].shape == (1, 1)
    with pytest.raises(ModelError, match="unknown net 'ued'; expected one of ranker, siamese, pooled"):
        build(card.model_copy(update={"net": "ued"}))
