"""A lack of memory told by an engine, which is no fault of the model file."""

_SAID = ("bfc_arena", "bad_alloc", "bad allocation", "allocate memory", "failed to allocate", "out of memory")
"""What engines say in their errors where the system gives them no memory, in small letters."""
MEND = "the memory does not suffice: close other programs, or allow more (ulimit -v unlimited)"


def lacks_memory(error: Exception) -> bool:
    """Whether memory is what lacked."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(said in text for said in _SAID)
