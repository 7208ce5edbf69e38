"""Paints cars: a body, a roof and dark glass."""

from collections.abc import Sequence

import cv2
import numpy as np

from smalti.synth.canvas import FIRST_CAR, SHIFT, Canvas
from smalti.synth.plan import PIXEL, Plan
from smalti.synth.style import CAR_KINDS
from smalti.synth.warp import Points

HALF_WIDTH = 0.9 / PIXEL
GLASS = FIRST_CAR + CAR_KINDS - 1
HEIGHT, TRUCK_HEIGHT = 1.45, 1.95


def _boxes(cars: Points, begin: float, end: float, narrow: float) -> Points:
    """Corners of rectangles along the cars from `begin` to `end` (-1 rear, 1 front), (n, 4, 2)."""
    axis, half = cars[:, 2:4], cars[:, 5:6] / 2
    side = np.stack([-axis[:, 1], axis[:, 0]], 1) * HALF_WIDTH * narrow
    rear, front = cars[:, :2] + axis * half * begin, cars[:, :2] + axis * half * end
    return np.stack([rear - side, rear + side, front + side, front - side], 1)


def paint_cars(canvas: Canvas, plans: Sequence[Plan]) -> None:
    """Paints all cars of the plans."""
    for plan in plans:
        cars = plan.cars[canvas.near(np.hstack([plan.cars[:, :2] - 20, plan.cars[:, :2] + 20]))]
        if not len(cars):
            continue
        bodies = canvas.fixed(_boxes(cars, -1, 1, 0.82))
        front = canvas.fixed(_boxes(cars, 0.22, 0.5, 0.7))
        rear = canvas.fixed(_boxes(cars, -0.8, -0.6, 0.6))
        for body, glass, back, car in zip(bodies, front, rear, cars.tolist(), strict=True):
            cv2.fillConvexPoly(canvas.index, body, FIRST_CAR + int(car[4]), cv2.LINE_8, SHIFT)
            tall = TRUCK_HEIGHT if car[5] * PIXEL > 6 else HEIGHT
            cv2.fillConvexPoly(canvas.height, body, tall, cv2.LINE_8, SHIFT)
            cv2.fillConvexPoly(canvas.index, glass, GLASS, cv2.LINE_8, SHIFT)
            cv2.fillConvexPoly(canvas.index, back, GLASS, cv2.LINE_8, SHIFT)
