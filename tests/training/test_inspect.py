import numpy as np
import pytest
import torch

from smalti.card import Card, Task
from smalti.nets.build import build
from smalti.training.inspect import look_inside
from smalti.training.predict import TorchPredictor

LABELS = ("a", "b", "c")


@pytest.mark.parametrize(
    ("net", "more"), [("ued", []), ("ued_bes", ["body", "edge"]), ("ued_bes_sfm", ["body", "edge", "score"])]
)
def test_the_maps_that_a_net_has_are_answered_beside_its_classes(net, more):
    torch.manual_seed(0)
    card = Card(name="t", net=net, options={"width": 0.25}, tasks=(Task(name="cover", labels=LABELS),))
    model = build(card)
    predict = look_inside(model)
    batch = np.random.default_rng(0).integers(0, 256, (1, 3, 40, 33), np.uint8)
    found = predict(batch)
    assert list(found) == [task.name for task in predict.card.tasks] == ["cover", *(f"cover/{name}" for name in more)]
    np.testing.assert_allclose(found["cover"], TorchPredictor(model)(batch)["cover"], atol=1e-6)
    for task in predict.card.tasks:
        assert found[task.name].shape == (1, task.channels, 40, 33)
        assert found[task.name].min() >= 0 and found[task.name].max() <= 1
    if more:
        assert np.allclose(found["cover/body"].sum(1), 1, atol=1e-5)
    if net == "ued_bes_sfm":
        assert found["cover/score"].std() > 0


def test_the_edge_is_that_of_the_training_head():
    torch.manual_seed(0)
    card = Card(name="t", net="ued_bes", options={"width": 0.25}, tasks=(Task(name="cover", labels=LABELS),))
    model = build(card)
    batch = np.random.default_rng(0).integers(0, 256, (1, 3, 64, 64), np.uint8)
    inside = look_inside(model)(batch)["cover/edge"]
    model.net.training = True  # only the module itself: batch norms stay as they are
    with torch.inference_mode():
        logits = model.net(model.normalise(torch.from_numpy(batch.astype(np.float32))))["cover/edge"]
    assert np.allclose(inside, logits.sigmoid().numpy(), atol=1e-6)
