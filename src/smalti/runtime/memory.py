"""A lack of memory reported by an engine, which is not an error of the model file."""

_SAID = ("bfc_arena", "bad_alloc", "bad allocation", "allocate memory", "failed to allocate", "out of memory")
"""Lower-case parts of engines' messages when the system has no memory for them."""
MEND = "not enough memory: close other programs, or allow more (ulimit -v unlimited)"


def lacks_memory(error: Exception) -> bool:
    """Whether an error is a lack of memory."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(said in text for said in _SAID)
