"""Paints cars and boats: a body and dark glass; they keep the class of what is below."""

from collections.abc import Sequence

import cv2
import numpy as np

from smalti.synth.warp import Points
from smalti.synth.world.canvas import SHIFT, UNDER, Canvas
from smalti.synth.world.plan import Plan

HEIGHT, TRUCK_HEIGHT, TRUCK = 1.45, 1.95, 6.0


def _boxes(cars: Points, begin: float, end: float, narrow: float) -> Points:
    """Corners of rectangles along the cars from `begin` to `end` (-1 rear, 1 front), (n, 4, 2)."""
    axis, half = cars[:, 2:4], cars[:, 5:6] / 2
    side = np.stack([-axis[:, 1], axis[:, 0]], 1) * cars[:, 6:7] / 2 * narrow
    rear, front = cars[:, :2] + axis * half * begin, cars[:, :2] + axis * half * end
    return np.stack([rear - side, rear + side, front + side, front - side], 1)


def paint_cars(canvas: Canvas, plans: Sequence[Plan]) -> None:
    """Paints all cars of the plans."""
    paints = [canvas.add(paint) for paint in canvas.setting.cars]
    for plan in plans:
        reach = plan.cars[:, 5:6]
        cars = plan.cars[canvas.near(np.hstack([plan.cars[:, :2] - reach, plan.cars[:, :2] + reach]))]
        if not len(cars):
            continue
        bodies = canvas.fixed(_boxes(cars, -1, 1, 1.0))
        front = canvas.fixed(_boxes(cars, 0.22, 0.5, 0.85))
        rear = canvas.fixed(_boxes(cars, -0.8, -0.6, 0.75))
        for body, glass, back, car in zip(bodies, front, rear, cars.tolist(), strict=True):
            cv2.fillConvexPoly(canvas.index, body, paints[int(car[4]) % (len(paints) - 1)], cv2.LINE_8, SHIFT)
            cv2.fillConvexPoly(canvas.label, body, UNDER, cv2.LINE_8, SHIFT)
            cv2.fillConvexPoly(canvas.height, body, TRUCK_HEIGHT if car[5] > TRUCK else HEIGHT, cv2.LINE_8, SHIFT)
            if canvas.pixel < 0.45 and car[5] < TRUCK:
                cv2.fillConvexPoly(canvas.index, glass, paints[-1], cv2.LINE_8, SHIFT)
                cv2.fillConvexPoly(canvas.index, back, paints[-1], cv2.LINE_8, SHIFT)
