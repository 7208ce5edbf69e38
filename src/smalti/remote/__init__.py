"""Object stores and catalogues: where scenes of large archives lie, and where their maps go. Needs `smalti[remote]`."""
