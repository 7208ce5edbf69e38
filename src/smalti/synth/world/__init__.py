"""Drawn scenes of the whole world: climates, seasons, forests, fields, settlements and waters, seen by many sensors.

A pixel of the world is that of the sensor. What leans is labelled where it is seen: see `view`.
"""
