from pathlib import Path

import pytest

from smalti.errors import ModelError
from smalti.runtime import onnx
from smalti.runtime.memory import lacks_memory

SAID = "[ONNXRuntimeError] : 1 : FAIL : bfc_arena.cc:360 AllocateRawInternal Failed to allocate memory for 8 bytes"


@pytest.mark.parametrize("error", [RuntimeError(SAID), RuntimeError("std::bad_alloc"), MemoryError()])
def test_a_lack_of_memory_is_no_fault_of_the_model_file(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(onnx.onnxruntime, "InferenceSession", refuse)
    with pytest.raises(ModelError, match="cannot load it: not enough memory"):
        onnx.start(b"", Path("landcover.onnx"))


def test_other_faults_keep_their_reason() -> None:
    assert not lacks_memory(RuntimeError("protobuf parsing failed"))
