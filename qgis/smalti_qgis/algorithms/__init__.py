"""The tools of the Processing toolbox."""
