"""Maps of tiles on disk: given back as they were kept, up to a size, and computed again where they are damaged."""

from pathlib import Path

import numpy as np
import pytest

from smalti.lessons.network import Maps, TeachableNetwork
from smalti.lessons.stored import StoredNetwork, TileStore
from smalti.runtime.models import find_model, verify


def _maps(seed: int) -> Maps:
    random = np.random.default_rng(seed)
    shapes = ((3, 8, 8), (5, 4, 4))
    return Maps(random.normal(size=(2, 8, 8)).astype(np.float32), tuple(random.normal(size=s) for s in shapes))


def _same(one: Maps, other: Maps) -> bool:
    return all((a == b).all() for a, b in zip((one.logits, *one.maps), (other.logits, *other.maps), strict=True))


def test_maps_are_given_back_as_they_were_kept(tmp_path: Path) -> None:
    store = TileStore(tmp_path, 10**6)
    kept = store.put("a", _maps(1))
    found = store.get("a")
    assert found is not None and _same(kept, found)
    assert np.allclose(found.maps[1], _maps(1).maps[1], atol=1e-2) and store.get("b") is None
    again = TileStore(tmp_path, 10**6).get("a")
    assert again is not None and _same(again, found)


def test_those_that_were_not_used_for_longest_are_removed(tmp_path: Path) -> None:
    store = TileStore(tmp_path, 10**6)
    store.put("a", _maps(1))
    size = store.bytes
    store = TileStore(tmp_path, 3 * size)
    for name in "bcade":
        store.get("a")
        store.put(name, _maps(2))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a", "d", "e"] and store.bytes == 3 * size


@pytest.mark.parametrize("kept", [0, 40, 136, 1000])
def test_damaged_maps_are_none(tmp_path: Path, kept: int) -> None:
    store = TileStore(tmp_path, 10**6)
    store.put("a", _maps(1))
    (tmp_path / "a").write_bytes((tmp_path / "a").read_bytes()[:kept])
    assert store.get("a") is None and store.bytes == 0 and not (tmp_path / "a").exists()


def test_the_network_runs_once_for_the_same_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = StoredNetwork(verify(find_model("landcover")), TileStore(tmp_path, 10**8), threads=1)
    image = np.random.default_rng(0).integers(0, 255, (3, 64, 64), np.uint8)
    first = network(image)
    monkeypatch.setattr(TeachableNetwork, "__call__", lambda *_: pytest.fail("it ran again"))
    assert _same(network(image.copy()), first)
    assert network.stored(network.name_of(image[:, ::-1])) is None
