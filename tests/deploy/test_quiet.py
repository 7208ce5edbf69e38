"""What an export hides of its libraries is shown again afterwards, also where two of them overlap."""

import logging
import threading
import warnings

from smalti.deploy.onnx import _quiet


def test_two_exports_at_once_leave_warnings_and_logs_as_they_were() -> None:
    filters, level = list(warnings.filters), logging.getLogger("torch.onnx").level
    inside, leave = threading.Event(), threading.Event()

    def first() -> None:
        with _quiet():
            inside.set()
            leave.wait(10)

    def second() -> None:
        with _quiet():
            pass

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    threads[0].start()
    assert inside.wait(10)
    threads[1].start()
    threads[1].join(0.2)
    assert threads[1].is_alive()  # it waits: whoever restores last would restore what the other one hid
    leave.set()
    for thread in threads:
        thread.join(10)
    assert warnings.filters == filters and logging.getLogger("torch.onnx").level == level
